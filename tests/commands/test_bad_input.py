"""What cannot work ends with a clear error on the Job; what serves goes on serving, and nothing half done is used."""

import io
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from ndd_app.management.commands.adapt_collection import LEARN_FROM_LABELS, TRAIN
from ndd_app.models import Collection, Encoder, Job
from ndd_app.pipeline import encoders
from ndd_app.pipeline.embedding import embed_collection
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.storage import photo_storage
from ndd_app.tasks import THEN_ADAPT, enqueue, run_job
from ndd_app.vision.backbones import _load
from ndd_app.vision.methods import METHODS
from tests.disks import room_for
from tests.factories import make_collection, make_photo
from tests.pictures import draw_photo
from tests.vision.networks import random_weights, write_weights

pytestmark = pytest.mark.django_db(transaction=True)
DEEP = [name for name in METHODS if METHODS[name].family == "deep"]


@pytest.fixture(autouse=True)
def weights(settings, tmp_path: Path) -> Path:
    _load.cache_clear()  # or the weights would not be read again
    settings.NDD_WEIGHTS_DIR, settings.NDD_BACKBONE = tmp_path, "test_vit"
    (tmp_path / "groups.csv").write_text("file,group\n0.jpg,a\n1.jpg,a\n2.jpg,b\n")
    return write_weights(tmp_path, random_weights())


@pytest.fixture
def site() -> None:
    """The site encoders have another collection to learn from."""
    other = make_collection("other")
    for seed in range(30, 33):
        make_photo(other, seed=seed)
    embed_collection(other)


def make_album(photos: int) -> Collection:
    album = make_collection("album")
    for seed in range(photos):
        make_photo(album, f"{seed}.jpg", seed=seed)
    return album


def run(command: str, *arguments: object) -> str:
    output = io.StringIO()
    call_command(command, "album", *map(str, arguments), stdout=output, stderr=output)
    return output.getvalue()


def adapt(method: str, tmp_path: Path) -> str:
    labels = ["--groups", tmp_path / "groups.csv"] if method in LEARN_FROM_LABELS else []
    steps = ["--steps", 1] if method in TRAIN else []
    return run("adapt_collection", "--method", method, *labels, *steps)


def adapt_as_the_admin_does(album: Collection) -> list[Job]:
    jobs = enqueue(album, THEN_ADAPT)
    for job in jobs:
        run_job(job.pk)
        job.refresh_from_db()
    return jobs


def break_working_copies(album: Collection) -> None:
    for photo in album.photos.all():
        Path(photo_storage().path(photo.working_copy.name)).write_bytes(b"no picture")


def serving(album: Collection) -> list[str]:
    return [str(encoder) for encoder in Encoder.objects.serving(album)]


def test_an_empty_collection_is_told_to_be_filled():
    adapted, *others = adapt_as_the_admin_does(make_album(0))
    assert (adapted.state, *(job.state for job in others)) == ("failed", "cancelled", "cancelled")
    assert "has no photos. Ingest some first" in adapted.error


def test_one_photo_is_left_to_the_site_encoders(site):
    album = make_album(1)
    embed_collection(album)
    adapted, _, matched = jobs = adapt_as_the_admin_does(album)
    assert [job.state for job in jobs] == ["done"] * 3
    assert len(adapted.result["notes"]) == 2
    assert all("there are 1. " in note for note in adapted.result["notes"])
    assert all(note.endswith("Add some. What serves goes on serving.") for note in adapted.result["notes"])
    assert matched.result["pairs"] == 0


@pytest.mark.parametrize("method", [name for name in METHODS if name != "cosine"])
def test_a_method_that_was_asked_for_and_has_nothing_to_learn_from_fails_its_job(tmp_path, method):
    album = make_album(3)
    break_working_copies(album)
    with pytest.raises(CommandError, match=r"there are 0\. Photos that cannot be read do not count"):
        adapt(method, tmp_path)
    assert Job.objects.get().state == Job.State.FAILED
    assert not Encoder.objects.exists()


def test_a_collection_of_only_unreadable_photos_says_which_they_are(site):
    album = make_album(3)
    break_working_copies(album)
    assert [line.split(":")[0] for line in run("embed_collection").splitlines() if "decoded" in line] == [
        "0.jpg", "1.jpg", "2.jpg",
    ]  # fmt: skip
    with pytest.raises(CommandError, match=r"is embedded yet.*names the photos that cannot be read"):
        run("find_duplicates")


@pytest.mark.parametrize(("photos", "alike"), [(1, False), (3, False), (20, True)])
def test_few_photos_and_identical_ones_get_a_receipt_that_says_why_it_cannot_judge(site, photos, alike):
    album = make_album(0)
    for number in range(photos):
        make_photo(album, f"{number}.jpg", pixels=draw_photo(1 if alike else number, 96, 72))
    embed_collection(album)
    run("adapt_collection", "--method", "cosine")
    run("embed_collection", "--newest")
    output = run("find_duplicates", "--switch")
    [encoder] = Encoder.objects.filter(method="cosine")
    assert output.startswith(f"{encoder}: Keep the present encoder")
    why = "all photos show one image" if alike else f"{photos} photo{'s' * (photos > 1)} can be judged by"
    assert why in output
    assert not encoder.is_serving


def damage(file: Path, how: str) -> None:
    match how:
        case "truncated":
            file.write_bytes(file.read_bytes()[:-100])
        case "of another network":
            write_weights(file.parent, random_weights("test_resnet"))
        case "not finite":
            values = random_weights()
            values["norm.bias"] = torch.full_like(values["norm.bias"], float("nan"))
            write_weights(file.parent, values)
    _load.cache_clear()


@pytest.mark.parametrize("how", ["truncated", "of another network", "not finite"])
def test_bad_weights_fail_what_needs_them_and_the_classical_encoder_is_fitted_alone(tmp_path, weights, how):
    album = make_album(3)
    damage(weights, how)
    for method in DEEP:
        with pytest.raises(CommandError, match=r"weights in test_vit\.safetensors cannot be used.*Replace the file"):
            adapt(method, tmp_path)
    assert Job.objects.filter(state=Job.State.FAILED).count() == len(DEEP)
    assert "Ready: rootsift vlad" in run("adapt_collection")
    assert "The deep encoder does not serve" in run("embed_collection")
    assert [encoder.family for encoder in Encoder.objects.serving(album)] == ["classical"]


@pytest.mark.parametrize("method", ["whiten", "simclr"])
def test_a_stored_encoder_that_is_damaged_never_begins_to_serve(tmp_path, method):
    album = make_album(3)
    embed_collection(album)
    before = serving(album)
    adapt(method, tmp_path)
    encoder = album.encoders.get()
    run("embed_collection", "--newest")
    file = Path(photo_storage().path(encoder.weights.name))
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    encoders._load_encoder.cache_clear()
    assert "is not what was stored" in run("find_duplicates", "--switch")
    with pytest.raises(CommandError, match="Restore it from a backup"):
        run("find_duplicates", "--encoder", encoder.pk)
    make_photo(album, "new.jpg", seed=9)
    with pytest.raises(CommandError, match=f"that of encoder {encoder.pk} is not what was stored"):
        run("embed_collection", "--newest")
    run("embed_collection")
    assert serving(album) == before
    file.write_bytes(whole)
    run("embed_collection", "--newest")
    assert str(encoder) in run("find_duplicates", "--encoder", encoder.pk)


@pytest.mark.parametrize(
    ("room", "told"),
    [(10_000, "checkpoint could not be written"), (20_000_000, "encoders/.*could not be read or written.*free space")],
)
def test_a_full_disk_fails_the_job_and_the_present_encoder_keeps_serving(tmp_path, monkeypatch, settings, room, told):
    album = make_album(3)
    embed_collection(album)
    before = serving(album)
    if room > 10_000:  # the checkpoints fit, the encoder does not
        monkeypatch.setattr("ndd_app.pipeline.encoders.encoder_files.save_encoder", lambda *_: bytes(room + 1))
    with room_for(room), pytest.raises(CommandError, match=told):
        adapt("simclr", tmp_path)
    assert Job.objects.get(kind="adapt").state == Job.State.FAILED
    assert not album.encoders.exists()
    assert not [*settings.NDD_CACHE_DIR.rglob("*.part"), *(tmp_path / "files").rglob("*.part")]
    embed_collection(album)
    assert find_duplicates(album).encoders == tuple(before)
    monkeypatch.undo()
    assert "Ready: test_vit simclr" in adapt("simclr", tmp_path)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "cosine"])  # its file has hardly any bytes
def test_a_disk_that_is_full_from_the_start_leaves_no_encoder_of_any_method(tmp_path, method):
    make_album(3)
    with room_for(3_000), pytest.raises(CommandError, match=r"[Mm]ake room|free space"):
        adapt(method, tmp_path)
    assert not Encoder.objects.exists()
    assert not (tmp_path / "files" / "encoders").exists()


def test_notes_of_the_training_are_told(tmp_path, monkeypatch):
    make_album(8)
    step = "ndd_app.vision.training._Run._take_step"

    def greedy(self, batch) -> None:
        if len(batch[2]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.standing.step += 1

    monkeypatch.setattr(step, greedy)
    assert "simclr #1: The memory did not suffice for 8 photos at once" in adapt("simclr", tmp_path).replace(
        f"#{Encoder.objects.get().pk}", "#1"
    )


@pytest.mark.parametrize("steps", [0, -1])
def test_a_training_of_no_steps_is_refused(steps):
    make_album(1)
    with pytest.raises(CommandError, match="at least 1"):
        run("adapt_collection", "--method", "simclr", "--steps", steps)


@pytest.mark.parametrize(("data", "told"), [("", "it is empty"), ("file;group\na;b\n", "its first row has file;group")])
def test_a_table_of_groups_that_cannot_be_read_is_described(tmp_path, data, told):
    make_album(1)
    (tmp_path / "bad.csv").write_text(data)
    with pytest.raises(CommandError, match=f"bad.csv cannot be read.*{told}"):
        run("adapt_collection", "--method", "triplet", "--groups", tmp_path / "bad.csv")


def test_site_encoders_that_nothing_can_be_fitted_on_are_an_error():
    make_collection("empty")
    with pytest.raises(CommandError, match="No site encoder was fitted"):
        call_command("fit_site_encoders", stdout=io.StringIO(), stderr=io.StringIO())


def test_where_the_sites_own_encoders_cannot_be_fitted_they_are_not_said_to_serve():
    make_album(1)
    notes = encoders.ensure_site_encoders().notes
    assert len(notes) == 2
    assert all("there are 1. " in note and note.endswith("Add some.") for note in notes)
