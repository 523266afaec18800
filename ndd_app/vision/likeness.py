"""How far two scans show the same, square by square, when one is laid on the other.

What is compared are fine tones: a scan that faded has them too, and another exposure differs a little everywhere.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

SPECKS = 5
"""Pixels, of scans 192 long: whatever a median over so many takes out is dust or a scratch."""
SLOW = 11
"""What does not change over so many pixels is light and shade."""
WINDOW = 9
"""Side of the squares."""
NOISE = 2.0
DETAIL = 6.0
"""Tones of 256: fine tones vary by so much where there is something to see in either scan."""
MARGIN = 8
"""Pixels within which the squares reach over the edge of either scan; mounts and cut edges differ there."""
FEWEST = 50
"""Pixels with detail, from which on there is something to compare."""

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Squares:
    """Around each pixel (height, width): how the fine tones of both correlate, and whether either has detail there."""

    likeness: Values
    detail: Mask

    @property
    def usual(self) -> float | None:
        """The likeness of the middle one: a label over a part, or a torn corner, does not count. None without detail.

        Of two exposures it is lower, since they differ everywhere.
        """
        found = self.likeness[self.detail]
        return float(np.median(found)) if len(found) >= FEWEST else None


def compare_squares(here: Values, there: Values, common: Mask) -> Squares:
    """A faded scan has the same detail in fewer tones: those of the second are measured by those of the first.

    common (height, width): where both scans lie.
    """
    square, fine, fine_there = (WINDOW, WINDOW), _fine(here, common), _fine(there, common)
    power, power_there = cv2.blur(fine * fine, square), cv2.blur(fine_there * fine_there, square)
    likeness = cv2.blur(fine * fine_there, square) / np.sqrt((power + NOISE**2) * (power_there + NOISE**2))
    contrast = float(power[common].mean() / max(float(power_there[common].mean()), 1.0))
    detail = np.maximum(power, contrast * power_there) > DETAIL**2
    return Squares(np.asarray(likeness, np.float32), detail & away_from_edges(common, MARGIN))


def _fine(tones: Values, common: Mask) -> Values:
    """What is neither a speck nor light and shade, around 0; 0 where only one scan lies."""
    inside, around = common.astype(np.float32), (SLOW, SLOW)
    cleaned = cv2.medianBlur(tones.astype(np.uint8), SPECKS) * inside
    slow = cv2.blur(cleaned, around) / np.maximum(cv2.blur(inside, around), 1e-3)
    return np.asarray(cleaned - slow * inside, np.float32)


def away_from_edges(common: Mask, margin: int) -> Mask:
    """Where both scans lie, so many pixels from the edges of either."""
    inside = common.astype(np.uint8)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    return cv2.erode(inside, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8), borderValue=0) > 0
