"""Silver pairs: photos that very likely show one image, found without people.

A pair is silver when at least two unlike descriptors see each photo among the other's nearest, and geometry confirms
it. Receipts judge by such pairs, and by those that people have confirmed. What a training was told is left out by
connected component, so that no judged pair was learned through a third photo.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ndd_app.vision.neighbours import Indices, Lists, pairs_within, places, unordered

RECIPROCAL = 8
"""Each photo must be among so many nearest of the other."""
UNLIKE = 2
"""Descriptors that must agree on a pair."""
FEWEST_POINTS = 10
"""Matching points; strangers reach 8 at most."""


def reciprocal_pairs(lists: Lists, within: int = RECIPROCAL) -> Indices:
    """(m, 2), low number first: pairs in which each photo is among the other's `within` nearest."""
    pairs = unordered([pairs_within(lists, within)])
    there, back = places(lists, pairs).T
    return pairs[(there > 0) & (there <= within) & (back > 0) & (back <= within)]


def confirms(details: Mapping[str, Any]) -> bool:
    """Whether what geometry found (vision/verification.py) leaves no doubt."""
    if details.get("inliers", 0) < FEWEST_POINTS:
        return False
    return not details.get("form")


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
