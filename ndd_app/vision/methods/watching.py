"""Does a network that is being trained get better at finding damaged photos? Asked again and again on the same few.

Damaged views of training photos look for the photos that they were drawn from. The damages are those that any training
may draw (views.damaged_view): the gate family is kept for the receipt, which judges. This is only a curve to look at.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import MemoryExhausted, WrongWeights
from ndd_app.vision.backbones import Backbone, Room, shrink_to_keep
from ndd_app.vision.images import Pixels, resize_to_fit
from ndd_app.vision.methods.fitting import Photos
from ndd_app.vision.retrieval import OUTSIDE, Questions, look_up
from ndd_app.vision.training import READERS
from ndd_app.vision.views import SIDE, damaged_view

MOST_PHOTOS = 200

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Watch:
    """numbers: the training photos. pooled_learns: see lessons.Objective. Nothing is drawn before it is needed."""

    photos: Photos
    numbers: npt.NDArray[np.int64]
    backbone: Backbone
    seed: int
    pooled_learns: bool = True
    room: Room = field(default_factory=Room)  # a training leaves less memory than others find afterwards

    def hit_rate(self, network: Any) -> float | None:
        """The share of damaged views whose nearest photo is the right one; None where the network cannot look."""
        was_training = network.training
        try:
            rows = self._rows(network.eval())
        except (MemoryExhausted, WrongWeights):  # no reason to stop the training, which may have its own
            return None
        finally:
            network.train(was_training)
        gallery, queries = np.split(rows, 2)
        everywhere = np.full(len(gallery), OUTSIDE)
        found = look_up(queries, gallery, self._groups, Questions(self._groups, everywhere, np.arange(len(gallery))))
        return round(float(found.hits(1).mean()), 4)

    def _rows(self, network: Any) -> Rows:
        """(2 n, d) of length 1: the photos, then their views."""
        rows = np.stack(replace(self.backbone, network=network, room=self.room).extract(self._pictures))
        rows = rows if self.pooled_learns else rows[:, self.backbone.pooled_size :]
        return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)

    @cached_property
    def _chosen(self) -> list[int]:
        return sorted(map(int, np.random.default_rng(self.seed).permutation(self.numbers)[:MOST_PHOTOS]))

    @cached_property
    def _groups(self) -> npt.NDArray[np.int64]:
        """(n,): photos that are known to belong together are right answers for each other."""
        names = [self.photos.groups[number] or number for number in self._chosen]
        places = {name: place for place, name in enumerate(dict.fromkeys(names))}
        return np.array([places[name] for name in names], np.int64)

    @cached_property
    def _pictures(self) -> list[Pixels]:
        with ThreadPoolExecutor(READERS) as pool:
            photos, views = zip(*pool.map(self._draw, self._chosen), strict=True)
        return [*photos, *views]

    def _draw(self, number: int) -> tuple[Pixels, Pixels]:
        picture = resize_to_fit(self.photos.picture(number), SIDE)
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        side = self.backbone.side  # all are kept as long as the training lasts
        return shrink_to_keep(picture, side), shrink_to_keep(damaged_view(picture, seed), side)
