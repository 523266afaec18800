import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ndd_app.description import DublinCoreAdapter
from ndd_app.models import Collection, Job, Photo
from ndd_app.pipeline.describing import describe_from_manifest
from ndd_app.pipeline.ingest import IngestResult, ingest_source
from ndd_app.pipeline.sources import open_source
from ndd_app.storage import read_bytes
from ndd_app.vision import hashing
from ndd_app.vision.images import read_working_copy
from tests.acceptance.site import write_photos
from tests.factories import make_photo
from tests.pictures import draw_photo, jpeg, png, zip_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return Collection.objects.create(slug="box", title="Box")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = {
        "a.jpg": jpeg(draw_photo(1), orientation=6),
        "b/c.png": png(draw_photo(2)),
        "письмо.jpg": jpeg(draw_photo(3)),
    }
    return write_photos(tmp_path / "scans", photos)


def ingest(collection: Collection, path: Path, **how: Any) -> IngestResult:
    return ingest_source(collection, open_source(path), **how)


def paths(collection: Collection) -> list[str]:
    return list(collection.photos.values_list("path", flat=True).order_by("path"))


def test_a_folder_becomes_photos_with_upright_working_copies(collection, folder):
    assert ingest(collection, folder).added == 3
    photo = collection.photos.get(path="a.jpg")
    assert (photo.width, photo.height, photo.orientation) == (240, 320, 6)
    assert read_working_copy(read_bytes(photo.working_copy.name)).shape == (320, 240, 3)
    assert len(photo.fingerprint.phash) == 64


def test_masters_of_a_folder_stay_where_they_are(collection, folder):
    ingest(collection, folder)
    photo = collection.photos.get(path="b/c.png")
    assert not photo.master_file
    assert Path(photo.master_reference) == folder / "b/c.png"


def test_masters_are_copied_when_asked_for(collection, folder):
    ingest(collection, folder, copy_masters=True)
    photo = collection.photos.get(path="b/c.png")
    assert read_bytes(photo.master_file.name) == (folder / "b/c.png").read_bytes()


def test_ingesting_again_adds_only_what_is_new(collection, folder):
    ingest(collection, folder)
    write_photos(folder, {"d.jpg": jpeg(draw_photo(4))})
    again = ingest(collection, folder)
    assert (again.added, again.known) == (1, 3)
    assert len(paths(collection)) == 4


def test_an_exact_copy_is_a_record_of_its_own_and_reported(collection, folder):
    write_photos(folder, {"z.jpg": (folder / "a.jpg").read_bytes()})
    assert ingest(collection, folder).exact_copies == [("z.jpg", "a.jpg")]


def test_a_moved_file_keeps_its_record(collection, folder):
    ingest(collection, folder)
    pk = collection.photos.get(path="a.jpg").pk
    (folder / "a.jpg").rename(folder / "renamed.jpg")
    again = ingest(collection, folder)
    assert (again.added, again.moved) == (0, 1)
    assert Photo.objects.get(pk=pk).path == "renamed.jpg"


def test_exact_copies_that_were_moved_keep_a_record_each(collection, folder):
    write_photos(folder, {"z.jpg": (folder / "a.jpg").read_bytes()})
    ingest(collection, folder)
    before = {photo.path: photo.pk for photo in collection.photos.all()}
    (folder / "a.jpg").rename(folder / "b.jpg")
    (folder / "z.jpg").rename(folder / "y.jpg")
    assert ingest(collection, folder).moved == 2
    after = {photo.path: photo.pk for photo in collection.photos.all()}
    assert (after["b.jpg"], after["y.jpg"]) == (before["a.jpg"], before["z.jpg"])
    assert all(os.path.exists(photo.master_reference) for photo in collection.photos.all())


def test_a_master_whose_old_place_cannot_even_be_looked_at_was_moved(collection, folder):
    ingest(collection, folder)
    Photo.objects.filter(path="a.jpg").update(master_reference="/" + "a" * 300)
    assert ingest(collection, folder).moved == 1
    assert collection.photos.get(path="a.jpg").master_reference == str(folder / "a.jpg")


def test_of_two_copies_one_is_the_moved_file_and_the_other_is_new(collection, folder):
    ingest(collection, folder)
    (folder / "a.jpg").rename(folder / "x.jpg")
    write_photos(folder, {"y.jpg": (folder / "x.jpg").read_bytes()})
    again = ingest(collection, folder)
    assert (again.moved, again.added, again.exact_copies) == (1, 1, [("y.jpg", "x.jpg")])


def test_a_moved_file_is_described(collection, folder):
    ingest(collection, folder)
    (folder / "a.jpg").rename(folder / "renamed.jpg")
    (folder / "list.csv").write_text("file,title\nrenamed.jpg,Old bridge\n")
    assert ingest(collection, folder / "list.csv").described == 1
    assert collection.photos.get(path="renamed.jpg").title == "Old bridge"


@pytest.mark.parametrize("batch", [1, 32])
def test_copies_in_a_second_folder_are_records_whatever_their_batch(collection, folder, tmp_path, monkeypatch, batch):
    monkeypatch.setattr("ndd_app.pipeline.ingest.BATCH", batch)
    ingest(collection, folder)
    other = write_photos(tmp_path / "box-2", dict.fromkeys(["a.jpg", "d.jpg"], jpeg(draw_photo(9))))
    assert ingest(collection, other).added == 2
    assert ingest(collection, other).known == 2


def test_a_zip_of_known_photos_adds_nothing(collection, folder, tmp_path):
    ingest(collection, folder)
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as archive:
        archive.write(folder / "a.jpg", "other/name.jpg")
    assert ingest(collection, tmp_path / "again.zip").added == 0


def test_a_file_changed_under_its_name_is_reported_and_its_record_left_alone(collection, folder):
    ingest(collection, folder)
    before = collection.photos.get(path="a.jpg").checksum
    write_photos(folder, {"a.jpg": jpeg(draw_photo(9))})
    [problem] = ingest(collection, folder).problems
    assert "Rename" in problem.advice
    assert collection.photos.get(path="a.jpg").checksum == before


def test_a_second_folder_with_the_same_names_is_told_apart(collection, folder, tmp_path):
    ingest(collection, folder)
    other = write_photos(tmp_path / "box-2", {"a.jpg": jpeg(draw_photo(9))})
    assert ingest(collection, other).added == 1
    assert ingest(collection, other).known == 1
    assert "box-2/a.jpg" in paths(collection)


def test_a_second_zip_with_the_same_names_is_told_apart(collection, tmp_path):
    for seed, name in enumerate(["box-1.zip", "box-2.zip", "box-2.zip"]):
        (tmp_path / name).write_bytes(zip_of({"001.jpg": jpeg(draw_photo(min(seed, 1)))}))
        result = ingest(collection, tmp_path / name)
    assert (result.known, result.problems) == (1, [])
    assert paths(collection) == ["001.jpg", "box-2/001.jpg"]


@pytest.mark.parametrize("is_second", [False, True])
def test_a_file_changed_in_a_zip_of_the_same_name_is_refused(collection, tmp_path, is_second):
    if is_second:
        make_photo(collection, "001.jpg", seed=8)
    for seed in (1, 2):
        (tmp_path / "box.zip").write_bytes(zip_of({"001.jpg": jpeg(draw_photo(seed))}))
        result = ingest(collection, tmp_path / "box.zip")
    [problem] = result.problems
    assert "Rename the file, or the ZIP" in problem.advice
    assert len(paths(collection)) == 1 + is_second


def test_a_zip_brings_its_manifest(collection, tmp_path):
    table = b"file,identifier,title\n001.jpg,N-1,Old bridge\n"
    (tmp_path / "box.zip").write_bytes(zip_of({"001.jpg": jpeg(draw_photo(1)), "list.csv": table}))
    assert ingest(collection, tmp_path / "box.zip").described == 1
    assert collection.photos.get(identifier="N-1").title == "Old bridge"


def test_one_bad_file_is_one_line_and_the_rest_goes_in(collection, folder):
    write_photos(folder, {"empty.jpg": b""})
    result = ingest(collection, folder)
    assert result.added == 3
    assert [problem.file for problem in result.problems] == ["empty.jpg"]


def test_an_error_of_a_codec_is_one_line(collection, folder, monkeypatch):
    def phash(pixels: Any) -> str:
        if pixels.shape[0] > pixels.shape[1]:  # only a.jpg is upright
            raise MemoryError
        return "0" * 64

    monkeypatch.setattr(hashing, "phash", phash)
    result = ingest(collection, folder)
    assert (result.added, [problem.file for problem in result.problems]) == (2, ["a.jpg"])


def test_a_name_too_long_for_the_database_is_one_line(collection, tmp_path):
    name = "folder/" * 150 + "1.jpg"
    (tmp_path / "box.zip").write_bytes(zip_of({name: jpeg(draw_photo(1)), "2.jpg": jpeg(draw_photo(2))}))
    [problem] = ingest(collection, tmp_path / "box.zip").problems
    assert "1055 characters" in problem.reason
    assert paths(collection) == ["2.jpg"]


# --- while others work on the collection ----------------------------------------------------------------------------


def meanwhile(act: Callable[[], object]) -> Any:
    """A track: what somebody does after the ingest has begun."""

    def track(items: Iterable[Any], step: str, total: int | None = None) -> Iterator[Any]:
        act()
        yield from items

    return track


def test_a_name_taken_meanwhile_by_another_file_is_reported(collection, folder):
    taken = meanwhile(lambda: [make_photo(collection, f"{at}d.jpg", seed=9) for at in ("", "scans/")])
    write_photos(folder, {"d.jpg": jpeg(draw_photo(4))})
    result = ingest(collection, folder, track=taken)
    assert (result.added, [problem.file for problem in result.problems]) == (3, ["d.jpg"])


def test_a_file_that_came_meanwhile_under_another_name_is_not_doubled(collection, folder):
    pixels = draw_photo(4)
    write_photos(folder, {"d.jpg": jpeg(pixels)})
    result = ingest(collection, folder, track=meanwhile(lambda: make_photo(collection, "theirs.jpg", pixels=pixels)))
    assert (result.added, result.known) == (3, 1)


def test_an_identifier_entered_meanwhile_is_reported(collection, folder):
    other = make_photo(collection, "other.jpg", seed=8)
    (folder / "list.csv").write_text("file,identifier,title\na.jpg,N-7,Bridge\nb/c.png,N-8,\n")
    enter = meanwhile(lambda: Photo.objects.filter(pk=other.pk).update(identifier="N-7"))
    [problem] = ingest(collection, folder / "list.csv", track=enter).problems
    assert "N-7 already belongs to other.jpg" in problem.reason
    assert set(collection.photos.values_list("identifier", "title")) == {("N-7", ""), ("", "Bridge"), ("N-8", "")}


def test_a_title_entered_meanwhile_stays(collection):
    photo = make_photo(collection)
    Photo.objects.filter(pk=photo.pk).update(title="By hand", identifier="N-1")
    assert describe_from_manifest(photo, {"title": "Of the manifest", "identifier": "N-2"}) == (False, [])
    photo.refresh_from_db()
    assert (photo.title, photo.identifier) == ("By hand", "N-1")


# --- manifests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["identifier", "record", "title", "date", "subjects"])
def test_a_value_too_long_for_the_database_is_one_line(collection, folder, column):
    (folder / "list.csv").write_text(f"file,place,{column}\na.jpg,Bridge,{'1' * 600}\n")
    [problem] = ingest(collection, folder / "list.csv").problems
    assert column in problem.reason.casefold()
    assert collection.photos.get().place == "Bridge"


def test_what_only_the_database_refuses_is_one_line(collection, monkeypatch):
    """A host's adapter need not check lengths."""
    monkeypatch.setattr(DublinCoreAdapter, "clean", lambda self, field, value: value)
    changed, [problem] = describe_from_manifest(make_photo(collection), {"title": "1" * 600, "identifier": "N-1"})
    assert changed
    assert "too long" in problem.reason


def test_a_manifest_describes_and_never_overwrites(collection, folder):
    manifest = folder / "list.csv"
    manifest.write_text("file,identifier,Title,date,subjects\na.jpg,N-1,Old bridge,1912?,river | bridge\n")
    assert ingest(collection, manifest).described == 1
    Photo.objects.filter(path="a.jpg").update(title="By hand")
    assert ingest(collection, manifest).described == 0
    photo = collection.photos.get(path="a.jpg")
    assert (photo.identifier, photo.title, photo.subjects) == ("N-1", "By hand", ["river", "bridge"])


def test_an_identifier_that_is_taken_and_a_bad_date_are_reported(collection, folder):
    ingest(collection, folder)
    collection.photos.filter(path="b/c.png").update(identifier="N-1")
    manifest = folder / "list.csv"
    manifest.write_text("file,identifier,date\na.jpg,N-1,12 May 1912\n")
    reasons = " ".join(problem.reason for problem in ingest(collection, manifest).problems)
    assert "N-1 already belongs to b/c.png" in reasons
    assert "is no date in EDTF, the way to write dates" in reasons
    assert ".." not in reasons


@pytest.mark.django_db(transaction=True)
def test_the_workers_are_called_once_for_new_photos(collection, folder):
    ingest(collection, folder)
    kinds = list(Job.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["embed", "match", "adapt", "embed", "match"]
    ingest(collection, folder)
    assert Job.objects.count() == 5


def test_photos_are_found_by_words_without_their_accents(collection, folder):
    ingest(collection, folder)
    photo = collection.photos.get(path="a.jpg")
    photo.title = "Škofja Loka, železnica"
    photo.save()
    assert list(Photo.objects.matching("zeleznica skofja")) == [photo]
