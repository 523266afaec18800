"""How many pairs without matching points are duplicates, from the pairs of a collection themselves, without labels.

Seldom does a stranger come near: the surprise of strangers falls off exponentially, how steeply differs with the
encoders and the collection. Duplicates lie much more evenly above them. Both shares and the strangers' slope are fitted
to all pairs above a floor (EM, Dempster et al. 1977); the chance of a pair is what a local false discovery rate leaves
(Efron et al. 2001). So an archive of single photos gives little to what one full of duplicates gives much.
"""

import math
from dataclasses import dataclass

import numpy as np

from ndd_app.vision.neighbours import Scores

FLOOR = -0.5
"""Of the surprise: below it pairs are too many to tell anything, and not all are known."""
HIGHEST = 4.0
SLOPE_OF_DUPLICATES = 0.5
"""e times as few for each 2 of surprise: what lies far above is matched by geometry already."""
LEAST_SLOPE = math.log(10)
"""Of strangers: the surprise is made so that they fall off by ten for each unit (see vision/neighbours.py)."""
USUAL_SLOPE, SLOPE_COUNTS = 2.8, 100.0
"""Of strangers. Collections lie some 0.3 around it; so many pairs of its own tell more about one than this does."""
USUAL_DUPLICATES, USUAL_STRANGERS = 2.0, 10.0
"""Counted with the pairs of a collection: a small one says little for itself."""
STEPS = 200


@dataclass(frozen=True)
class Density:
    """slope: of strangers, in e-folds for each unit of surprise; share: of duplicates, among the pairs above FLOOR."""

    slope: float = USUAL_SLOPE
    share: float = USUAL_DUPLICATES / (USUAL_DUPLICATES + USUAL_STRANGERS)

    @classmethod
    def among(cls, surprise: Scores) -> "Density":
        """surprise: (m,) of the pairs without matching points that nothing else speaks for."""
        height = _height(surprise[surprise > FLOOR])
        found = cls()
        for _ in range(STEPS):
            duplicates = found._chances(height)
            strangers = 1 - duplicates
            share = (duplicates.sum() + USUAL_DUPLICATES) / (len(height) + USUAL_DUPLICATES + USUAL_STRANGERS)
            slope = (strangers.sum() + SLOPE_COUNTS) / ((strangers * height).sum() + SLOPE_COUNTS / USUAL_SLOPE)
            found = cls(max(float(slope), LEAST_SLOPE), float(share))
        return found

    def chances(self, surprise: Scores) -> Scores:
        """(m,): of pairs without matching points, the nearer the likelier."""
        return self._chances(_height(surprise))

    def likelihood_ratio(self, surprise: Scores) -> Scores:
        """(m,): how much more often duplicates than strangers are as near."""
        return self._ratio(_height(surprise))

    def _chances(self, height: Scores) -> Scores:
        odds = self.share / (1 - self.share) * self._ratio(height)
        return odds / (1 + odds)

    def _ratio(self, height: Scores) -> Scores:
        rise = np.exp((self.slope - SLOPE_OF_DUPLICATES) * height)
        return np.asarray(SLOPE_OF_DUPLICATES / self.slope * rise, np.float32)


def _height(surprise: Scores) -> Scores:
    return np.asarray(np.minimum(surprise, HIGHEST) - FLOOR, np.float32)
