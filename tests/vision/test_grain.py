import cv2
import numpy as np
import pytest

from benchmarks.sheets import INK, draw_form, draw_page
from ndd_app.vision.augmentations import damage
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import VARIANTS, Scan, register
from ndd_app.vision.grain import OTHER, SAME, likeness_of_grain
from ndd_app.vision.images import Pixels, read_working_copy, thumbnail
from ndd_app.vision.paper import write_line
from tests.pictures import draw_photo, mirrored, rotated

FORM, ALIKE = draw_form(1, 900), draw_form(1, 901)


def scan(pixels: Pixels) -> Scan:
    """As the product sees it."""
    grey = np.asarray(cv2.cvtColor(read_working_copy(thumbnail(pixels)), cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def grain(one: Pixels, other: Pixels) -> float | None:
    first, second = scan(one), scan(other)
    found = register(first, second, VARIANTS)
    assert found is not None
    return likeness_of_grain(first, second, found)


def printed(paper: float, pattern: str = "") -> Pixels:
    """A form on paper of so many tones around white: the seed of its grain too."""
    sheet = np.full((600, 840, 3), 236.0)
    sheet += np.random.default_rng(int(10 * paper)).normal(0, paper, (600, 840, 1)) if paper else 0
    match pattern:
        case "rules":
            sheet[30::24] -= 30
        case "grid":
            sheet[30::24] -= 12
            sheet[:, 30::24] -= 12
        case "tint":
            sheet[200:420, 100:740] *= 0.93
        case "light field":
            sheet[200:420, 100:740] += 19
    sheet = np.clip(sheet, 0, 255).astype(np.uint8)
    for row, words in enumerate(("INVOICE", "Name and address", "Date of delivery", "Received by")):
        write_line(sheet, words, (300, 100 + 130 * row), 40, (60, 60, 70))
        cv2.line(sheet, (60, 120 + 130 * row), (780, 120 + 130 * row), (60, 60, 70), 2)
    return sheet


@pytest.mark.parametrize(
    "rescan",
    [
        lambda sheet: damage(sheet, [("fading", 0.5), ("rotation", 0.2), ("jpeg", 0.4)], 1),
        lambda sheet: damage(sheet, [("crop", 0.2), ("cast", 0.4)], 1),
        lambda sheet: mirrored(rotated(sheet, 3)),
    ],
    ids=["faded and turned", "cropped", "mirrored"],
)
def test_two_scans_of_a_sheet_have_its_grain_and_another_one_that_is_printed_alike_has_not(rescan):
    own, other = grain(FORM, rescan(FORM)), grain(FORM, rescan(ALIKE))
    assert own is not None
    assert other is not None
    assert other < OTHER < own - 0.1


@pytest.mark.parametrize("pattern", ["", "rules", "grid", "tint", "light field"])
def test_what_is_printed_on_both_does_not_count_however_pale_it_is(pattern: str):
    sheet, other = printed(6.0, pattern), printed(6.5, pattern)
    wear = [("fading", 0.3), ("jpeg", 0.4)]
    found, own = grain(sheet, damage(other, wear, 1)), grain(sheet, damage(sheet, wear, 1))
    assert found is None or found < (OTHER + SAME) / 2
    assert own is None or own > SAME
    assert pattern or own is not None


def test_two_scanners_noises_on_smooth_paper_are_no_grain():
    smooth, random = printed(0), np.random.default_rng(1)
    scans = (np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8) for _ in range(2))
    assert grain(*scans) is None


def test_what_has_no_grain_cannot_be_compared():
    clean = printed(0)
    assert grain(clean, damage(clean, [("jpeg", 0.5)], 1)) is None
    assert grain(clean, printed(6.0)) is None


def test_nor_what_bears_ink_all_over_nor_a_photo():
    page, photo = draw_page(16, 900), draw_photo(1, 480, 360)
    for line in range(12, 840, 12):
        page[line : line + 2] = INK
    assert grain(page, damage(page, [("jpeg", 0.3)], 1)) is None
    assert grain(photo, photo) is None
