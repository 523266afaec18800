"""What a third photo says: two photos that are duplicates of one other are duplicates of each other.

Views of an object from two sides, or a damaged print and the next frame, often have nothing in common that a detector
could find, but each has it with a photo between them. One such photo is gone through, never a chain of them. Only
matching points lead there, or people: objects of one sort look alike to an encoder all together, and would confirm each
other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import cv2
import numpy as np

from ndd_app.vision.calibration import Probabilities
from ndd_app.vision.neighbours import Indices, Scores, unordered

A_STEP = 0.7
"""A pair with a smaller chance is no step on the way: all doubtful pairs under one mark would confirm each other."""
MOST = 20
"""Partners of each photo that are gone through, the likeliest: a thousand copies of one placeholder have enough."""
HOLDS = 0.995
"""The share of photos with a common partner that are duplicates: a pan's first and last frame no longer are.

Of 1,069 pairs that were likely through a partner rather than by themselves 5 were strangers, in the sets of
docs/figures.md without marks and sheets, groups held out by fifths.
"""
MOST_WEIGHT = 30.0
"""So much more or less likely a pair's own evidence makes what a common partner says, at most."""
SHARED_PART = 0.1
"""Of a partner's scan, as a share of the smaller part: two crops that have nothing in common are no duplicates."""

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Partners:
    """by_photo: for each photo the row of the pair with each of its partners."""

    pairs: Indices
    chances: Probabilities
    details: Sequence[Details]
    sizes: Sequence[tuple[int, int]]
    by_photo: dict[int, dict[int, int]]

    @classmethod
    def among(
        cls, pairs: Indices, chances: Probabilities, details: Sequence[Details], sizes: Sequence[tuple[int, int]]
    ) -> "Partners":
        """pairs (m, 2), low number first, with their chances, 0 for what is no way to a partner.

        details (m,) of geometry, empty for none; sizes: width and height of each photo.
        """
        by_photo: dict[int, dict[int, int]] = {}
        likely = np.flatnonzero(chances.duplicate >= A_STEP)
        for row in likely[np.argsort(-chances.duplicate[likely], kind="stable")].tolist():
            one, other = pairs[row].tolist()
            for photo, partner in ((one, other), (other, one)):
                if len(by_photo.setdefault(photo, {})) < MOST:
                    by_photo[photo][partner] = row
        return cls(pairs, chances, details, sizes, by_photo)

    def pairs_in_common(self) -> Indices:
        """(m, 2), low number first."""
        found = [pair for partners in self.by_photo.values() for pair in combinations(sorted(partners), 2)]
        return unordered([np.array(found, np.int64).reshape(-1, 2)])

    def chances_through(self, pairs: Indices) -> Probabilities:
        """Of each pair, that both are duplicates of one photo: the likeliest; 0 without one."""
        duplicate, same_image = np.zeros(len(pairs), np.float32), np.zeros(len(pairs), np.float32)
        for row, (one, other) in enumerate(pairs.tolist()):
            for there, back in self._ways(one, other):
                chance = self.chances.duplicate[there] * self.chances.duplicate[back]
                if chance > duplicate[row]:
                    duplicate[row] = chance
                    same_image[row] = self.chances.same_image[there] * self.chances.same_image[back]
        return Probabilities(duplicate, same_image)

    def _ways(self, one: int, other: int) -> list[tuple[int, int]]:
        """The rows of the two pairs that each common partner forms with them."""
        here, there = self.by_photo.get(one, {}), self.by_photo.get(other, {})
        common = here.keys() & there.keys()
        return [
            (here[third], there[third])
            for third in sorted(common)
            if self._share_a_part_of(third, here[third], there[third])
        ]

    def _share_a_part_of(self, third: int, *rows: int) -> bool:
        """True also where geometry does not say which part."""
        parts = [self._part_of(third, row) for row in rows if self.details[row]]
        if len(parts) < 2:
            return True
        shared, _ = cv2.intersectConvexConvex(*parts)
        return shared > SHARED_PART * min(cv2.contourArea(part) for part in parts)

    def _part_of(self, third: int, row: int) -> Any:
        """(4, 2): where the corners of the pair's other photo lie on the third one."""
        first, second = self.pairs[row].tolist()
        homography = np.array(self.details[row]["homography"]).reshape(3, 3)
        photo, on_third = (first, homography) if third == second else (second, np.linalg.inv(homography))
        width, height = np.array(self.sizes[photo]) / max(self.sizes[photo])
        corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
        return cv2.perspectiveTransform(corners, on_third)[0].astype(np.float32)


def weighed(through: Probabilities, ratio: Scores) -> Probabilities:
    """The chance that two photos with a common partner are duplicates, after the pair's own evidence.

    ratio: (m,) how much likelier that evidence is between duplicates of one photo than between others.
    """
    ratio = np.clip(ratio, 1 / MOST_WEIGHT, MOST_WEIGHT)
    odds = through.duplicate / np.maximum(1 - through.duplicate, np.float32(1e-6)) * ratio
    duplicate = HOLDS * odds / (1 + odds)
    same_image = duplicate * through.same_image / np.maximum(through.duplicate, np.float32(1e-6))
    return Probabilities(duplicate.astype(np.float32), same_image.astype(np.float32))


def either(one: Scores, other: Scores) -> Scores:
    """The chance that at least one of two witnesses is right."""
    return 1 - (1 - one) * (1 - other)
