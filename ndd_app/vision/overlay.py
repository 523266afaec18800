"""One scan laid on the other: how far their tones agree where both lie."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.alignment import lay_on
from ndd_app.vision.geometry import Registration, Scan
from ndd_app.vision.likeness import Squares, away_from_edges, compare_squares
from ndd_app.vision.retouching import share_retouched

LONG_SIDE = 192
"""At which two scans are compared, in pixels."""
WINDOW = 9
"""Side of the squares in which detail is compared."""
ALIKE = 0.5
"""Squares correlate at least so much where both scans have the same detail."""
NOISE = 2.0
"""Grain, in tones of 256: less is no detail."""
MARGIN = 7
"""Scanner edges and deckled cuts correlate by themselves: so far from them no rest is compared."""
AROUND = 12
"""Pixels around a matching point that are not away from it."""
SMALLEST_REST = 0.05
"""Share of the first scan away from the matching points from which on it can be compared."""
DETAILED = 0.2
"""Share of that from which on its detail is compared."""

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Overlay:
    """All between 0 and 1, but for the correlations (-1 … 1).

    correlation: of the tones where both scans lie, an inversion undone. agreement: shares of the detail in both scans
    that the other one has too. tone: shares of the tones in each scan that the other one's explain through a tone
    curve; another exposure or another colour filter breaks it. rest: how alike both scans are away from the matching
    points; None where hardly anything is. Two forms that were printed alike differ there, or two photos that bear the
    same watermark, and two scans of one sheet have its stains in common. retouched: share of the overlap in the largest
    disk in which they show different things while the rest agrees (see vision/retouching.py). likeness: of the usual
    square, None where there is hardly any detail (see vision/likeness.py).
    """

    correlation: float
    agreement: tuple[float, float]
    tone: tuple[float, float]
    rest: float | None
    retouched: float
    likeness: float | None


NOTHING = Overlay(0.0, (0.0, 0.0), (0.0, 0.0), None, 0.0, None)


def lay_over(first: Scan, second: Scan, registration: Registration) -> Overlay:
    here, there, common = lay_on(first, second, registration, LONG_SIDE)
    if common.sum() < WINDOW**2:
        return NOTHING
    if registration.variant.inverted:
        there = 255 - there
    squares = compare_squares(here, there, common)
    smooth, smooth_there = (cv2.GaussianBlur(tones, (0, 0), 1.0) for tones in (here, there))
    return Overlay(
        correlation=correlate(smooth[common], smooth_there[common]),
        agreement=_agreement(smooth, smooth_there, common),
        tone=(_explained(smooth_there[common], smooth[common]), _explained(smooth[common], smooth_there[common])),
        rest=_likeness_of_rest(here, there, squares, common, registration),
        retouched=share_retouched(squares, common),
        likeness=squares.usual,
    )


def _agreement(here: Values, there: Values, common: Mask) -> tuple[float, float]:
    square = (WINDOW, WINDOW)
    mean, mean_there = cv2.blur(here, square), cv2.blur(there, square)
    variance = np.maximum(cv2.blur(here * here, square) - mean * mean, 0)
    variance_there = np.maximum(cv2.blur(there * there, square) - mean_there * mean_there, 0)
    shared = cv2.blur(here * there, square) - mean * mean_there
    alike = shared / np.sqrt((variance + NOISE**2) * (variance_there + NOISE**2)) > ALIKE
    details = (np.maximum(np.sqrt(values) - NOISE, 0) * common for values in (variance, variance_there))
    first, second = (float((detail * alike).sum() / max(detail.sum(), 1e-6)) for detail in details)
    return first, second


def _explained(tones: Values, by: Values) -> float:
    """The share of the variance of `tones` that the mean tone over each of 32 steps of `by` explains."""
    steps = np.clip(by / 8, 0, 31).astype(np.int64)
    counts = np.bincount(steps, minlength=32)
    means = np.bincount(steps, tones, 32) / np.maximum(counts, 1)
    left = float(np.mean((tones - means[steps]) ** 2))
    return float(np.clip(1 - left / max(float(tones.var()), 1.0), 0, 1))


def _likeness_of_rest(
    here: Values, there: Values, squares: Squares, common: Mask, registration: Registration
) -> float | None:
    """The mean over the squares with detail: one bright frame that two web pages share does not make them alike.

    Of blank paper the correlation of its stains.
    """
    around = np.zeros(here.shape, np.uint8)
    for x, y in (registration.points[:, :2] * max(here.shape)).astype(int).tolist():
        cv2.circle(around, (x, y), AROUND, 255, cv2.FILLED)
    rest = away_from_edges(common, MARGIN) & (around == 0)
    if rest.sum() < SMALLEST_REST * rest.size:
        return None
    detailed = rest & squares.detail
    if detailed.sum() >= DETAILED * rest.sum():
        return float(squares.likeness[detailed].mean())
    return correlate(_stains(here, rest), _stains(there, rest))


def _stains(tones: Values, where: Mask) -> Values:
    """What is neither grain nor light and shade; a few extreme tones must not decide."""
    lowest, highest = np.quantile(tones[where], (0.02, 0.98))
    clipped = np.clip(tones, lowest, highest)
    return np.asarray((cv2.GaussianBlur(clipped, (0, 0), 2) - cv2.GaussianBlur(clipped, (0, 0), 12))[where], np.float32)


def correlate(one: Values, other: Values) -> float:
    if min(one.std(), other.std()) < 1e-2:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
