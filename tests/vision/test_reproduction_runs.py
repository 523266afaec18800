"""Which runs are made, made again, or go on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ndd_app.exceptions import ResultsNotWritten, UnreadablePhoto
from ndd_app.vision.reproduction import reproduce as reproduction
from ndd_app.vision.reproduction.photos import read_collection, read_ukbench
from ndd_app.vision.reproduction.reproduce import Reproduction, reproduce
from ndd_app.vision.reproduction.runs import Run
from tests.disks import room_for
from tests.pictures import draw_photo, jpeg
from tests.vision.networks import random_weights, write_weights
from tests.vision.small_ukbench import NETWORKS, PLAN, TINY, silent, small_reproduction


@pytest.fixture
def what(tmp_path: Path) -> Reproduction:
    return small_reproduction(tmp_path)


def test_what_is_done_is_not_done_again(what, monkeypatch):
    first = replace(what, tables=(1,), profile=replace(TINY, folds=1))
    before = reproduce(first, say=silent)
    with monkeypatch.context() as broken:
        broken.setattr(reproduction, "measure", None)
        assert reproduce(first, say=silent) == before
    [some, *_] = (what.output / "runs").glob("simclr*.json")
    some.write_text(some.read_text()[:100])  # cut off while it was written
    assert reproduce(first, say=silent).keys() == before.keys()


def test_a_run_that_was_killed_goes_on_from_its_checkpoint(what, tmp_path, monkeypatch):
    monkeypatch.setattr("ndd_app.vision.training.CHECKPOINT_SECONDS", -1.0)
    plan = replace(PLAN, epochs=4)
    one = replace(what, tables=(2,), profile=replace(TINY, folds=1, networks=NETWORKS[1:2], pretrained=plan))

    def killed(items, step, total=None):
        for done, item in enumerate(items):
            if done == 2 and step == "Training (simclr)":
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        reproduce(one, killed, silent)
    went_on, whole = (reproduce(replace(one, output=output), say=silent) for output in (one.output, tmp_path / "whole"))
    for key, folds in whole.items():
        assert went_on[key][0]["curve"] == folds[0]["curve"]
        assert went_on[key][0]["ukbench"] == folds[0]["ukbench"]


def test_a_run_with_other_settings_is_done_again(what):
    one = replace(what, tables=(1,), profile=replace(TINY, folds=1, networks=NETWORKS[1:2]))
    key = Run("simclr", NETWORKS[1], "train").key
    longer = replace(one, profile=replace(one.profile, pretrained=replace(PLAN, epochs=3)), steps=2)
    assert reproduce(one, say=silent)[key][0]["steps"] == 1
    assert reproduce(longer, say=silent)[key][0]["steps"] == 2


@pytest.fixture
def hashed(what: Reproduction) -> Reproduction:
    """Two quick runs, by the hashes."""
    return replace(what, tables=(1,), profile=replace(TINY, networks=(), folds=1))


def another(what: Reproduction, change: str) -> Reproduction:
    folder, annotations = what.ukbench.files[0].parent, what.weights_dir / "pairs.csv"
    match change:
        case "photo":
            (folder / "ukbench00004.jpg").write_bytes(jpeg(draw_photo(9, 160, 120)))
        case "name":
            (folder / "ukbench00019.jpg").rename(folder / "ukbench00020.jpg")
        case "groups":
            rows = [f"{file.name},{place // 2}\n" for place, file in enumerate(what.ukbench.files)]
            (folder / "groups.csv").write_text("file,group\n" + "".join(rows))
        case "annotations":
            annotations.write_text("query,match\nukbench00000.jpg,ukbench00002.jpg\n")
    return replace(what, ukbench=read_ukbench(folder), collection=read_collection(folder, annotations))


@pytest.mark.parametrize("change", ["photo", "name", "groups", "annotations"])
def test_photos_or_labels_that_have_changed_are_measured_anew(hashed, change):
    reproduce(hashed, say=silent)
    changed = another(hashed, change)
    afresh = reproduce(replace(changed, output=hashed.output / "afresh"), say=silent)
    found = reproduce(changed, say=silent)
    for key, [fold] in found.items():
        assert fold | {"seconds": 0} == afresh[key][0] | {"seconds": 0}


def test_each_run_names_what_it_depends_on_and_nothing_else(what, tmp_path):
    frozen, trained = Run("frozen", NETWORKS[1]), Run("simclr", NETWORKS[1], "train")
    (tmp_path / "others").mkdir()
    write_weights(tmp_path / "others", random_weights(seed=1))
    others = replace(what, weights_dir=tmp_path / "others")
    assert others.settings(trained) != what.settings(trained)
    assert others.settings(Run("phash")) == what.settings(Run("phash"))
    longer = replace(what, profile=replace(TINY, pretrained=replace(PLAN, rate=1e-3)))
    assert longer.settings(trained) != what.settings(trained)
    assert longer.settings(frozen) == what.settings(frozen)
    alone, on_test = replace(what, collection=None), Run("simclr", NETWORKS[1], "test")
    assert alone.settings(frozen) != what.settings(frozen)
    assert alone.settings(on_test) == what.settings(on_test)


def test_a_folder_that_was_moved_holds_the_same_photos(what, tmp_path):
    before = what.digests
    moved = (tmp_path / "ukbench").rename(tmp_path / "moved")
    collection = read_collection(moved, tmp_path / "pairs.csv")
    assert replace(what, ukbench=read_ukbench(moved), collection=collection).digests == before


def test_a_run_of_an_older_version_is_run_again(hashed):
    before = reproduce(hashed, say=silent)
    [file] = (hashed.output / "runs").glob("phash*.json")
    old = {"name": "phash", "settings": {"profile": "tiny", "steps": None, "photos": 20, "annotated": 20}}
    file.write_text(json.dumps(old))
    [fold] = reproduce(hashed, say=silent)["phash"]
    assert fold["ukbench"] == before["phash"][0]["ukbench"]


def test_a_network_without_weights_leaves_its_rows_empty_and_the_others_go_on(what, tmp_path):
    (tmp_path / "test_resnet.safetensors").unlink()
    said: list[str] = []
    results = reproduce(replace(what, tables=(2,), profile=replace(TINY, folds=1)), say=said.append)
    assert all("resnet" not in key for key in results)
    assert sum("No figures" in line for line in said) == 4
    [row] = [line for line in (what.output / "tables.md").read_text().splitlines() if "frozen | test_resnet" in line]
    assert row.split(" | ")[3:5] == ["–", "–"]


def test_a_photo_that_cannot_be_read_is_named_before_any_run(hashed, tmp_path):
    for number in (3, 7):
        (tmp_path / "ukbench" / f"ukbench{number:05}.jpg").write_bytes(jpeg(draw_photo(number))[:500])
    said: list[str] = []
    with pytest.raises(UnreadablePhoto, match=r"ukbench00003\.jpg cannot be read: The image ends .* a whole copy"):
        reproduce(hashed, say=said.append)
    assert "ukbench00007.jpg cannot be read" in said[0]
    assert not hashed.output.exists()


def test_a_photo_that_is_gone_is_named(what, tmp_path):
    (tmp_path / "ukbench" / "ukbench00004.jpg").unlink()
    for use in (lambda: what.ukbench.picture(4), lambda: what.ukbench.digest):
        with pytest.raises(UnreadablePhoto, match=r"ukbench00004\.jpg cannot be read: No such file"):
            use()


def test_a_full_disk_stops_the_runs_and_says_so(hashed):
    with room_for(100), pytest.raises(ResultsNotWritten, match=r"out: File too large\. Make room"):
        reproduce(hashed, say=silent)
