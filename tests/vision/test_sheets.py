import cv2
import numpy as np
import pytest

from benchmarks.sheets import STAINS, draw_card, draw_form, draw_page
from ndd_app.vision.augmentations import damage
from ndd_app.vision.images import Pixels, resize_to_fit
from ndd_app.vision.sheets import SHEET, share_of_paper
from tests.pictures import draw_photo


def share(pixels: Pixels) -> float:
    return share_of_paper(np.asarray(cv2.cvtColor(resize_to_fit(pixels, 320), cv2.COLOR_RGB2GRAY), np.uint8))


@pytest.mark.parametrize("sheet", [draw_form(1, 900), draw_page(16, 900), draw_card(1, 900)])
@pytest.mark.parametrize("wear", [[], STAINS, [("fading", 0.6), ("fold", 0.5)]])
def test_a_sheet_is_paper_also_where_it_is_stained_faded_or_in_shade(sheet: Pixels, wear: list[tuple[str, float]]):
    assert share(damage(sheet, wear, 1)) > SHEET


@pytest.mark.parametrize("seed", range(6))
def test_a_photo_is_none(seed: int):
    assert share(draw_photo(seed, 320, 240)) < SHEET - 0.05


def test_neither_is_an_object_before_a_plain_wall_nor_what_is_dark():
    wall = np.full((240, 320, 3), 230, np.uint8)
    cv2.circle(wall, (160, 120), 80, (90, 60, 40), cv2.FILLED)
    assert share(wall) < SHEET - 0.05
    assert share(255 - draw_card(0, 900)) == 0


def test_a_blank_scan_shows_no_paper():
    assert share(np.full((240, 320, 3), 250, np.uint8)) == 0
