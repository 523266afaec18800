"""The part of auto that needs a GPU, on a CPU with a tiny network: only the time differs."""

from dataclasses import replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch

from ndd_app.exceptions import MemoryExhausted, OutOfMemory, TrainingDiverged
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.methods import METHODS, adapter, auto
from ndd_app.vision.methods.drawing import draw_damaged, look
from ndd_app.vision.training import Training
from tests.pictures import draw_photo
from tests.vision.lessons import losses_of
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

PLAN = replace(adapter.PLAN, epochs=6, batch=8)


@pytest.fixture
def vit(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "suits", lambda backbone, photos: True)
    monkeypatch.setattr(adapter, "PLAN", PLAN)


def twelve_photos(groups: list[str | None] | None = None) -> DrawnPhotos:
    return DrawnPhotos([draw_photo(seed, 96, 72) for seed in range(12)], groups)


def learn(backbone: Backbone, photos: DrawnPhotos, training: Training | None = None):
    encoder = METHODS["whiten"].fit(photos, backbone, seed=0).encoder
    drawn = dict(draw_damaged(photos, np.arange(len(photos)), 0, Training()))
    seen = look(drawn.items(), backbone)
    return adapter.learn(photos, encoder, drawn, seen.originals, seed=0, training=training or Training())


def weights(backbone: Backbone) -> dict[str, torch.Tensor]:
    return backbone.network.state_dict()


def test_only_the_linear_layers_of_the_blocks_learn(vit, on_a_gpu):
    learned = learn(vit, twelve_photos())
    losses = losses_of(learned.trained.curve)
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    before, after = weights(vit), weights(learned.backbone)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    linear = {name for name, layer in vit.network.named_modules() if layer in adapter.linear_layers(vit.network)}
    assert changed == {f"{name}.weight" for name in linear}
    assert all(name.startswith("blocks.") for name in linear)
    assert not vit.changed


def test_adapters_change_nothing_at_first_and_vanish_into_the_weights(vit):
    photos = twelve_photos()
    projection = METHODS["whiten"].fit(photos, vit, seed=0).encoder.projection
    originals = dict(enumerate(photos.features(vit)))
    objective = adapter.Adaptation(vit, projection, adapter.FirstLook.of(photos, originals, projection)).eval()
    image = torch.randn(2, 3, vit.side, vit.side)
    assert torch.allclose(objective.network(image), vit.network(image), atol=1e-6)
    for layer in adapter.linear_layers(objective.network):
        torch.nn.init.normal_(layer.parametrizations.weight[0].up, std=0.1)
    adapted = objective.network(image)
    assert not torch.allclose(adapted, vit.network(image), atol=1e-3)
    assert torch.allclose(objective.trained_network()(image), adapted, atol=1e-6)


def test_activations_that_are_computed_twice_give_the_same_gradients(vit):
    photos = twelve_photos()
    projection = METHODS["whiten"].fit(photos, vit, seed=0).encoder.projection
    look = adapter.FirstLook.of(photos, dict(enumerate(photos.features(vit))), projection)
    torch.manual_seed(0)
    objective = adapter.Adaptation(vit, projection, look)
    views = torch.randint(0, 256, (2, 3, vit.side, vit.side, 3), dtype=torch.uint8)
    assert objective.network.grad_checkpointing
    gradients = []
    for twice in (True, False):
        adapter.compute_activations_twice(objective.network, twice)
        objective.zero_grad()
        objective(views, torch.tensor([0, 1])).backward()
        gradients.append([p.grad.clone() for p in objective.parameters() if p.requires_grad])
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*gradients, strict=True))
    assert any(gradient.abs().max() > 0 for gradient in gradients[0])
    adapter.compute_activations_twice(objective.network, True)
    assert not objective.trained_network().grad_checkpointing


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(vit, on_a_gpu, tmp_path):
    whole = learn(vit, twelve_photos())
    for steps in (2, None):
        plan = replace(PLAN, steps=steps)
        stopped = learn(vit, twelve_photos(), Training(plan, tmp_path / "run"))
    assert stopped.trained.steps == whole.trained.steps
    assert all(torch.equal(value, weights(stopped.backbone)[name]) for name, value in weights(whole.backbone).items())


def test_nearest_of_each_other_are_suspected_and_known_duplicates_have_one_owner(vit):
    rows = np.float64([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.1]])
    photos = DrawnPhotos([draw_photo(1)] * 5, [None, None, "a", "a", None])
    projection = METHODS["whiten"].fit(photos, vit, seed=0).encoder.projection
    projection = replace(projection, mean=np.zeros(3, np.float32), axes=np.eye(3, dtype=np.float32))
    look = adapter.FirstLook.of(photos, dict(zip([0, 1, 2, 4], rows, strict=True)), projection)
    assert look.suspected[0, 1]
    assert look.suspected[4, 2]
    assert not look.suspected[3].any()
    assert look.owners[2] == look.owners[3]
    assert len(set(look.owners.tolist())) == 4
    photos.rejected = [(4, 2)]
    taught = adapter.FirstLook.of(photos, dict(zip([0, 1, 2, 4], rows, strict=True)), projection)
    assert np.argwhere(look.suspected != taught.suspected).tolist() == [[2, 4], [4, 2]]


def slow_loss(views: torch.Tensor, photos: list[int], what: adapter.Adaptation) -> float:
    """InfoNCE over all views, KoLeo over the undamaged ones, and how far these have moved."""

    def may_be_one(one: int, other: int) -> bool:
        return bool(what.suspected[one, other] or what.owners[one] == what.owners[other])

    rows = [(photo, view) for photo, of_photo in zip(photos, views, strict=True) for view in of_photo]
    found, even, moved = [], [], []
    for i, (photo, row) in enumerate(rows):
        strangers = sum(exp(float(row @ far) / adapter.TEMPERATURE) for p, far in rows if not may_be_one(photo, p))
        for j, (p, near) in enumerate(rows):
            if i != j and what.owners[photo] == what.owners[p]:
                own = exp(float(row @ near) / adapter.TEMPERATURE)
                found.append(log((own + strangers) / own))
    originals = list(zip(photos, views[:, 0], strict=True))
    for photo, row in originals:
        even.append(-log(min(float((row - far).norm()) for p, far in originals if not may_be_one(photo, p))))
        moved.append(1 - float(row @ what.first[photo]))
    return float(np.mean(found) + adapter.EVENNESS * np.mean(even) + adapter.ANCHOR * np.mean(moved))


def test_the_loss_is_that_of_its_formula(vit):
    random = np.random.default_rng(0)
    first = random.normal(size=(6, 5)).astype(np.float32)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    suspected = np.zeros((6, 6), bool)
    suspected[0, 3] = suspected[3, 0] = True
    projection = METHODS["whiten"].fit(twelve_photos(), vit, seed=0).encoder.projection
    what = adapter.Adaptation(vit, projection, adapter.FirstLook(np.array([0, 1, 1, 3, 4, 5]), first, suspected))
    views = torch.nn.functional.normalize(torch.from_numpy(random.normal(size=(5, 3, 5)).astype(np.float32)), dim=2)
    photos = [3, 1, 0, 2, 5]
    assert float(what._loss(views, torch.tensor(photos))) == pytest.approx(slow_loss(views, photos, what), rel=1e-4)


def test_half_of_the_way(vit, on_a_gpu):
    learned = learn(vit, twelve_photos()).backbone
    half = adapter.between(vit, learned, 0.5)
    for name, value in weights(half).items():
        assert torch.allclose(value, (weights(vit)[name] + weights(learned)[name]) / 2, atol=1e-6)
    assert len({vit.digest, half.digest, learned.digest}) == 3


def test_auto_chooses_by_photos_that_the_network_has_not_learned_from(vit, on_a_gpu, monkeypatch):
    taught, asked, learn, found_again = [], [], adapter.learn, auto._found_again

    def watched(photos, encoder, drawn, *rest, **how):
        taught.extend(drawn)
        return learn(photos, encoder, drawn, *rest, **how)

    monkeypatch.setattr(adapter, "learn", watched)
    monkeypatch.setattr(auto, "_found_again", lambda e, seen: asked.extend(seen.views) or found_again(e, seen))
    fitted = METHODS["auto"].fit(twelve_photos(), vit, seed=0)
    found = {share: fitted.parameters[f"found at share {share:g}"] for share in (0, 0.5, 1)}
    assert found[fitted.parameters["share"]] == max(found.values())
    assert fitted.encoder.extractor.changed == (fitted.parameters["share"] > 0)
    assert taught
    assert asked
    assert {*taught}.isdisjoint(asked)
    assert losses_of(fitted.curve)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("learn", TrainingDiverged(step=3, loss=float("nan"), gradient=1.0)),
        ("learn", OutOfMemory(batch=8, why="fewer would teach nothing")),
        ("between", MemoryExhausted(detail="on the GPU")),
    ],
)
def test_a_training_that_comes_to_nothing_leaves_the_network_as_it_is(step, reason, vit, on_a_gpu, monkeypatch):
    def fail(*arguments, **named):
        raise reason

    monkeypatch.setattr(adapter, step, fail)
    fitted = METHODS["auto"].fit(twelve_photos(), vit, seed=0)
    assert fitted.encoder.extractor is vit
    assert "left as it is" in fitted.notes[0]


def test_a_cpu_leaves_the_network_alone(vit):
    assert not adapter.suits(vit, 1_000)
