import numpy as np

from ndd_app.vision.augmentations import FAMILIES
from ndd_app.vision.hashing import phash
from ndd_app.vision.rescans import DAMAGES, HashBits, OnRescans, Planned, draw_rescan, hash_rows, plan_rescan
from tests.pictures import draw_photo


def test_one_to_three_damages_of_the_kept_family_at_full_strength():
    assert FAMILIES["wear"] == DAMAGES
    plans = np.stack([plan_rescan(draw_photo(seed, 32, 24)) for seed in range(60)])
    assert {*np.count_nonzero(plans, axis=1)} == {1, 2, 3}
    assert ((plans == 0) | ((plans >= 0.6) & (plans <= 1))).all()
    assert (plans > 0).any(axis=0).all()


def test_a_rescan_follows_from_the_pixels_alone():
    one, other = draw_photo(1), draw_photo(2)
    assert np.array_equal(draw_rescan(one), draw_rescan(one.copy()))
    assert not np.array_equal(draw_rescan(one), one)
    assert not np.array_equal(draw_rescan(one), draw_rescan(other))


def test_another_seed_is_another_rescan():
    photo = draw_photo(1)
    assert not np.array_equal(draw_rescan(photo), draw_rescan(photo, seed=9))


def test_a_large_scan_is_reduced_first():
    assert draw_rescan(draw_photo(1, 1000, 500)).shape == (320, 640, 3)


def test_extractors_look_at_the_same_rescans():
    photos = [draw_photo(seed) for seed in range(2)]
    bits = OnRescans(HashBits()).extract(photos)
    assert ["".join(map(str, code)) for code in bits] == [phash(draw_rescan(photo)) for photo in photos]
    assert np.array_equal(Planned().extract(photos)[1], plan_rescan(photos[1]))
    assert OnRescans(HashBits()).recipe != HashBits().recipe


def test_hashes_as_rows_are_near_when_they_share_bits():
    rows = hash_rows(np.array([[0, 1, 1, 0], [0, 1, 1, 1], [1, 0, 0, 1]], np.uint8))
    assert (rows @ rows.T).tolist() == [[1, 0.5, -1], [0.5, 1, -0.5], [-1, -0.5, 1]]
