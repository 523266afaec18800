"""Does one scan show something else in one place, while all the rest of it agrees with the other one?

Whoever takes a person out of a picture changes a patch of it. Wear is thin or small (scratches, folds, dust), mounts
and cut edges lie around the picture, light falls off slowly, and another exposure differs a little everywhere.
"""

import cv2
import numpy as np
import numpy.typing as npt

SPECKS = 5
"""Pixels, of scans 192 long: whatever a median over so many takes out is dust or a scratch."""
SLOW = 11
"""What does not change over so many pixels is light and shade."""
WINDOW = 9
"""Side of the squares in which fine tones are compared."""
NOISE = 2.0
DETAIL = 6.0
"""Tones of 256: fine tones vary by so much where there is something to see in either scan."""
DIFFERENT, ALIKE = 0.6, 0.7
"""Correlations of fine tones in a square. Between them it may be either."""
MAJORITY = 15
"""Pixels are judged by the majority around them: a fold makes a strip of squares differ, narrower than this."""
MARGIN = 8
"""Pixels within which the squares reach over the edge of either scan; mounts and cut edges differ there."""
SMALLEST_RADIUS = 3.0
REST_AGREES = 0.95
"""Share of the other detail that must be alike: of two exposures of one scene it seldom is."""

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def share_retouched(here: Values, there: Values, common: Mask) -> float:
    """Share of the overlap that the largest disk covers in which the scans, laid on each other, show different things.

    A disk, since what is long and thin is wear; it is a good deal smaller than what was retouched. 0 where the rest
    disagrees too.
    """
    likeness, detail = _likeness(_fine(here, common), _fine(there, common), common)
    detail &= _away_from_edges(common)
    different = cv2.blur(255 * (detail & (likeness < DIFFERENT)).astype(np.uint8), (MAJORITY, MAJORITY)) > 127
    patches = different.astype(np.uint8)
    _, radius, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(patches, cv2.DIST_L2, 3))
    if radius < SMALLEST_RADIUS:
        return 0.0
    labels = cv2.connectedComponents(patches)[1]
    patch = (labels == labels[y, x]).astype(np.uint8)
    rest = detail & (cv2.dilate(patch, np.ones((2 * WINDOW + 1, 2 * WINDOW + 1), np.uint8)) == 0)
    if np.count_nonzero(likeness[rest] > ALIKE) <= REST_AGREES * np.count_nonzero(rest):
        return 0.0
    return float(min(1, np.pi * radius**2 / np.count_nonzero(common)))


def _fine(tones: Values, common: Mask) -> Values:
    """What is neither a speck nor light and shade, around 0; 0 where only one scan lies."""
    inside, around = common.astype(np.float32), (SLOW, SLOW)
    cleaned = cv2.medianBlur(tones.astype(np.uint8), SPECKS) * inside
    slow = cv2.blur(cleaned, around) / np.maximum(cv2.blur(inside, around), 1e-3)
    return np.asarray(cleaned - slow * inside, np.float32)


def _likeness(fine: Values, fine_there: Values, common: Mask) -> tuple[Values, Mask]:
    """How the fine tones of both correlate in the square around each pixel, and where either has detail.

    A faded scan has the same detail in fewer tones: those of the second are measured by those of the first.
    """
    square = (WINDOW, WINDOW)
    power, power_there = cv2.blur(fine * fine, square), cv2.blur(fine_there * fine_there, square)
    likeness = cv2.blur(fine * fine_there, square) / np.sqrt((power + NOISE**2) * (power_there + NOISE**2))
    contrast = float(power[common].mean() / max(float(power_there[common].mean()), 1.0))
    return likeness, np.maximum(power, contrast * power_there) > DETAIL**2


def _away_from_edges(common: Mask) -> Mask:
    inside = common.astype(np.uint8)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    return cv2.erode(inside, np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8), borderValue=0) > 0
