"""What people answered about pairs of a collection corrects the chances of all its pairs.

Few answers move a logistic curve (Platt 1999) away from “as it was”, the more of them the further; many draw a monotone
curve of their own (isotonic regression, Zadrozny and Elkan 2002).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from ndd_app.vision.neighbours import Scores

MANY = 300
MANY_OF_EACH = 40
SLOPE_VARIES = 0.3
"""Standard deviation of the slope around 1 before any answer; collections differ less than this."""
SHIFT_VARIES = 0.7
"""The same of the shift around 0, in log odds."""
LEVERAGE = 2.0
"""In log odds: an answer to a pair farther from 0 counts the less, so that one slip on a sure pair moves little."""
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
    """The most probable slope and shift; (1, 0) without answers. The slope stays positive.

    Of bounded influence by weights on the inputs (Mallows; Künsch, Stefanski and Carroll 1989).
    """
    usual, varies = np.array([1.0, 0.0]), np.array([SLOPE_VARIES, SHIFT_VARIES])
    weights = np.minimum(1, LEVERAGE / np.maximum(np.abs(log_odds), LEVERAGE))

    def improbability(found: npt.NDArray[np.float64]) -> float:
        corrected = found[0] * log_odds + found[1]
        of_answers = weights @ (np.logaddexp(0, corrected) - answers * corrected)
        return float(of_answers + (((found - usual) / varies) ** 2).sum() / 2)

    slope, shift = minimize(improbability, usual, bounds=[(0.05, None), (None, None)]).x
    return float(slope), float(shift)


def _log_odds(chances: Scores) -> npt.NDArray[np.float64]:
    clipped = np.clip(chances.astype(np.float64), LEAST, MOST)
    return np.log(clipped / (1 - clipped))
