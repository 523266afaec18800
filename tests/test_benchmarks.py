"""The scores that docs/figures.md is made of, on truths small enough to work out by hand."""

from pathlib import Path

import pytest

from benchmarks.scores import Scores
from benchmarks.sets import DAMAGES, Member, write_set
from tests.pictures import draw_photo, jpeg

PRINT, FRAME = Path("pg1_0b.jpg"), Path("pg1_1g.jpg")
MEMBERS = {
    "a": Member(PRINT, "pg1"),
    "b": Member(FRAME, "pg1"),
    "c": Member(PRINT, "pg1", "mirror"),
    "d": Member(Path("x.jpg"), "x"),
    "e": Member(Path("pg1019.jpg"), "pg1019"),
    "f": Member(Path("pg1765.jpg"), "pg1765"),
}
NEIGHBOURS = "photo,neighbour,rank,score\na,d,1,3\na,b,2,2\nc,b,1,3\nc,a,2,2\ne,f,1,9\ne,d,2,1\n"
DUPLICATES = """first,second,score,probability,probability_same_image,relation,flags,shown
a,b,3,0.95,0.3,other exposure,,yes
a,c,3,0.97,0.9,same image,mirrored,yes
b,d,1,0.92,0.1,other exposure,,yes
c,d,0,0.30,0.1,look-alike,,no
e,f,3,0.99,0.9,same image,,yes
"""


@pytest.fixture
def scores() -> Scores:
    return Scores(MEMBERS, NEIGHBOURS, DUPLICATES)


def test_pairs_that_count_as_neither_are_passed_over(scores):
    assert len(scores.shown) == 3
    assert scores.lists[4, :2].tolist() == [3, -1]  # d moves up to e's first place


def test_precision_and_recall_of_the_shown_pairs(scores):
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 3)  # a, b and c make three true pairs


def test_expected_and_actual_false_pairs_and_the_calibration_error(scores):
    expected, actual = scores.false_among_shown()
    assert (expected, actual) == (pytest.approx(0.05 + 0.03 + 0.08), 1)
    assert scores.reliability() == [(1, pytest.approx(0.3), 0.0), (1, pytest.approx(0.92), 0.0)]
    assert scores.calibration_error() == pytest.approx((0.3 + 0.92) / 2)


def test_copies_are_judged_against_their_own_print(scores):
    assert scores.print_hit_rates()["mirror"] == (0, 1, 1)  # another frame of the plate came first
    assert scores.flags_right()["mirrored"] == 1
    assert scores.kinds_right() == (1, 1)


def test_a_set_lies_under_names_that_say_nothing(tmp_path: Path):
    source = tmp_path / "bridge_left.jpg"
    source.write_bytes(jpeg(draw_photo(1, 64, 48)))
    written = write_set(
        [Member(source, "g"), *(Member(source, "g", kind) for kind in DAMAGES)], tmp_path / "set", seed=1
    )
    assert sorted(written) == sorted(file.name for file in (tmp_path / "set").iterdir())
    assert not any("bridge" in name for name in written)
    assert {member.damage for member in written.values()} == {"", *DAMAGES}
