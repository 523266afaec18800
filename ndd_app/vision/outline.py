"""Does a picture go on beyond the edge of a scan that shows less of it? Then that scan is a crop, else this a mount.

The tones along a line just inside the edge are compared with those just outside. A scene goes on; a mount, a border or
a scanner's bed begins anew.
"""

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.geometry import Grey, Points

INSIDE, OUTSIDE = 0.96, 1.04
"""The two lines, as sizes of the outline around its middle."""
SAMPLES = 200
FEWEST_SAMPLES = 30
FLAT = 1.0
"""Tones of 256: a line that varies less has nothing that could go on."""


def continuation(grey: Grey, outline: Points) -> float | None:
    """Correlation of the tones inside and outside an outline (4, 2), in units of the scan's longer side.

    None where both lines hardly lie on the scan.
    """
    tones = cv2.GaussianBlur(grey, (0, 0), 1).astype(np.float32)
    (inside, is_seen), (outside, is_seen_too) = (_tones_along(tones, outline, size) for size in (INSIDE, OUTSIDE))
    seen = is_seen & is_seen_too
    if seen.sum() < FEWEST_SAMPLES:
        return None
    inside, outside = inside[seen], outside[seen]
    if min(inside.std(), outside.std()) < FLAT:
        return 0.0
    return float(np.corrcoef(inside, outside)[0, 1])


def _tones_along(
    tones: npt.NDArray[np.float32], outline: Points, size: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(SAMPLES,): the tones at even steps along the outline at that size, and whether they lie on the scan."""
    corners = outline.mean(axis=0) + (outline - outline.mean(axis=0)) * size
    steps = np.linspace(0, 1, SAMPLES // 4, endpoint=False)[:, None]
    sides = zip(corners, np.roll(corners, -1, axis=0), strict=True)
    across, down = (np.concatenate([a + (b - a) * steps for a, b in sides]) * max(tones.shape)).T.astype(np.float32)
    height, width = tones.shape
    seen = (across >= 0) & (down >= 0) & (across < width - 1) & (down < height - 1)
    return cv2.remap(tones, across[None], down[None], cv2.INTER_LINEAR)[0], seen
