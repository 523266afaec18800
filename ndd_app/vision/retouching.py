"""Does one scan show something else in one place, while all the rest of it agrees with the other one?

Whoever takes a person out of a picture changes a patch of it. Wear is thin or small (scratches, folds, dust), mounts
and cut edges lie around the picture, light falls off slowly, and another exposure differs a little everywhere.
"""

import cv2
import numpy as np

from ndd_app.vision.likeness import WINDOW, Mask, Squares

DIFFERENT, ALIKE = 0.6, 0.7
"""Correlations of fine tones in a square. Between them it may be either."""
MAJORITY = 15
"""Pixels are judged by the majority around them: a fold makes a strip of squares differ, narrower than this."""
SMALLEST_RADIUS = 3.0
REST_AGREES = 0.95
"""Share of the other detail that must be alike: of two exposures of one scene it seldom is."""


def share_retouched(squares: Squares, common: Mask) -> float:
    """Share of the overlap that the largest disk covers in which the scans, laid on each other, show different things.

    A disk, since what is long and thin is wear; it is a good deal smaller than what was retouched. 0 where the rest
    disagrees too.
    """
    likeness, detail = squares.likeness, squares.detail
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
