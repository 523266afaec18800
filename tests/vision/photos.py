"""Photos as the methods see them, drawn or of given features."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.images import Pixels


@dataclass
class DrawnPhotos:
    pictures: list[Pixels]
    groups: Sequence[str | None] = field(default_factory=list)
    rejected: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        self.groups = self.groups or [None] * len(self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, number: int) -> Pixels:
        return self.pictures[number]

    def features(self, extractor: Extractor) -> list[Features]:
        return extractor.extract(self.pictures)


@dataclass
class GivenFeatures(DrawnPhotos):
    rows: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def features(self, extractor: Extractor) -> list[Features]:
        return list(self.rows)
