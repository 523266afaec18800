import numpy as np
import pytest

from ndd_app.vision import views
from ndd_app.vision.augmentations import FAMILIES, GATE_FAMILY
from ndd_app.vision.views import TRAINING_DAMAGES, damaged_view, plain_view, simclr_view
from tests.pictures import draw_photo

VIEWS = [plain_view, simclr_view]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(320, 240), (40, 900), (31, 17), (1, 1)])
def test_a_view_is_a_square_of_any_photo(view, size):
    for seed in range(5):
        square = view(draw_photo(1, *size), 64, np.random.default_rng(seed))
        assert square.shape == (64, 64, 3)
        assert square.dtype == np.uint8


@pytest.mark.parametrize("view", VIEWS)
def test_the_same_generator_gives_the_same_view_and_another_one_another(view):
    photo = draw_photo(1)
    one, same, other = (view(photo, 64, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_view_shows_a_part_of_the_photo():
    """Each pixel of a ramp says where it lies: the crop's width in it is the width of the part."""
    ramp = np.tile(np.linspace(0, 255, 256).astype(np.uint8)[:, None], (256, 1, 3))
    shares = [np.ptp(plain_view(ramp, 64, np.random.default_rng(seed))) / 255 for seed in range(50)]
    assert min(shares) < 0.65
    assert 0.85 < max(shares) < 0.95  # the margin is left out


def test_every_other_view_is_mirrored():
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None], (256, 1, 3))
    seen = [plain_view(ramp, 64, np.random.default_rng(seed)) for seed in range(200)]
    assert 0.4 < np.mean([view[0, 0, 0] > view[0, -1, 0] for view in seen]) < 0.6


def test_a_fifth_of_simclrs_views_is_grey_and_most_others_change_colour():
    red = np.full((64, 64, 3), (180, 60, 60), np.uint8)
    seen = np.array([simclr_view(red, 16, np.random.default_rng(seed))[8, 8] for seed in range(300)], int)
    grey = np.ptp(seen, axis=1) == 0
    assert 0.12 < grey.mean() < 0.3
    changed = np.abs(seen - (180, 60, 60)).max(axis=1) > 5
    assert 0.75 < changed.mean() < 0.95


def test_half_of_simclrs_views_are_blurred():
    dots = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (448, 448, 1)).repeat(3, axis=2)
    seen = [simclr_view(dots, 224, np.random.default_rng(seed)).astype(int) for seed in range(60)]
    detail = [np.abs(np.diff(view, axis=1)).mean() / (view.std() + 1) for view in seen]
    assert 0.2 < np.mean(np.array(detail) < 0.5 * np.max(detail)) < 0.8


def test_the_hue_turns_and_the_lightness_stays():
    tones = np.full((2, 2, 3), (200, 40, 40), np.float32)
    assert np.allclose(views._turn_hue(tones, 1 / 3), [[[40, 200, 40]] * 2] * 2, atol=1)
    assert np.allclose(views._turn_hue(tones, -1 / 3), [[[40, 40, 200]] * 2] * 2, atol=1)


def test_no_view_has_a_damage_by_which_encoders_are_judged():
    assert not set(TRAINING_DAMAGES) & set(FAMILIES[GATE_FAMILY])
    assert not np.array_equal(damaged_view(draw_photo(1, 96, 72), 1), damaged_view(draw_photo(1, 96, 72), 2))
