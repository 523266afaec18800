"""Chances and people's answers as a plot that needs no script: points in a square SVG, `SIDE` wide."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ndd_app.pipeline.reliability import Tenth

SIDE = 240
LARGEST, SMALLEST = 12, 2
"""Radius of the point with the most pairs, whose area stands for their number, and the least one that can be seen."""


@dataclass(frozen=True)
class Point:
    """low and high: the ends of the interval, as y; lower and upper: the ends of the tenth, in percent."""

    tenth: Tenth
    x: float
    y: float
    radius: float
    low: float
    high: float

    @property
    def lower(self) -> int:
        return 10 * self.tenth.number

    @property
    def upper(self) -> int:
        return self.lower + 10


@dataclass(frozen=True)
class Plot:
    points: tuple[Point, ...]
    side: int = SIDE


def plot_reliability(tenths: Sequence[Tenth]) -> Plot:
    """The share that people confirmed over the mean chance; (0, 0) is at the bottom left."""
    most = max((tenth.pairs for tenth in tenths), default=1)
    return Plot(tuple(_point(tenth, most) for tenth in tenths))


def _point(tenth: Tenth, most: int) -> Point:
    low, high = tenth.interval
    radius = max(LARGEST * sqrt(tenth.pairs / most), SMALLEST)
    return Point(tenth, SIDE * tenth.chance, _up(tenth.share), radius, _up(low), _up(high))


def _up(share: float) -> float:
    return SIDE * (1 - share)
