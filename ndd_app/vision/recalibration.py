"""What people answered about pairs of a collection corrects the chances of all its pairs.

Few answers move a logistic curve (Platt 1999) away from “as it was”, the more of them the further; many draw a monotone
curve of their own (isotonic regression, Zadrozny and Elkan 2002).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from ndd_app.vision.neighbours import Scores

MANY = 300
MANY_OF_EACH = 40
SLOPE_VARIES = 0.3
"""Standard deviation of the slope around 1 before any answer; collections differ less than this."""
SHIFT_VARIES = 0.7
"""The same of the shift around 0, in log odds."""
SLIPS = 0.05
"""Share of the answers that tell nothing of the chances: slips, and pairs that people know from elsewhere."""
LEAST, MOST = 1e-4, 0.9999
"""Of 5,970 pairs at a former end of .9998, in the sets of docs/figures.md with weights, none was false."""

Correction = Callable[[Scores], Scores]


def correction_by(chances: Scores, answers: npt.NDArray[np.bool_]) -> Correction:
    """chances (m,): what the model gave to the answered pairs; answers (m,): whether people said yes."""
    yes = int(answers.sum())
    if len(answers) >= MANY and min(yes, len(answers) - yes) >= MANY_OF_EACH:
        curve = IsotonicRegression(y_min=LEAST, y_max=MOST, out_of_bounds="clip").fit(chances, answers)
        return lambda values: np.asarray(curve.predict(values), np.float32)
    slope, shift = _shrunken_platt(_log_odds(chances), answers.astype(float))

    def correct(values: Scores) -> Scores:
        return (1 / (1 + np.exp(-(slope * _log_odds(values) + shift)))).astype(np.float32)

    return correct


def _shrunken_platt(log_odds: npt.NDArray[np.float64], answers: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The most probable slope and shift, by EM and Newton's method; (1, 0) without answers. The slope stays positive.

    The less likely an answer is, the more it may be a slip: one that nobody would expect moves next to nothing.
    """
    usual, precision = np.array([1.0, 0.0]), np.array([SLOPE_VARIES**-2, SHIFT_VARIES**-2])
    inputs = np.column_stack([log_odds, np.ones_like(log_odds)])
    found = usual.copy()
    for _ in range(30):
        chances = 1 / (1 + np.exp(-inputs @ found))
        expected = (1 - SLIPS) * np.where(answers == 1, chances, 1 - chances)
        heard = expected / (expected + SLIPS / 2)
        gradient = inputs.T @ (heard * (chances - answers)) + precision * (found - usual)
        curvature = (inputs * (heard * chances * (1 - chances))[:, None]).T @ inputs + np.diag(precision)
        found = found - np.linalg.solve(curvature, gradient)
        found[0] = max(found[0], 0.05)
    return float(found[0]), float(found[1])


def _log_odds(chances: Scores) -> npt.NDArray[np.float64]:
    clipped = np.clip(chances.astype(np.float64), LEAST, MOST)
    return np.log(clipped / (1 - clipped))
