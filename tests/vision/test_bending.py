from dataclasses import replace

import cv2
import numpy as np
import pytest

from ndd_app.vision.bending import FEWEST, Bend, Points, find_bend
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import Scan, register
from ndd_app.vision.images import Pixels
from ndd_app.vision.overlay import lay_over
from tests.pictures import draw_photo, rotated

PHOTO = draw_photo(1, 480, 360)
RANDOM = np.random.default_rng(0)
PLACES = RANDOM.random((200, 2)).astype(np.float32)


def arched(places: Points) -> Points:
    return 0.01 * np.stack([np.sin(2 * places[:, 1]), places[:, 0] ** 2], axis=1)


def noise(count: int, size: float) -> Points:
    return RANDOM.normal(0, size, (count, 2)).astype(np.float32)


def scan(pixels: Pixels) -> Scan:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def curled(pixels: Pixels) -> Pixels:
    down, across = np.indices(pixels.shape[:2], np.float32)
    return cv2.remap(pixels, across + 6 * np.sin(down / 100), down + 6 * np.cos(across / 90), cv2.INTER_LINEAR)


def test_an_arch_is_found_and_told_at_every_place():
    bend = find_bend(PLACES, arched(PLACES) + noise(200, 0.0005))
    assert bend
    assert bend.at(PLACES) == pytest.approx(arched(PLACES), abs=0.001)


@pytest.mark.parametrize(
    ("places", "beside"),
    [(PLACES, noise(200, 0.002)), (PLACES[: FEWEST - 1], arched(PLACES[: FEWEST - 1]))],
    ids=["points that lie about by chance", "few points"],
)
def test_no_bend_without_reason(places: Points, beside: Points):
    assert find_bend(places, beside) is None


def test_beyond_the_points_nothing_lies_farther_beside():
    near = PLACES[PLACES.max(axis=1) < 0.5]
    far = Bend.fit(near, arched(near)).at(np.array([[9.0, -9.0]], np.float32))
    assert (np.abs(far) <= np.abs(arched(near)).max(axis=0) + 1e-6).all()


def test_a_curled_print_lies_exactly_on_a_flat_one_and_agrees_with_it_square_by_square():
    one, other = scan(PHOTO), scan(curled(PHOTO))
    found = register(one, other)
    assert found
    flat = replace(found, bend=None)
    assert found.residual < 0.5 * flat.residual
    assert found.inliers > 0.8 * found.matches
    likeness, of_flat = (lay_over(one, other, way).likeness or 0 for way in (found, flat))
    assert likeness > 0.9 > of_flat


@pytest.mark.parametrize("other", [PHOTO, rotated(PHOTO, 5)], ids=["itself", "a turned print"])
def test_what_lies_flat_is_not_bent(other: Pixels):
    found = register(scan(PHOTO), scan(other))
    assert found
    assert found.bend is None
