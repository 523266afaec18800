"""A photo as it would look from other sides, so that what was seen at a slant matches (ASIFT, Morel & Yu 2009)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.classical import KEYPOINTS, RootSift, describe_keypoints, sift
from ndd_app.vision.encoders import Features
from ndd_app.vision.images import Pixels

TILTS = 3
"""The strongest shortens the photo by √2 to the power of this; with all turns of it that differ, 18 views."""
VIEWS = 18
RATIO = 0.8
"""A match must be this much nearer than the nearest keypoint of another place."""
APART = 0.02
"""Keypoints that are nearer to each other are views of one place. In units of the longer side."""
BLOCK = 1024

Descriptors = npt.NDArray[np.float32]
Points = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tilted:
    """Features of a photo: as those of RootSift, of all its views: (n ≤ VIEWS * KEYPOINTS, 140) uint8.

    Their places are those in the photo itself.
    """

    name: ClassVar[str] = "rootsift, tilted"

    @property
    def recipe(self) -> str:
        return f"{RootSift().recipe} tilted {TILTS}"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        detector = cv2.AffineFeature.create(sift(), maxTilt=TILTS)
        return [describe_keypoints(pixels, detector, VIEWS * KEYPOINTS) for pixels in images]


def match_views(ours: Descriptors, theirs: Descriptors, our_points: Points, their_points: Points) -> Indices:
    """(m, 2): keypoints that are each other's nearest, clearly before those of other places. Memory BLOCK × n."""
    best, back = _nearest(ours, theirs), _nearest(theirs, ours)
    rows = np.flatnonzero(back[best] == np.arange(len(best)))
    columns = best[rows]
    top = np.einsum("ij,ij->i", ours[rows], theirs[columns])
    there = _nearest_elsewhere(ours[rows], theirs, their_points[columns], their_points)
    here = _nearest_elsewhere(theirs[columns], ours, our_points[rows], our_points)
    clear = 1 - top < RATIO**2 * (1 - np.maximum(there, here))  # squared distances of unit vectors are 2 - 2 * nearness
    return np.stack([rows[clear], columns[clear]], axis=1)


def _nearest(descriptors: Descriptors, among: Descriptors) -> Indices:
    blocks = range(0, len(descriptors), BLOCK)
    return np.concatenate([(descriptors[start : start + BLOCK] @ among.T).argmax(axis=1) for start in blocks])


def _nearest_elsewhere(descriptors: Descriptors, among: Descriptors, at: Points, points: Points) -> Descriptors:
    """(m,): how near the nearest keypoint is that lies APART from the places `at`."""
    nearest = np.empty(len(descriptors), np.float32)
    squares = (points**2).sum(axis=1)
    for start in range(0, len(descriptors), BLOCK):
        block = slice(start, start + BLOCK)
        nearness = descriptors[block] @ among.T
        distances = squares - 2 * at[block] @ points.T  # squared, less the square of `at`
        nearness[distances <= APART**2 - (at[block] ** 2).sum(axis=1, keepdims=True)] = -1
        nearest[block] = nearness.max(axis=1)
    return nearest
