"""Do two scans show the same picture? Keypoints that match, and the way in which one scan lies on the other.

Keypoints are those of the classical encoder, found once per photo. Two match when each is the other's nearest and
clearly nearer than the next one (Lowe 2004). MAGSAC++ (Barath et al. 2020, as OpenCV has it) fits a homography to the
matches, or RANSAC a similarity where that explains more of them or no homography is plausible: a line of print fixes
none.

A mirrored or inverted scan needs no keypoints of its own: mirroring reverses the rows of a SIFT descriptor's grid and
the sense of its angles, inverting the tones turns the grid by half a turn.

Places are in units of a scan's longer side, x to the right, y down.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.bending import Bend, find_bend
from ndd_app.vision.classical import DESCRIPTOR_SIZE, keypoints_of, root_descriptors
from ndd_app.vision.encoders import Features
from ndd_app.vision.sheets import share_of_paper
from ndd_app.vision.tilts import match_views

Points = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]

RATIO = 0.9
"""A match must be this much nearer than the second nearest keypoint."""
TOLERANCE = 0.008
"""How far from its place a matching keypoint may lie: 4 pixels at a long side of 480."""
FEWEST_MATCHES = 8
CELL = 1 / 24
"""Inliers within one cell of this size count once: repeated marks in one corner are no evidence."""
FEWEST_CELLS = 5
"""Strangers reach 4."""
DOUBTFUL = 0.6
"""With a smaller share of inliers among the matches, or where it is not plausible, a similarity is tried as well."""
ROUNDS, ROUNDS_OF_TILTED = 2_000, 10_000
"""Most that MAGSAC++ draws: of the matches of tilted scans fewer are right."""
REFITS = 4
LARGEST_SCALE = 6.0
LARGEST_STRETCH = 3.0
LARGEST_SLANT = 10.0
"""Seen from the other scan, the farthest corner may be so many times as far away as the nearest."""

_GRID = np.arange(DESCRIPTOR_SIZE).reshape(4, 4, 8)


@dataclass(frozen=True)
class Variant:
    """How the second scan is looked at. `order` permutes its descriptors."""

    mirrored: bool = False
    inverted: bool = False

    @property
    def order(self) -> npt.NDArray[np.int64]:
        grid = _GRID[::-1][:, :, -np.arange(8) % 8] if self.mirrored else _GRID
        return (grid[::-1, ::-1] if self.inverted else grid).ravel()


PLAIN = Variant()
VARIANTS = (PLAIN, Variant(mirrored=True), Variant(inverted=True), Variant(mirrored=True, inverted=True))


@dataclass(frozen=True, eq=False)
class Scan:
    """What geometry needs of a photo: keypoints, a small grey picture, and the working copy's width and height.

    views: of how many the keypoints are (vision/tilts.py): with more than one, a place has several.
    """

    features: Features
    grey: Grey
    width: int
    height: int
    views: int = 1

    @cached_property
    def descriptors(self) -> npt.NDArray[np.float32]:
        """(n, 128)"""
        return root_descriptors(self.features)

    @cached_property
    def points(self) -> Points:
        """(n, 2)"""
        keypoints = keypoints_of(self.features)
        places = np.stack([keypoints["x"], keypoints["y"]], axis=1)
        return np.asarray(places / max(self.width, self.height), np.float32)

    @cached_property
    def corners(self) -> Points:
        """(4, 2), clockwise from the upper left."""
        across, down = np.array([self.width, self.height]) / max(self.width, self.height)
        return np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)

    @property
    def area(self) -> float:
        return float(self.corners[2].prod())

    @cached_property
    def paper(self) -> float:
        return share_of_paper(self.grey)

    def away_from(self, places: Points) -> "Scan":
        """Only with the keypoints that are not within CELL of a place (n, 2)."""
        distances = np.linalg.norm(self.points[:, None] - places[None], axis=2)
        return replace(self, features=self.features[distances.min(axis=1) > CELL])


@dataclass(frozen=True, eq=False)
class Registration:
    """How the first scan lies on the second one.

    matches: keypoints that match; points: (inliers, 4), x and y in the first scan and in the second, of those that obey
    the homography (3, 3) from the first scan to the second. cells: distinct places among them. bend: of what does not
    lie flat, beside the homography.
    """

    variant: Variant
    matches: int
    points: Points
    cells: int
    homography: Matrix
    corners: tuple[Points, Points]
    bend: Bend | None = None

    @property
    def inliers(self) -> int:
        return len(self.points)

    @property
    def coverage(self) -> tuple[float, float]:
        """The shares of both scans within the outline of the inliers."""
        first, second = (
            cv2.contourArea(cv2.convexHull(np.ascontiguousarray(points))) / cv2.contourArea(corners)
            for points, corners in zip((self.points[:, :2], self.points[:, 2:]), self.corners, strict=True)
        )
        return min(first, 1.0), min(second, 1.0)

    @cached_property
    def overlap(self) -> tuple[float, float]:
        """The shares of both scans that the other one covers."""
        first, second = self.corners
        quad = _project(first, self.homography)
        common, outline = cv2.intersectConvexConvex(quad, second)
        if common <= 0 or outline is None:
            return 0.0, 0.0
        back = _project(outline.reshape(-1, 2), np.asarray(np.linalg.inv(self.homography)))
        there = cv2.contourArea(back) / cv2.contourArea(first)
        return min(there, 1.0), min(common / cv2.contourArea(second), 1.0)

    @cached_property
    def linear(self) -> Matrix:
        """(2, 2): the homography near the middle of the inliers, without its shift."""
        x, y = self.points[:, :2].mean(axis=0).astype(float)
        here = self.homography @ [x, y, 1]
        there = here[:2] / here[2]
        return np.asarray((self.homography[:2, :2] - np.outer(there, self.homography[2, :2])) / here[2])

    @property
    def scale(self) -> float:
        return float(np.sqrt(abs(np.linalg.det(self.linear))))

    @property
    def rotation(self) -> float:
        """Degrees by which the first scan is turned clockwise, after it was mirrored, to lie on the second one."""
        across = self.linear @ np.diag([-1.0, 1.0]) if self.variant.mirrored else self.linear
        return float(np.degrees(np.arctan2(across[1, 0] - across[0, 1], across[0, 0] + across[1, 1])))

    @property
    def moved(self) -> float:
        """How far a corner of the first scan comes to lie from the second's, at most. Mirrored, they change sides."""
        first, second = self.corners
        return float(np.linalg.norm(_project(first, self.homography) - second, axis=1).max())

    @property
    def residual(self) -> float:
        """The median distance of the inliers from where they should lie."""
        there = self.on_second(self.points[:, :2])
        return float(np.median(np.linalg.norm(there - self.points[:, 2:], axis=1)))

    def on_second(self, places: Points) -> Points:
        """(n, 2): where places of the first scan lie on the second one."""
        flat = _project(places, self.homography)
        return flat + self.bend.at(places) if self.bend else flat


def register(first: Scan, second: Scan, variants: Iterable[Variant] = (PLAIN,)) -> Registration | None:
    """The registration with the most support; None without geometric evidence, which is no evidence against."""
    found = [_register(first, second, variant) for variant in variants]
    return max((one for one in found if one), key=lambda one: one.cells, default=None)


def match_keypoints(first: Scan, second: Scan, variant: Variant = PLAIN) -> npt.NDArray[np.int64]:
    """(m, 2): indices of keypoints that are each other's nearest, clearly before the next ones."""
    theirs = second.descriptors if variant == PLAIN else second.descriptors[:, variant.order]
    if min(len(first.descriptors), len(theirs)) < FEWEST_MATCHES:
        return np.empty((0, 2), np.int64)
    if first.views > 1:
        return _one_of_each_place(match_views(first.descriptors, theirs, first.points, second.points), first, second)
    nearness = first.descriptors @ theirs.T
    best, back = nearness.argmax(axis=1), nearness.argmax(axis=0)
    rows = np.flatnonzero(back[best] == np.arange(len(best)))
    columns = best[rows]
    top = nearness[rows, columns]
    nearness[rows, columns] = -1
    next_best = np.maximum(nearness[rows].max(axis=1), nearness[:, columns].max(axis=0))
    clear = 1 - top < RATIO**2 * (1 - next_best)  # squared distances of unit vectors are 2 - 2 * nearness
    return np.stack([rows[clear], columns[clear]], axis=1)


def _one_of_each_place(pairs: npt.NDArray[np.int64], first: Scan, second: Scan) -> npt.NDArray[np.int64]:
    places = np.hstack([first.points[pairs[:, 0]], second.points[pairs[:, 1]]]) / TOLERANCE
    return pairs[np.unique(places.astype(np.int64), axis=0, return_index=True)[1]]


def _register(first: Scan, second: Scan, variant: Variant) -> Registration | None:
    pairs = match_keypoints(first, second, variant)
    if len(pairs) < FEWEST_MATCHES:
        return None
    here, there = first.points[pairs[:, 0]], second.points[pairs[:, 1]]
    fits = [_fit_homography(here, there, ROUNDS_OF_TILTED if first.views > 1 else ROUNDS)]
    if fits[0][1].mean() < DOUBTFUL or not _is_plausible(fits[0][0], first, second, variant):
        fits.append(_fit_similarity(here, there, variant))
    able = [(homography, kept) for homography, kept in fits if _is_plausible(homography, first, second, variant)]
    if not able:
        return None
    homography, kept = max(able, key=lambda fit: int(fit[1].sum()))
    if _count_common_cells(here[kept], there[kept]) < FEWEST_CELLS:
        return None
    flat = _project(here, homography)
    bend = find_bend(here[kept], (there - flat)[kept])
    if bend:
        kept = np.linalg.norm(flat + bend.at(here) - there, axis=1) < TOLERANCE
        bend = Bend.fit(here[kept], (there - flat)[kept])
    points, cells = np.hstack([here[kept], there[kept]]), _count_common_cells(here[kept], there[kept])
    return Registration(variant, len(pairs), points, cells, homography, (first.corners, second.corners), bend)


def _fit_homography(here: Points, there: Points, rounds: int) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    homography, kept = cv2.findHomography(here, there, cv2.USAC_MAGSAC, TOLERANCE, maxIters=rounds, confidence=0.999)
    if homography is None:
        return np.zeros((3, 3)), np.zeros(len(here), bool)
    return _refit(homography, kept.ravel() > 0, here, there)


def _refit(
    homography: Matrix, kept: npt.NDArray[np.bool_], here: Points, there: Points
) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Least squares over all inliers, which then are chosen anew: OpenCV's MAGSAC++ ends with a few of them."""
    for _ in range(REFITS):
        if kept.sum() < FEWEST_CELLS:
            break
        better = cv2.findHomography(here[kept], there[kept], 0)[0]
        if better is None:
            break
        near = np.linalg.norm(_project(here, better) - there, axis=1) < TOLERANCE
        if near.sum() < 0.9 * kept.sum():
            break
        homography, kept = better, near
    return homography, kept


def _fit_similarity(here: Points, there: Points, variant: Variant) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """OpenCV's similarities do not mirror, so the first scan is mirrored before."""
    flip = np.diag([-1.0, 1.0, 1.0]) if variant.mirrored else np.eye(3)
    turned = (here * np.diag(flip)[:2]).astype(np.float32)
    similarity, kept = cv2.estimateAffinePartial2D(
        turned, there, method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE, maxIters=ROUNDS, confidence=0.999
    )
    if similarity is None:
        return np.zeros((3, 3)), np.zeros(len(here), bool)
    return np.vstack([similarity, [0, 0, 1]]) @ flip, kept.ravel() > 0


def _is_plausible(homography: Matrix, first: Scan, second: Scan, variant: Variant) -> bool:
    """Each scan keeps a plausible shape on the other one; else two photos would match in one order only."""
    able, back = cv2.invert(homography)
    return able > 0 and _keeps_shape(homography, first, variant) and _keeps_shape(back, second, variant)


def _keeps_shape(homography: Matrix, scan: Scan, variant: Variant) -> bool:
    """No scanner and no camera before a print folds it over, or stretches it beyond LARGEST_STRETCH."""
    corners = np.hstack([scan.corners, np.ones((4, 1), np.float32)]) @ homography.T
    if corners[:, 2].min() * LARGEST_SLANT <= corners[:, 2].max():
        return False
    quad = corners[:, :2] / corners[:, 2:]
    sides = np.roll(quad, -1, axis=0) - quad
    after = np.roll(sides, -1, axis=0)
    bends = sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0]
    if ((-bends if variant.mirrored else bends) <= 0).any():
        return False
    scale = np.sqrt(np.abs(bends).mean() / scan.area)
    lengths = np.linalg.norm(sides, axis=1) / np.linalg.norm(np.roll(scan.corners, -1, axis=0) - scan.corners, axis=1)
    stretch = lengths[::2].mean() / lengths[1::2].mean()
    return bool(1 / LARGEST_SCALE < scale < LARGEST_SCALE and 1 / LARGEST_STRETCH < stretch < LARGEST_STRETCH)


def _count_common_cells(here: Points, there: Points) -> int:
    return min(len(np.unique((points / CELL).astype(np.int64), axis=0)) for points in (here, there))


def _project(points: Points, homography: Matrix) -> Points:
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float32), homography)[0], np.float32)
