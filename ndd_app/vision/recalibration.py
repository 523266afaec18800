"""What a collection says of its own pairs corrects the chances of all of them, without labels and by people's answers.

Where hardly any pair with matching points is likely, other photos match by what all of them bear, a stamp or the lines
of a form: then doubtful pairs are strangers more often than where the model has learned.

Few answers move a logistic curve (Platt 1999) away from “as it was”, the more of them the further; many draw a monotone
curve of their own (isotonic regression, Zadrozny and Elkan 2002).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit
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
USUAL_COUNTS = 30.0
"""Pairs: a collection's own say more about it than the usual share does from so many on."""
ROUNDS = 100

Correction = Callable[[Scores], Scores]
Numbers = npt.NDArray[np.float64]


def correction_by_scarcity(chances: Scores, usual: float) -> Correction:
    """chances (m,): of a collection's pairs with matching points; usual: the share of duplicates that they suppose.

    The share here is estimated from the chances themselves (EM; Saerens, Latinne and Decaestecker 2002). A lower one
    lowers the odds of a pair by as much as the pair is doubtful: the strangers of whom there are more look like those
    that the model knows. A higher one raises none: it comes of easy pairs, and says nothing of the doubtful ones.
    """
    log_odds, factor = _log_odds(chances), 0.0
    for _ in range(ROUNDS):
        share = (_made_scarcer(log_odds, factor).sum() + USUAL_COUNTS * usual) / (len(chances) + USUAL_COUNTS)
        factor = min(0.0, float(_log_odds(share) - _log_odds(usual)))
    return lambda values: _made_scarcer(_log_odds(values), factor).astype(np.float32)


def _made_scarcer(log_odds: Numbers, factor: float) -> Numbers:
    """The chances; factor ≤ 0, in log odds."""
    return expit(log_odds + factor * expit(-log_odds))


def correction_by(chances: Scores, answers: npt.NDArray[np.bool_]) -> Correction:
    """chances (m,): what the model gave to the answered pairs; answers (m,): whether people said yes."""
    yes = int(answers.sum())
    if len(answers) >= MANY and min(yes, len(answers) - yes) >= MANY_OF_EACH:
        curve = IsotonicRegression(y_min=LEAST, y_max=MOST, out_of_bounds="clip").fit(chances, answers)
        return lambda values: np.asarray(curve.predict(values), np.float32)
    slope, shift = _shrunken_platt(_log_odds(chances), answers.astype(float))

    def correct(values: Scores) -> Scores:
        return expit(slope * _log_odds(values) + shift).astype(np.float32)

    return correct


def _shrunken_platt(log_odds: Numbers, answers: Numbers) -> tuple[float, float]:
    """The most probable slope and shift; (1, 0) without answers. The slope stays positive.

    Of bounded influence by weights on the inputs (Mallows; Künsch, Stefanski and Carroll 1989).
    """
    usual, varies = np.array([1.0, 0.0]), np.array([SLOPE_VARIES, SHIFT_VARIES])
    weights = np.minimum(1, LEVERAGE / np.maximum(np.abs(log_odds), LEVERAGE))

    def improbability(found: Numbers) -> float:
        corrected = found[0] * log_odds + found[1]
        of_answers = weights @ (np.logaddexp(0, corrected) - answers * corrected)
        return float(of_answers + (((found - usual) / varies) ** 2).sum() / 2)

    slope, shift = minimize(improbability, usual, bounds=[(0.05, None), (None, None)]).x
    return float(slope), float(shift)


def _log_odds(chances: npt.ArrayLike) -> Numbers:
    return logit(np.clip(np.asarray(chances, np.float64), LEAST, MOST))
