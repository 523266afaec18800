import numpy as np
import pytest

from ndd_app.vision import neighbours
from ndd_app.vision.neighbours import (
    LAST_STRANGER,
    Part,
    fuse,
    fuse_pairs,
    nearest,
    nearest_by_bits,
    nearest_in,
    pairs_within,
    places,
    ranked_lists,
    shared_bits,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def strangers(count: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, 32)))


def with_duplicates(count: int, duplicates: int, seed: int = 0) -> np.ndarray:
    """Photos 2n and 2n + 1 are near each other for n < duplicates; all others are strangers."""
    rows = strangers(count, seed)
    rows[1 : 2 * duplicates : 2] = rows[0 : 2 * duplicates : 2] + 0.1 * strangers(duplicates, seed + 1)
    return unit(rows)


def planted(duplicates: int) -> set[tuple[int, int]]:
    return {(2 * n, 2 * n + 1) for n in range(duplicates)}


def test_lists_equal_a_plain_sort(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    rows = strangers(40)
    lists = nearest(rows, 5)
    for photo in range(40):
        others = sorted((n for n in range(40) if n != photo), key=lambda n: -float(rows[n] @ rows[photo]))
        assert list(lists.indices[photo]) == others[:5]


def test_equal_neighbours_are_in_the_order_of_the_photos():
    rows = unit(np.array([[1.0, 0], [0, 1], [1, 0], [1, 0]]))
    assert list(nearest(rows, 2).indices[3]) == [0, 2]


def test_a_photo_in_which_nothing_is_seen_has_no_list_and_no_score():
    rows = strangers(8)
    rows[3] = 0
    assert set(nearest(rows, 3).indices[3]) == {-1}
    fused = fuse([rows], 7)
    assert np.isneginf(fused.scores[(fused.pairs == 3).any(axis=1)]).all()


def test_thirty_copies_of_one_picture_make_no_others_duplicates():
    """They all come equally near to a stranger: among them a line of thirty ranks would not fall off at all."""
    others = strangers(20, seed=3)
    alone = fuse([others], 19)
    fused = fuse([np.concatenate([others, np.repeat(strangers(1, seed=4), 30, axis=0)])], 49)
    of_others = fused.only((fused.pairs < 20).all(axis=1))
    assert (of_others.pairs == alone.pairs).all()
    assert of_others.scores.max() < alone.scores.max() + 0.3
    assert fused.scores[(fused.pairs >= 20).all(axis=1)].min() > of_others.scores.max()


def test_an_encoder_that_sees_nothing_leaves_the_pair_to_the_other():
    blind = with_duplicates(60, 5)
    blind[0] = 0
    both, one = fuse([with_duplicates(60, 5), blind], 59), fuse([with_duplicates(60, 5)], 59)
    assert both.pairs[0].tolist() == one.pairs[0].tolist() == [0, 1]
    assert both.scores[0] == pytest.approx(one.scores[0])


def test_a_duplicate_is_a_surprise_and_a_stranger_is_not():
    fused = fuse([with_duplicates(200, 20)], 199)
    true = np.array([tuple(pair) in planted(20) for pair in fused.pairs.tolist()])
    assert fused.scores[true].min() > fused.scores[~true].max() + 0.5
    assert np.mean(fused.scores[~true] > 0) < 0.01


def test_the_nth_stranger_is_about_as_surprising_as_its_rank_says():
    lists = nearest(strangers(300), 100)
    around = neighbours.surroundings(lists)
    photos = np.arange(300)
    tenth = around.surprise(photos, photos, lists.scores[:, 9])
    assert np.median(tenth) == pytest.approx(-1, abs=0.15)  # -log10(10)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_few_photos_are_no_accident(count):
    fused = fuse([strangers(count)], 20)
    assert len(fused.pairs) == count * (count - 1) // 2


def test_ranks_and_lists_follow_the_fused_score():
    fused = fuse([with_duplicates(30, 4)], 29)
    lists = ranked_lists(fused, 30, 29)
    scores = dict(zip(map(tuple, fused.pairs.tolist()), fused.scores, strict=True))
    row = [scores[tuple(sorted((7, int(n))))] for n in lists.indices[7]]
    assert row == sorted(row, reverse=True)
    there, back = places(lists, np.array([[6, 7]]))[0]
    assert (there, back) == (1, 1)


def test_pairs_can_be_asked_for_beside_the_lists():
    fused = fuse([strangers(50)], 1, also=np.array([[49, 0]]))
    assert [0, 49] in fused.pairs.tolist()


def test_bits_are_compared_by_hamming():
    codes = np.random.default_rng(0).integers(0, 2, (20, 64)).astype(np.uint8)
    codes[7] = codes[3]
    codes[7, :4] ^= 1
    lists = nearest_by_bits(codes, 3)
    assert lists.indices[3, 0] == 7
    assert lists.scores[3, 0] == pytest.approx(60 / 64)
    assert shared_bits(codes, np.array([[3, 7]]))[0] == pytest.approx(60 / 64)
    assert pairs_within(lists, 3, at_least=0.9).tolist() == [[3, 7], [7, 3]]


def in_parts(rows: np.ndarray, groups: np.ndarray, numbers: np.ndarray, size: int) -> list[Part]:
    places = [slice(start, start + size) for start in range(0, len(rows), size)]
    return [Part(numbers[place], groups[place], rows[place]) for place in places]


@pytest.mark.parametrize("size", [3, 17, 60])
def test_a_gallery_that_passes_by_in_parts_gives_the_lists_of_a_plain_sort(monkeypatch, size):
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    rows, groups, numbers = strangers(60), np.arange(60) % 3, np.arange(60) * 10 + 5
    queries = Part(numbers[::4], groups[::4], rows[::4])
    gallery = in_parts(rows, groups, numbers, size)
    every, others = nearest_in(queries, gallery, 9), nearest_in(queries, gallery, 9, elsewhere=True)
    for place, photo in enumerate(range(0, 60, 4)):
        near = sorted((n for n in range(60) if n != photo), key=lambda n: -float(rows[n] @ rows[photo]))
        assert every.indices[place].tolist() == [numbers[n] for n in near[:9]]
        assert others.indices[place].tolist() == [numbers[n] for n in near if groups[n] != groups[photo]][:9]
    assert np.allclose(every.scores, nearest(rows, 9).scores[::4])


def test_lists_end_where_the_gallery_does():
    rows, groups = strangers(8), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    rows[1] = 0
    queries = Part(np.arange(8), groups, rows)
    every, others = nearest_in(queries, [queries], 100), nearest_in(queries, [queries], 100, elsewhere=True)
    assert every.indices.shape == (8, 7)
    assert others.indices.shape == (8, 6)
    assert [(row >= 0).sum() for row in others.indices] == [2, 0, 2, 2, 2, 2, 6, 6]
    assert set(every.indices[1]) == {-1}
    assert np.isfinite(others.scores).all()


def test_company_far_away_makes_no_difference_to_a_photos_surroundings():
    """Photos of another kind, which are all alike, so that their lists fall off otherwise."""
    own, others = strangers(800), strangers(800, seed=1)
    others[:, 0] += 3
    alone, nothing = np.hstack([own, np.zeros_like(own)]), np.zeros_like(own)
    both = np.concatenate([alone, np.hstack([nothing, unit(others)])])
    before, after = (neighbours.surroundings(nearest(rows, 100)) for rows in (alone, both))
    assert np.median(after.slope[800:]) < 0.7 * np.median(before.slope)
    assert after.slope[:800] == pytest.approx(before.slope, rel=1e-3)


def test_pairs_in_a_gallery_are_about_as_surprising_as_in_a_collection_of_its_own():
    rows = with_duplicates(200, 20)
    whole = fuse([rows], 199)
    some = Part(np.arange(40), np.arange(40) % 2, rows[:40])
    everything = Part(np.arange(200), np.arange(200) % 2, rows)
    pairs = np.array(sorted(planted(20)))
    strangers_of = nearest_in(some, [everything], LAST_STRANGER)
    fused = fuse_pairs(pairs, [some.rows], [strangers_of], np.zeros((20, 1, 2), np.int64), 200)
    scores = dict(zip(map(tuple, whole.pairs.tolist()), whole.scores, strict=True))
    assert fused.scores == pytest.approx([scores[pair] for pair in map(tuple, pairs.tolist())], abs=0.5)
