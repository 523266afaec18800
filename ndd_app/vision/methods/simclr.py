"""SimCLR (Chen et al. 2020): two views of one photo shall lie near each other and far from all other photos.

photo → two views, five augmentations → network → projection head → NT-Xent. The head is thrown away afterwards.
"""

import torch
from torch import Tensor, nn

from ndd_app.vision.backbones import Backbone
from ndd_app.vision.encoders import Extractor
from ndd_app.vision.lessons import GroupedObjective, Lesson
from ndd_app.vision.losses import nt_xent
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.methods.learning import (
    Learned,
    Numbers,
    draw_views,
    fit_after,
    group_numbers,
    in_any_order,
    learn_lesson,
    readable_photos,
)
from ndd_app.vision.training import Training, gather
from ndd_app.vision.views import simclr_view

TEMPERATURE = 0.1
PROJECTED = 128


class Contrast(GroupedObjective):
    """groups (n,): photos of one group are known duplicates, and never pushed apart."""

    def __init__(self, backbone: Backbone, groups: Numbers) -> None:
        super().__init__(backbone, groups)
        self.head = nn.Sequential(nn.Linear(self.width, self.width), nn.ReLU(), nn.Linear(self.width, PROJECTED))

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        projected = self.head(self.pooled(self.as_images(views))).unflatten(0, (-1, 2))
        first, second = gather(projected[:, 0]), gather(projected[:, 1])
        return nt_xent(first, second, TEMPERATURE, gather(self.groups[numbers]))


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    return fit_after(learn, photos, extractor, seed, training)


def learn(photos: Photos, backbone: Backbone, *, seed: int, training: Training) -> Learned:
    numbers = readable_photos(photos, training)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        objective = Contrast(backbone, group_numbers(photos))
    draw = draw_views(photos, backbone.side, simclr_view, 2)
    lesson = Lesson("Training (simclr)", objective, draw, in_any_order(numbers))
    return learn_lesson(lesson, photos, backbone, training, seed, temperature=TEMPERATURE)
