"""What benchmarks/adaptation.py and benchmarks/adaptation_cost.py make of their measurements."""

import numpy as np
import pytest

from benchmarks.adaptation import EVERY, JUDGED, OF_EACH, Set, interval, some_of, with_rescans
from benchmarks.adaptation_cost import FORETOLD, MOST_FITTED, Cost, bars_of, foretell
from ndd_app.vision.augmentations import FAMILIES
from tests.pictures import draw_photo


def test_every_third_photo_gets_a_rescan_of_its_group():
    photos = Set([draw_photo(seed, 48, 32) for seed in range(7)], np.arange(7))
    whole = with_rescans(photos, seed=1)
    assert whole.groups[7:].tolist() == [*range(1, 7, EVERY)]
    assert not np.array_equal(whole.pictures[7], photos.pictures[1])
    assert photos.half(0).groups.tolist() == [0, 2, 4, 6]


def test_what_is_looked_up_has_some_damages_of_each_family_in_the_order_of_a_print_s_life():
    for names in (FAMILIES[family] for family in JUDGED):
        chosen = some_of(names, np.random.default_rng(0))
        assert len(chosen) == OF_EACH
        assert chosen == sorted(chosen, key=names.index)


def test_the_interval_of_a_gain_is_that_of_whole_groups():
    gains, units = np.tile([1.0, 0, 0, 0], 100), np.arange(400)
    low, high = interval(gains, units)
    assert 0.2 < low < 0.25 < high < 0.3
    wider = interval(np.repeat([1.0, 0, 0, 0], 100), np.arange(400) // 20)
    assert wider[1] - wider[0] > 2 * (high - low)
    assert interval(np.ones(50), np.arange(50)) == (1, 1)


def test_costs_are_foretold_on_the_line_through_both_sizes():
    half, whole = Cost(60, 1.0), Cost(90, 1.1)
    assert foretell("embed_collection", half, whole).seconds == pytest.approx(90 + (FORETOLD - 1_200) / 20)
    assert foretell("adapt_collection", half, whole).gibibytes == pytest.approx(1.1 + (MOST_FITTED - 1_200) / 6_000)


def test_minutes_add_up_and_memory_does_not():
    minutes, memory = bars_of([Cost(600, 2.0), Cost(360, 5.0)])
    assert (minutes.value, memory.value) == (16, 5)
    assert not minutes.is_reached
    assert not memory.is_reached
