import numpy as np
import pytest

from ndd_app.vision import retrieval
from ndd_app.vision.neighbours import fuse, ranked_lists
from ndd_app.vision.retrieval import OUTSIDE, Questions, look_up, look_up_fused


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def questions(wanted: list[int], own: list[int] | None = None) -> Questions:
    outside = np.full(len(wanted), OUTSIDE)
    return Questions(np.array(wanted), outside if own is None else np.array(own), np.array(wanted))


LINE = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], np.float32)
"""Four photos on a quarter circle, the first of them nearest to (1, 0)."""


def test_the_rank_is_that_of_the_first_right_photo():
    queries = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    found = look_up(queries, LINE, np.arange(4), questions([0, 2, 0]))
    assert found.ranks.tolist() == [1, 3, 4]
    assert found.first.tolist() == [0, 0, 3]
    assert found.reciprocal.tolist() == pytest.approx([1, 1 / 3, 1 / 4])
    assert found.hits(3).tolist() == [1, 1, 0]


def test_any_photo_of_the_group_is_right():
    found = look_up(LINE[:1], LINE, np.array([0, 1, 2, 1]), questions([1]))
    assert found.ranks.tolist() == [2]


def test_a_query_from_the_gallery_does_not_find_itself():
    found = look_up(LINE[[0, 3]], LINE, np.array([0, 1, 0, 0]), questions([0, 0], own=[0, 3]))
    assert (found.ranks.tolist(), found.first.tolist()) == ([2, 1], [1, 2])


def test_what_is_equally_near_and_wrong_comes_first():
    """An encoder to which all photos are one finds nothing."""
    found = look_up(np.ones((1, 2), np.float32), np.ones((5, 2), np.float32), np.arange(5), questions([0]))
    assert found.ranks.tolist() == [5]


def test_blocks_change_nothing(monkeypatch):
    rows = unit(np.random.default_rng(0).normal(size=(50, 8)))
    ask = questions([*range(50)])
    whole = look_up(rows[::-1].copy(), rows, np.arange(50), ask).ranks
    monkeypatch.setattr(retrieval, "BLOCK", 7)
    assert np.array_equal(look_up(rows[::-1].copy(), rows, np.arange(50), ask).ranks, whole)


def two_views(photos: int = 60) -> list[np.ndarray]:
    """Photos 2n and 2n + 1 are alike: in one view the first thirty, in the other one the last."""
    views = []
    for seed, blurred in ((0, slice(30, None)), (1, slice(0, 30))):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(photos, 24))
        rows[1::2] = rows[::2] + 0.3 * rows[1::2]
        rows[blurred] = random.normal(size=(30, 24))
        views.append(unit(rows))
    return views


def test_fused_as_the_matching_fuses():
    views = two_views()
    groups = np.arange(60) // 2
    ask = Questions(groups, np.arange(60), groups)
    alone = [look_up(view, view, groups, ask).hits(1).mean() for view in views]
    fused = look_up_fused([(view, view) for view in views], groups, ask)
    assert fused.hits(1).mean() > max(alone) + 0.1
    lists = ranked_lists(fuse(views, 59), 60, 59)
    partner = np.arange(60) ^ 1
    assert fused.ranks.tolist() == (1 + (lists.indices == partner[:, None]).argmax(axis=1)).tolist()


def test_an_encoder_that_sees_nothing_has_no_say():
    one, other = two_views()
    blind = np.zeros_like(other)
    groups = np.arange(60) // 2
    ask = Questions(groups, np.arange(60), groups)
    fused = look_up_fused([(one, one), (blind, blind)], groups, ask)
    assert np.array_equal(fused.ranks, look_up_fused([(one, one)], groups, ask).ranks)
