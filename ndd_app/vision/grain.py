"""The grain of paper: every sheet has a texture and spots of its own, also among sheets that are printed alike.

Scanners see them (Clarkson et al. 2009, who tell single sheets apart by them, much finer). Rules and tints that are too
pale to be taken for ink lie in few frequencies, grain in all of them; fine security print is not told from it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.alignment import Mask, Values, lay_on
from ndd_app.vision.geometry import Registration, Scan
from ndd_app.vision.likeness import away_from_edges
from ndd_app.vision.sheets import A_SHEET, without_strokes

LONG_SIDE = 320
"""At which two scans are compared, in pixels."""
MARGIN = 12
"""Scanner edges and deckled cuts agree by themselves."""
INK, AROUND = 7, 9
"""What is drawn with thin strokes, so many tones of 256 darker than the paper, and what is within so many pixels."""
FINE, COARSE = 0.7, 4.0
"""Between these blurs is the grain: stains and shade are coarser, and two sheets may have alike ones."""
SQUARE, BARE, FEWEST = 24, 0.5, 8
"""Side of the squares, which overlap by half; share of each that is without ink; how many there must be."""
FAINT = 0.5
"""Tones by which grain varies, from which on it is seen. That of old cards, faded or blurred, varies by 0.6 and more;
a scanner's own noise, which no two scans share, by less, and copies in black and white have none.
"""
MOST = 2 / 3
"""Of the frequencies must have so much in common: pale print lies in fewer."""
OTHER, SAME = 0.10, 0.35
"""Up to here two sheets are printed alike, from here on they are one.

Of pairs of two drawn sheets or old cards nine in ten stayed below 0.03 and all below 0.13; those with pale rules, tints
or dots in common below 0.09, with a pale narrow grid below 0.23. Of scans with copies of them that were worn in twenty
ways, nine in ten were above 0.15 to 0.6, by the sort of the sheet.
"""

_SOFT_EDGES = np.outer(*2 * [np.hanning(SQUARE + 2)[1:-1]]).astype(np.float32)
_FREQUENCIES = np.hypot(np.fft.fftfreq(SQUARE)[:, None], np.fft.rfftfreq(SQUARE))
_OF_GRAIN = (_FREQUENCIES >= 1 / 12) & (_FREQUENCIES <= 1 / 4)

Spectra = npt.NDArray[np.complexfloating]


def likeness_of_grain(first: Scan, second: Scan, registration: Registration) -> float | None:
    """The coherence (-1 … 1) of two sheets' grain where neither bears ink; None where hardly any is seen."""
    if min(first.paper, second.paper) <= A_SHEET[0]:
        return None
    here, there, common = lay_on(first, second, registration, LONG_SIDE)
    bare = away_from_edges(common, MARGIN) & ~_near_ink(here) & ~_near_ink(there)
    if min(bare.shape) < SQUARE or (_squares(bare).mean(axis=(1, 2)) >= BARE).sum() < FEWEST:
        return None
    grain, other = _grain(here, bare), _grain(there, bare)
    if min(grain[bare].std(), other[bare].std()) < FAINT:
        return None
    return _coherence(_spectra(grain, bare), _spectra(other, bare))


def _near_ink(tones: Values) -> Mask:
    ink = without_strokes(tones.astype(np.uint8)) - tones > INK
    return cv2.dilate(ink.astype(np.uint8), np.ones((AROUND, AROUND), np.uint8)) > 0


def _grain(tones: Values, where: Mask) -> Values:
    """A few extreme tones must not decide."""
    clipped = np.clip(tones, *np.quantile(tones[where], (0.02, 0.98)))
    fine, coarse = (cv2.GaussianBlur(clipped, (0, 0), blur) for blur in (FINE, COARSE))
    return np.asarray(fine - coarse, np.float32)


def _spectra(grain: Values, bare: Mask) -> Spectra:
    """(squares, frequencies) of those that are mostly bare, all as strong: the edge of a tint must not decide."""
    inside = _squares(bare)
    chosen = inside.mean(axis=(1, 2)) >= BARE
    inside, squares = inside[chosen], _squares(grain)[chosen]
    means = (squares * inside).sum(axis=(1, 2)) / inside.sum(axis=(1, 2))
    spectra = np.fft.rfft2((squares - means[:, None, None]) * inside * _SOFT_EDGES)[:, _OF_GRAIN]
    strength = np.sqrt((np.abs(spectra) ** 2).mean(axis=1, keepdims=True))
    return np.asarray(spectra / np.maximum(strength, 1e-6))


def _squares(values: npt.NDArray) -> npt.NDArray:
    """(m, SQUARE, SQUARE)"""
    windows = np.lib.stride_tricks.sliding_window_view(values, (SQUARE, SQUARE))
    return windows[:: SQUARE // 2, :: SQUARE // 2].reshape(-1, SQUARE, SQUARE)


def _coherence(one: Spectra, other: Spectra) -> float:
    """What the squares of both have in common at most frequencies."""
    shared = (one * other.conj()).sum(axis=0).real
    powers = (np.abs(one) ** 2).sum(axis=0) * (np.abs(other) ** 2).sum(axis=0)
    return float(np.quantile(shared / np.maximum(np.sqrt(powers), 1e-6), 1 - MOST))
