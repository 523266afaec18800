"""The gate, with drawn embeddings: 200 photos, of which 120 are pairs, and 100 rescans of them."""

import json

import numpy as np
import pytest

from ndd_app.vision.bench import Bench, View
from ndd_app.vision.receipt import Gain, decide, fused_recall, gain_of, write_receipt
from ndd_app.vision.rescans import DAMAGES
from ndd_app.vision.tripwires import Tripwire

PHOTOS, PAIRED, RESCANS, SIZE = 200, 120, 100, 48
LITTLE, MUCH = 0.3, 0.9


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def noise(count: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, SIZE)))


TRUTH = noise(PHOTOS, seed=0)
TRUTH[1:PAIRED:2] = TRUTH[:PAIRED:2]


@pytest.fixture(scope="module")
def bench() -> Bench:
    groups = np.arange(PHOTOS)
    groups[1:PAIRED:2] = groups[:PAIRED:2]
    severities = np.zeros((RESCANS, len(DAMAGES)), np.float32)
    severities[np.arange(RESCANS), np.arange(RESCANS) % len(DAMAGES)] = 0.8
    return Bench(groups, np.ones(PHOTOS, bool), np.arange(0, PHOTOS, 2), severities)


def view(role: str, of_rescans: float, of_photos: float, seed: int = 1) -> View:
    """An encoder that sees the truth through so much noise."""
    gallery = unit(TRUTH + of_photos * noise(PHOTOS, seed))
    rescans = unit(TRUTH[::2] + of_rescans * noise(RESCANS, seed + 100))
    return View(role, f"{role} encoder", gallery, rescans)


def changed(view: View, gallery: np.ndarray, rescans: np.ndarray) -> View:
    return View("challenger", "changed", unit(gallery), unit(rescans))


PRESENT = view("present", of_rescans=2.0, of_photos=1.3)
CLASSICAL = view("classical", of_rescans=1.6, of_photos=1.2, seed=5)


def test_a_better_encoder_is_adopted(bench):
    better = view("challenger", of_rescans=1.2, of_photos=0.9)
    receipt = write_receipt(bench, better, PRESENT, CLASSICAL)
    assert receipt.decision == "adopt", receipt.words
    assert receipt.gains["rescans"].lower > 0.05
    assert receipt.gains["pairs"].lower > 0.05
    new, old, classical = receipt.figures
    assert [figures.role for figures in receipt.figures] == ["challenger", "present", "classical"]
    assert new.rescans["reciprocal rank"] - old.rescans["reciprocal rank"] == pytest.approx(
        receipt.gains["rescans"].mean, abs=2e-4
    )
    assert new.damages.keys() == {*DAMAGES}
    assert classical.pairs["hit@50"] <= 1


def test_a_copy_of_the_present_one_is_kept_out(bench):
    copy = View("challenger", "copy", PRESENT.gallery, PRESENT.rescans)
    receipt = write_receipt(bench, copy, PRESENT, CLASSICAL)
    assert receipt.decision == "keep"
    assert "No gain" in " ".join(receipt.words)
    assert receipt.gains == {"rescans": Gain(0, 0, 0), "pairs": Gain(0, 0, 0)}
    assert (receipt.better, receipt.worse) == ([], [])


def test_a_random_projection_is_refused(bench):
    matrix = np.random.default_rng(7).normal(size=(SIZE, 6))
    random = changed(PRESENT, PRESENT.gallery @ matrix, PRESENT.rescans @ matrix)
    receipt = write_receipt(bench, random, PRESENT, CLASSICAL)
    assert receipt.decision == "keep"
    assert receipt.gains["rescans"].upper < 0
    assert [example.rank_before for example in receipt.worse] == [1] * len(receipt.worse) != []


def test_a_collapsed_one_is_refused_even_where_it_finds_more(bench):
    better = view("challenger", of_rescans=0.8, of_photos=0.6)
    one_way = 2.5 * np.eye(1, SIZE)
    receipt = write_receipt(bench, changed(better, better.gallery + one_way, better.rescans + one_way), PRESENT)
    assert receipt.decision == "keep"
    assert receipt.gains["rescans"].lower > 0
    assert "collapse" in " ".join(receipt.words)


def test_gaining_on_rescans_and_losing_pairs_is_refused(bench):
    """What contrastive losses do to true duplicates."""
    apart = view("challenger", of_rescans=1.2, of_photos=2.0)
    receipt = write_receipt(bench, apart, view("present", of_rescans=2.0, of_photos=0.9), CLASSICAL)
    assert receipt.decision == "keep"
    assert "On pairs it may lose" in " ".join(receipt.words)


def test_too_few_rescans_or_pairs_decide_nothing(bench):
    better = view("challenger", of_rescans=1.2, of_photos=0.9)
    few = Bench(np.arange(PHOTOS), bench.judged, bench.origins, bench.severities)
    receipt = write_receipt(few, better, PRESENT)
    assert (receipt.decision, receipt.pairs) == ("keep", 0)
    assert "0 groups of near-certain duplicates" in receipt.words[0]
    none = Bench(bench.groups, bench.judged, bench.origins[:3], bench.severities[:3])
    views = [View(v.role, v.name, v.gallery, v.rescans[:3]) for v in (better, PRESENT)]
    assert "3 photos can be judged by" in write_receipt(none, *views).words[0]


def test_where_all_photos_show_one_image_it_says_that_nothing_can_be_judged():
    alike = Bench(np.zeros(30, int), np.ones(30, bool), np.arange(30), np.zeros((30, len(DAMAGES)), np.float32))
    same = np.ones((30, 1), np.float32)
    views = [View(role, role, same, same) for role in "abc"]
    receipt = write_receipt(alike, *views)
    assert receipt.decision == "keep"
    assert "all photos show one image" in receipt.words[0]


@pytest.mark.parametrize("photos", [0, 1])
def test_no_photos_at_all_are_no_error(photos):
    bench = Bench(np.arange(photos), np.ones(photos, bool), np.arange(photos), np.zeros((photos, len(DAMAGES))))
    views = [View(role, role, np.ones((photos, 4), np.float32), np.ones((photos, 4), np.float32)) for role in "abc"]
    assert write_receipt(bench, *views).decision == "keep"


def test_only_what_no_training_learned_from_is_asked(bench):
    judged = np.arange(PHOTOS) < 40
    some = Bench(bench.groups, judged, bench.origins, bench.severities)
    assert some.pairs().own.tolist() == [*range(40)]
    assert len(some.rescans()) == RESCANS


def test_a_receipt_is_json_and_the_same_every_time(bench):
    better = view("challenger", of_rescans=1.2, of_photos=0.9)
    one, other = (write_receipt(bench, better, PRESENT, CLASSICAL).as_json() for _ in range(2))
    assert json.loads(json.dumps(one)) == one == other


def test_recall_is_of_both_encoders_together(bench):
    alone = view("present", of_rescans=2.0, of_photos=1.3, seed=1)
    blind = View("classical", "blind", np.zeros_like(alone.gallery), np.zeros_like(alone.rescans))
    assert fused_recall(bench, alone, CLASSICAL) > fused_recall(bench, alone, blind)


def test_the_bootstrap_draws_units():
    assert gain_of(np.full(30, 0.25), np.arange(30)) == Gain(0.25, 0.25, 0.25)
    gains = np.repeat([1.0, -1.0, 0.0, 1.0], 50)
    wide, narrow = gain_of(gains, np.repeat(np.arange(4), 50)), gain_of(gains, np.arange(200))
    assert wide.mean == narrow.mean == 0.25
    assert wide.lower < narrow.lower < 0.25 < narrow.upper < wide.upper
    # 200 draws with standard deviation .829: the mean's is .0586, and 1.645 of these are .096
    assert narrow.lower == pytest.approx(0.25 - 0.096, abs=0.01)


GAINS = {"rescans": Gain(0.1, 0.05, 0.15), "pairs": Gain(0.0, 0.0, 0.0)}
EQUAL = {"challenger": 0.95, "present": 0.95}
WIRE = Tripwire("hubs", 3.0, 2.0, True, "a few photos stand everywhere")


def decided(gains=GAINS, recall=EQUAL, wires=(), rescans=100, groups=50):
    decision, words = decide(gains, recall, wires, rescans=rescans, groups=groups)
    return decision, " ".join(words)


def test_one_gain_is_enough_if_nothing_is_lost():
    assert decided()[0] == "adopt"
    assert decided(recall={})[0] == "adopt"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"gains": {**GAINS, "pairs": Gain(0.002, -0.001, 0.004)}}, "On pairs it may lose"),
        ({"gains": {**GAINS, "rescans": Gain(0.005, 0.001, 0.009)}}, "No gain"),
        ({"recall": {"challenger": 0.947, "present": 0.95}}, "0.947 instead of 0.950"),
        ({"wires": [WIRE]}, "Tripwire “hubs”: a few photos stand everywhere"),
        ({"rescans": 19}, "19 photos"),
        ({"rescans": 1}, "1 photo can"),
        ({"groups": 19}, "19 groups"),
        ({"groups": 1}, "1 group of"),
    ],
)
def test_each_reason_alone_keeps_the_present_encoder(change, word):
    decision, words = decided(**change)
    assert decision == "keep"
    assert word in words
