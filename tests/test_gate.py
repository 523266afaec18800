"""The benchmark of the gate: truths and regrets small enough to work out by hand, and a run on a dozen drawn photos."""

import csv
import shutil
from dataclasses import asdict, astuple, replace
from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import gate
from benchmarks.challengers import Challenger, Fitting, challengers, shaken
from benchmarks.gate import Asked, Row, Summary, bars_of, rank_correlation, read_rows, regret, write_rows
from benchmarks.labelled import LabelledSet, members_of
from benchmarks.sets import DAMAGES
from ndd_app.vision.backbones import load_backbone
from ndd_app.vision.encoders import Encoder
from ndd_app.vision.methods import METHODS
from tests.pictures import draw_photo, jpeg, rotated
from tests.vision.networks import random_weights, write_weights

GROUPS = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects and plates in pairs, single postcards, and the weights of a tiny network."""
    folder = tmp_path_factory.mktemp("data")
    for start, name in enumerate(("ukbench", "prokudin")):
        (folder / name).mkdir()
        rows = ["file,group"]
        for group in range(GROUPS):
            photo = draw_photo(100 * start + group)
            for number, pixels in enumerate((photo, rotated(photo, 2))):
                rows.append(f"{group}_{number}.jpg,{name} {group}")
                (folder / name / f"{group}_{number}.jpg").write_bytes(jpeg(pixels))
        (folder / name / "groups.csv").write_text("\n".join(rows))
    (folder / "postcards").mkdir()
    for number in range(GROUPS):
        (folder / "postcards" / f"{number}.jpg").write_bytes(jpeg(draw_photo(1000 + number)))
    (folder / "weights").mkdir()
    write_weights(folder / "weights", random_weights())
    return folder


@pytest.fixture(scope="module")
def labelled(data: Path) -> LabelledSet:
    members = members_of("rescans", data, photos=18)
    return LabelledSet("rescans", members, load_backbone("test_vit", data / "weights"))


def row(run: str, epoch: int, decision: str, gain: float, true: float) -> Row:
    asked = Asked("plates", photos=12, sample=1, backbone="net", epochs=2, method=run, strength="1", epoch=epoch)
    return Row(*astuple(asked), decision, gain, gain, gain, true, true, true, 1.0, "Why, so.")


ROWS = [
    row("mae", 1, "adopt", 0.02, 0.010),
    row("mae", 2, "adopt", 0.01, 0.030),  # the best, but not the one that the receipts like best
    row("simclr", 1, "keep", 0.005, 0.004),
    row("simclr", 2, "keep", -0.05, -0.100),
    row("shaken", 0, "keep", -0.04, -0.006),
]


# --- the table --------------------------------------------------------------------------------------------------------


def test_regret_is_what_the_chosen_one_gains_less_than_the_best():
    assert regret(ROWS[:2]) == pytest.approx(0.02)
    assert regret(ROWS[2:4]) == pytest.approx(0.004)  # the present encoder was kept
    assert regret(ROWS[4:]) == 0  # rightly
    assert regret([row("mae", 1, "adopt", 0.1, -0.1)]) == pytest.approx(0.1)


def test_the_summary_of_a_table():
    summary = Summary.of(ROWS)
    assert (summary.challengers, summary.harmful, summary.adopted, summary.harmful_adopted) == (5, 2, 2, [])
    assert summary.mean_regret == pytest.approx(0.024 / 3)
    assert "0.0200 at worst (plates, mae, 1)" in str(summary)
    assert str(Summary.of([])) == "no challengers"


def test_ranks_are_compared_where_there_is_anything_to_compare():
    assert rank_correlation(ROWS) == pytest.approx(1 - 6 * 2 / (5 * 24))  # two neighbours have changed places
    assert rank_correlation([*ROWS, row("mae", 3, "keep", nan, 0.5)]) == rank_correlation(ROWS)
    assert isnan(rank_correlation(ROWS[:1]))


def test_bars_are_missed_by_harm_by_regret_and_by_runs_without_any_harm(capsys):
    assert [bar.is_reached for bar in bars_of(ROWS)] == [True, True, False]
    adopted = [*ROWS[2:4], replace(ROWS[4], decision="adopt")]
    assert [bar.is_reached for bar in bars_of(adopted)] == [True, False, False]
    assert "adopted and harmful: plates, shaken 1" in capsys.readouterr().out
    assert [bar.is_reached for bar in bars_of([replace(ROWS[2], true=0.001), ROWS[4]])] == [False, True, True]


def test_rows_come_back_as_they_were_written(tmp_path: Path):
    file = tmp_path / "gate.csv"
    assert read_rows(file) == []
    write_rows(file, ROWS)
    assert read_rows(file) == ROWS
    assert [*tmp_path.iterdir()] == [file]


# --- both judges ------------------------------------------------------------------------------------------------------


def test_whole_groups_are_drawn_and_half_of_them_copied(data: Path):
    members = members_of("prokudin", data, photos=5)
    assert sorted([m.group for m in members].count(group) for group in {m.group for m in members}) == [2, 2, 2]
    assert members_of("prokudin", data, photos=5, sample=2) != members
    rescans = members_of("rescans", data, photos=18)
    originals = [member for member in rescans if not member.damage]
    copies = [member for member in rescans if member.damage]
    assert len(copies) == len(originals) // 2 == 6
    assert [copy.damage for copy in copies] == list(DAMAGES)[:6]
    assert {copy.source for copy in copies} < {original.source for original in originals}


def test_the_receipt_judges_by_silver_groups_and_the_labels_by_theirs(labelled: LabelledSet):
    assert len(labelled.silver) >= 3
    assert all(labelled.groups[one] == labelled.groups[other] for one, other in labelled.silver)
    pairs = labelled.bench.pairs()
    assert {*pairs.own.tolist()} == {*np.unique(labelled.silver).tolist()}
    receipt = labelled.receipt(labelled.present)
    assert (receipt.decision, receipt.rescans, receipt.pairs) == ("keep", len(labelled.photos), len(pairs))


def test_an_encoder_that_sees_nothing_loses_all_that_the_present_one_finds(labelled: LabelledSet):
    whitening = labelled.present.projection
    blind = Encoder(labelled.backbone, replace(whitening, axes=0 * whitening.axes))
    found = labelled.truth(labelled.present)
    assert found.worn > 0
    assert labelled.gain(labelled.present).mean == 0
    assert labelled.truth(blind).mean == 0  # where all are equally near, the wrong ones come first
    assert labelled.gain(blind).mean == pytest.approx(-(found.found + found.worn) / 2)


# --- challengers ------------------------------------------------------------------------------------------------------


def test_every_challenger_is_named_once():
    named = challengers(epochs=2)
    assert len({*named}) == len(named)
    assert [str(one) for one in named if one.method == "mae"][:2] == ["mae 0.0002, epoch 1", "mae 0.0002, epoch 2"]


def test_a_run_that_stops_after_each_epoch_ends_with_the_same_weights(labelled: LabelledSet, tmp_path: Path):
    step_by_step, at_once = (Fitting(labelled.photos, labelled.backbone, 2, tmp_path / name) for name in "ab")
    first, last = (step_by_step.fit(Challenger("simclr", "0.002", epoch)).recipe for epoch in (1, 2))
    assert first != last
    assert at_once.fit(Challenger("simclr", "0.002", 2)).recipe == last


def test_constants_of_auto_are_as_they_were_afterwards(labelled: LabelledSet, tmp_path: Path):
    fitting = Fitting(labelled.photos, labelled.backbone, 1, tmp_path)
    own, other = (fitting.fit(Challenger("auto", strength)) for strength in ("0.25 0.1", "2 0.1"))
    again = METHODS["auto"].fit(labelled.photos, labelled.backbone, seed=0).encoder
    assert own.recipe == again.recipe != other.recipe


def test_shaking_changes_all_weights_and_leaves_the_backbone_alone(labelled: LabelledSet):
    before = {name: value.clone() for name, value in labelled.backbone.network.state_dict().items()}
    other = shaken(labelled.backbone, 0.1)
    assert other.recipe != labelled.backbone.recipe
    assert all(torch.equal(value, before[name]) for name, value in labelled.backbone.network.state_dict().items())


def test_a_whole_run_and_nothing_twice(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    own = tmp_path / "data"
    shutil.copytree(data, own)
    monkeypatch.setattr(gate, "DATA", own)
    monkeypatch.setattr(gate, "BACKBONE", "test_vit")
    monkeypatch.delenv("NDD_WEIGHTS_DIR", raising=False)
    file = tmp_path / "table.csv"
    arguments = ["--sets", "ukbench", "--epochs", "1", "--photos", "12", "--output", str(file)]
    gate.main(arguments)
    written = file.read_text()
    rows = read_rows(file)
    assert [(one.method, one.strength, one.epoch) for one in rows] == [
        tuple(asdict(challenger).values()) for challenger in challengers(epochs=1)
    ]
    assert {one.decision for one in rows} == {"keep"}  # a dozen photos are too few for a receipt
    shutil.rmtree(own)  # nothing is read again
    gate.main(arguments)
    assert file.read_text() == written
    with file.open(newline="") as lines:
        assert next(csv.DictReader(lines))["words"].startswith("Keep the present encoder: 12 photos")
    assert "ukbench, runs: 15 challengers" in capsys.readouterr().out
