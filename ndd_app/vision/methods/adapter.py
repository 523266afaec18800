"""What a GPU teaches in minutes and a CPU in hours: the network itself gets used to damage, without labels.

photo, two damaged views → network with low-rank adapters (LoRA, Hu et al. 2022) → the projection that `auto` found →
InfoNCE among the photos of the batch, KoLeo, and an anchor to where the frozen network had each photo.

The patch embedding stays as it is, and so does every weight but for the small addition in the linear layers of the
blocks. Photos that are among each other's nearest may be duplicates: they are left out of each other's strangers,
unless people say that they are none.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization, remove_parametrizations

from ndd_app.vision.backbones import Backbone, fit_to_square
from ndd_app.vision.descriptors import Rows, Whitening, pool_features
from ndd_app.vision.encoders import Encoder
from ndd_app.vision.images import Pixels
from ndd_app.vision.lessons import Lesson, Objective, Views
from ndd_app.vision.losses import UNKNOWN, info_nce, koleo
from ndd_app.vision.methods.fitting import Photos
from ndd_app.vision.methods.learning import Learned, Numbers, group_numbers, in_any_order, learn_lesson
from ndd_app.vision.neighbours import nearest
from ndd_app.vision.plans import Plan
from ndd_app.vision.silver import RECIPROCAL, reciprocal_pairs
from ndd_app.vision.training import Training, gather

RANK = 8
STRENGTH = 2.0
PLAN = Plan(epochs=30, batch=64, rate=1e-3, weight_decay=0.01, layer_decay=1, clip=1.0, half_precision=True)
FEWEST_PHOTOS = 2 * PLAN.batch
TEMPERATURE = 0.07
EVENNESS = 0.1
"""Of KoLeo, against InfoNCE …"""
ANCHOR = 1.0
"""… and of the anchor: without it, photos without any damage are found less well in the end."""
DAMAGED = 2
"""Damaged views of each photo at once, beside the photo."""


class LowRank(nn.Module):
    """weight → weight + STRENGTH * up @ down; `up` begins at 0, which changes nothing."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        self.down = nn.Parameter(torch.randn(rank, inputs).to(weight) / math.sqrt(inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank).to(weight))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + STRENGTH * self.up @ self.down


class Adaptation(Objective):
    """owners (n,): photos of one owner are known duplicates. first (n, k): each photo's embedding at the beginning.

    suspected (n, n): pairs that may be duplicates, as far as people have not rejected them.
    """

    centre: Tensor
    axes: Tensor
    owners: Tensor
    first: Tensor
    suspected: Tensor

    def __init__(self, backbone: Backbone, projection: Whitening, look: "FirstLook") -> None:
        super().__init__(backbone)
        self.network.requires_grad_(False)
        for layer in linear_layers(self.network):
            register_parametrization(layer, "weight", LowRank(layer.weight, RANK))
        compute_activations_twice(self.network, True)
        facts = {
            "centre": projection.mean,
            "axes": projection.axes,
            "owners": look.owners,
            "first": look.embeddings,
            "suspected": look.suspected,
        }
        for name, values in facts.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        features = pool_features(self.network, self.as_images(views))
        with torch.autocast(features.device.type, enabled=False):  # small differences decide from here on
            rows = gather(F.normalize((features.float() - self.centre) @ self.axes))
            photos = gather(numbers)
            return self._loss(rows.unflatten(0, (len(photos), 1 + DAMAGED)), photos)

    def _loss(self, views: Tensor, photos: Tensor) -> Tensor:
        """views (n, 1 + DAMAGED, k), the undamaged one first."""
        every = photos.repeat_interleave(1 + DAMAGED)
        found = info_nce(views.flatten(0, 1), self.owners[every], TEMPERATURE, self.suspected[every][:, every])
        originals, owners = views[:, 0], self.owners[photos]
        alike = self.suspected[photos][:, photos] | (owners[:, None] == owners)
        moved = 1 - (originals * self.first[photos]).sum(dim=1)
        return found + EVENNESS * koleo(originals, alike) + ANCHOR * moved.mean()

    def trained_network(self) -> Any:
        """The adapters become a part of the weights, so that the network is of the same sort as before."""
        network = deepcopy(self.network)
        compute_activations_twice(network, False)
        for layer in linear_layers(network):
            remove_parametrizations(layer, "weight", leave_parametrized=True)
        return network


@dataclass(frozen=True)
class FirstLook:
    """What the frozen network says of all photos, by their numbers: see Adaptation."""

    owners: Numbers
    embeddings: Rows
    suspected: Any  # (n, n) of bool

    @classmethod
    def of(cls, photos: Photos, originals: Mapping[int, Rows], projection: Whitening) -> "FirstLook":
        numbers = np.array(list(originals))
        axes = (np.stack(list(originals.values())) - projection.mean) @ projection.axes
        rows = (axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)).astype(np.float32)
        embeddings = np.zeros((len(photos), rows.shape[1]), np.float32)
        embeddings[numbers] = rows
        suspected = np.zeros((len(photos), len(photos)), bool)
        one, other = numbers[reciprocal_pairs(nearest(rows, min(RECIPROCAL, len(rows) - 1)))].T
        suspected[one, other] = suspected[other, one] = True
        for one, other in photos.rejected:
            suspected[one, other] = suspected[other, one] = False
        groups = group_numbers(photos)
        alone = len(photos) + np.arange(len(photos))
        return cls(np.where(groups == UNKNOWN, alone, groups), embeddings, suspected)


def suits(backbone: Backbone, photos: int) -> bool:
    """There is a GPU, the network has blocks with linear layers, and the photos fill a few batches."""
    is_fast = next(backbone.network.parameters()).is_cuda
    return is_fast and photos >= FEWEST_PHOTOS and bool(linear_layers(backbone.network))


def compute_activations_twice(network: Any, wanted: bool) -> None:
    """Instead of keeping them until the gradients are computed: a large network would learn from few photos at once."""
    with suppress(AssertionError):  # timm's way to say that it is not written for this network
        network.set_grad_checkpointing(wanted)


def linear_layers(network: Any) -> list[nn.Linear]:
    """Of the blocks alone: the patch embedding and the head have no part in it."""
    blocks = getattr(network, "blocks", nn.Module())
    return [layer for layer in blocks.modules() if isinstance(layer, nn.Linear)]


def learn(
    photos: Photos,
    encoder: Encoder,
    drawn: Mapping[int, Sequence[Pixels]],
    originals: Mapping[int, Rows],
    *,
    seed: int,
    training: Training,
) -> Learned:
    """encoder: the frozen backbone, with the projection through which it learns.

    drawn: of each photo that is learned from, by its number, the picture and its damaged views; originals: the features
    of the pictures, likewise.
    """
    backbone, projection = encoder.extractor, encoder.projection
    if not (isinstance(backbone, Backbone) and isinstance(projection, Whitening)):
        raise TypeError(f"adapters learn in a backbone, through a linear projection, not in {backbone.name}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        objective = Adaptation(backbone, projection, FirstLook.of(photos, originals, projection))
    interpolation = backbone.preprocessing["interpolation"]

    def draw(number: int, random: np.random.Generator) -> Views:
        picture, *views = drawn[number]
        some = [picture, *(views[which] for which in random.choice(len(views), DAMAGED, replace=False))]
        return np.stack([fit_to_square(pixels, backbone.side, interpolation) for pixels in some])

    lesson = Lesson("Training (adapters)", objective, draw, in_any_order(np.array(list(drawn))))
    ours = replace(training, plan=replace(PLAN, steps=training.plan.steps))
    return learn_lesson(lesson, photos, backbone, ours, seed, rank=RANK, layers=len(linear_layers(backbone.network)))


def between(frozen: Backbone, trained: Backbone, share: float) -> Backbone:
    """The backbone whose weights have gone this share of the way (Wortsman et al. 2022, WiSE-FT)."""
    network, old, new = deepcopy(frozen.network), frozen.network.state_dict(), trained.network.state_dict()
    network.load_state_dict(
        {
            name: value.lerp(new[name].to(value), share) if value.is_floating_point() else new[name]
            for name, value in old.items()
        }
    )
    return frozen.change_weights(network)
