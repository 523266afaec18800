"""Pages and prints that do not lie flat: a surface of the third order beside the plane that a homography tells of."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]

POWERS = [(across, down) for across in range(4) for down in range(4 - across)]
FEWEST = 40
"""Points: half of them fit ten numbers for each direction, the other half test them."""
FLAT = 0.0005
"""Usual distance from the plane's places up to which nothing is bent: a quarter of a pixel at a long side of 480."""
LEFT_OVER = 0.5
"""Only what a surface brings so much nearer than a plane is bent; what a camera sees from another side seldom is."""


@dataclass(frozen=True, eq=False)
class Bend:
    """factors (10, 2): how far beside the plane's a place of the first scan lies on the second; least, most (2,)."""

    factors: npt.NDArray[np.float64]
    least: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, places: Points, beside: Points) -> Self:
        factors = np.asarray(np.linalg.lstsq(_terms(places), beside, rcond=None)[0], np.float64)
        return cls(factors, beside.min(axis=0), beside.max(axis=0))

    def at(self, places: Points) -> Points:
        """(n, 2); beyond the points nothing lies farther beside than any of them."""
        return np.asarray(np.clip(_terms(places) @ self.factors, self.least, self.most), np.float32)


def find_bend(places: Points, beside: Points) -> Bend | None:
    """places (n, 2) on the first scan; beside (n, 2): how far off the plane's places they match the second."""
    if len(places) < FEWEST or _usual(beside) < FLAT:
        return None
    halves = slice(0, None, 2), slice(1, None, 2)
    left = [beside[test] - Bend.fit(places[own], beside[own]).at(places[test]) for own, test in (halves, halves[::-1])]
    if _usual(np.concatenate(left)) > LEFT_OVER * _usual(beside):
        return None
    return Bend.fit(places, beside)


def _usual(distances: Points) -> float:
    return float(np.median(np.linalg.norm(distances, axis=1)))


def _terms(places: Points) -> npt.NDArray[np.float64]:
    across, down = (2 * places.astype(np.float64) - 1).T
    return np.stack([across**one * down**other for one, other in POWERS], axis=1)
