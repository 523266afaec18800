import numpy as np
import pytest

from ndd_app.vision.augmentations import CARDS, DAMAGES, FAMILIES, GATE_FAMILY, damage
from ndd_app.vision.images import Pixels
from tests.pictures import draw_photo

CHANGES_SIZE = {"crop", "rotation", "turn", "size", "mount", "border"}


def apply(name: str, pixels: Pixels, severity: float = 1.0, seed: int = 3) -> Pixels:
    return DAMAGES[name](pixels, np.random.default_rng(seed), severity)


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return draw_photo(seed=1)


@pytest.mark.parametrize("name", DAMAGES)
def test_damages_show_and_keep_their_hands_off_the_original(name, photo):
    before = photo.copy()
    damaged = apply(name, photo)
    assert damaged.dtype == np.uint8
    assert damaged.shape[2:] == (3,)
    assert (damaged.shape == photo.shape) == (name not in CHANGES_SIZE)
    assert not np.array_equal(damaged, photo)
    assert np.array_equal(photo, before)
    assert not np.shares_memory(photo, damaged)


@pytest.mark.parametrize("name", DAMAGES)
def test_nothing_happens_at_severity_0(name, photo):
    same = apply(name, photo, severity=0.0)
    assert same.shape == photo.shape
    assert np.abs(same.astype(int) - photo).mean() < (3 if name == "jpeg" else 0.01)


@pytest.mark.parametrize("name", DAMAGES)
def test_same_seed_same_damage(name, photo):
    assert np.array_equal(apply(name, photo, seed=5), apply(name, photo, seed=5))


@pytest.mark.parametrize("name", sorted(set(DAMAGES) - CHANGES_SIZE - {"mirror"}))
def test_more_severity_is_more_damage(name, photo):
    little, much = (np.abs(apply(name, photo, severity).astype(int) - photo).mean() for severity in (0.2, 1.0))
    assert much > little


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (300, 2, 3)])
def test_thin_and_tiny_pictures_survive(name, shape):
    assert min(apply(name, np.full(shape, 120, np.uint8)).shape) >= 1


def test_crop_keeps_a_part_of_the_picture(photo):
    part = apply("crop", photo)
    assert part.shape == (144, 192, 3)
    assert any(
        np.array_equal(part, photo[y : y + 144, x : x + 192]) for y in range(240 - 143) for x in range(320 - 191)
    )


def test_rotation_shows_the_scanner_in_all_corners():
    lying = apply("rotation", np.full((240, 320, 3), (200, 30, 30), np.uint8))
    corners = lying[[2, 2, -3, -3], [2, -3, 2, -3]].astype(int)
    assert np.ptp(corners, axis=1).max() < 30
    assert lying[lying.shape[0] // 2, lying.shape[1] // 2].tolist() == [200, 30, 30]


def test_rotation_is_ten_degrees():
    red = apply("rotation", np.full((200, 200, 3), (200, 30, 30), np.uint8))[..., 1] < 60
    top = red[:, 60:140].argmax(axis=0)
    assert abs(np.polyfit(range(80), top, 1)[0]) == pytest.approx(np.tan(np.deg2rad(10)), abs=0.01)


def test_mirror_and_turn_only_move_pixels(photo):
    assert np.array_equal(apply("mirror", apply("mirror", photo)), photo)
    turned = apply("turn", photo)
    assert any(np.array_equal(np.rot90(turned, quarters), photo) for quarters in (1, 2, 3))


def test_fading_takes_contrast_and_warms():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    faded = apply("fading", grey)[0].astype(int)
    assert np.ptp(faded[:, 2]) < 140
    assert (faded[:, 0] > faded[:, 2]).all()


def test_cast_spares_one_channel(photo):
    kept = [np.array_equal(apply("cast", photo)[..., channel], photo[..., channel]) for channel in range(3)]
    assert kept.count(True) == 1


def test_negative_inverts(photo):
    assert np.array_equal(apply("negative", photo, severity=1e-9), 255 - photo)
    assert apply("negative", np.zeros_like(photo))[0, 0].tolist() == [251, 185, 115]


def test_mount_puts_the_print_on_a_card(photo):
    mounted = apply("mount", photo)
    assert mounted.shape == (240 + 45 + 70, 320 + 2 * 45, 3)
    assert np.abs(mounted[45:285, 45:365].astype(int) - photo).max() <= 1
    paper = mounted[:8].reshape(-1, 3).mean(axis=0)
    assert min(np.abs(paper - card).max() for card, _ in CARDS) < 12


def test_border_is_paper_around_the_print(photo):
    bordered = apply("border", photo)
    assert bordered.shape == (240 + 2 * 25, 320 + 2 * 25, 3)
    assert np.abs(bordered[25:265, 25:345].astype(int) - photo).max() <= 1
    assert bordered[100:200, 12:22].mean() > 225


def test_corners_lose_light():
    lit = apply("light", np.full((240, 320, 3), 200, np.uint8)).astype(int)[..., 0]
    assert lit[[0, 0, -1, -1], [0, -1, 0, -1]].mean() < 0.5 * lit[120, 160]


def test_halftone_of_grey_is_one_ink_in_the_right_amount():
    printed = apply("halftone", np.full((480, 640, 3), 128, np.uint8)).astype(int)
    assert np.ptp(printed, axis=2).max() < 20
    assert ((printed[..., 0] < 60) | (printed[..., 0] > 210)).mean() > 0.7
    assert (printed[..., 0] < 128).mean() == pytest.approx(0.5, abs=0.05)


def test_damages_are_applied_in_order(photo):
    card_last = damage(photo, [("grey", 1.0), ("mount", 1.0)], seed=2)
    rng = np.random.default_rng(2)
    assert np.array_equal(card_last, DAMAGES["mount"](DAMAGES["grey"](photo, rng, 1.0), rng, 1.0))


def test_every_damage_is_of_one_family():
    assert sorted(name for family in FAMILIES.values() for name in family) == sorted(DAMAGES)
    assert GATE_FAMILY in FAMILIES
