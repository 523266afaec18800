import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import timm
from django.core.management import CommandError, call_command

from ndd_app.exceptions import NoBenchmark, UnknownPhotos
from ndd_app.vision.metrics import Relevance
from ndd_app.vision.reproduction import reproduce as reproduction
from ndd_app.vision.reproduction import strips, tables
from ndd_app.vision.reproduction.__main__ import main
from ndd_app.vision.reproduction.measuring import compare_patch_tokens, pooled_rows
from ndd_app.vision.reproduction.photos import Collection, FolderPhotos, read_collection, read_ukbench, split_by_object
from ndd_app.vision.reproduction.reproduce import Reproduction, reproduce
from ndd_app.vision.reproduction.runs import PROFILES, Run, runs_of_table
from tests.pictures import draw_photo, png
from tests.vision.networks import random_backbone
from tests.vision.small_ukbench import NETWORKS, TINY, silent, small_reproduction, write_ukbench


@pytest.fixture
def what(tmp_path: Path) -> Reproduction:
    return small_reproduction(tmp_path)


def require_steps(steps: int, what: Reproduction, results: dict) -> None:
    """Every run that is fitted was trained for so many steps in every fold."""
    for run in what.runs:
        if run.fitted_on:
            taken = [(fold.get("steps"), len(fold["curve"])) for fold in results[run.key]]
            assert taken == [(steps, steps)] * what.profile.folds


# --- photos ---------------------------------------------------------------------------------------------------------


def test_ukbench_has_four_photos_of_each_object_by_the_numbers_in_their_names(tmp_path):
    photos = read_ukbench(write_ukbench(tmp_path / "ukbench"))
    assert [file.name for file in photos.files[:2]] == ["ukbench00000.jpg", "ukbench00001.jpg"]
    assert list(photos.groups) == [str(place // 4) for place in range(20)]
    assert photos.picture(7).shape == (120, 160, 3)


def test_a_photo_that_lacks_moves_no_other_one_to_another_object(tmp_path):
    folder = write_ukbench(tmp_path / "ukbench", objects=6)
    (folder / "ukbench00002.jpg").unlink()
    (folder / "ukbench00001 (copy).jpg").write_bytes(b"not one of the benchmark's own names")
    photos = read_ukbench(folder)
    assert len(photos) == 23
    assert list(photos.groups[:4]) == ["0", "0", "0", "1"]


def test_two_photos_with_one_number_are_refused(tmp_path):
    folder = write_ukbench(tmp_path / "ukbench")
    (folder / "thumbs").mkdir()
    (folder / "thumbs" / "ukbench00007.jpg").write_bytes((folder / "ukbench00007.jpg").read_bytes())
    with pytest.raises(NoBenchmark, match=r"thumbs/ukbench00007\.jpg and ukbench00007\.jpg have one number"):
        read_ukbench(folder)


def test_or_what_groups_csv_says(tmp_path):
    folder = write_ukbench(tmp_path / "ukbench")
    (folder / "groups.csv").write_text("file,group\n" + "".join(f"ukbench{n:05}.jpg,{n % 5}\n" for n in range(10)))
    assert list(read_ukbench(folder).groups) == list("0123401234")
    (folder / "groups.csv").write_text("file,group\nukbench00000.jpg,a\nnowhere.jpg,a\n")
    with pytest.raises(NoBenchmark, match=r"nowhere\.jpg"):
        read_ukbench(folder)


def test_a_folder_without_enough_objects_is_refused(tmp_path):
    with pytest.raises(NoBenchmark, match="there are 0 objects"):
        read_ukbench(tmp_path)


def test_an_annotation_of_photos_that_are_not_there_is_refused(tmp_path):
    folder = write_ukbench(tmp_path / "ukbench")
    (tmp_path / "pairs.csv").write_text("query,match\nukbench00000.jpg,nine.jpg\n")
    with pytest.raises(UnknownPhotos, match=r"nine\.jpg"):
        read_collection(folder, tmp_path / "pairs.csv")


def test_the_split_is_by_object_and_every_object_is_tested_once():
    groups = [str(place // 4) for place in range(400)]
    tested = []
    for fold in range(5):
        split = split_by_object(groups, fold, seed=0)
        parts = [set(np.array(groups)[numbers]) for numbers in (split.train, split.validation, split.test)]
        assert [len(part) for part in parts] == [60, 20, 20]
        assert len(set.union(*parts)) == 100
        tested += parts[2]
    assert len(tested) == len(set(tested)) == 100
    assert np.array_equal(split_by_object(groups, 0, 0).test, split_by_object(groups, 0, 0).test)


def test_photos_without_labels_are_given_to_methods_that_need_none(what, monkeypatch):
    seen = {}
    real = dict(reproduction.measure.__globals__["LEARN"])

    def watched(method):
        def learn(photos, backbone, **how):
            seen[method] = set(photos.groups)
            return real[method](photos, backbone, **how)

        return learn

    monkeypatch.setitem(reproduction.measure.__globals__, "LEARN", {name: watched(name) for name in real})
    reproduce(replace(what, tables=(1,), profile=replace(TINY, folds=1)), say=silent)
    assert seen["simclr"] == seen["mae"] == {None}
    assert len(seen["supervised"]) == len(seen["triplet"]) == 3


# --- runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [*PROFILES.values(), TINY], ids=lambda profile: profile.name)
def test_each_table_has_its_rows_and_each_network_its_frozen_one(profile):
    for table in (1, 2, 3):
        found = runs_of_table(table, profile)
        assert len({run.key for run in found}) == len(found)
        for run in found:
            assert run.frozen is None or run.frozen in found
            assert run.method != "mae" or run.network.is_vit
    assert {run.fitted_on for run in runs_of_table(1, profile)} == {"", "train"}
    assert {run.fitted_on for run in runs_of_table(2, profile)} == {"", "train", "train + test", "test"}
    assert {run.fitted_on for run in runs_of_table(3, profile)} == {"", "train", "the collection"}


def test_the_papers_networks_are_the_papers():
    names = {network.name for network in PROFILES["paper"].networks}
    assert names == {"resnet50", "vit_large_patch16_224.augreg_in21k_ft_in1k"}
    plan = PROFILES["paper"].pretrained
    assert (plan.optimiser, plan.rate, plan.rate_at(9) / plan.rate_at(1)) == ("adam", 3e-4, pytest.approx(0.1))


def test_patch_tokens_are_averaged_without_cls(tmp_path):
    vit = random_backbone(tmp_path)
    (tmp_path / "photo.png").write_bytes(png(draw_photo(1)))
    photos = FolderPhotos([tmp_path / "photo.png"], [None])
    pixels = vit._features([draw_photo(1)])
    assert np.allclose(pooled_rows(vit, photos), pixels[:, :64])
    tokens = []
    hook = vit.network.norm.register_forward_hook(lambda module, inputs, output: tokens.append(output))
    row = pooled_rows(compare_patch_tokens(vit), photos)[0]
    hook.remove()
    mean = tokens[-1][0, 1:].float().mean(dim=0).numpy()
    assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-3)
    assert vit.network.global_pool == "token"


# --- all of it ------------------------------------------------------------------------------------------------------


def test_every_run_of_every_table_leaves_its_figures(what):
    results = reproduce(what, say=silent)
    assert {len(folds) for folds in results.values()} == {2}
    wanted = {run.key for table in (1, 2, 3) for run in runs_of_table(table, TINY)}
    assert results.keys() == wanted
    one = results[Run("simclr", NETWORKS[1], "test").key][0]
    assert 0.25 <= one["ukbench"]["map_with_query"] <= 1
    require_steps(1, what, results)
    assert "collection" not in one
    one["curve"] = []
    with pytest.raises(AssertionError):
        require_steps(1, what, results)
    assert json.loads((what.output / "results.json").read_text()).keys() == wanted
    text = (what.output / "tables.md").read_text()
    assert text.count("**Table") == 3
    assert not re.search(r"(– \| ){3}", text)  # no row without figures
    assert {file.name for file in (what.output / "figures").iterdir()} >= {"ukbench-1.png", "collection-1.png"}
    assert not list((what.output / "checkpoints").iterdir())


# --- tables and strips ----------------------------------------------------------------------------------------------


def given(run: Run, *maps: float) -> dict:
    rates = {"1": 0.5, "5": 0.75, "10": 0.75, "50": 1.0}
    figures = [{"map_with_query": m, "map_without_query": m - 0.1, "hit_rates": rates} for m in maps]
    return {run.key: [{"ukbench": each, "collection": each} for each in figures]}


def test_a_table_gives_mean_and_deviation_and_says_where_training_did_harm():
    frozen, trained = Run("frozen", NETWORKS[0]), Run("simclr", NETWORKS[0], "train")
    text = tables.table_in_markdown(1, TINY, given(frozen, 0.9, 0.8) | given(trained, 0.8, 0.8))
    assert "| frozen | test_resnet | pretrained | .850 ± .071 | .750 ± .071 |  | – |" in text
    assert "| simclr | test_resnet | pretrained | .800 ± .000 | .700 ± .000 | -.050 | – |" in text
    assert "Worse than the frozen network: simclr, test_resnet, pretrained, train." in text


def test_what_is_printed_as_no_difference_is_no_loss():
    frozen, trained = Run("frozen", NETWORKS[0]), Run("simclr", NETWORKS[0], "train")
    text = tables.table_in_markdown(1, TINY, given(frozen, 0.9) | given(trained, 0.8996))
    assert "| .900 | .800 | +.000 | – |" in text
    assert "Worse" not in text


def test_the_papers_figure_stands_beside_ours_in_its_own_profile_alone():
    hashed = given(Run("phash"), 0.4)
    mae = Run("mae", PROFILES["paper"].networks[1], "test")
    paper = tables.table_in_markdown(1, PROFILES["paper"], hashed)
    assert "| phash | – | – | .400 | .300 |  | .263 |" in paper
    assert tables.table_in_markdown(2, PROFILES["paper"], given(mae, 0.9)).count(".843") == 1
    assert ".263" not in tables.table_in_markdown(1, PROFILES["small"], hashed)


def test_hit_rates_of_the_annotated_collection():
    text = tables.table_in_markdown(3, TINY, given(Run("phash"), 0.4))
    assert "| phash | – | – | .500 | .750 | .750 | 1.000 |" in text


def test_table_3_names_what_loses_at_the_first_place():
    better, worse = (Run("simclr", NETWORKS[0], photos) for photos in ("train", "the collection"))
    results = {}
    for run, rate in [(Run("frozen", NETWORKS[0]), 0.6), (better, 0.7), (worse, 0.5)]:
        results[run.key] = [{"collection": {"hit_rates": {"1": rate, "5": 1.0, "10": 1.0, "50": 1.0}}}]
    text = tables.table_in_markdown(3, TINY, results)
    assert "Worse than the frozen network by hit rate@1: simclr, test_resnet, pretrained, the collection." in text


def test_a_strip_frames_what_is_right_and_what_is_wrong(tmp_path):
    photos = read_ukbench(write_ukbench(tmp_path / "ukbench"))
    gallery = Collection(photos, Relevance.from_groups(photos.groups))
    shown = {"phash": {"0": [1, 9]}, "frozen, a network": {"0": [9, 2, 3]}}
    [file] = strips.draw_strips(tmp_path / "figures", "ukbench", gallery, shown)
    picture = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    step = strips.SIDE + 2 * strips.FRAME + strips.GAP
    high = picture.shape[0] // 2
    middle = strips.TITLE + 2
    frames = [[tuple(picture[row * high + middle, n * step + 2].tolist()) for n in range(3)] for row in (0, 1)]
    assert frames == [[strips.QUERY, strips.RIGHT, strips.WRONG], [strips.QUERY, strips.WRONG, strips.RIGHT]]


# --- from outside ---------------------------------------------------------------------------------------------------


def test_the_command_and_the_module_need_no_database(tmp_path, settings, monkeypatch, capsys):
    settings.NDD_WEIGHTS_DIR = tmp_path
    monkeypatch.setitem(PROFILES, "small", replace(TINY, networks=(), folds=1))
    write_ukbench(tmp_path / "ukbench")
    given = ["--ukbench", tmp_path / "ukbench", "--tables", "1", "--profile", "small", "--output", tmp_path / "out"]
    call_command("reproduce_paper", *map(str, given))
    by_command = capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["reproduction", *map(str, given)])
    main()
    assert "block mean" in by_command
    assert capsys.readouterr().out.split() == by_command.split()


def test_a_run_that_fails_makes_the_command_and_the_module_fail_once_the_tables_are_there(
    tmp_path, settings, monkeypatch, capsys
):
    settings.NDD_WEIGHTS_DIR = tmp_path
    monkeypatch.setitem(PROFILES, "small", replace(TINY, networks=NETWORKS[:1], folds=1))
    write_ukbench(tmp_path / "ukbench")
    given = ["--ukbench", tmp_path / "ukbench", "--tables", "1", "--profile", "small", "--output", tmp_path / "out"]
    told = r"^4 of 6 runs gave no figures.* same --output\.$"
    with pytest.raises(CommandError, match=told):
        call_command("reproduce_paper", *map(str, given))
    assert "| phash |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["reproduction", *map(str, given)])
    with pytest.raises(SystemExit, match=told):
        main()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--tables", "4"], "from 1 to 3"),
        (["--tables", ""], "from 1 to 3"),
        (["--tables", "1,two"], "from 1 to 3"),
        (["--steps", "0"], "at least 1"),
        (["--steps", "-1"], "at least 1"),
        (["--photos", "x"], "belong together"),
        ([], "there are 0 objects"),
    ],
)
def test_options_that_make_no_sense_are_explained(tmp_path, more, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("reproduce_paper", "--ukbench", str(tmp_path), "--output", str(tmp_path / "out"), *more)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_steps_of_every_run_of_the_paper_with_its_own_networks(tmp_path):
    """Random weights: what is tested is that ResNet50 and ViT-L/16 go through every method, not what they find."""
    for network in PROFILES["paper"].networks[:2]:
        state = timm.create_model(network.name, num_classes=0).state_dict()
        safetensors.torch.save_file(state, tmp_path / f"{network.name}.safetensors")
    ukbench = read_ukbench(write_ukbench(tmp_path / "ukbench"))
    (tmp_path / "pairs.csv").write_text("query,match\nukbench00000.jpg,ukbench00003.jpg\n")
    collection = read_collection(tmp_path / "ukbench", tmp_path / "pairs.csv")
    what = Reproduction(PROFILES["paper"], (1, 2, 3), ukbench, collection, tmp_path / "out", tmp_path, steps=2)
    results = reproduce(what)
    assert results.keys() == {run.key for table in (1, 2, 3) for run in runs_of_table(table, what.profile)}
    require_steps(2, what, results)
