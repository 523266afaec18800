import numpy as np
import pytest

from ndd_app.vision.recalibration import correction_by, correction_by_scarcity

CHANCES = np.linspace(0.02, 0.99, 50).astype(np.float32)


def answered(count: int, truth, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chances = random.uniform(0.05, 0.99, count).astype(np.float32)
    return chances, random.random(count) < truth(chances)


def test_without_answers_nothing_changes():
    correct = correction_by(np.zeros(0, np.float32), np.zeros(0, bool))
    assert correct(CHANCES) == pytest.approx(CHANCES, abs=1e-3)


@pytest.mark.parametrize("count", [1, 20, 200, 1_000])
def test_corrected_chances_keep_their_order(count: int):
    corrected = correction_by(*answered(count, lambda chances: chances**2))(CHANCES)
    assert (np.diff(corrected) >= -1e-6).all()


def test_the_more_people_refuse_the_lower_the_chances():
    likely = np.full(40, 0.95, np.float32)
    by_no = [float(correction_by(likely[:n], np.zeros(n, bool))(np.float32([0.95]))[0]) for n in (0, 1, 5, 40)]
    assert by_no == sorted(by_no, reverse=True)
    assert by_no[1] > 0.85  # one answer is no proof
    assert by_no[3] < 0.4


@pytest.mark.parametrize(("chance", "answer"), [(0.02, True), (0.99, False), (0.9999, False)])
def test_one_answer_that_nobody_would_expect_moves_little(chance: float, answer: bool):
    corrected = correction_by(np.float32([chance]), np.array([answer]))(np.float32([0.95]))
    assert 0.9 < corrected[0] < 0.97


@pytest.mark.parametrize("chance", [0.95, 0.995, 0.9999])
def test_each_further_refusal_lowers_the_chance_by_a_little(chance: float):
    likely = np.full(40, chance, np.float32)
    by_no = [float(correction_by(likely[:n], np.zeros(n, bool))(likely[:1])[0]) for n in range(41)]
    steps = -np.diff(by_no)
    assert (steps > -1e-3).all()
    assert steps.max() < 0.15
    assert by_no[40] < 0.4


@pytest.mark.parametrize("count", [150, 2_000])
def test_an_overconfident_model_is_corrected(count: int):
    def truth(chances):
        return 0.5 * chances

    corrected = correction_by(*answered(count, truth))(CHANCES)
    assert np.abs(corrected - truth(CHANCES)).mean() < 0.4 * np.abs(CHANCES - truth(CHANCES)).mean()


def where_others_match(duplicates: int, strangers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What a model gives to pairs that learned from as many duplicates as strangers; the truth."""
    random = np.random.default_rng(seed)
    evidence = np.concatenate([random.normal(1.5, 1.5, duplicates), random.normal(-1.5, 1.5, strangers)])
    return (1 / (1 + np.exp(-evidence * 3 / 1.5**2))).astype(np.float32), np.arange(len(evidence)) < duplicates


def test_where_most_pairs_are_likely_nothing_changes():
    chances, _ = where_others_match(200, 20)
    assert correction_by_scarcity(chances, 0.5)(CHANCES) == pytest.approx(CHANCES, abs=1e-3)


def test_a_few_pairs_say_little_about_a_collection():
    corrected = correction_by_scarcity(np.float32([0.3, 0.2]), 0.5)(CHANCES)
    assert corrected == pytest.approx(CHANCES, abs=0.03)


def test_where_many_strangers_match_doubtful_pairs_are_less_likely_and_certain_ones_are_not():
    chances, truth = where_others_match(100, 900)
    doubtful = (chances > 0.1) & (chances < 0.6)
    corrected = correction_by_scarcity(chances, 0.5)(chances)
    too_bold = chances[doubtful].mean() - truth[doubtful].mean()
    assert too_bold > 0.2
    assert 0 < corrected[doubtful].mean() - truth[doubtful].mean() < 0.5 * too_bold
    assert (corrected[chances > 0.98] > 0.95).all()


def test_scarcity_keeps_the_order_of_chances():
    corrected = correction_by_scarcity(np.full(1_000, 0.1, np.float32), 0.5)(CHANCES)
    assert (np.diff(corrected) > 0).all()
