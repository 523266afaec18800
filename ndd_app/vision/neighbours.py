"""Who is near whom: exact neighbour lists, how surprising a similarity is, and the fusion of unlike encoders.

Numbers of different encoders cannot be compared: one photo has many close neighbours, another none. So a cosine is
turned into a *surprise*: how rarely a stranger comes this near to this very photo. Strangers' similarities fall off
with the logarithm of their rank (an exponential tail, as in the E-values of sequence search, Karlin & Altschul 1990);
the line is fitted to each photo's own list, behind the ranks where its duplicates may stand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ndd_app.vision.exact_search import Search, largest

Embeddings = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

BLOCK = 1024
"""Rows of a matrix product at once: BLOCK × n × 4 bytes, 170 MB for 41,000."""
PAIRS = 32_768
"""Pairs that are looked at at once."""
FIRST_STRANGER = 5
"""Ranks before this one are left out of a photo's line: duplicates stand there, and would hide themselves."""
LAST_STRANGER = 100
NEAR = 8
"""Only the nearest of so many photos are taken for the line: further away it bends."""
OWN_SLOPE = 0.5
"""Weight of a photo's own slope against the usual one of its strangers: one list alone is a noisy witness."""
MIN_SLOPE = 1e-3


@dataclass(frozen=True)
class Lists:
    """Every photo's neighbours, nearest first, without itself; of equally near ones at the end of a list any.

    indices: (n, k); scores: (n, k), falling along a row.
    """

    indices: Indices
    scores: Scores


@dataclass(frozen=True)
class Part:
    """Some photos of a gallery that is too large to be held at once.

    numbers: (n,) the photos' names, rising; groups: (n,) what each belongs to; rows: (n, d) embeddings.
    """

    numbers: Indices
    groups: Indices
    rows: Embeddings


@dataclass(frozen=True)
class Surroundings:
    """Where a photo's strangers are: their similarity at rank r is about `level - slope * ln(r)`. Both (n,)."""

    level: Scores
    slope: Scores

    def surprise(self, firsts: Indices, seconds: Indices, similarity: Scores) -> Scores:
        """-log10 of the number of strangers expected at least as near, halfway between both photos' views."""
        there = (similarity - self.level[firsts]) / self.slope[firsts]
        back = (similarity - self.level[seconds]) / self.slope[seconds]
        return ((there + back) / (2 * np.log(10))).astype(np.float32)


@dataclass(frozen=True)
class Fused:
    """pairs: (m, 2), low number first, sorted; scores: (m,), the mean surprise; similarity and ranks by encoder.

    similarity: (m, e) cosines. ranks: (m, e, 2), the place of the second photo in the first's list and the other way
    round, counted from 1; 0 where it is further away than the list is long.
    """

    pairs: Indices
    scores: Scores
    similarity: Scores
    ranks: Indices

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Fused":
        return Fused(self.pairs[chosen], self.scores[chosen], self.similarity[chosen], self.ranks[chosen])


def nearest(embeddings: Embeddings, count: int) -> Lists:
    """Exact, by blocks: memory BLOCK × n. embeddings: (n, d), unit or zero rows; zero: no list."""
    n = len(embeddings)
    count = max(0, min(count, n - 1))
    indices, scores = np.full((n, count), -1, np.int64), np.zeros((n, count), np.float32)
    search = Search(embeddings, BLOCK)
    for start in range(0, n, BLOCK) if count else ():
        near, products = search.nearest(start, count)
        indices[start : start + BLOCK], scores[start : start + BLOCK] = near.numpy(), products.numpy()
    seen = np.abs(embeddings).sum(axis=1) > 0
    indices[~seen], scores[~seen] = -1, 0
    return Lists(indices, scores)


def nearest_in(queries: Part, gallery: Iterable[Part], count: int, elsewhere: bool = False) -> Lists:
    """Every query's nearest photos in a gallery that passes by part by part; `elsewhere`: only those of other groups.

    Exact; never the query itself; memory BLOCK × part. The lists hold the gallery's numbers, -1 where there are no
    more; a zero row has no list.
    """
    lists = _empty_lists(len(queries.rows), count)
    for part in gallery:
        for start in range(0, len(queries.rows), BLOCK):
            block = slice(start, start + BLOCK)
            similarity = queries.rows[block] @ part.rows.T
            own, theirs = (queries.groups, part.groups) if elsewhere else (queries.numbers, part.numbers)
            similarity[own[block, None] == theirs] = -np.inf
            _insert(lists, block, similarity, part.numbers)
    lists.indices[np.isneginf(lists.scores)] = -1
    lists.indices[np.abs(queries.rows).sum(axis=1) == 0] = -1
    return _without_empty_ends(lists)


def nearest_of_two(embeddings: Embeddings, one: int, other: int) -> tuple[float, int | None, int | None]:
    """Their cosine, the place of the other in the one's list and the other way round; None for a zero row."""
    similarity = float(embeddings[one] @ embeddings[other])
    if not (embeddings[one].any() and embeddings[other].any()):
        return similarity, None, None

    def place(whose: int, of: int) -> int:
        near = embeddings @ embeddings[whose]
        near[whose] = -np.inf
        return int((near > near[of]).sum()) + 1

    return similarity, place(one, other), place(other, one)


def fuse(embeddings: Sequence[Embeddings], count: int, also: Indices | None = None) -> Fused:
    """All pairs in which one photo is among the other's `count` nearest by any encoder, scored by every encoder.

    `also`: (m, 2), pairs to be scored whatever the lists say. An encoder that sees nothing in a photo (a zero row) has
    no say in its pairs; where no encoder has one, the score is -inf.
    """
    lists = [nearest(matrix, max(count, LAST_STRANGER)) for matrix in embeddings]
    pairs = unordered([pairs_within(found, count) for found in lists] + ([] if also is None else [also]))
    ranks = np.stack([places(found, pairs) for found in lists], axis=1)
    strangers = [_of_other_pictures(matrix, found) for matrix, found in zip(embeddings, lists, strict=True)]
    return fuse_pairs(pairs, embeddings, strangers, ranks)


def _of_other_pictures(embeddings: Embeddings, lists: Lists) -> Lists:
    """The lists, with each picture once: thirty copies of a placeholder are no thirty strangers.

    Only where there are so many copies of one that they stand behind the ranks of duplicates.
    """
    first = _first_of_equals(embeddings)
    if np.bincount(first).max(initial=0) <= FIRST_STRANGER:
        return lists
    pictures, place = np.unique(first, return_inverse=True)
    found = nearest(embeddings[pictures], lists.scores.shape[1])
    named = np.where(found.indices >= 0, pictures[found.indices], -1)
    return Lists(named[place], found.scores[place])


def _first_of_equals(rows: Embeddings) -> Indices:
    """(n,): the first row that equals each, but for rounding: a product's last digits depend on its place in it."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), number) for number, row in enumerate(rows.round(3))], np.int64)


def fuse_pairs(
    pairs: Indices,
    embeddings: Sequence[Embeddings],
    strangers: Sequence[Lists],
    ranks: Indices,
    photos: int | None = None,
) -> Fused:
    """The pairs as every encoder sees them: how surprising against `strangers`, chosen out of so many `photos`."""
    similarity = np.stack([_similarity(matrix, pairs) for matrix in embeddings], axis=1)
    columns = zip(strangers, similarity.T, strict=True)
    surprise = np.stack([_surprise(*column, pairs, photos) for column in columns], axis=1)
    able = ~np.isnan(surprise)
    scores = np.where(able, surprise, 0).sum(axis=1) / np.maximum(able.sum(axis=1), 1)
    return Fused(pairs, np.where(able.any(axis=1), scores, -np.inf).astype(np.float32), similarity, ranks)


def surroundings(lists: Lists, photos: int | None = None, around: Lists | None = None) -> Surroundings:
    """The line through each photo's strangers. Few photos have no far ranks: the further half of the list serves.

    A photo's slope is held near those of its strangers, so that what else is in a collection, far away, makes no
    difference to it. `around`: the lists of the photos that `lists` names, where these are not the same. Where they
    have none, `photos` says how many they are, and the slopes are held near the usual one.
    """
    window, own = _own_slopes(lists, photos or len((around or lists).scores))
    if own is None:  # one or two photos: nothing is known of strangers
        level = np.zeros(len(lists.scores), np.float32)
        return Surroundings(level, np.ones_like(level))
    of_strangers = own if around is None else _own_slopes(around, len(around.scores))[1]
    usual = np.median(own) if photos or of_strangers is None else _median_at(of_strangers, lists.indices[:, window])
    slope = np.maximum(OWN_SLOPE * own + (1 - OWN_SLOPE) * usual, MIN_SLOPE)
    return Surroundings(lists.scores[:, window].mean(axis=1) + slope * _logs(window).mean(), slope)


def _own_slopes(lists: Lists, photos: int) -> tuple[slice, Scores | None]:
    """The ranks in which strangers stand, chosen from so many photos, and how each list falls off there.

    None where there are too few.
    """
    length = lists.scores.shape[1]
    last = max(2 * FIRST_STRANGER, min(LAST_STRANGER, photos // NEAR))
    window = slice(min(FIRST_STRANGER, length // 2), min(last, length))
    scores = lists.scores[:, window]
    if scores.shape[1] < 2:
        return window, None
    centred = _logs(window) - _logs(window).mean()
    return window, -(scores @ centred) / (centred @ centred)


def _logs(window: slice) -> Scores:
    """Of the ranks, counted from 1."""
    return np.log(np.arange(window.start + 1, window.stop + 1, dtype=np.float32))


def _median_at(values: Scores, places: Indices) -> Scores:
    """values (n,); places (n, k) in them, -1 for none: the median of each row's values, of all for a row without."""
    found = np.where(places >= 0, values[places], np.nan)
    found[(places < 0).all(axis=1)] = np.median(values)
    return np.asarray(np.nanmedian(found, axis=1), np.float32)


def ranked_lists(fused: Fused, photos: int, count: int) -> Lists:
    """The fused pairs as neighbour lists, best first; -1 fills a list that is too short."""
    firsts, seconds = fused.pairs.T
    whose, neighbours = np.concatenate([firsts, seconds]), np.concatenate([seconds, firsts])
    scores = np.tile(fused.scores, 2)
    order = np.lexsort((neighbours, -scores, whose))
    whose, neighbours, scores = whose[order], neighbours[order], scores[order]
    place = np.arange(len(whose)) - np.searchsorted(whose, whose)
    kept = place < count
    indices, values = np.full((photos, count), -1, np.int64), np.full((photos, count), -np.inf, np.float32)
    indices[whose[kept], place[kept]] = neighbours[kept]
    values[whose[kept], place[kept]] = scores[kept]
    return Lists(indices, values)


def places(lists: Lists, pairs: Indices) -> Indices:
    """(m, 2): the place of the second photo in the first's list and the other way round, from 1; 0: not in it."""
    return np.stack([_place(lists, *pairs.T), _place(lists, *pairs.T[::-1])], axis=1)


def pairs_within(lists: Lists, count: int, at_least: float = -np.inf) -> Indices:
    """(m, 2): each photo with those of its first `count` neighbours that score high enough."""
    near = (lists.indices[:, :count] >= 0) & (lists.scores[:, :count] >= at_least)
    photos, ranks = np.nonzero(near)
    return np.stack([photos, lists.indices[photos, ranks]], axis=1)


def unordered(pairs: Sequence[Indices]) -> Indices:
    """(m, 2): each pair once, low number first, sorted."""
    every = np.concatenate([np.empty((0, 2), np.int64), *pairs])
    return np.unique(np.sort(every, axis=1), axis=0)


def shared_bits(codes: npt.NDArray[np.uint8], pairs: Indices) -> Scores:
    """The share of equal bits of each pair. codes: (n, b) of 0 and 1; pairs: (m, 2)."""
    return (codes[pairs[:, 0]] == codes[pairs[:, 1]]).mean(axis=1).astype(np.float32)


def nearest_by_bits(codes: npt.NDArray[np.uint8], count: int) -> Lists:
    """Neighbours by Hamming distance; the score is the share of equal bits. codes: (n, b) of 0 and 1."""
    signs = np.where(codes, 1.0, -1.0).astype(np.float32)
    lists = nearest(signs, count)
    return Lists(lists.indices, (1 + lists.scores / codes.shape[1]) / 2)


def _empty_lists(photos: int, count: int) -> Lists:
    return Lists(np.full((photos, count), -1, np.int64), np.full((photos, count), -np.inf, np.float32))


def _insert(lists: Lists, rows: slice, similarity: Scores, numbers: Indices) -> None:
    """Bring what is nearer than the present entries into some rows of the lists. similarity: (rows, m)."""
    found, products = largest(torch.from_numpy(similarity), min(lists.scores.shape[1], len(numbers)))
    indices = np.concatenate([lists.indices[rows], numbers[found.numpy()]], axis=1)
    scores = np.concatenate([lists.scores[rows], products.numpy()], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : lists.scores.shape[1]]
    lists.indices[rows] = np.take_along_axis(indices, order, axis=1)
    lists.scores[rows] = np.take_along_axis(scores, order, axis=1)


def _without_empty_ends(lists: Lists) -> Lists:
    """As wide as the longest list, with 0 for the scores that are not there."""
    width = int((lists.indices >= 0).sum(axis=1).max(initial=0))
    indices = lists.indices[:, :width]
    return Lists(indices, np.where(indices >= 0, lists.scores[:, :width], 0).astype(np.float32))


def _surprise(lists: Lists, similarity: Scores, pairs: Indices, photos: int | None) -> Scores:
    """(m,); NaN where the encoder sees nothing in one of the two photos."""
    sees = np.asarray((lists.indices >= 0).any(axis=1))
    able = sees[pairs].all(axis=1)
    firsts, seconds = pairs[able].T
    surprise = np.full(len(pairs), np.nan, np.float32)
    surprise[able] = surroundings(lists, photos).surprise(firsts, seconds, similarity[able])
    return surprise


def _similarity(embeddings: Embeddings, pairs: Indices) -> Scores:
    """By blocks: the rows of all pairs at once would take gigabytes in a large collection."""
    values = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), PAIRS):
        block = pairs[start : start + PAIRS]
        values[start : start + len(block)] = np.einsum("ij,ij->i", embeddings[block[:, 0]], embeddings[block[:, 1]])
    return values


def _place(lists: Lists, whose: Indices, neighbours: Indices) -> Indices:
    place = np.zeros(len(whose), np.int64)
    for start in range(0, len(whose), PAIRS):
        block = slice(start, start + PAIRS)
        rows, ranks = np.nonzero(lists.indices[whose[block]] == neighbours[block, None])
        place[start + rows] = ranks + 1
    return place
