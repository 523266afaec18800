import io
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ndd_app.management.commands.adapt_collection import LEARN_FROM_LABELS, TRAIN
from ndd_app.management.commands.adapt_collection import METHODS as NAMED
from ndd_app.models import Encoder, Job
from ndd_app.pipeline.annotation import lessons
from ndd_app.pipeline.review import record_verdict
from ndd_app.vision.methods import METHODS
from tests.factories import make_cataloguer, make_collection, make_photo
from tests.pictures import draw_photo, faded
from tests.vision.networks import random_weights, write_weights

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def tiny_backbone(settings, tmp_path: Path) -> None:
    write_weights(tmp_path, random_weights())
    settings.NDD_WEIGHTS_DIR, settings.NDD_BACKBONE = tmp_path, "test_vit"


@pytest.fixture
def photos():
    """Three scenes, each scanned twice."""
    album = make_collection("album")
    scenes = [draw_photo(seed) for seed in range(3)]
    return [make_photo(album, f"{n}.jpg", pixels=pixels) for n, pixels in enumerate([*scenes, *map(faded, scenes)])]


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    file = tmp_path / "groups.csv"
    file.write_text("file,group\n0.jpg,a\n3.jpg,a\n1.jpg,b\n4.jpg,b\n")
    return file


def test_the_methods_that_can_be_chosen_are_those_that_there_are():
    assert {*NAMED} == {*METHODS}
    assert {*LEARN_FROM_LABELS} == {name for name, method in METHODS.items() if method.is_taught}
    assert {*TRAIN} == {name for name, method in METHODS.items() if method.trains or name == "auto"}  # with a GPU


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.is_taught])
def test_labels_for_a_method_that_learns_from_none_are_refused(photos, groups, method):
    with pytest.raises(CommandError, match=f"{method} learns from no labels.*auto, simclr, supervised, triplet"):
        call_command("adapt_collection", "album", "--method", method, "--groups", str(groups))
    assert not Job.objects.exists()


@pytest.mark.parametrize("method", ["cosine", "vlad", "whiten"])
def test_steps_of_a_method_that_trains_nothing_are_refused(photos, method):
    with pytest.raises(CommandError, match=f"{method} trains nothing.*auto, mae, simclr, supervised, triplet"):
        adapt("--method", method)
    assert not Job.objects.exists()


def adapt(*arguments: object) -> str:
    output = io.StringIO()
    call_command("adapt_collection", "album", *map(str, arguments), "--steps", "2", stdout=output)
    return output.getvalue()


@pytest.mark.parametrize("method", ["mae", "simclr", "supervised", "triplet"])
def test_a_trained_encoder_is_stored_and_embeds(photos, groups, method):
    output = adapt("--method", method, *(["--groups", groups] if METHODS[method].is_taught else []))
    assert f"Ready: test_vit {method}" in output
    assert "Next: embed_collection album --newest, then find_duplicates album --switch" in output
    encoder = Encoder.objects.get()
    assert [point["step"] for point in encoder.curve if "loss" in point] == [1, 2]
    assert [point["step"] for point in encoder.curve if "retrieval" in point] == [0, 1, 2]
    assert encoder.parameters["steps"] == 2
    assert bool(encoder.labelled) == METHODS[method].is_taught == (method != "mae")
    assert not encoder.is_serving
    call_command("embed_collection", "album", "--newest", stdout=io.StringIO())
    assert encoder.embeddings.count() == 6


def test_labels_come_from_the_file(photos, groups):
    adapt("--method", "supervised", "--groups", groups)
    assert Encoder.objects.get().parameters["labels"] == 4


def test_or_from_verdicts_through_a_chain_of_pairs(photos):
    ana, eva = make_cataloguer("ana"), make_cataloguer("eva")
    for one, other in [(0, 3), (3, 5), (1, 4), (2, 5)]:
        record_verdict(photos[one], photos[other], "yes", ana)
    record_verdict(photos[1], photos[2], "no", ana)
    record_verdict(photos[2], photos[5], "no", eva)  # they disagree: nothing is settled
    first, second, third, *others = lessons(photos).groups
    assert (first, second, third) == (others[0], others[1], None)
    assert first == others[2] != second
    adapt("--method", "supervised")
    assert Encoder.objects.get().parameters["labels"] == 5


def test_without_labels_the_job_says_what_to_do(photos):
    with pytest.raises(CommandError, match=r"supervised learns from labels.*--groups FILE"):
        adapt("--method", "supervised")
    assert Job.objects.get().state == Job.State.FAILED
    assert not Encoder.objects.exists()


def test_names_in_the_file_that_are_no_photos_are_reported(photos, groups):
    groups.write_text("file,group\n0.jpg,a\nnine.jpg,a\n")
    with pytest.raises(CommandError, match=r"nine\.jpg"):
        adapt("--method", "supervised", "--groups", groups)


def test_a_fitting_that_was_cut_off_goes_on_and_leaves_nothing_behind(photos, settings, monkeypatch):
    with monkeypatch.context() as failing:
        failing.setattr("ndd_app.pipeline.encoders.save_bytes", None)  # the training is done, its weights not stored
        with pytest.raises(CommandError):
            adapt("--method", "simclr")
    assert list((settings.NDD_CACHE_DIR / "training").rglob("checkpoint.json"))
    monkeypatch.setattr("ndd_app.vision.training._Run._take_step", None)  # nothing is left to be learned
    adapt("--method", "simclr")
    assert Encoder.objects.get().parameters["steps"] == 2
    assert not list((settings.NDD_CACHE_DIR / "training").iterdir())


def test_the_other_processes_learn_and_store_nothing(photos, groups, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert adapt("--method", "simclr") == ""
    with pytest.raises(CommandError, match="learns from labels"):
        adapt("--method", "triplet")
    assert not Encoder.objects.exists()
    assert not Job.objects.exists()


def test_what_the_first_process_only_notes_ends_no_other_one(photos, settings, tmp_path, monkeypatch):
    settings.NDD_WEIGHTS_DIR = tmp_path / "none"
    monkeypatch.setitem(METHODS, "auto", replace(METHODS["auto"], trains=True))  # as with a GPU
    monkeypatch.setenv("RANK", "1")
    assert adapt() == ""
    with pytest.raises(CommandError, match="weights"):
        adapt("--method", "auto")
