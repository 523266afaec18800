import cv2
import numpy as np
import pytest

from ndd_app.vision.augmentations import damage
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import VARIANTS, Scan
from ndd_app.vision.images import Pixels
from ndd_app.vision.likeness import Mask, Values, compare_squares
from ndd_app.vision.relations import flags_of
from ndd_app.vision.retouching import share_retouched
from ndd_app.vision.verification import verify
from tests.pictures import cropped, draw_photo, faded, mirrored, negative

PHOTO, OTHER = draw_photo(4, 480, 360), draw_photo(5, 480, 360)
ALL = np.ones((144, 192), np.bool_)


def scan(pixels: Pixels) -> Scan:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def patched(pixels: Pixels, radius: int = 60) -> Pixels:
    """With a disk of another photo in the middle: 6.5 % of the picture."""
    middle = np.zeros(pixels.shape, np.uint8)
    cv2.circle(middle, (240, 180), radius, (1, 1, 1), -1)
    return np.where(middle, OTHER, pixels)


def filled(pixels: Pixels) -> Pixels:
    hole = np.zeros(pixels.shape[:2], np.uint8)
    cv2.circle(hole, (240, 180), 60, 255, -1)
    return np.asarray(cv2.inpaint(pixels, hole, 5, cv2.INPAINT_TELEA), np.uint8)


def small(pixels: Pixels) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (192, 144), interpolation=cv2.INTER_AREA).astype(np.float32)


def flags(one: Pixels, other: Pixels) -> list[str]:
    return flags_of(verify(scan(one), scan(other), VARIANTS))


@pytest.mark.parametrize("retouch", [patched, filled])
@pytest.mark.parametrize(
    ("change", "others"),
    [
        (faded, []),
        (lambda pixels: damage(pixels, [("rotation", 0.4), ("jpeg", 0.6)], 1), []),
        (lambda pixels: negative(mirrored(pixels)), ["mirrored", "inverted"]),
        (lambda pixels: cropped(pixels, 0.7), ["crop"]),
    ],
    ids=["faded", "askew", "mirrored negative", "crop"],
)
def test_a_place_that_shows_something_else_is_flagged(retouch, change, others: list[str]):
    assert flags(PHOTO, change(retouch(PHOTO))) == [*others, "retouched"]


@pytest.mark.parametrize("alike", [{"mark": True, "rest": 0.1}, {"form": True}], ids=["mark", "form"])
def test_what_else_differs_around_a_mark_or_on_a_form_is_no_retouch(alike: dict[str, object]):
    found = verify(scan(PHOTO), scan(patched(PHOTO)))
    assert flags_of(found) == ["retouched"]
    assert flags_of(found | alike) == []


@pytest.mark.parametrize("worn", ["dust", "scratches", "fold", "mount", "border", "light", "grain", "paper"])
def test_wear_mounts_and_light_are_no_retouching(worn: str):
    assert "retouched" not in flags(PHOTO, damage(PHOTO, [(worn, 1.0)], 3))


def share(one: Values, other: Values, common: Mask = ALL) -> float:
    return share_retouched(compare_squares(one, other, common), common)


def test_the_share_grows_with_the_patch_in_either_order_and_is_never_larger():
    shares = []
    for radius in (30, 60, 75):
        one, other = small(PHOTO), small(patched(PHOTO, radius))
        shares.append(share(one, other))
        assert shares[-1] < np.pi * radius**2 / (480 * 360)
        assert share(other, one) == pytest.approx(shares[-1], rel=0.5)
    assert shares == sorted(shares)
    assert share(one, one) == 0


def test_two_pictures_that_differ_all_over_are_not_retouched():
    assert share(small(PHOTO), small(OTHER)) == 0


def test_what_lies_at_the_edge_of_the_overlap_does_not_count():
    one, other = small(PHOTO), small(PHOTO)
    other[:, :8] = small(OTHER)[:, :8]
    assert share(one, other) == 0


def test_flat_scans_and_a_few_common_pixels_say_nothing():
    grey, few = np.full((144, 192), 90, np.float32), np.zeros_like(ALL)
    few[:12, :12] = True
    assert share(grey, grey) == 0
    assert share(small(PHOTO), small(OTHER), few) == 0
