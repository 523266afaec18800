import csv
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from edtf import parse_edtf
from PIL import Image

from archive_site.sample import make_file, read_plan, write_sample
from ndd_app.exceptions import NotAnImage, TruncatedImage
from ndd_app.vision.images import decode

BROKEN, TEXT = "box-02/NDD-0299.jpg", "box-02/contents.txt"
COPY = "box-01/copies/NDD-0101_recto.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample")).parent


def read(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_manifest_names_every_file_once(folder):
    photos = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    named = [row["file"] for row in read(folder / "manifest.csv")]
    assert sorted(named) == sorted(photos - {"manifest.csv", "groups.csv"})
    assert 60 <= len(named) <= 90


def test_photos_decode_at_the_size_of_scans(folder):
    for row in read(folder / "groups.csv"):
        photo = decode((folder / row["file"]).read_bytes(), name=row["file"])
        assert 600 <= max(photo.width, photo.height) <= 1200, row["file"]
        assert photo.pixels.std() > 8, row["file"]


@pytest.mark.parametrize(("file", "error"), [(BROKEN, TruncatedImage), (TEXT, NotAnImage)])
def test_report_has_something_to_say(folder, file, error):
    with pytest.raises(error):
        decode((folder / file).read_bytes())


def test_one_file_is_an_exact_copy(folder):
    assert (folder / COPY).read_bytes() == (folder / "box-01/NDD-0101_recto.jpg").read_bytes()


def test_kinds_of_files(folder):
    kinds = set()
    for row in read(folder / "groups.csv"):
        with Image.open(folder / row["file"]) as image:
            kinds |= {image.format, image.mode, f"orientation {image.getexif().get(0x0112, 1)}"}
    assert kinds >= {"JPEG", "PNG", "WEBP", "TIFF", "I;16", "L", "RGB"}
    assert kinds >= {"orientation 3", "orientation 6", "orientation 8"}


def test_turned_file_is_decoded_upright(folder):
    turned = decode((folder / "box-02/NDD-0215.jpg").read_bytes())
    assert turned.orientation == 8
    assert turned.width > turned.height


def test_files_are_the_same_each_time(folder):
    plan = read_plan()
    for file in list(plan)[::8]:
        assert make_file(file, plan) == (folder / file).read_bytes(), file


def test_a_finished_sample_is_left_alone(folder):
    before = (folder / BROKEN).stat().st_mtime_ns
    write_sample(folder)
    assert (folder / BROKEN).stat().st_mtime_ns == before


def test_an_unfinished_sample_is_written_anew(folder):
    (folder / COPY).unlink()
    manifest = write_sample(folder)
    assert (folder / COPY).is_file()
    assert manifest.is_file()


def test_every_scene_has_one_record_worth_copying():
    scenes: dict[str, list[bool]] = {}
    for row in read_plan().values():
        scenes.setdefault(row["scene"], []).append(bool(row["rights"]))
    for no_photograph in ("", "verso-0301"):
        scenes.pop(no_photograph)
    described = [sum(rights) for rights in scenes.values() if len(rights) > 1]
    assert len(described) >= 12
    assert described == [1] * len(described)


def test_scenes_do_not_share_a_part_of_a_picture():
    pictures = [(row["scene"], row["picture"].split()) for row in read_plan().values() if row["scene"]]
    for (scene, first), (other, second) in combinations(pictures, 2):
        if scene != other and first and second and first[0] == second[0] != "verso:":
            assert are_apart(first[1:], second[1:]), (first, second)


def are_apart(first: list[str], second: list[str]) -> bool:
    whole = ["0", "0", "100", "100"]
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = map(int, first or whole), map(int, second or whole)
    return right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top


def test_dates_are_edtf_and_identifiers_unique():
    rows = read_plan().values()
    for date in {row["date"] for row in rows} - {""}:
        assert str(parse_edtf(date)) == date
    identifiers = [row["identifier"] for row in rows if row["identifier"]]
    assert len(identifiers) == len(set(identifiers))


def test_the_sample_needs_no_torch():
    check = "import sys, archive_site.sample; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
