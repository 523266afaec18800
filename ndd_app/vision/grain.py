"""The grain of paper: every sheet has spots and fibres of its own, also among sheets that are printed alike.

A scanner sees them without effort (Clarkson et al. 2009, who tell single sheets apart by them).
"""

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.alignment import lay_on
from ndd_app.vision.geometry import Registration, Scan
from ndd_app.vision.likeness import away_from_edges
from ndd_app.vision.overlay import correlate
from ndd_app.vision.sheets import without_strokes

PAPER = 0.8
"""A scan with a smaller share of it is none of a sheet."""
LONG_SIDE = 320
"""At which two scans are compared, in pixels."""
MARGIN = 12
"""Scanner edges and deckled cuts correlate by themselves."""
INK, AROUND = 12, 9
"""What is drawn with thin strokes, so many tones of 256 darker than the paper, and what is within so many pixels."""
FINE, COARSE = 0.7, 4.0
"""Between these blurs is the grain: stains and shade are coarser, and two sheets may have alike ones."""
FEWEST, FAINT = 1_000, 0.2
"""Pixels without ink, and tones by which their grain varies, from which on there is something to compare. Copies in
black and white and pages that never were paper have none; that of old cards, faded or blurred, varies by 0.45 at least.
"""

Values = npt.NDArray[np.float32]


def likeness_of_grain(first: Scan, second: Scan, registration: Registration) -> float | None:
    """How the grain of two sheets correlates (-1 … 1) where neither bears ink; None where hardly any is seen."""
    if min(first.paper, second.paper) < PAPER:
        return None
    here, there, common = lay_on(first, second, registration, LONG_SIDE)
    bare = away_from_edges(common, MARGIN) & ~_near_ink(here) & ~_near_ink(there)
    if bare.sum() < FEWEST:
        return None
    grain, other = _grain(here, bare), _grain(there, bare)
    return None if min(grain.std(), other.std()) < FAINT else correlate(grain, other)


def _near_ink(tones: Values) -> npt.NDArray[np.bool_]:
    ink = without_strokes(tones.astype(np.uint8)) - tones > INK
    return cv2.dilate(ink.astype(np.uint8), np.ones((AROUND, AROUND), np.uint8)) > 0


def _grain(tones: Values, where: npt.NDArray[np.bool_]) -> Values:
    """A few extreme tones must not decide."""
    lowest, highest = np.quantile(tones[where], (0.02, 0.98))
    clipped = np.clip(tones, lowest, highest)
    fine, coarse = (cv2.GaussianBlur(clipped, (0, 0), blur) for blur in (FINE, COARSE))
    return np.asarray((fine - coarse)[where], np.float32)
