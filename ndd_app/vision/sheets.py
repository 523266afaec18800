"""Written and printed sheets: forms are printed alike and one stamp comes on many, so few marks in common say little.

On a sheet the paper lies everywhere between thin strokes. What is drawn with them is filled with the tone around it,
and the shade of a fold, a stain or a lamp is evened out: what then has one light tone is paper. On a photo there is
seldom so much of it, and what stands before a plain wall or a plain sky is wide and dark, as no stroke is.
"""

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Tones = npt.NDArray[np.float32]

SHEET = 0.85
"""Share of paper from which on a scan may be one of a sheet."""
A_SHEET = (0.84, 0.87)
"""From where to where a scan becomes paper by its share of it."""
STROKE = 0.03
"""Width of the widest stroke that is filled, as a share of the longer side."""
LEAST_RANGE = 8
"""Between the darkest and the lightest tone of a scan, of 256: one with less shows nothing."""
STEPS, LIGHT, AROUND = 32, 20, 4
"""Of the range; paper has the commonest tone, a light one, and what lies so many steps around it."""
DARK, DEAR = 0.5, 6.0
"""What is so much of the range darker than the paper, once strokes are filled, costs so many times its share …"""
EDGE = 0.06
"""… but for that of the edges: scanners have dark beds."""
SIDE, ROUNDS = 32, 6
"""The shade is a surface of the second order through so many places on a side, refitted to those that lie near it."""

_DOWN, _ACROSS = np.mgrid[-1 : 1 : complex(SIDE), -1 : 1 : complex(SIDE)].reshape(2, -1)
_POWERS = np.stack([np.ones(SIDE**2), _ACROSS, _DOWN, _ACROSS**2, _ACROSS * _DOWN, _DOWN**2], axis=1)


def share_of_paper(grey: Grey) -> float:
    """Of the scan, less what no sheet has: below 0.8 for nearly all photos."""
    darkest, lightest = np.quantile(grey, (0.01, 0.99))
    if lightest - darkest < LEAST_RANGE:
        return 0.0
    filled = without_strokes(grey)
    even = np.clip(_evened(filled), 0, lightest)
    return max(_share_of_one_tone((tones - darkest) / (lightest - darkest)) for tones in (filled, even))


def without_strokes(grey: Grey) -> Tones:
    """The scan with what is drawn with thin dark strokes filled by the tone around it."""
    width = round(STROKE * max(grey.shape)) | 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.medianBlur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, brush), 5), np.float32)


def _evened(tones: Tones) -> Tones:
    places = cv2.resize(tones, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    weights = np.ones(SIDE**2)
    for _ in range(ROUNDS):
        factors = np.linalg.lstsq(_POWERS * weights[:, None], places * weights, rcond=None)[0]
        shade = _POWERS @ factors
        beside = np.abs(places - shade)
        weights = 1 / (1 + (beside / (2 * max(float(np.median(beside)), 2.0))) ** 2)
    surface = cv2.resize(shade.reshape(SIDE, SIDE).astype(np.float32), tones.shape[::-1])
    return np.asarray(tones * np.clip(np.median(surface) / np.maximum(surface, 1), 0.5, 2), np.float32)


def _share_of_one_tone(tones: Tones) -> float:
    """tones: 0 the darkest of the scan … 1 the lightest"""
    steps = ((STEPS - 1) * np.clip(tones, 0, 1)).astype(np.int64)
    counts = np.bincount(steps.ravel(), minlength=STEPS)
    commonest = int(counts.argmax())
    if commonest < LIGHT:
        return 0.0
    share = counts[max(0, commonest - AROUND) : commonest + AROUND + 1].sum() / counts.sum()
    edge = round(EDGE * max(tones.shape))
    middle = tones[edge : tones.shape[0] - edge, edge : tones.shape[1] - edge]
    dark = np.mean(middle < (commonest + 0.5) / (STEPS - 1) - DARK) if middle.size else 0.0
    return max(0.0, float(share - DEAR * dark))
