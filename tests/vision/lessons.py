"""A lesson small enough to be learned in a second: which half of the photos is the brighter one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ndd_app.vision.lessons import Lesson, Objective, Views
from ndd_app.vision.plans import Plan
from tests.vision.networks import random_backbone

PHOTOS = 8
PLAN = Plan(epochs=6, batch=4, rate=1e-3, clip=1.0, average=0.9)


class Brightness(Objective):
    def __init__(self, folder: Path, name: str = "test_vit") -> None:
        super().__init__(random_backbone(folder, name))
        self.head = nn.Linear(self.width, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        noise = 0.01 * torch.randn(1, device=views.device)  # a run that went on with other noise would show
        return F.cross_entropy(self.head(self.network(self.as_images(views))) + noise, (numbers >= PHOTOS // 2).long())


def draw(number: int, random: np.random.Generator) -> Views:
    tone = 60 if number < PHOTOS // 2 else 190
    return random.integers(tone - 40, tone + 40, (1, 160, 160, 3), np.uint8)


def losses_of(curve: list[dict[str, Any]]) -> list[float]:
    return [point["loss"] for point in curve if "loss" in point]


def retrieval_of(curve: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Step and epoch of each point at which retrieval was measured."""
    return [(point["step"], point["epoch"]) for point in curve if "retrieval" in point]


def order(random: np.random.Generator) -> np.ndarray:
    return random.permutation(PHOTOS)


def lesson(objective: Objective, retrieval: Callable[[Any], float | None] | None = None) -> Lesson:
    return Lesson("Brightness", objective, draw, order, retrieval=retrieval)
