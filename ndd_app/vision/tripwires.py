"""Signs that an encoder went wrong, whatever the pairs say that it was asked about: collapse, hubs, another world."""

from dataclasses import dataclass

import numpy as np

from ndd_app.vision.encoders import Embeddings
from ndd_app.vision.neighbours import Indices, Lists, nearest

NEAREST = 10
LEAST_RANK = 0.1
"""An encoder that spreads the photos over fewer directions than this share of the present one's has collapsed.

What is milder the receipt's questions judge better: of 117 real encoders none that harmed went below .85 without being
refused by them too, and one that gained did (benchmarks/gate.py).
"""
MORE_SKEW = 2.0
"""So much more skewed than by the present encoder may be how often photos stand in others' lists."""
LEAST_COMMON = 0.2
"""So much of the ten nearest must stay, beyond what chance leaves."""


@dataclass(frozen=True)
class Tripwire:
    """value: the challenger's; limit: what it must reach, or must not pass; words: what it means if it is tripped."""

    name: str
    value: float
    limit: float
    tripped: bool
    words: str


def find_tripwires(challenger: Embeddings, present: Embeddings) -> list[Tripwire]:
    """Both (n, d), the same photos in the same order."""
    ours, theirs = nearest(challenger, NEAREST), nearest(present, NEAREST)
    rank, least = effective_rank(challenger), LEAST_RANK * effective_rank(present)
    skew, most = hubness(ours), hubness(theirs) + MORE_SKEW
    common = common_neighbours(ours, theirs)
    return [
        _tripwire("collapse", rank, least, rank < least, "it spreads the photos over fewer directions"),
        _tripwire("hubs", skew, most, skew > most, "a few photos stand in the lists of too many others"),
        _tripwire("drift", common, LEAST_COMMON, common < LEAST_COMMON, "hardly any photo keeps its neighbours"),
    ]


def effective_rank(rows: Embeddings) -> float:
    """exp of the entropy of the second moment's spectrum: how many directions rows (n, d) use, 1 for a single one.

    About the origin, not the mean: photos that have all moved to one place must show.
    """
    moment = np.asarray(rows.T @ rows, np.float64)
    values = np.clip(np.linalg.eigvalsh(moment), 0, None)
    if not values.sum():
        return 0.0
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def hubness(lists: Lists) -> float:
    """Skewness of the number of lists that each photo stands in (Radovanović et al. 2010); 0 where all are alike."""
    if not len(lists.indices):
        return 0.0
    counts = np.bincount(lists.indices[lists.indices >= 0], minlength=len(lists.indices)).astype(float)
    centred = counts - counts.mean()
    spread = counts.std()
    return float((centred**3).mean() / spread**3) if spread > 1e-9 else 0.0


def common_neighbours(ours: Lists, theirs: Lists) -> float:
    """The share of neighbours that both lists of a photo have, without what two random lists share: 1 all, 0 chance."""
    photos, length = ours.indices.shape
    seen = (ours.indices >= 0).any(axis=1) & (theirs.indices >= 0).any(axis=1)
    if photos < 2 or not length or not seen.any():
        return 1.0
    shared = np.array(
        [_shared(one, other) for one, other in zip(ours.indices[seen], theirs.indices[seen], strict=True)]
    )
    by_chance = length / (photos - 1)
    return float((shared.mean() - by_chance) / (1 - by_chance)) if by_chance < 1 else 1.0


def _shared(one: Indices, other: Indices) -> float:
    return len(np.intersect1d(one[one >= 0], other)) / len(one)


def _tripwire(name: str, value: float, limit: float, tripped: bool, words: str) -> Tripwire:
    return Tripwire(name, round(value, 4), round(limit, 4), tripped, words)
