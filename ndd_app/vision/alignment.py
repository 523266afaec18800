"""One scan laid on the other, pixel on pixel."""

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.geometry import Points, Registration, Scan
from ndd_app.vision.images import resize_to_fit

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def lay_on(first: Scan, second: Scan, registration: Registration, side: int) -> tuple[Values, Values, Mask]:
    """The first scan so many pixels long, the second one as it lies on it, and where it does.

    What is finer in one is blurred.
    """
    here, there = (resize_to_fit(scan.grey, side).astype(np.float32) for scan in (first, second))
    scale = registration.scale * max(there.shape) / max(here.shape)
    if scale > 1.2:
        there = cv2.GaussianBlur(there, (0, 0), 0.5 * scale)
    elif scale < 0.8:
        here = cv2.GaussianBlur(here, (0, 0), 0.5 / scale)
    lies = _in_pixels(registration.on_second(_places(first, here)), second, there).reshape(*here.shape, 2)
    laid = cv2.remap(there, lies, None, cv2.INTER_LINEAR)
    mask = cv2.remap(np.full(there.shape, 255, np.uint8), lies, None, cv2.INTER_NEAREST)
    common = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    return here, np.asarray(laid, np.float32), common


def _places(scan: Scan, reduced: Values) -> Points:
    """(n, 2): where the pixels of its reduced picture lie in the scan."""
    down, across = np.indices(reduced.shape, np.float32)
    pixels = np.stack([across.ravel(), down.ravel()], axis=1)
    return (pixels - _middle(scan, reduced)) / np.float32(max(reduced.shape))


def _in_pixels(places: Points, scan: Scan, reduced: Values) -> Points:
    return places * np.float32(max(reduced.shape)) + _middle(scan, reduced)


def _middle(scan: Scan, reduced: Values) -> np.float32:
    """Both count from the middles of their own pixels: a mirrored or turned scan would else lie a pixel beside it."""
    return np.float32((max(reduced.shape) / max(scan.width, scan.height) - 1) / 2)
