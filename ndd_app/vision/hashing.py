"""Fingerprints: short codes that stay nearly the same when a picture is resized, compressed or slightly toned."""

import cv2
import numpy as np

from ndd_app.vision.images import Pixels


def phash(pixels: Pixels) -> str:
    """OpenCV's pHash (low frequencies of a 32 × 32 cosine transform): 64 characters 0 or 1, compared by Hamming."""
    return _bits(cv2.img_hash.pHash(_grey(pixels)))


def block_mean_hash(pixels: Pixels) -> str:
    """OpenCV's BlockMeanHash, mode 0 (16 × 16 blocks against their median): 256 characters 0 or 1."""
    return _bits(cv2.img_hash.blockMeanHash(_grey(pixels)))


def _grey(pixels: Pixels) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _bits(code: np.ndarray) -> str:
    return "".join(map(str, np.unpackbits(code.ravel())))
