"""All that geometry says of a pair, as numbers that can be kept."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from ndd_app.vision.classical import RootSift
from ndd_app.vision.geometry import PLAIN, TOLERANCE, VARIANTS, Points, Registration, Scan, Variant, register
from ndd_app.vision.grain import OTHER, SAME, likeness_of_grain
from ndd_app.vision.outline import continuation
from ndd_app.vision.overlay import lay_over
from ndd_app.vision.sheets import SHEET

RECIPE = f"geometry 10 on {RootSift().recipe}"
POINTS = 100
"""Matching points that are kept, to be drawn."""
EDGE = 0.01
FEW = 0.1
"""Share of the keypoints where both scans lie."""
FEWEST_CELLS_TILTED, LEAST_AGREED = 15, 0.5
"""So many views have some matches in common by chance, and two pictures of a series the same furniture: a fair number
of places, and at least half of the matches, must lie on each other."""
EXACT, DISAGREES = 0.0012, 0.4
"""What matches so exactly while the rest disagrees is a mark on both: a watermark, or a colour chart beside the print.
One in sixteen pairs of one picture that lie so exactly disagrees as much."""
FEWEST_CELLS_BENEATH = 8
"""What is left of a mark, a repeated watermark above all, matches in fewer places."""
LITTLE, SAME_REST = 0.25, 0.9
"""Two sheets of which a smaller share of the keypoints matches may be two of one form, unless the rest is so alike."""

Details = dict[str, Any]


def verify(first: Scan, second: Scan, variants: Iterable[Variant] = (PLAIN,)) -> Details:
    """See models.Registration for the entries; empty without geometric evidence.

    Where few points match, all variants are tried: what is symmetrical matches its mirror image too.
    """
    found = register(first, second, variants)
    if not found:
        return {}
    details = _details(first, second, found)
    if details["share"] < FEW and variants != VARIANTS:
        return verify(first, second, VARIANTS)
    if details["mark"]:
        return _beneath(first, second, found, details)
    return details


def verify_tilted(first: Scan, second: Scan, known: Details) -> Details:
    """What the views of both scans (vision/tilts.py) show beyond what is known of the pair, else what is known.

    In the variant that matches already. Nobody photographs a sheet of paper at a slant, and all forms look alike, as do
    all photos that bear one mark. Where what is known lies in the same place, it is this mark.
    """
    if min(first.paper, second.paper) > SHEET or known.get("mark"):
        return known
    variant = Variant(known["mirrored"], known["inverted"]) if known else PLAIN
    found = register(first, second, [variant])
    if not found or found.cells < max(FEWEST_CELLS_TILTED, known.get("cells", 0)):
        return known
    if found.inliers < LEAST_AGREED * found.matches:
        return known
    details = _details(first, second, found)
    return known if details["mark"] and not _obeys(known, found) else details


def _obeys(known: Details, found: Registration) -> bool:
    if not known:
        return False
    points = np.array(known["points"], np.float32)
    there = cv2.perspectiveTransform(points[None, :, :2], found.homography)[0]
    return float(np.median(np.linalg.norm(there - points[:, 2:], axis=1))) < TOLERANCE


def _beneath(first: Scan, second: Scan, mark: Registration, known: Details) -> Details:
    """What matches of the pictures away from their mark, if enough does, else what is known."""
    here, there = first.away_from(mark.points[:, :2]), second.away_from(mark.points[:, 2:])
    found = register(here, there, [mark.variant])
    if not found or found.cells < FEWEST_CELLS_BENEATH:
        return known
    details = _details(here, there, found)
    return known if details["mark"] else details


def _details(first: Scan, second: Scan, found: Registration) -> Details:
    overlay = lay_over(first, second, found)
    on_second, on_first = _lies_on(first, second, found)
    on_first_scan = cv2.perspectiveTransform(second.corners[None], np.linalg.inv(found.homography))[0]
    on_second_scan = cv2.perspectiveTransform(first.corners[None], found.homography)[0]
    beyond = continuation(first.grey, on_first_scan), continuation(second.grey, on_second_scan)
    step = -(-found.inliers // POINTS)
    share = min(1, found.inliers / max(1, min(on_second.sum(), on_first.sum()) / first.views))
    paper, grain = min(first.paper, second.paper), likeness_of_grain(first, second, found)
    little = share < LITTLE or (grain is not None and grain < OTHER)
    return {
        "matches": found.matches,
        "inliers": found.inliers,
        "cells": found.cells,
        "views": first.views,
        "bent": found.bend is not None,
        "share": _rounded(share),
        "mirrored": found.variant.mirrored,
        "inverted": found.variant.inverted,
        "scale": _rounded(found.scale),
        "rotation": round(found.rotation, 2),
        "moved": _rounded(found.moved),
        "residual": round(found.residual, 5),
        "coverage": [*map(_rounded, found.coverage)],
        "overlap": [*map(_rounded, found.overlap)],
        "outside": [_rounded(1 - on_second.mean()), _rounded(1 - on_first.mean())],
        "beyond": [None if value is None else _rounded(value) for value in beyond],
        "correlation": _rounded(overlay.correlation),
        "agreement": [*map(_rounded, overlay.agreement)],
        "tone": [*map(_rounded, overlay.tone)],
        "rest": None if overlay.rest is None else _rounded(overlay.rest),
        "retouched": _rounded(overlay.retouched),
        "likeness": None if overlay.likeness is None else _rounded(overlay.likeness),
        "mark": found.residual < EXACT and overlay.rest is not None and overlay.rest < DISAGREES,
        "paper": _rounded(paper),
        "grain": None if grain is None else _rounded(grain),
        "form": bool(paper > SHEET and little and not _is_one_sheet(grain, overlay.rest)),
        "homography": [float(f"{value:.8g}") for value in (found.homography / found.homography[2, 2]).ravel()],
        "points": np.round(found.points[::step].astype(float), 4).tolist(),
    }


def _is_one_sheet(grain: float | None, rest: float | None) -> bool:
    return (grain is not None and grain >= SAME) or (rest is not None and rest >= SAME_REST)


def _lies_on(first: Scan, second: Scan, found: Registration) -> tuple[np.ndarray, np.ndarray]:
    """For the keypoints of each scan, whether they lie on the other one."""

    def on(points: Points, homography: np.ndarray, scan: Scan) -> np.ndarray:
        there = cv2.perspectiveTransform(points[None].astype(np.float32), homography)[0]
        return ((there > -EDGE) & (there < scan.corners[2] + EDGE)).all(axis=1)

    return (
        on(first.points, found.homography, second),
        on(second.points, np.linalg.inv(found.homography), first),
    )


def _rounded(value: float) -> float:
    return round(float(value), 4)
