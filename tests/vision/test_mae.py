from pathlib import Path

import numpy as np
import pytest
import torch

from ndd_app.exceptions import UnsuitableBackbone
from ndd_app.vision.backbones import Backbone, untrained_backbone
from ndd_app.vision.methods import METHODS, mae
from ndd_app.vision.methods.mae import MASKED, MaskedAutoencoder
from ndd_app.vision.plans import Plan
from ndd_app.vision.training import Training
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

VITS = ["test_vit", "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "vit_small_patch14_reg4_dinov2"]


@pytest.fixture
def vit(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def images(objective: MaskedAutoencoder, side: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def paint(objective: MaskedAutoencoder, batch: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Other pixels in the patches (n, patches) that are True."""
    down, across = objective.patch
    rows, columns = objective.network.patch_embed.grid_size
    there = where.unflatten(1, (rows, columns)).repeat_interleave(down, 1).repeat_interleave(across, 2)
    return torch.where(there[:, None], images(objective, batch.shape[2], seed=1), batch)


@pytest.mark.parametrize("name", VITS)
def test_the_encoder_never_sees_a_masked_pixel(name):
    objective = MaskedAutoencoder(untrained_backbone(name, 112))
    batch = images(objective, 112)
    kept, masked = objective.draw_masks(2)
    with torch.no_grad():
        seen = objective.encode(batch, kept)
        unseen_changed = objective.encode(paint(objective, batch, masked), kept)
        seen_changed = objective.encode(paint(objective, batch, ~masked), kept)
    assert torch.equal(unseen_changed, seen)
    assert not torch.allclose(seen_changed, seen, atol=1e-2)


def test_three_quarters_are_masked_each_photo_by_itself(vit):
    kept, masked = MaskedAutoencoder(vit).draw_masks(5)
    assert masked.float().mean(dim=1).tolist() == pytest.approx([MASKED] * 5)
    assert not masked.gather(1, kept).any()
    assert len({tuple(row.tolist()) for row in masked}) == 5


def test_the_encoder_works_on_the_visible_patches_alone(vit):
    objective = MaskedAutoencoder(vit)
    kept, _ = objective.draw_masks(2)
    tokens = objective.encode(images(objective, 160), kept)
    assert tokens.shape == (2, 1 + 25, 64)
    assert objective.decoder(tokens, kept).shape == (2, 100, 3 * 16 * 16)


def test_patches_are_numbered_as_timm_does(vit):
    objective = MaskedAutoencoder(vit)
    batch = images(objective, 160)
    patches = objective.as_patches(batch)
    embedding = objective.network.patch_embed
    weight = embedding.proj.weight.flatten(1)
    embedded = embedding(batch).flatten(1, -2)
    assert torch.allclose(patches @ weight.T + embedding.proj.bias, embedded, atol=1e-4)


def test_a_network_that_is_measured_sees_whole_photos(vit):
    objective = MaskedAutoencoder(vit)
    batch = images(objective, 160)
    objective.network.patch_drop.kept = objective.draw_masks(2)[0]
    with torch.no_grad():
        assert torch.equal(objective.network.eval().forward_features(batch), vit.network.forward_features(batch))


def test_a_perfect_drawing_costs_nothing(vit, monkeypatch):
    objective = MaskedAutoencoder(vit, normalise=False)
    views = torch.from_numpy(np.stack([draw_photo(seed, 160, 160)[None] for seed in range(2)]))
    patches = objective.as_patches(objective.as_images(views))
    monkeypatch.setattr(objective.decoder, "forward", lambda tokens, kept: patches)
    assert objective(views, torch.arange(2)) == 0


def test_every_token_has_its_place_in_the_decoder(vit):
    """Whichever patches are kept, each goes back to where it came from."""
    objective = MaskedAutoencoder(vit)
    decoder = objective.decoder
    seen = []
    decoder.blocks.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    kept, masked = objective.draw_masks(1)
    tokens = torch.randn(1, 26, 64)
    decoder(tokens, kept)
    patches = seen[0][0, 1:] - decoder.places
    assert torch.allclose(patches[kept[0]], decoder.enter(tokens)[0, 1:], atol=1e-5)
    assert torch.allclose(patches[masked[0]], decoder.unseen.expand(75, -1), atol=1e-5)


def test_a_fresh_decoder_learns_first_while_the_encoder_is_frozen(vit, monkeypatch):
    encoders, names = [], []
    real = mae.train

    def watched(lesson, training, seed):
        done = real(lesson, training, seed)
        encoders.append([p.clone() for p in lesson.objective.network.parameters()])
        names.append(lesson.name)
        return done

    monkeypatch.setattr(mae, "train", watched)
    photos = DrawnPhotos([draw_photo(seed) for seed in range(4)])
    learned = mae.learn(photos, vit, seed=0, training=Training(Plan(epochs=4, batch=4, rate=1e-3)))
    assert names == ["Training the decoder (mae)"]
    assert all(map(torch.equal, encoders[0], vit.network.parameters()))
    assert not all(map(torch.equal, learned.backbone.network.parameters(), vit.network.parameters()))
    assert all(parameter.requires_grad for parameter in learned.backbone.network.parameters())


def test_cls_has_no_say_since_no_loss_reached_it(vit):
    photos = DrawnPhotos([draw_photo(seed) for seed in range(4)])
    encoder = METHODS["mae"].fit(photos, vit, seed=0, training=Training(Plan(1, 4, 1e-3, steps=1))).encoder
    features = np.stack(encoder.extractor.extract(photos.pictures))
    others = features.copy()
    others[:, : vit.pooled_size] = 9
    assert np.array_equal(encoder.embed(list(features)), encoder.embed(list(others)))


def test_a_cnn_has_no_patches_to_hide(tmp_path):
    photos = DrawnPhotos([draw_photo(seed) for seed in range(4)])
    with pytest.raises(UnsuitableBackbone, match="test_resnet"):
        METHODS["mae"].fit(photos, random_backbone(tmp_path, "test_resnet"), seed=0)
