"""How well neighbour lists and shown pairs agree with what people say belongs together.

Photos are numbered 0 … n-1. A neighbour list holds, row by row, every photo's neighbours, nearest first, without the
photo itself; -1 fills a list that is too short. All measures lie between 0 and 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from typing import Self

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Relevance:
    """Who asks and what they should find.

    queries: the photos that are asked about. pairs: (m, 2), each a query and one of its relevant photos, never itself.
    A photo that no one asks about takes part as a stranger to all queries it is not paired with.
    """

    photos: int
    queries: Indices
    pairs: Indices

    @classmethod
    def from_groups(cls, groups: Sequence[str | None]) -> Self:
        """One group name a photo; None for a photo that the annotation does not name, which then is no query."""
        members: dict[str, list[int]] = {}
        for photo, group in enumerate(groups):
            if group is not None:
                members.setdefault(group, []).append(photo)
        queries = sorted(chain.from_iterable(members.values()))
        return cls(len(groups), _indices(queries), _pairs(chain(*(permutations(m, 2) for m in members.values()))))

    @classmethod
    def from_matches(cls, photos: int, matches: Iterable[tuple[int, int]]) -> Self:
        """Partial annotation: (query, match) pairs, read in that direction only; a photo does not match itself."""
        pairs = _pairs((query, match) for query, match in matches if query != match)
        return cls(photos, np.unique(pairs[:, 0]), np.unique(pairs, axis=0))

    @property
    def relevant_per_query(self) -> Indices:
        return np.bincount(self.pairs[:, 0], minlength=self.photos)[self.queries]

    def contains(self, queries: Indices, others: Indices) -> npt.NDArray[np.bool_]:
        return np.isin(queries * self.photos + others, self.pairs @ _indices([self.photos, 1])) & (others >= 0)


def average_precision_at_k(
    neighbours: Indices, relevance: Relevance, k: int, *, query_in_gallery: bool = True
) -> Values:
    """AP@k of every query: the sum of precision@i over the ranks i ≤ k with a relevant photo, over min(k, relevant).

    With the query in the gallery, as the paper counts, it is its own first and relevant answer; a photo alone in its
    group then scores 1. Without it such a photo has nothing to find, scores NaN and is left out by `mean_over_queries`.
    """
    found = _found(neighbours, relevance, k)
    relevant = relevance.relevant_per_query
    if query_in_gallery:
        found = np.concatenate([np.ones((len(found), 1), bool), found], axis=1)[:, :k]
        relevant = relevant + 1
    precision = np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
    total = (precision * found).sum(axis=1)
    return np.where(relevant > 0, total / np.clip(relevant, 1, k), np.nan)


def hit_rate_at_k(neighbours: Indices, relevance: Relevance, k: int) -> float:
    """The share of queries, of those with anything to find, with a relevant photo among the first k, query left out.

    The paper prints this as "Precision@K" for its collection with one annotated match a query; it grows with K.
    """
    hits = _found(neighbours, relevance, k).any(axis=1)
    return mean_over_queries(np.where(relevance.relevant_per_query > 0, hits, np.nan))


def mean_over_queries(values: Values) -> float:
    """The mean without NaN; NaN where nothing is left."""
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if counted.size else float("nan")


@dataclass(frozen=True)
class PairScores:
    """precision: correct / judged; recall: correct / annotated; NaN where the denominator is 0."""

    judged: int
    annotated: int
    correct: int

    @property
    def precision(self) -> float:
        return self.correct / self.judged if self.judged else float("nan")

    @property
    def recall(self) -> float:
        return self.correct / self.annotated if self.annotated else float("nan")


def pair_precision_recall(shown: Indices, relevance: Relevance) -> PairScores:
    """Scores for shown pairs (m, 2), unordered; a pair given twice counts once.

    Judged are the pairs with a query in them, so that under partial annotation the precision is a lower bound.
    """
    pairs = _unordered(shown)
    judged = pairs[np.isin(pairs, relevance.queries).any(axis=1)]
    first, second = judged.T
    correct = relevance.contains(first, second) | relevance.contains(second, first)
    return PairScores(len(judged), len(_unordered(relevance.pairs)), int(correct.sum()))


def _found(neighbours: Indices, relevance: Relevance, k: int) -> npt.NDArray[np.bool_]:
    answers = neighbours[relevance.queries, :k]
    return relevance.contains(relevance.queries[:, None], answers)


def _unordered(pairs: Indices) -> Indices:
    return np.unique(np.sort(pairs.reshape(-1, 2), axis=1), axis=0)


def _pairs(pairs: Iterable[tuple[int, ...]]) -> Indices:
    return _indices(list(pairs)).reshape(-1, 2)


def _indices(values: Sequence[int] | Sequence[tuple[int, ...]]) -> Indices:
    return np.array(values, np.int64)
