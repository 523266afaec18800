import numpy as np
import pytest

from ndd_app.vision.density import FARTHEST, FLOOR, HIGHEST, Density

RANDOM = np.random.default_rng(5)


def drawn(strangers: int, duplicates: int, slope: float = 3.1) -> np.ndarray:
    """Duplicates as UKBench's lie: around 1.4, few of them below 0."""
    near = [FLOOR + RANDOM.exponential(1 / slope, strangers), FARTHEST + RANDOM.gamma(3, 0.8, duplicates)]
    return np.concatenate(near).astype(np.float32)


@pytest.mark.parametrize(("strangers", "duplicates"), [(500, 0), (500, 25), (200, 100)])
def test_the_number_of_duplicates_is_told_by_how_many_lie_far_above_strangers(strangers: int, duplicates: int):
    surprise = drawn(strangers, duplicates)
    assert Density.among(surprise).chances(surprise).sum() == pytest.approx(duplicates, abs=12)


@pytest.mark.parametrize("slope", [2.5, 5.0])
def test_how_steeply_strangers_fall_off_is_learned(slope: float):
    found = Density.among(drawn(2_000, 20, slope))
    assert found.slope == pytest.approx(slope, rel=0.12)


def test_what_is_no_nearer_than_most_strangers_gets_no_chance_from_duplicates_that_are():
    """An exponential from FLOOR on gave so many of UKBench's strangers a tenth."""
    surprise = np.concatenate([drawn(70, 42, 2.8), RANDOM.uniform(-0.9, FLOOR, 150)]).astype(np.float32)
    assert Density.among(surprise).chances(surprise[-150:]).sum() < 3


def test_one_surprise_is_worth_more_where_duplicates_are_many():
    few, many = Density.among(drawn(600, 3)), Density.among(drawn(150, 150))
    surprise = np.array([0.5], np.float32)
    assert few.chances(surprise) < 0.2 < 0.55 < many.chances(surprise)


def test_the_nearer_the_likelier_and_without_pairs_the_usual():
    surprise = np.linspace(-3, HIGHEST, 50).astype(np.float32)
    for density in (Density.among(drawn(30, 200)), Density.among(np.zeros(0, np.float32))):
        chances = density.chances(surprise)
        assert (np.diff(chances[surprise > FARTHEST]) > 0).all()
        assert (chances[surprise <= FARTHEST] == 0).all()
    usual = Density.among(np.zeros(0, np.float32))
    assert (usual.slope, usual.share, usual.rate) == pytest.approx((Density().slope, Density().share, Density().rate))
    assert Density.among(np.full(400, HIGHEST, np.float32)).chances(surprise)[-1] > 0.5


def test_the_likelihood_ratio_does_not_know_how_many_duplicates_there_are():
    surprise = np.array([-0.3, 1.0], np.float32)
    low, high = Density(3.3, 0.5).likelihood_ratio(surprise)
    assert low < 1 < high
    assert Density(3.3, 0.01).likelihood_ratio(surprise) == pytest.approx([low, high])
