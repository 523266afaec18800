import cv2
import numpy as np
import pytest

from ndd_app.vision.classical import (
    FEWEST_KEYPOINTS,
    KEYPOINTS,
    LONG_SIDE,
    RootSift,
    aggregate,
    describe_keypoints,
    keypoints_of,
    nearness_to_words,
    root_descriptors,
    shows_nothing,
)
from tests.pictures import draw_photo


def random_features(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (count, 140)).astype(np.uint8)


def words_and_turns(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    words = root_descriptors(random_features(count, seed + 1))
    return words, np.stack([np.linalg.qr(random.normal(size=(128, 128)))[0][:, :16] for _ in words]).astype(np.float32)


def test_keypoints_are_the_strongest_of_opencv_in_pixels_of_the_photo():
    photo = draw_photo(1, 2 * LONG_SIDE, LONG_SIDE)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (LONG_SIDE, LONG_SIDE // 2), interpolation=cv2.INTER_AREA)
    found, descriptors = cv2.SIFT.create(KEYPOINTS, contrastThreshold=0.02).detectAndCompute(small, None)
    strongest = max(range(len(found)), key=lambda i: found[i].response)
    features = describe_keypoints(photo)
    first = keypoints_of(features)[0]
    assert (first["x"], first["y"]) == pytest.approx([2 * value + 0.5 for value in found[strongest].pt])
    assert first["size"] == pytest.approx(2 * found[strongest].size, rel=1e-3)
    assert first["angle"] == pytest.approx(found[strongest].angle, rel=1e-3)
    assert np.array_equal(features[0, :128], descriptors[strongest])


@pytest.mark.parametrize("shape", [(480, 640), (1001, 700)])
def test_a_disc_is_found_at_its_place_whatever_the_scale(shape):
    picture = np.full((*shape, 3), 200, np.uint8)
    cv2.circle(picture, (300, 250), 20, (40, 40, 40), -1, cv2.LINE_AA)
    first = keypoints_of(describe_keypoints(picture))[0]
    assert (first["x"], first["y"]) == pytest.approx((300, 250), abs=0.6)  # OpenCV is a quarter of a pixel off


def test_keypoints_are_few_enough_and_the_same_every_time():
    photo = draw_photo(2, 480, 360)
    first, second = RootSift().extract([photo, photo])
    assert first.dtype == np.uint8
    assert FEWEST_KEYPOINTS < len(first) <= KEYPOINTS
    assert first.shape[1] == 140
    assert np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (2, 3), (7, 7), (200, 300)])
def test_blank_scans_have_no_keypoints(shape):
    [features] = RootSift().extract([np.full((*shape, 3), 180, np.uint8)])
    assert features.shape == (0, 140)
    assert len(keypoints_of(features)) == 0


def test_an_empty_mount_has_too_few_keypoints():
    mount = np.full((300, 400, 3), 240, np.uint8)
    mount[10:-10, 10:-10] = 120
    mount[20:-20, 20:-20] = 200
    assert len(describe_keypoints(mount)) < FEWEST_KEYPOINTS


@pytest.mark.parametrize("line", [1, 3, 12])
def test_an_empty_frame_shows_nothing_however_many_keypoints_its_lines_have(line):
    frame = np.random.default_rng(line).normal(205, 3, (500, 640, 1)).repeat(3, axis=2)
    for inset in (30, 45, 70):
        cv2.rectangle(frame, (inset, inset), (640 - inset, 500 - inset), (120, 110, 90), line)
    assert shows_nothing(describe_keypoints(frame.astype(np.uint8)), 640, 500)


@pytest.mark.parametrize("size", [(640, 480), (160, 120), (64, 48)])
def test_a_photo_of_any_size_shows_something(size):
    shown = [not shows_nothing(describe_keypoints(draw_photo(seed, *size)), *size) for seed in range(8)]
    assert all(shown)


def test_extraction_keeps_the_order_of_the_photos():
    photos = [draw_photo(seed, 160, 120) for seed in range(5)]
    for photo, features in zip(photos, RootSift().extract(photos), strict=True):
        assert np.array_equal(features, describe_keypoints(photo))


def test_root_descriptors_have_length_one_and_survive_zeros():
    features = random_features(5)
    features[2, :128] = 0
    lengths = np.linalg.norm(root_descriptors(features), axis=1)
    assert lengths == pytest.approx([1, 1, 0, 1, 1], abs=1e-6)


def test_nearness_is_half_of_one_less_the_squared_distance():
    descriptors, words = root_descriptors(random_features(4)), words_and_turns(3)[0]
    distances = np.linalg.norm(descriptors[:, None] - words[None], axis=2)
    assert nearness_to_words(descriptors, words) == pytest.approx((1 - distances**2) / 2, abs=1e-6)


def test_aggregate_equals_the_plain_sum_over_keypoints_and_words():
    features, (words, turns) = random_features(30), words_and_turns(4)
    sums = np.zeros((4, 128))
    for descriptor in root_descriptors(features).astype(np.float64):
        distances = np.linalg.norm(descriptor - words, axis=1)
        shares = np.exp(-40.0 * distances**2)
        for word in range(4):
            sums[word] += shares[word] / shares.sum() * (descriptor - words[word]) / distances[word]
    vector = np.concatenate([sums[word] @ turns[word] for word in range(4)])
    vector = np.sign(vector) * np.abs(vector) ** 0.4
    assert aggregate([features], words, turns)[0] == pytest.approx(vector / np.linalg.norm(vector), abs=1e-4)


def test_aggregate_does_not_depend_on_the_order_or_the_places_of_the_keypoints():
    features, (words, turns) = random_features(30), words_and_turns(4)
    elsewhere = features[::-1].copy()
    elsewhere[:, 128:] = 0
    first, second, nothing = aggregate([features, elsewhere, features[:0]], words, turns)
    assert first == pytest.approx(second, abs=1e-5)
    assert not nothing.any()
