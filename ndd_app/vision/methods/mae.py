"""MAE (He et al. 2022): the network sees a quarter of a photo's patches and shall draw the others.

photo → patches → a random quarter of them → encoder → all places, the unseen ones as one learned token → decoder →
pixels → squared error on the unseen patches. The decoder is thrown away afterwards.

A network that was trained otherwise meets a decoder that knows nothing: the decoder learns first, alone. No loss
reaches CLS; the patch tokens are what is compared afterwards.
"""

from dataclasses import replace
from typing import Any

import torch
from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from ndd_app.exceptions import UnsuitableBackbone
from ndd_app.vision.backbones import UNTRAINED, Backbone
from ndd_app.vision.encoders import Extractor
from ndd_app.vision.lessons import Lesson, Objective
from ndd_app.vision.losses import masked_mse
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.methods.learning import (
    Learned,
    draw_views,
    fit_after,
    in_any_order,
    learn_lesson,
    readable_photos,
)
from ndd_app.vision.training import Training, train
from ndd_app.vision.views import plain_view

MASKED = 0.75
NORMALISE = True
"""Each patch is drawn at its own mean and variance: what is learned is its structure, not its tone."""
DECODER_DEPTH, DECODER_WIDTH, HEAD_WIDTH = 8, 512, 32
"""The decoder of a ViT-L; smaller networks get a smaller one."""


class VisiblePatches(nn.Module):
    """Stands where timm drops patches at random, and drops all but the `kept` ones (n, visible).

    Only in training, as there: a network that is measured sees whole photos.
    """

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix
        self.kept: Tensor | None = None

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, prefix + patches, d) → (n, prefix + visible, d)"""
        if not self.training:
            return tokens
        assert self.kept is not None
        patches = tokens[:, self.prefix :]
        kept = self.kept[:, :, None].expand(-1, -1, tokens.shape[2])
        return torch.cat([tokens[:, : self.prefix], patches.gather(1, kept)], dim=1)


class Decoder(nn.Module):
    """Tokens of the prefix and the visible patches in, pixels of all patches out (n, patches, values)."""

    def __init__(self, network: Any, values: int) -> None:
        super().__init__()
        width = min(DECODER_WIDTH, network.embed_dim // HEAD_WIDTH * HEAD_WIDTH)
        depth = max(1, min(DECODER_DEPTH, len(network.blocks) // 3))
        self.prefix = network.num_prefix_tokens
        self.places: Tensor
        self.register_buffer("places", build_sincos2d_pos_embed(list(network.patch_embed.grid_size), width))
        self.unseen = nn.Parameter(0.02 * torch.randn(width))
        self.enter = nn.Linear(network.embed_dim, width)
        self.blocks = nn.Sequential(*(Block(width, width // HEAD_WIDTH, qkv_bias=True) for _ in range(depth)))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, values))

    def forward(self, tokens: Tensor, kept: Tensor) -> Tensor:
        tokens = self.enter(tokens)
        patches = self.unseen.to(tokens.dtype).expand(len(tokens), *self.places.shape)
        seen = kept[:, :, None].expand(-1, -1, tokens.shape[2])
        patches = patches.scatter(1, seen, tokens[:, self.prefix :]) + self.places
        drawn = self.blocks(torch.cat([tokens[:, : self.prefix], patches], dim=1))
        return self.leave(drawn[:, self.prefix :])


class MaskedAutoencoder(Objective):
    pooled_learns = False

    def __init__(self, backbone: Backbone, *, normalise: bool = NORMALISE) -> None:
        super().__init__(backbone)
        self.normalise = normalise
        self.patch = self.network.patch_embed.patch_size
        self.patches = self.network.patch_embed.num_patches
        self.network.patch_drop = VisiblePatches(self.network.num_prefix_tokens)
        self.decoder = Decoder(self.network, 3 * self.patch[0] * self.patch[1])

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        images = self.as_images(views)
        kept, masked = self.draw_masks(len(images))
        drawn = self.decoder(self.encode(images, kept), kept)
        return masked_mse(drawn, self.as_patches(images), masked, normalise=self.normalise)

    def draw_masks(self, count: int) -> tuple[Tensor, Tensor]:
        """kept (count, visible): the numbers of the patches to be seen; masked (count, patches): the others."""
        visible = max(1, round(self.patches * (1 - MASKED)))
        kept = torch.rand(count, self.patches, device=self.mean.device).argsort(dim=1)[:, :visible]
        masked = torch.ones(count, self.patches, dtype=torch.bool, device=kept.device)
        return kept, masked.scatter(1, kept, False)

    def encode(self, images: Tensor, kept: Tensor) -> Tensor:
        self.network.patch_drop.kept = kept
        return self.network.forward_features(images)

    def as_patches(self, images: Tensor) -> Tensor:
        """(n, 3, height, width) → (n, patches, 3 * values of a patch), row by row as timm numbers patches."""
        down, across = self.patch
        grid = images.unflatten(3, (-1, across)).unflatten(2, (-1, down))  # n, 3, rows, down, columns, across
        return grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)

    def trained_network(self) -> Any:
        self.network.patch_drop = nn.Identity()
        return self.network


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    return fit_after(learn, photos, extractor, seed, training)


def learn(photos: Photos, backbone: Backbone, *, seed: int, training: Training) -> Learned:
    if not isinstance(backbone.network, VisionTransformer):
        raise UnsuitableBackbone(method="mae", name=backbone.name, detail="it is no plain vision transformer of timm")
    numbers = readable_photos(photos, training)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        objective = MaskedAutoencoder(backbone)
    draw, order = draw_views(photos, backbone.side, plain_view, 1), in_any_order(numbers)
    if backbone.source != UNTRAINED:
        _teach_decoder_alone(Lesson("Training the decoder (mae)", objective, draw, order), training, seed)
    lesson = Lesson("Training (mae)", objective, draw, order)
    return learn_lesson(lesson, photos, backbone, _in_folder(training, "all"), seed, masked=MASKED, normalise=NORMALISE)


def _teach_decoder_alone(lesson: Lesson, training: Training, seed: int) -> None:
    """For a quarter of the epochs."""
    plan = replace(training.plan, epochs=max(1, training.plan.epochs // 4))
    trainable = [p for p in lesson.objective.network.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    train(lesson, replace(_in_folder(training, "decoder"), plan=plan), seed)
    for parameter in trainable:
        parameter.requires_grad_(True)


def _in_folder(training: Training, name: str) -> Training:
    return replace(training, folder=training.folder and training.folder / name)
