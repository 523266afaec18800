import numpy as np
import pytest

from ndd_app.vision.neighbours import Lists, nearest
from ndd_app.vision.tripwires import MORE_SKEW, common_neighbours, effective_rank, find_tripwires, hubness


def strangers(count: int = 200, size: int = 32, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def lists(*rows: list[int]) -> Lists:
    return Lists(np.array(rows), np.zeros((len(rows), len(rows[0])), np.float32))


def tripped(challenger: np.ndarray, present: np.ndarray) -> set[str]:
    return {wire.name for wire in find_tripwires(challenger, present) if wire.tripped}


def test_the_effective_rank_counts_directions():
    assert effective_rank(np.eye(4, dtype=np.float32)) == pytest.approx(4)
    assert effective_rank(np.ones((4, 3), np.float32)) == pytest.approx(1)
    assert effective_rank(np.array([[3, 0], [0, 1]], np.float32)) == pytest.approx(
        np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))
    )
    assert effective_rank(np.zeros((4, 3), np.float32)) == 0


def test_a_hub_skews_the_counts():
    assert hubness(lists([1], [0], [3], [2])) == 0
    assert hubness(lists([3], [3], [3], [0])) == pytest.approx(1.5**-0.5)  # counts 1, 0, 0, 3


def test_common_neighbours_are_counted_beyond_chance():
    ours = lists([1, 2], [0, 2], [0, 1], [0, 1], [0, 1])
    assert common_neighbours(ours, ours) == 1
    half = lists([1, 3], [0, 3], [0, 3], [0, 2], [0, 2])  # one of two is kept, as chance would leave 2 of 4
    assert common_neighbours(ours, half) == pytest.approx(0)


def test_an_encoder_trips_no_wire_against_itself():
    assert tripped(strangers(), strangers()) == set()
    assert tripped(strangers(2), strangers(2)) == set()
    assert tripped(strangers(1), strangers(1)) == set()


def test_a_collapsed_one_and_another_world_trip():
    collapsed = np.ones(32, np.float32) + 0.3 * strangers(seed=1)
    assert "collapse" in tripped((collapsed / np.linalg.norm(collapsed, axis=1, keepdims=True)), strangers())
    assert tripped(strangers(seed=1), strangers()) == {"drift"}


def test_hubs_trip():
    rows = strangers()
    towards = rows + 0.9 * rows[:3].mean(axis=0) / np.linalg.norm(rows[:3].mean(axis=0))
    towards[3:] /= np.linalg.norm(towards[3:], axis=1, keepdims=True)
    assert hubness(nearest(towards, 10)) > hubness(nearest(rows, 10)) + MORE_SKEW
    assert "hubs" in tripped(towards, rows)
