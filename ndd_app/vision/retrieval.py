"""At which place of a query's list the first right photo stands, by one encoder or by several fused.

A gallery of n photos is asked q questions. The gallery's photos have a group each; right are those of the group that a
query is looking for, other than the query itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ndd_app.vision.encoders import Embeddings
from ndd_app.vision.neighbours import LAST_STRANGER, Indices, Part, Surroundings, nearest, nearest_in, surroundings

BLOCK = 256
"""Queries at once: BLOCK × n × 4 bytes for each of a few matrices, 42 MB for 41,000 photos."""
OUTSIDE = -1

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Questions:
    """wanted: (q,) the group to be found. own: (q,) the query's number in the gallery, OUTSIDE if it is not there.

    units: (q,) what a bootstrap draws together.
    """

    wanted: Indices
    own: Indices
    units: Indices

    def __len__(self) -> int:
        return len(self.wanted)


@dataclass(frozen=True)
class Found:
    """ranks: (q,) from 1; a wrong photo that is as near as the first right one comes before it. first: (q,) photos."""

    ranks: Indices
    first: Indices

    @property
    def reciprocal(self) -> Values:
        return (1 / self.ranks).astype(np.float32)

    def hits(self, within: int) -> Values:
        """(q,) of 0 and 1."""
        return (self.ranks <= within).astype(np.float32)


def look_up(queries: Embeddings, gallery: Embeddings, groups: Indices, questions: Questions) -> Found:
    """queries: (q, d), gallery: (n, d), unit or zero rows; groups: (n,)."""
    return _look_up(lambda block: queries[block] @ gallery.T, groups, questions)


def look_up_fused(sides: Sequence[tuple[Embeddings, Embeddings]], groups: Indices, questions: Questions) -> Found:
    """By the mean surprise of several encoders, before geometry; each gives its queries (q, d) and gallery (n, d).

    An encoder that sees nothing in one of two photos (a zero row) has no say about them.
    """
    encoders = [_Surprise.of(queries, gallery, questions.own) for queries, gallery in sides]

    def score(block: slice) -> Values:
        values, able = zip(*(encoder.score(block) for encoder in encoders), strict=True)
        votes = np.sum(able, axis=0)
        return np.where(votes, np.sum(values, axis=0) / np.maximum(votes, 1), -np.inf).astype(np.float32)

    return _look_up(score, groups, questions)


@dataclass(frozen=True)
class _Surprise:
    """How rarely a stranger comes as near to a query, and to a photo of the gallery (see vision/neighbours.py)."""

    queries: Embeddings
    gallery: Embeddings
    of_queries: Surroundings
    of_gallery: Surroundings

    @classmethod
    def of(cls, queries: Embeddings, gallery: Embeddings, own: Indices) -> "_Surprise":
        photos = len(gallery)
        everything = Part(np.arange(photos), np.zeros(photos, np.int64), gallery)
        asking = Part(own, np.full(len(queries), OUTSIDE), queries)
        lists = nearest_in(asking, [everything], min(LAST_STRANGER, max(1, photos - 1)))
        around = nearest(gallery, LAST_STRANGER)
        return cls(queries, gallery, surroundings(lists, around=around), surroundings(around))

    def score(self, block: slice) -> tuple[Values, npt.NDArray[np.bool_]]:
        """The surprise, 0 where it has no say, and whether it has one; both (rows, n)."""
        similarity = self.queries[block] @ self.gallery.T
        there = (similarity - self.of_queries.level[block, None]) / self.of_queries.slope[block, None]
        back = (similarity - self.of_gallery.level) / self.of_gallery.slope
        able = np.logical_and.outer(self.queries[block].any(axis=1), self.gallery.any(axis=1))
        return np.where(able, (there + back) / (2 * np.log(10)), 0).astype(np.float32), able


def _look_up(score: Callable[[slice], Values], groups: Indices, questions: Questions) -> Found:
    ranks, first = np.zeros(len(questions), np.int64), np.zeros(len(questions), np.int64)
    for start in range(0, len(questions), BLOCK):
        block = slice(start, start + BLOCK)
        near, own = score(block), questions.own[block]
        inside = np.flatnonzero(own != OUTSIDE)
        near[inside, own[inside]] = -np.inf
        right = groups == questions.wanted[block, None]
        right[inside, own[inside]] = False
        nearest_right = np.where(right, near, -np.inf).max(axis=1, keepdims=True)
        before = (near >= nearest_right) & ~right
        before[inside, own[inside]] = False
        ranks[block], first[block] = 1 + before.sum(axis=1), near.argmax(axis=1)
    return Found(ranks, first)
