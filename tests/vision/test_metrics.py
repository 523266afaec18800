import math

import numpy as np
import pytest

from ndd_app.vision.metrics import (
    Relevance,
    average_precision_at_k,
    hit_rate_at_k,
    mean_over_queries,
    pair_precision_recall,
)

GROUPS = ["a", "a", "a", "b", "b", "c", None]
LISTS = np.array(
    [
        [3, 1, 2, 6],  # relevant: 1 and 2
        [0, 2, 3, 4],  # relevant: 0 and 2
        [3, 4, 5, 6],  # relevant: 0 and 1, neither found
        [0, 4, 1, 2],  # relevant: 4
        [3, 0, 1, 2],  # relevant: 3
        [0, 1, 2, 3],  # alone in its group
        [0, 1, 2, 3],  # not annotated
    ]
)


def slow_average_precision(answers, relevant, k, query=None):
    if query is not None:
        answers, relevant = [query, *answers], {query, *relevant}
    if not relevant:
        return math.nan
    hits = [answer in relevant for answer in answers[:k]]
    return sum(sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit) / min(k, len(relevant))


def test_average_precision_without_the_query_by_hand():
    values = average_precision_at_k(LISTS, Relevance.from_groups(GROUPS), 3, query_in_gallery=False)
    assert values == pytest.approx([(1 / 2 + 2 / 3) / 2, 1, 0, 1 / 2, 1, math.nan], nan_ok=True)


def test_average_precision_with_the_query_by_hand():
    values = average_precision_at_k(LISTS, Relevance.from_groups(GROUPS), 3)
    assert values == pytest.approx([(1 + 2 / 3) / 3, 1, 1 / 3, (1 + 2 / 3) / 2, 1, 1])


@pytest.mark.parametrize("k", [1, 2, 4, 9])
@pytest.mark.parametrize("query_in_gallery", [True, False])
def test_average_precision_equals_the_slow_formula(k, query_in_gallery):
    rng = np.random.default_rng(k)
    groups = [str(g) for g in rng.integers(0, 12, 40)]
    lists = np.array([rng.permutation([j for j in range(40) if j != i])[:6] for i in range(40)])
    slow = [
        slow_average_precision(
            list(lists[i]),
            {j for j in range(40) if groups[j] == groups[i] and j != i},
            k,
            query=i if query_in_gallery else None,
        )
        for i in range(40)
    ]
    fast = average_precision_at_k(lists, Relevance.from_groups(groups), k, query_in_gallery=query_in_gallery)
    assert fast == pytest.approx(slow, nan_ok=True)


def test_a_perfect_ranking_of_groups_of_four_scores_one():
    lists = np.array([[j for j in range(i - i % 4, i - i % 4 + 4) if j != i] for i in range(8)])
    relevance = Relevance.from_groups(["a"] * 4 + ["b"] * 4)
    assert mean_over_queries(average_precision_at_k(lists, relevance, 4)) == 1
    assert mean_over_queries(average_precision_at_k(lists, relevance, 2, query_in_gallery=False)) == 1


def test_a_photo_alone_in_its_group_is_left_out_of_the_mean():
    lists = np.array([[1, 2], [0, 2], [0, 1]])
    values = average_precision_at_k(lists, Relevance.from_groups(["a", "a", "b"]), 1, query_in_gallery=False)
    assert mean_over_queries(values) == 1
    assert math.isnan(mean_over_queries(values[2:]))


def test_short_lists_filled_with_minus_one_find_nothing_there():
    values = average_precision_at_k(np.array([[1, -1], [0, -1]]), Relevance.from_groups(["a", "a"]), 2)
    assert list(values) == [1, 1]
    assert hit_rate_at_k(np.array([[-1], [-1]]), Relevance.from_groups(["a", "a"]), 1) == 0


def test_hit_rate_grows_with_k():
    relevance = Relevance.from_groups(GROUPS)
    assert [hit_rate_at_k(LISTS, relevance, k) for k in (1, 2, 4)] == [2 / 5, 4 / 5, 4 / 5]


def test_partial_annotation_asks_only_about_its_queries_and_in_its_direction():
    relevance = Relevance.from_matches(7, [(0, 1), (0, 1), (2, 0), (3, 3)])
    assert list(relevance.queries) == [0, 2]
    assert relevance.pairs.tolist() == [[0, 1], [2, 0]]
    assert hit_rate_at_k(LISTS, relevance, 2) == 1 / 2
    assert average_precision_at_k(LISTS, relevance, 2, query_in_gallery=False) == pytest.approx([1 / 2, 0])


def test_shown_pairs_of_groups_by_hand():
    shown = np.array([[1, 0], [0, 1], [3, 4], [2, 3], [5, 6]])
    scores = pair_precision_recall(shown, Relevance.from_groups(GROUPS))
    assert (scores.judged, scores.correct, scores.annotated) == (4, 2, 4)
    assert (scores.precision, scores.recall) == (2 / 4, 2 / 4)


def test_shown_pairs_that_no_annotation_speaks_of_are_not_judged():
    scores = pair_precision_recall(np.array([[1, 2], [4, 5], [2, 0]]), Relevance.from_matches(7, [(0, 1), (0, 2)]))
    assert (scores.judged, scores.correct, scores.annotated) == (1, 1, 2)


def test_no_shown_pairs_have_no_precision_and_no_recall():
    scores = pair_precision_recall(np.empty((0, 2), np.int64), Relevance.from_groups(GROUPS))
    assert math.isnan(scores.precision)
    assert scores.recall == 0
