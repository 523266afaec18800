"""The scores that docs/figures.md is made of, on truths small enough to work out by hand."""

from math import nan
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import bars
from benchmarks.bars import Bar
from benchmarks.figures import main
from benchmarks.marks import MARKS
from benchmarks.reliability import FalsePairs, Forecasts, Tenth, binomial_interval, draw_reliability
from benchmarks.scores import Scores, flips
from benchmarks.sets import DAMAGES, Member, without_company, write_set
from benchmarks.unseen import UNSEEN
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
    false = scores.false_among_shown
    assert (false.shown, false.expected, false.actual) == (3, pytest.approx(0.05 + 0.03 + 0.08), 1)
    assert scores.uncertain.tenths() == [Tenth(1, pytest.approx(0.3), 0), Tenth(1, pytest.approx(0.92), 0)]
    assert scores.uncertain.calibration_error() == pytest.approx((0.3 + 0.92) / 2)


def test_the_interval_is_the_exact_one():
    assert binomial_interval(0, 100) == (0, pytest.approx(1 - 0.025**0.01))  # none of a hundred: closed form
    assert binomial_interval(0, 0) == (0, 1)


def test_the_expected_false_pairs_must_lie_where_luck_may_lead():
    assert FalsePairs(500, 7.4, 0).interval == (0, pytest.approx(3.67, abs=0.01))
    assert FalsePairs(0, 0.0, 0).interval == (0, 0)
    assert [Bar("", expected, *FalsePairs(375, expected, 6).interval).is_reached for expected in (2.1, 5)] == [0, 1]


def test_a_calibrated_model_has_an_error_by_luck_that_falls_with_the_pairs():
    few, many = (Forecasts(np.full(number, 0.5), np.zeros(number, bool)) for number in (1, 10_000))
    assert few.error_by_luck() == 0.5  # one pair with a chance of a half is wrong by a half, true or not
    assert many.error_by_luck() == pytest.approx(0.005 * (2 / np.pi) ** 0.5, rel=0.1)  # of a normal distribution
    assert many.calibration_error() == 0.5


def test_sets_are_pooled_pair_by_pair():
    too_high, too_low = Forecasts.of([(0.64, False), (0.93, True)]), Forecasts.of([(0.66, True), (0.66, True)])
    pooled = Forecasts.pooled([too_high, too_low])
    assert pooled.tenths() == [Tenth(3, pytest.approx(1.96 / 3), 2), Tenth(1, pytest.approx(0.93), 1)]
    assert pooled.calibration_error() == pytest.approx((0.04 + 0.07) / 4)
    assert not bars.pooled_calibration(too_high).is_reached


def test_a_bar_may_be_a_ceiling_and_what_is_no_number_misses_it():
    assert [Bar("", value, 0.9).is_reached for value in (0.9, 0.89, nan)] == [True, False, False]
    assert [Bar("", value, highest=0.05).is_reached for value in (0.05, 0.051, nan)] == [True, False, False]
    assert str(Bar("ECE", 0.06, highest=0.05)) == "MISSED   ECE: 0.0600 (at most 0.050)"


def test_the_reliability_is_drawn_with_points_on_their_places():
    chances = np.repeat([0.25, 0.85], [10, 40])
    truths = np.arange(50) % 2 == 0
    drawn = ElementTree.fromstring(draw_reliability(Forecasts(chances, truths)))
    points = [
        {key: float(c.get(key)) for key in ("cx", "cy", "r")} for c in drawn.iter("{http://www.w3.org/2000/svg}circle")
    ]
    (left, diagonal_low), (right, diagonal_high) = _ends_of_the_diagonal(drawn)
    assert [(p["cx"] - left) / (right - left) for p in points] == pytest.approx([0.25, 0.85], abs=1e-3)
    middle = (diagonal_low + diagonal_high) / 2
    assert [point["cy"] for point in points] == pytest.approx([middle, middle])
    assert points[1]["r"] == pytest.approx(2 * points[0]["r"])  # four times the area
    assert "20 of 40 pairs with a mean chance of 0.85 are true" in "".join(drawn.itertext())


def _ends_of_the_diagonal(drawn: ElementTree.Element) -> list[list[float]]:
    path = next(path for path in drawn.iter("{http://www.w3.org/2000/svg}path") if path.get("class") == "diagonal")
    return [[float(number) for number in end.split()] for end in path.get("d")[1:].split("L")]


def test_without_any_pair_an_empty_frame_is_drawn():
    nothing = Forecasts.of([])
    assert (nothing.calibration_error(), nothing.error_by_luck()) == (0, 0)
    assert "<circle" not in draw_reliability(nothing)


def test_copies_are_judged_against_their_own_print(scores):
    assert scores.print_hit_rates() == {"mirror": (0, 1, 1)}  # another frame of the plate came first
    assert scores.flags_right()["mirrored"] == 1
    assert scores.kinds_right() == (1, 1)
    assert scores.called_same_image() == {"mirror": 1}


def test_strangers_that_bear_one_mark_are_counted():
    bearing = [Member(Path(f"{name}.jpg"), name[0], mark="stamp") for name in ("a1", "a2", "b1", "b2")]
    scores = Scores(dict(zip("abcd", bearing, strict=True)), NEIGHBOURS, DUPLICATES.replace("e,f", "a,d"))
    assert scores.shown_by_mark() == {"stamp": (0.5, 3)}


def test_sheets_are_counted_by_their_sort():
    groups = ("form 1", "form 1", "back 1", "back 2")
    scans = [Member(Path(f"{place}.jpg"), group) for place, group in enumerate(groups)]
    scores = Scores(dict(zip("abcd", scans, strict=True)), NEIGHBOURS, DUPLICATES.replace("e,f", "c,d"))
    assert scores.shown_by_sort() == {"form": (1, 2), "back": (0, 3)}


def test_a_set_lies_under_names_that_say_nothing(tmp_path: Path):
    source = tmp_path / "bridge_left.jpg"
    source.write_bytes(jpeg(draw_photo(1, 64, 48)))
    written = write_set(
        [
            Member(source, "g"),
            *(Member(source, "g", kind) for kind in (*DAMAGES, *UNSEEN)),
            *(Member(source, "g", mark=kind) for kind in MARKS),
        ],
        tmp_path / "set",
        seed=1,
    )
    assert sorted(written) == sorted(file.name for file in (tmp_path / "set").iterdir())
    assert not any("bridge" in name for name in written)
    assert {member.damage for member in written.values()} == {"", *DAMAGES, *UNSEEN}
    assert len({file.read_bytes() for file in (tmp_path / "set").iterdir()}) == 1 + len([*DAMAGES, *UNSEEN, *MARKS])


def test_company_is_left_out_and_all_other_names_stay(tmp_path: Path):
    photos = []
    for name in ("ukbench", "postcards", "large_scans"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(name.encode())
        photos.append(Member(tmp_path / name / "a.jpg", name))
    members = write_set(photos, tmp_path / "whole", seed=1)
    others = without_company(members, tmp_path / "whole", tmp_path / "part")
    [(name, member)] = others.items()
    assert members[name] == member == photos[0]
    assert [file.name for file in (tmp_path / "part").iterdir()] == [name]
    assert (tmp_path / "part" / name).read_bytes() == b"ukbench"


def test_company_flips_pairs_between_the_other_photos(scores):
    others = {name: member for name, member in MEMBERS.items() if name != "b"}
    header, _, _, _, of_c_and_d, _ = DUPLICATES.splitlines()
    alone = Scores(others, NEIGHBOURS, f"{header}\na,d,0,0.05,0.01,look-alike,,no\n{of_c_and_d}")
    found = flips(scores, alone)
    # a,c of a,c and a,d and c,d; what touches b does not count
    assert ([*found.flipped.values()], found.candidates) == ([(0.97, 0.0)], 3)
    assert not bars.company(scores, alone).is_reached


def test_a_set_that_is_not_known_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["ukbensh"])
    assert "no such set: ukbensh" in capsys.readouterr().err
