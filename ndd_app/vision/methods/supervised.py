"""The upper bound of the paper: the network learns to name the group of each photo (categorical cross-entropy)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ndd_app.exceptions import NoLabels
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.encoders import Extractor
from ndd_app.vision.lessons import GroupedObjective, Lesson
from ndd_app.vision.losses import UNKNOWN
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
from ndd_app.vision.training import Training
from ndd_app.vision.views import plain_view


class GroupNames(GroupedObjective):
    """image → network → linear layer → one value a group → cross-entropy."""

    def __init__(self, backbone: Backbone, groups: Numbers) -> None:
        super().__init__(backbone, groups)
        self.classifier = nn.Linear(self.width, int(groups.max()) + 1)

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        return F.cross_entropy(self.classifier(self.pooled(self.as_images(views))), self.groups[numbers])


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    return fit_after(learn, photos, extractor, seed, training)


def learn(photos: Photos, backbone: Backbone, *, seed: int, training: Training) -> Learned:
    groups, numbers = labelled_photos(photos, training, "supervised")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        objective = GroupNames(backbone, groups)
    draw = draw_views(photos, backbone.side, plain_view, 1)
    lesson = Lesson("Training (supervised)", objective, draw, in_any_order(numbers))
    return learn_lesson(
        lesson, photos, backbone, training, seed, groups=len(np.unique(groups[numbers])), labels=len(numbers)
    )


def labelled_photos(photos: Photos, training: Training, method: str) -> tuple[Numbers, Numbers]:
    """The group of every photo, and the numbers of those that can be read and have one. Raises NoLabels."""
    groups = group_numbers(photos)
    numbers = readable_photos(photos, training)
    labelled = numbers[groups[numbers] != UNKNOWN]
    sizes = np.bincount(groups[labelled])
    if (sizes > 0).sum() < 2:
        raise NoLabels(
            method=method, detail=f"{len(labelled)} of {len(photos)} photos have one, in fewer than 2 groups"
        )
    if sizes.max() < 2:
        raise NoLabels(method=method, detail="no two photos belong to one group")
    return groups, labelled
