"""What the methods that train a network have in common: which photos they take, and what they make of the result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import NddError, TooFewPhotos
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.encoders import Extractor
from ndd_app.vision.images import Pixels
from ndd_app.vision.lessons import Lesson, Views
from ndd_app.vision.losses import UNKNOWN
from ndd_app.vision.methods import whiten
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.methods.watching import Watch
from ndd_app.vision.training import READERS, Trained, Training, train

Numbers = npt.NDArray[np.int64]
View = Callable[[Pixels, int, np.random.Generator], Pixels]


@dataclass(frozen=True)
class Learned:
    """The backbone after training, what was chosen on the way, the curve and remarks for people.

    pooled_learns: see lessons.Objective.
    """

    backbone: Backbone
    parameters: dict[str, Any]
    trained: Trained
    pooled_learns: bool


class Learn(Protocol):
    def __call__(self, photos: Photos, backbone: Backbone, *, seed: int, training: Training) -> Learned: ...


def fit_after(learn: Learn, photos: Photos, extractor: Extractor, seed: int, training: Training | None) -> Fitted:
    """Train, then whiten what the trained network makes of the same photos; what did not learn has no say in it."""
    if not isinstance(extractor, Backbone):
        raise TypeError(f"only a backbone can be trained, not {extractor.name}")
    learned = learn(photos, extractor, seed=seed, training=training or Training())
    if learned.pooled_learns:
        fitted = whiten.fit(photos, learned.backbone, seed=seed)
    else:
        rows = np.stack(photos.features(learned.backbone)).astype(np.float32)
        rows[:, : learned.backbone.pooled_size] = 0
        fitted = whiten.fit_rows(rows[: whiten.MOST_PHOTOS], learned.backbone, seed=seed)
    trained = learned.trained
    return Fitted(fitted.encoder, {**fitted.parameters, **learned.parameters}, trained.curve, trained.notes)


def learn_lesson(
    lesson: Lesson, photos: Photos, backbone: Backbone, training: Training, seed: int, **parameters: Any
) -> Learned:
    pooled_learns = lesson.objective.pooled_learns
    if training.retrieval:
        numbers = lesson.order(np.random.default_rng(seed))
        lesson = replace(lesson, retrieval=Watch(photos, numbers, backbone, seed, pooled_learns).hit_rate)
    trained = train(lesson, training, seed)
    plan = training.plan
    facts = {"epochs": plan.epochs, "steps": trained.steps, "batch": plan.batch, "rate": plan.rate, **parameters}
    return Learned(backbone.change_weights(lesson.objective.trained_network()), facts, trained, pooled_learns)


def readable_photos(photos: Photos, training: Training) -> Numbers:
    """The numbers of the photos that can be read, of which there must be as many as the whitening needs."""

    def can_be_read(number: int) -> bool:
        try:
            photos.picture(number)
        except NddError:
            return False
        return True

    with ThreadPoolExecutor(READERS) as pool:
        readable = pool.map(can_be_read, training.track(range(len(photos)), "Reading photos", len(photos)))
        numbers = np.flatnonzero(np.fromiter(readable, bool, len(photos)))
    if len(numbers) < whiten.FEWEST_PHOTOS:
        raise TooFewPhotos(count=len(numbers), minimum=whiten.FEWEST_PHOTOS)
    return numbers


def group_numbers(photos: Photos) -> Numbers:
    """(len(photos),): which group each photo belongs to, UNKNOWN for none."""
    names = sorted({group for group in photos.groups if group is not None})
    number = {name: place for place, name in enumerate(names)}
    return np.array([UNKNOWN if group is None else number[group] for group in photos.groups], np.int64)


def draw_views(photos: Photos, side: int, view: View, count: int) -> Callable[[int, np.random.Generator], Views]:
    def draw(number: int, random: np.random.Generator) -> Views:
        pixels = photos.picture(number)
        return np.stack([view(pixels, side, random) for _ in range(count)])

    return draw


def in_any_order(numbers: Numbers) -> Callable[[np.random.Generator], Numbers]:
    return lambda random: random.permutation(numbers)
