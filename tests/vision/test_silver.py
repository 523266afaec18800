import numpy as np

from ndd_app.vision.neighbours import Lists
from ndd_app.vision.silver import components, confirms, reciprocal_pairs, silver_pairs


def pairs(*some: tuple[int, int]) -> np.ndarray:
    return np.array(some, np.int64).reshape(-1, 2)


def test_both_must_be_among_the_others_nearest():
    lists = np.array([[1, 2], [0, 3], [3, 0], [1, 2]])
    found = Lists(lists, np.zeros(lists.shape, np.float32))
    assert reciprocal_pairs(found, within=1).tolist() == [[0, 1]]
    assert reciprocal_pairs(found, within=2).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_a_photo_without_a_list_is_in_no_pair():
    assert not len(reciprocal_pairs(Lists(np.full((2, 1), -1), np.zeros((2, 1), np.float32))))


def test_two_descriptors_and_geometry_must_agree():
    deep, classical, hashes = pairs((0, 1), (2, 3), (4, 5)), pairs((0, 1), (4, 5)), pairs((2, 3))
    assert silver_pairs([deep, classical, hashes], pairs((0, 1), (3, 2), (6, 7))).tolist() == [[0, 1], [2, 3]]
    assert not len(silver_pairs([deep], pairs((0, 1))))


def test_photos_are_joined_through_others():
    assert components(6, pairs((4, 2), (2, 5), (0, 1))).tolist() == [0, 0, 2, 3, 2, 2]


def test_geometry_confirms_by_ten_points_unless_both_are_forms():
    assert confirms({"inliers": 10, "form": False})
    assert not confirms({"inliers": 40, "form": True})
    assert not confirms({"inliers": 9, "form": False})
    assert not confirms({})
