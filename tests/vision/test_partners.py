import numpy as np
import pytest

from ndd_app.vision.calibration import Probabilities
from ndd_app.vision.partners import HOLDS, MOST, MOST_WEIGHT, Partners, either, weighed

A, B, C = 0, 1, 2
SIZES = [(100, 100)] * 40
WHOLE = {"homography": [1, 0, 0, 0, 1, 0, 0, 0, 1]}


def half(left: bool) -> dict:
    """Where a photo lies that is one half of the other in the pair: half as large, at one side of it."""
    return {"homography": [0.5, 0, 0 if left else 0.5, 0, 1, 0, 0, 0, 1]}


def among(pairs, chances, details=None, same_image=None) -> Partners:
    chances, same_image = np.float32(chances), np.float32(same_image or chances)
    return Partners.among(np.array(pairs), Probabilities(chances, same_image), details or [{}] * len(pairs), SIZES)


def test_two_duplicates_of_a_third_photo_are_duplicates():
    found = among([(A, C), (B, C)], [0.9, 0.8], same_image=[0.9, 0.1]).chances_through(np.array([(A, B)]))
    assert found.duplicate == pytest.approx(0.9 * 0.8)
    assert found.same_image == pytest.approx(0.9 * 0.1)


def test_the_best_of_several_partners_counts():
    links = among([(A, C), (B, C), (A, 3), (B, 3)], [0.6, 0.6, 0.9, 0.9])
    assert links.chances_through(np.array([(A, B)])).duplicate == pytest.approx(0.81)


def test_an_unlikely_pair_is_no_step_on_the_way():
    links = among([(A, C), (B, C)], [0.99, 0.4])
    assert links.chances_through(np.array([(A, B)])).duplicate == 0
    assert len(links.pairs_in_common()) == 0


def test_a_chain_is_not_gone_through():
    links = among([(A, C), (C, 3), (3, B)], [0.99, 0.99, 0.99])
    pairs = sorted([tuple(sorted((A, B))), (B, C), (A, 3)])
    assert (links.chances_through(np.array(pairs)).duplicate > 0).tolist() == [False, True, True]


def test_pairs_with_a_common_partner_are_proposed():
    assert among([(A, C), (B, C), (C, 3)], [0.9, 0.9, 0.9]).pairs_in_common().tolist() == [[A, B], [A, 3], [B, 3]]


def test_two_halves_of_one_picture_have_nothing_in_common():
    pairs, chances = [(A, C), (B, C)], [0.9, 0.9]
    halves = among(pairs, chances, [half(left=True), half(left=False)])
    alike = among(pairs, chances, [half(left=True), half(left=True)])
    with_whole = among(pairs, chances, [half(left=True), WHOLE])
    asked = np.array([(A, B)])
    assert halves.chances_through(asked).duplicate == 0
    assert alike.chances_through(asked).duplicate > 0.7
    assert with_whole.chances_through(asked).duplicate > 0.7


def test_a_thousand_copies_of_one_placeholder_are_no_million_pairs():
    pairs = [(one, other) for one in range(40) for other in range(one + 1, 40)]
    assert max(len(partners) for partners in among(pairs, [0.9] * len(pairs)).by_photo.values()) == MOST


def test_of_two_witnesses_one_is_enough():
    assert either(np.float32([0.5, 0, 0.9]), np.float32([0.5, 0.8, 0])) == pytest.approx([0.75, 0.8, 0.9])


def test_the_pairs_own_evidence_weighs_what_a_partner_says_within_bounds():
    through = Probabilities(np.float32([0.8] * 4 + [0]), np.float32([0.4] * 4 + [0]))
    found = weighed(through, np.float32([1, 2, 1e6, 0, 1e6]))
    odds = 4 * np.array([1, 2, MOST_WEIGHT, 1 / MOST_WEIGHT, 0])
    assert found.duplicate == pytest.approx(HOLDS * odds / (1 + odds))
    assert found.same_image == pytest.approx(found.duplicate / 2)
