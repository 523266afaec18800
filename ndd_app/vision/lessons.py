"""What a network is to learn from photos: the part of training in which the methods differ."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ndd_app.vision.backbones import Backbone

Views = npt.NDArray[np.uint8]
"""Of one photo (views, height, width, 3), or of a batch (batch, views, height, width, 3)."""


class Objective(nn.Module):
    """A copy of the backbone's network with a loss on top; subclasses say which.

    Called with views (batch, views, height, width, 3) of 8 bits and the photos' numbers (batch,), it gives the loss.
    pooled_learns: False where no loss reaches the network's own pooled feature.
    """

    pooled_learns: ClassVar[bool] = True
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.network: Any = deepcopy(backbone.network)
        self.width = backbone.pooled_size
        facts = backbone.preprocessing
        self.register_buffer("mean", torch.tensor(facts["mean"]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(facts["std"]).view(3, 1, 1), persistent=False)

    def as_images(self, views: Tensor) -> Tensor:
        """(batch, views, height, width, 3) → (batch * views, 3, height, width), normalised; views of a photo adjoin."""
        images = views.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
        return (images - self.mean) / self.std

    def pooled(self, images: Tensor) -> Tensor:
        """(n, 3, height, width) → (n, width): the network's own pooled feature."""
        return self.network.forward_head(self.network.forward_features(images), pre_logits=True)

    def trained_network(self) -> Any:
        return self.network


class GroupedObjective(Objective):
    """groups (n,): the group of each photo, by its number."""

    groups: Tensor

    def __init__(self, backbone: Backbone, groups: npt.NDArray[np.int64]) -> None:
        super().__init__(backbone)
        self.register_buffer("groups", torch.from_numpy(groups), persistent=False)


@dataclass(frozen=True)
class Lesson:
    """draw: the views of one photo; order: the photos of an epoch, by number; each batch is a run of them.

    smallest_batch: how many photos the loss needs at once, where the memory does not suffice for more. retrieval: the
    share of photos that a network finds again, None where it cannot be told; without it, nothing is measured.
    """

    name: str
    objective: Objective
    draw: Callable[[int, np.random.Generator], Views]
    order: Callable[[np.random.Generator], npt.NDArray[np.int64]]
    smallest_batch: int = 2
    retrieval: Callable[[Any], float | None] | None = None
