import zipfile
from pathlib import Path

import pytest

from ndd_app.models import Collection, Job, Photo
from ndd_app.pipeline.ingest import IngestResult, ingest_source
from ndd_app.pipeline.sources import open_source
from ndd_app.storage import read_bytes
from ndd_app.vision.images import read_working_copy
from tests.acceptance.site import write_photos
from tests.pictures import draw_photo, jpeg, png

pytestmark = pytest.mark.django_db(transaction=True)


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


def ingest(collection: Collection, path: Path, **how: bool) -> IngestResult:
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
    assert photo.read_master() == (folder / "b/c.png").read_bytes()


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


def test_one_bad_file_is_one_line_and_the_rest_goes_in(collection, folder):
    write_photos(folder, {"empty.jpg": b""})
    result = ingest(collection, folder)
    assert result.added == 3
    assert [problem.file for problem in result.problems] == ["empty.jpg"]


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
    assert "EDTF" in reasons


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
