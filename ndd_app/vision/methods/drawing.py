"""Photos as prints and scanners might have left them (views.damaged_view), and what a backbone makes of them."""

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import NddError
from ndd_app.vision.backbones import BATCH, Backbone
from ndd_app.vision.images import Pixels, resize_to_fit
from ndd_app.vision.methods.fitting import Photos
from ndd_app.vision.training import READERS, Training
from ndd_app.vision.views import SIDE, damaged_view

VIEWS = 8
"""Damaged views of each photo."""
AHEAD = 2 * BATCH
"""Photos that are drawn while the network looks at others."""

Rows = npt.NDArray[np.float64]
Drawn = tuple[int, Sequence[Pixels]]
"""A photo's number, with its picture and VIEWS damaged ones."""


@dataclass
class Seen:
    """originals: the features (d,) of each picture, by its number; views: (VIEWS, d) of those that are kept, likewise.

    within (d, d): the scatter of all views about their pictures.
    """

    backbone: Backbone
    originals: dict[int, Rows] = field(default_factory=dict)
    views: dict[int, Rows] = field(default_factory=dict)
    within: Rows = field(default_factory=lambda: np.zeros(()))


def draw_damaged(photos: Photos, numbers: npt.NDArray[np.int64], seed: int, training: Training) -> Iterator[Drawn]:
    """Those that can be read; the same ones for the same seed."""

    def draw(number: int) -> Drawn | None:
        try:
            picture = resize_to_fit(photos.picture(number), SIDE)
        except NddError:  # its embedding will say so
            return None
        seeds = np.random.SeedSequence([seed, number]).generate_state(VIEWS)
        return number, [picture, *(damaged_view(picture, int(one)) for one in seeds)]

    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[Drawn | None]] = deque()
        for number in training.track(numbers, "Drawing damaged views", len(numbers)):
            waiting.append(pool.submit(draw, int(number)))
            if len(waiting) > AHEAD and (found := waiting.popleft().result()):
                yield found
        yield from (found for one in waiting if (found := one.result()))


def look(drawn: Iterable[Drawn], backbone: Backbone, keep: Container[int] = ()) -> Seen:
    """keep: the photos whose views are wanted one by one. BATCH photos at once fill the network's batches."""
    seen, rest = Seen(backbone), iter(drawn)
    while some := list(islice(rest, BATCH)):
        features = np.stack(backbone.extract([picture for _, pictures in some for picture in pictures]))
        every = features.astype(np.float64).reshape(len(some), 1 + VIEWS, -1)
        for (number, _), rows in zip(some, every, strict=True):
            seen.originals[number] = rows[0]
            if number in keep:
                seen.views[number] = rows[1:]
            moved = rows[1:] - rows[0]
            seen.within = seen.within + moved.T @ moved
    return seen
