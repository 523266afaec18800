"""How many pairs without matching points are duplicates, from the pairs of a collection themselves, without labels.

Seldom does a stranger come near: the surprise of strangers falls off exponentially, how steeply differs with the
encoders and the collection. Duplicates lie above most of them, spread wide, how wide differs too. Both distributions
and their shares are fitted to all pairs above a floor (EM, Dempster et al. 1977); the chance of a pair is what a local
false discovery rate leaves (Efron et al. 2001). So an archive of single photos gives little to what one full of
duplicates gives much.
"""

import math
from dataclasses import dataclass

import numpy as np

from ndd_app.vision.neighbours import Scores

FLOOR = -0.5
"""Of the surprise: what lies below it is not fitted. There strangers fall off more steeply."""
FARTHEST = -1.0
"""Of the surprise: farther apart than this, only matching points make two photos duplicates."""
HIGHEST = 4.0
"""What lies above is matched by geometry already."""
SHAPE = 3
"""Of the gamma distribution of how much nearer than FARTHEST duplicates are; 2 or 4 fit almost as well."""
USUAL_MEAN, MEAN_COUNTS = 1.7, 10.0
"""Of the same; so many duplicates of its own tell more about a collection than this does."""
LEAST_SLOPE = math.log(10)
"""Of strangers: the surprise is made so that they fall off by ten for each unit (see vision/neighbours.py)."""
USUAL_SLOPE, SLOPE_COUNTS = 2.8, 100.0
"""Of strangers, in the same way. Collections lie some 0.3 around it."""
USUAL_DUPLICATES, USUAL_STRANGERS = 2.0, 10.0
"""Counted with the pairs of a collection: a small one says little for itself."""
STEPS = 200


@dataclass(frozen=True)
class Density:
    """share: of duplicates, among the pairs above FLOOR; slope and rate: of strangers and duplicates, for each unit."""

    slope: float = USUAL_SLOPE
    share: float = USUAL_DUPLICATES / (USUAL_DUPLICATES + USUAL_STRANGERS)
    rate: float = SHAPE / USUAL_MEAN

    @classmethod
    def among(cls, surprise: Scores) -> "Density":
        """surprise: (m,) of the pairs without matching points that nothing else speaks for."""
        near = np.minimum(surprise[surprise > FLOOR], HIGHEST)
        found = cls()
        for _ in range(STEPS):
            duplicates = found.chances(near)
            strangers = 1 - duplicates
            share = (duplicates.sum() + USUAL_DUPLICATES) / (len(near) + USUAL_DUPLICATES + USUAL_STRANGERS)
            slope = (strangers.sum() + SLOPE_COUNTS) / (strangers @ (near - FLOOR) + SLOPE_COUNTS / USUAL_SLOPE)
            mean = (duplicates @ (near - FARTHEST) + MEAN_COUNTS * USUAL_MEAN) / (duplicates.sum() + MEAN_COUNTS)
            slope = max(float(slope), LEAST_SLOPE)
            found = cls(slope, float(share), min(SHAPE / float(mean), slope))  # else the nearer were not the likelier
        return found

    def chances(self, surprise: Scores) -> Scores:
        """(m,): of pairs without matching points, the nearer the likelier."""
        odds = self.share / (1 - self.share) * self.likelihood_ratio(surprise)
        return odds / (1 + odds)

    def likelihood_ratio(self, surprise: Scores) -> Scores:
        """(m,): how much more often duplicates than strangers are as near."""
        near = np.clip(surprise, FARTHEST, HIGHEST)
        above = near - FARTHEST
        duplicates = self.rate**SHAPE * above ** (SHAPE - 1) * np.exp(-self.rate * above) / math.factorial(SHAPE - 1)
        strangers = self.slope * np.exp(-self.slope * (near - FLOOR))
        return np.asarray(duplicates / strangers, np.float32)
