from dataclasses import replace

import cv2
import numpy as np
import pytest

from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import PLAIN, VARIANTS, Scan, Variant, _is_plausible, match_keypoints, register
from ndd_app.vision.images import Pixels, resize_to_fit
from ndd_app.vision.overlay import lay_over
from ndd_app.vision.verification import verify
from tests.pictures import cropped, draw_photo, faded, mirrored, negative, rotated

PHOTO = draw_photo(1, 480, 360)


def scan(pixels: Pixels) -> Scan:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def with_small_grey(whole: Scan) -> Scan:
    return replace(whole, grey=resize_to_fit(whole.grey, 320))


def test_matches_are_mutual_and_clear_as_in_a_plain_loop():
    first, second = scan(PHOTO), scan(rotated(PHOTO, 4))
    nearness = first.descriptors @ second.descriptors.T
    expected = []
    for row, column in enumerate(nearness.argmax(axis=1)):
        rest = np.append(np.delete(nearness[row], column), np.delete(nearness[:, column], row))
        distance, next_distance = np.sqrt(2 - 2 * nearness[row, column]), np.sqrt(2 - 2 * rest.max())
        if nearness[:, column].argmax() == row and distance < 0.9 * next_distance:
            expected.append((row, column))
    assert match_keypoints(first, second).tolist() == [list(pair) for pair in expected]


def test_a_turned_scan_lies_where_it_was_turned_to():
    found = register(scan(PHOTO), scan(rotated(PHOTO, -8)))
    assert found is not None
    assert found.rotation == pytest.approx(8, abs=0.5)
    assert found.scale == pytest.approx(1, abs=0.02)
    assert found.inliers > 0.8 * found.matches
    assert found.residual < 0.004
    centre = found.homography @ [0.5, 0.375, 1]
    assert centre[:2] / centre[2] == pytest.approx([0.5, 0.375], abs=0.005)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_need_no_variant(quarters: int):
    found = register(scan(PHOTO), scan(np.rot90(PHOTO, quarters).copy()))
    assert found is not None
    assert abs(found.rotation) == pytest.approx({1: 90, 2: 180, 3: 90}[quarters], abs=1)


def test_a_crop_is_covered_wholly_and_covers_a_part():
    found = register(scan(PHOTO), scan(cropped(PHOTO, 0.6)))
    assert found is not None
    assert found.overlap == pytest.approx((0.36, 1), abs=0.02)


@pytest.mark.parametrize(
    ("change", "variant"),
    [
        (faded, PLAIN),
        (mirrored, Variant(mirrored=True)),
        (negative, Variant(inverted=True)),
        (lambda pixels: negative(mirrored(pixels)), Variant(mirrored=True, inverted=True)),
    ],
)
def test_the_variant_with_the_most_support_is_found(change, variant: Variant):
    found = register(scan(PHOTO), scan(change(PHOTO)), VARIANTS)
    assert found is not None
    assert found.variant == variant
    assert found.inliers > 100
    assert abs(found.rotation) < 2
    assert lay_over(scan(PHOTO), scan(change(PHOTO)), found).correlation > 0.9


@pytest.mark.parametrize(
    "change", [mirrored, np.rot90, lambda pixels: np.rot90(pixels, 2)], ids=["mirror", "1/4", "1/2"]
)
@pytest.mark.parametrize("width", [480, 960])
def test_mirrored_and_turned_scans_lie_on_each_other_to_a_part_of_a_pixel(change, width: int):
    """Of 192; the grey pictures are smaller than the working copies, as in an archive."""
    photo = draw_photo(1, width, width * 3 // 4)
    first, second = (with_small_grey(scan(pixels)) for pixels in (photo, change(photo).copy()))
    found = register(first, second, VARIANTS)
    assert found is not None
    assert lay_over(first, second, found).correlation > 0.998


def test_mirrored_and_inverted_descriptors_are_those_of_the_changed_photo():
    """Against the keypoints that SIFT finds in the changed photo at the same place."""
    first = scan(PHOTO)
    for change, variant in ((mirrored, Variant(mirrored=True)), (negative, Variant(inverted=True))):
        second = scan(change(PHOTO))
        there = second.points.copy()
        if variant.mirrored:
            there[:, 0] = (PHOTO.shape[1] - 1) / PHOTO.shape[1] - there[:, 0]
        distances = np.linalg.norm(first.points[:, None] - there[None], axis=2)
        same = distances.min(axis=1) < 0.002
        nearness = first.descriptors[same] * second.descriptors[:, variant.order][distances.argmin(axis=1)[same]]
        assert np.median(nearness.sum(axis=1)) > 0.98


@pytest.mark.parametrize("other", [draw_photo(2, 480, 360), draw_photo(3, 300, 400)])
def test_strangers_have_no_registration(other: Pixels):
    assert register(scan(PHOTO), scan(other), VARIANTS) is None


@pytest.mark.parametrize(
    "empty",
    [
        np.full((300, 400, 3), 200, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        cv2.rectangle(np.full((300, 400, 3), 240, np.uint8), (20, 20), (380, 280), (90, 90, 90), 8),
        np.tile(np.kron([[0, 255], [255, 0]], np.ones((8, 8))).astype(np.uint8)[..., None], (20, 24, 3)),
    ],
    ids=["blank", "one pixel", "a frame", "thousands of equal keypoints"],
)
def test_scans_without_a_picture_give_no_evidence_and_no_error(empty: Pixels):
    assert verify(scan(empty), scan(PHOTO), VARIANTS) == {}
    assert verify(scan(empty), scan(rotated(empty, 3) if min(empty.shape[:2]) > 1 else empty), VARIANTS) == {}


def test_the_second_scan_seen_from_the_other_side_is_the_inverse():
    first, second = scan(PHOTO), scan(cropped(rotated(PHOTO, 5), 0.8))
    there, back = register(first, second), register(second, first)
    assert there is not None
    assert back is not None
    assert there.scale * back.scale == pytest.approx(1, abs=0.02)
    assert there.rotation == pytest.approx(-back.rotation, abs=0.5)
    assert there.overlap == pytest.approx(back.overlap[::-1], abs=0.06)


@pytest.mark.parametrize("variant", [PLAIN, Variant(mirrored=True)])
def test_two_scans_match_in_either_order_or_in_neither(variant):
    first, second = scan(draw_photo(1, 80, 60)), scan(draw_photo(2, 50, 80))
    flip = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) if variant.mirrored else np.eye(3)
    random, plausible = np.random.default_rng(0), []
    for _ in range(200):
        homography = flip + random.normal(0, [[0.3, 0.3, 0.3], [0.3, 0.3, 0.3], [0.6, 0.6, 0]])
        there = _is_plausible(homography, first, second, variant)
        back = np.linalg.inv(homography)
        assert there == _is_plausible(back / back[2, 2], second, first, variant)
        plausible.append(there)
    assert 20 < sum(plausible) < 180


@pytest.mark.parametrize(("change", "least", "most"), [(faded, 0, 0.005), (lambda p: rotated(p, 5), 0.03, 0.1)])
def test_how_far_a_scan_has_moved(change, least: float, most: float):
    found = register(scan(PHOTO), scan(change(PHOTO)))
    assert found is not None
    assert least <= found.moved < most


def test_a_mirrored_scan_has_moved_from_side_to_side():
    found = register(scan(PHOTO), scan(mirrored(PHOTO)), VARIANTS)
    assert found is not None
    assert found.moved == pytest.approx(1, abs=0.02)


def test_what_is_kept_of_a_registration():
    kept = verify(scan(PHOTO), scan(faded(rotated(PHOTO, -3))))
    assert kept["rotation"] == pytest.approx(3, abs=0.5)
    assert min(kept["agreement"]) > 0.8
    assert min(kept["tone"]) > 0.9
    assert len(kept["homography"]) == 9
    assert 50 < len(kept["points"]) <= 100
    assert not (kept["mirrored"])
    assert not (kept["inverted"])
