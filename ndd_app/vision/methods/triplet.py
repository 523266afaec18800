"""The network learns from groups that a photo lies nearer to one of its group than to any other (triplet loss)."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from ndd_app.vision.backbones import Backbone
from ndd_app.vision.encoders import Extractor
from ndd_app.vision.lessons import GroupedObjective, Lesson
from ndd_app.vision.losses import triplet
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.methods.learning import Learned, Numbers, draw_views, fit_after, learn_lesson
from ndd_app.vision.methods.supervised import labelled_photos
from ndd_app.vision.training import Training, gather
from ndd_app.vision.views import plain_view

MARGIN = 0.2
TOGETHER = 4
SMALLEST_BATCH = 2 * TOGETHER
"""A batch of fewer photos may hold one group alone, and no triplet."""


class Triplets(GroupedObjective):
    """image → network → triplet loss over all triplets of the batch, whichever process has them."""

    def forward(self, views: Tensor, numbers: Tensor) -> Tensor:
        return triplet(gather(self.pooled(self.as_images(views))), self.groups[gather(numbers)], MARGIN)


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    return fit_after(learn, photos, extractor, seed, training)


def learn(photos: Photos, backbone: Backbone, *, seed: int, training: Training) -> Learned:
    groups, numbers = labelled_photos(photos, training, "triplet")
    draw = draw_views(photos, backbone.side, plain_view, 1)
    order = with_their_group(numbers, groups)
    lesson = Lesson("Training (triplet)", Triplets(backbone, groups), draw, order, SMALLEST_BATCH)
    return learn_lesson(lesson, photos, backbone, training, seed, margin=MARGIN, labels=len(numbers))


def with_their_group(numbers: Numbers, groups: Numbers) -> Callable[[np.random.Generator], Numbers]:
    """An order in which up to TOGETHER photos of a group follow each other, so that a batch holds positives."""

    def order(random: np.random.Generator) -> Numbers:
        shuffled = random.permutation(numbers)
        members = [shuffled[groups[shuffled] == group] for group in np.unique(groups[numbers])]
        some = [group[start : start + TOGETHER] for group in members for start in range(0, len(group), TOGETHER)]
        return np.concatenate([some[place] for place in random.permutation(len(some))])

    return order
