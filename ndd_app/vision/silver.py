"""Silver pairs: photos that very likely show one image, found without people.

A pair is silver when at least two unlike descriptors see each photo among the other's nearest, and geometry confirms
it. What a training may learn and what a receipt judges by is split by connected component, so that no judged pair was
learned, directly or through a third photo.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from ndd_app.vision.neighbours import Indices, Lists, pairs_within, places, unordered

RECIPROCAL = 8
"""Each photo must be among so many nearest of the other."""
UNLIKE = 2
"""Descriptors that must agree on a pair."""
JUDGED_SHARE = 0.5
"""The share of components that no training may learn from."""

FEWEST_POINTS = 10
"""Matching points; strangers reach 8 at most."""
PRINTED, LITTLE = 0.8, 0.25
"""Two sheets of paper on which so small a share matches may be two of one form."""

Chosen = npt.NDArray[np.bool_]


def reciprocal_pairs(lists: Lists, within: int = RECIPROCAL) -> Indices:
    """(m, 2), low number first: pairs in which each photo is among the other's `within` nearest."""
    pairs = unordered([pairs_within(lists, within)])
    there, back = places(lists, pairs).T
    return pairs[(there > 0) & (there <= within) & (back > 0) & (back <= within)]


def confirms(details: Mapping[str, Any]) -> bool:
    """Whether what geometry found (vision/verification.py) leaves no doubt."""
    if details.get("inliers", 0) < FEWEST_POINTS:
        return False
    return not (details.get("paper", 0) > PRINTED and details.get("share", 1) < LITTLE)


def silver_pairs(proposals: Sequence[Indices], confirmed: Indices) -> Indices:
    """(m, 2): what geometry has confirmed (m', 2) and at least two of the descriptors' proposals name."""
    every, votes = np.unique(np.concatenate(proposals), axis=0, return_counts=True)
    agreed = {tuple(pair) for pair in every[votes >= UNLIKE].tolist()}
    kept = [pair for pair in unordered([confirmed]).tolist() if tuple(pair) in agreed]
    return np.array(kept, np.int64).reshape(-1, 2)


def components(photos: int, pairs: Indices) -> Indices:
    """(photos,): the lowest number among all that each photo is joined with, directly or through others."""
    leader = np.arange(photos)

    def find(photo: int) -> int:
        while leader[photo] != photo:
            photo = leader[photo] = leader[leader[photo]]
        return photo

    for one, other in pairs.tolist():
        low, high = sorted([find(one), find(other)])
        leader[high] = low
    return np.array([find(photo) for photo in range(photos)], np.int64)


def judged_photos(component: Indices, keys: Sequence[str]) -> Chosen:
    """(n,): the photos whose component is for judging alone. keys: what names each photo for ever (its pixels' hash).

    The smallest key of a component decides, whatever the order and the number of the photos.
    """
    smallest: dict[int, str] = {}
    for leader, key in zip(component.tolist(), keys, strict=True):
        smallest[leader] = min(key, smallest.get(leader, key))
    drawn = {leader: int(sha256(key.encode()).hexdigest()[:8], 16) / 2**32 for leader, key in smallest.items()}
    return np.array([drawn[leader] < JUDGED_SHARE for leader in component.tolist()], bool)
