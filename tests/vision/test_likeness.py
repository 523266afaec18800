import numpy as np
import pytest

from ndd_app.vision.likeness import compare_squares
from tests.pictures import draw_photo

ALL = np.ones((144, 192), bool)


def tones(seed: int) -> np.ndarray:
    return draw_photo(seed, 192, 144).mean(axis=2).astype(np.float32)


def test_a_label_over_a_part_does_not_count_and_fading_does_not_either():
    labelled = 0.6 * tones(1) + 40
    labelled[40:100, 20:110] = 230
    found = compare_squares(tones(1), labelled, ALL)
    assert found.usual == pytest.approx(0.98, abs=0.03)
    assert found.likeness[70, 60] < 0.5


def test_what_differs_a_little_everywhere_is_less_alike_than_what_differs_in_one_place():
    moved = np.roll(tones(1), 2, axis=1)
    found = compare_squares(tones(1), moved, ALL)
    assert found.usual is not None
    assert found.usual < 0.8


def test_without_detail_there_is_nothing_to_compare():
    assert compare_squares(np.full((144, 192), 90, np.float32), np.full((144, 192), 120, np.float32), ALL).usual is None
    few = np.zeros_like(ALL)
    few[:12, :12] = True
    assert compare_squares(tones(1), tones(1), few).usual is None
