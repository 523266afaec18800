"""What a pair of photos is to each other, from the evidence: one kind, and flags."""

from collections.abc import Mapping
from typing import Any

SAME_IMAGE = "same image"
OTHER_EXPOSURE = "other exposure"
SAME_SESSION = "same session or subject"
LOOK_ALIKE = "look-alike"

CROPPED_TO = 0.85
"""A crop shows at most this share of the other scan …"""
DETAIL_OUTSIDE = 0.15
"""… and at least this share of the other one's keypoints lies outside: scanner beds and plain mounts have few …"""
GOES_ON = 0.4
"""… and the other one's tones go on beyond the crop's edge: those of a mount do not."""
SIDES = ("overlap", "outside", "beyond")
TURNED = 45
"""Degrees; less is how a print lies on the scanner."""
RETOUCHED = 0.0045
"""Share of the overlap in the largest disk that shows something else. Of rescans that were only worn, the stains and
scratches of one in two hundred make as large a one; a patch of 2 % of the picture holds a disk of this size where
there was detail."""

ONLY_A_MARK = 0.3
"""Likeness away from the matching points, below which one place and its surroundings cannot be told from two pictures
under one mark."""


def kind_of(probability: float, probability_same_image: float, details: Mapping[str, Any]) -> str:
    """Failed geometry says nothing: descriptors that alone carry a pair cannot tell image from session.

    Then only a common partner makes one image likely (vision/partners.py).
    """
    if probability < 0.5:
        return LOOK_ALIKE
    if probability_same_image >= probability / 2:
        return SAME_IMAGE
    return OTHER_EXPOSURE if details else SAME_SESSION


def flags_of(details: Mapping[str, Any]) -> list[str]:
    if not details:
        return []
    flags = {
        "crop": any(_shows_more(*side) for side in zip(*(details[name] for name in SIDES), strict=True)),
        "mirrored": details["mirrored"],
        "inverted": details["inverted"],
        "turned": abs(details["rotation"]) > TURNED,
        "retouched": details["retouched"] > RETOUCHED and not (details["form"] or _only_a_mark_agrees(details)),
    }
    return [flag for flag, applies in flags.items() if applies]


def _only_a_mark_agrees(details: Mapping[str, Any]) -> bool:
    return bool(details["mark"]) and details["rest"] < ONLY_A_MARK


def _shows_more(overlap: float, outside: float, beyond: float | None) -> bool:
    return overlap < CROPPED_TO and outside > DETAIL_OUTSIDE and (beyond is None or beyond > GOES_ON)
