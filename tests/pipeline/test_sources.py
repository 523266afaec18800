"""Whole folders, ZIPs and manifests, sound and broken: what is broken is a line, what is good is in."""

import os
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ndd_app.exceptions import (
    BrokenArchive,
    BrokenManifest,
    BrokenMember,
    FileTooLarge,
    SourceMissing,
    UnknownSource,
    UnreadableFile,
)
from ndd_app.pipeline.sources import Problem, Source, SourceFile, open_source
from ndd_app.pipeline.sources.entries import printable
from tests import pictures

PHOTO = pictures.jpeg(pictures.draw_photo(1, 64, 48))
OTHER = pictures.png(pictures.draw_photo(2, 64, 48))
NAMES = ["čeština/Příbram.jpg", "中国/照片.jpg", "עברית.jpg", "ملف.jpg", "plain name (1)/a b.jpg"]


def files(source: Source) -> dict[str, SourceFile]:
    return {entry.path: entry for entry in source if isinstance(entry, SourceFile)}


def problems(source: Source) -> dict[str, str]:
    return {entry.file: entry.reason for entry in source if isinstance(entry, Problem)}


def fill(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def archive(folder: Path, data: bytes) -> Source:
    (folder / "box.zip").write_bytes(data)
    return open_source(folder / "box.zip")


def manifest(folder: Path, text: str | bytes) -> Source:
    (folder / "list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_source(folder / "list.csv")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return fill(tmp_path / "scans", {"1.jpg": PHOTO, "2.png": OTHER})


# --- folders --------------------------------------------------------------------------------------------------------


def test_folder_is_read_with_all_folders_in_it_and_in_order(tmp_path: Path) -> None:
    source = open_source(fill(tmp_path / "scans", {"b/2.JPG": PHOTO, "b/1.jpg": OTHER, "a.tif": PHOTO}))
    assert [entry.path for entry in files(source).values()] == ["a.tif", "b/1.jpg", "b/2.JPG"]
    assert files(source)["b/1.jpg"].read() == OTHER
    assert files(source)["b/1.jpg"].reference == tmp_path / "scans/b/1.jpg"
    assert (source.name, len(source), source.ignored) == ("scans", 3, 0)


def test_what_is_no_image_is_counted_and_litter_is_not(tmp_path: Path) -> None:
    contents = {"notes.txt": b"", "list.csv": b"file\n", "scan": PHOTO, "text.jpg": pictures.TEXT}
    litter = {".DS_Store": b"", "._1.jpg": b"", ".cache/1.jpg": PHOTO, "Thumbs.db": b"", "@eaDir/1.jpg": PHOTO}
    source = open_source(fill(tmp_path, contents | litter))
    assert set(files(source)) == {"scan", "text.jpg"}
    assert source.ignored == 2
    assert problems(source) == {}


def test_images_that_are_not_read_and_archives_are_said(tmp_path: Path) -> None:
    source = open_source(fill(tmp_path, {"raw.NEF": b"II*\0", "box.zip": b"", "1.jpg": PHOTO}))
    assert set(files(source)) == {"1.jpg"}
    assert "not an image in a format that ndd reads" in problems(source)["raw.NEF"]
    assert "archive inside the source" in problems(source)["box.zip"]


def test_links_are_said_and_not_followed(scans: Path) -> None:
    fill(scans.parent, {"outside/secret.jpg": PHOTO})
    (scans / "circle").symlink_to(scans)
    (scans / "out").symlink_to(scans.parent / "outside")
    (scans / "link.jpg").symlink_to(scans / "1.jpg")
    source = open_source(scans)
    assert set(files(source)) == {"1.jpg", "2.png"}
    assert set(problems(source)) == {"circle", "out", "link.jpg"}


def test_a_pipe_is_not_opened(scans: Path) -> None:
    os.mkfifo(scans / "endless.jpg")
    assert set(files(open_source(scans))) == {"1.jpg", "2.png"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_any_script_are_composed(tmp_path: Path, form: str) -> None:
    source = open_source(fill(tmp_path, {unicodedata.normalize(form, name): PHOTO for name in NAMES}))
    assert set(files(source)) == set(NAMES)
    assert files(source)[NAMES[0]].read() == PHOTO


def test_a_name_that_is_no_text_is_shown_with_escapes(scans: Path) -> None:
    (scans / os.fsdecode(b"caf\xe9.jpg")).write_bytes(PHOTO)
    source = open_source(scans)
    assert "not valid UTF-8" in problems(source)["caf\\xe9.jpg"]
    assert len(files(source)) == 2


def test_two_spellings_of_one_name(tmp_path: Path) -> None:
    source = open_source(fill(tmp_path, {unicodedata.normalize(form, "é.jpg"): PHOTO for form in ("NFC", "NFD")}))
    assert set(files(source)) == {"é.jpg"}
    assert "twice" in problems(source)["é.jpg"]


def test_a_file_that_is_gone_or_too_large(scans: Path, settings: Any) -> None:
    settings.NDD_MAX_FILE_MEGABYTES = 1
    (scans / "huge.tif").touch()
    os.truncate(scans / "huge.tif", 2_000_000)  # takes no room on the disk
    found = files(open_source(scans))
    (scans / "1.jpg").unlink()
    with pytest.raises(UnreadableFile, match="No such file"):
        found["1.jpg"].read()
    with pytest.raises(FileTooLarge, match="2 MB, more than the limit of 1 MB"):
        found["huge.tif"].read()


@pytest.mark.parametrize(
    ("name", "error"), [("none", SourceMissing), ("scans/1.jpg", UnknownSource), ("list.xlsx", UnknownSource)]
)
def test_what_is_no_source(scans: Path, name: str, error: type[Exception]) -> None:
    fill(scans.parent, {"list.xlsx": pictures.zip_of({"xl/1.xml": b""})})
    with pytest.raises(error):
        open_source(scans.parent / name)


# --- ZIPs -----------------------------------------------------------------------------------------------------------


def test_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    contents = {"b/": b"", "b/1.jpg": PHOTO, "./a.jpg": OTHER, "notes.txt": b"", "__MACOSX/._a": b"", "scan": PHOTO}
    source = archive(tmp_path, pictures.zip_of(contents, zipfile.ZIP_DEFLATED))
    assert list(files(source)) == ["a.jpg", "b/1.jpg", "scan"]
    assert files(source)["a.jpg"].read() == OTHER
    assert files(source)["a.jpg"].reference is None
    assert (source.name, source.ignored, problems(source)) == ("box", 1, {})


def test_zip_names_in_any_script(tmp_path: Path) -> None:
    data = pictures.zip_of(dict.fromkeys(NAMES, PHOTO))
    assert set(files(archive(tmp_path, data))) == set(NAMES)


def test_zip_names_in_utf8_that_is_not_declared_and_with_backslashes(tmp_path: Path) -> None:
    data = pictures.zip_of({"Příbram\\1.jpg": PHOTO}).replace(b"\0\x08\0\0", b"\0\0\0\0")
    assert set(files(archive(tmp_path, data))) == {"Příbram/1.jpg"}


@pytest.mark.parametrize("name", ["../1.jpg", "a/../../1.jpg", "/etc/1.jpg", "..\\1.jpg", "C:\\1.jpg"])
def test_zip_names_that_lead_out(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path, pictures.zip_of({name: PHOTO, "good.jpg": PHOTO}))
    assert set(files(source)) == {"good.jpg"}
    assert ["leads out" in reason for reason in problems(source).values()] == [True]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pictures.zip_with_link("1.jpg", "/etc/passwd"), "a link"),
        (pictures.zip_encrypted("1.jpg", PHOTO), "encrypted"),
        (pictures.zip_of({"1.zip": pictures.zip_of({"2.jpg": PHOTO})}), "archive inside"),
        (pictures.zip_bomb("1.jpg"), "more than 200 times"),
        (pictures.zip_of({"1.jpg": PHOTO}, zipfile.ZIP_BZIP2), "another method than Deflate"),
    ],
)
def test_zip_members_that_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    source = archive(tmp_path, data)
    assert files(source) == {}
    assert [reason in text for text in problems(source).values()] == [True]


@pytest.mark.parametrize(
    "data", [pictures.zip_with_wrong_checksum("1.jpg", PHOTO), pictures.zip_lying_about_size("1.jpg")]
)
def test_zip_members_that_fail_when_read(tmp_path: Path, data: bytes) -> None:
    source = archive(tmp_path, data)
    with pytest.raises(BrokenMember, match="CRC"):
        files(source)["1.jpg"].read()


def test_a_large_member_of_a_zip(tmp_path: Path, settings: Any) -> None:
    settings.NDD_MAX_FILE_MEGABYTES = 1
    (tmp_path / "box.zip").write_bytes(pictures.zip_of({"1.tif": bytes(1_200_000), "film.mov": bytes(1_200_000)}))
    source = open_source(tmp_path / "box.zip")
    assert "limit of 1 MB" in problems(source)["1.tif"]
    assert source.ignored == 1


@pytest.mark.parametrize("data", [b"", pictures.TEXT, pictures.zip_of({"1.jpg": PHOTO})[:300]])
def test_broken_zip_is_one_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BrokenArchive, match=r"box\.zip"):
        archive(tmp_path, data)


def test_zip_is_read_in_threads(tmp_path: Path) -> None:
    contents = {f"{seed:02}.jpg": pictures.jpeg(pictures.draw_photo(seed, 64, 48)) for seed in range(20)}
    found = files(archive(tmp_path, pictures.zip_of(contents, zipfile.ZIP_DEFLATED)))
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda entry: entry.read(), found.values())) == list(contents.values())


# --- manifests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_manifest_in_every_usual_form(scans: Path, delimiter: str, encoding: str) -> None:
    rows = [("Title", " FILE ", "Place"), ('"Fischer, am ""See"";\nabends"', "1.jpg", "Plzeň"), ("", "2.png", "")]
    source = manifest(scans, "\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    assert problems(source) == {}
    assert files(source)["1.jpg"].description == {"title": 'Fischer, am "See";\nabends', "place": "Plzeň"}
    assert files(source)["2.png"].description == {}
    assert files(source)["2.png"].read() == OTHER
    assert files(source)["2.png"].reference == scans / "2.png"


def test_manifest_rows_that_name_no_photo(scans: Path) -> None:
    fill(scans, {"notes.txt": b"", "raw.nef": b""})
    source = manifest(scans, "file,title\n\n3.jpg,a\nnotes.txt,b\nraw.nef,c\n,d\n1.jpg,e\n")
    assert set(files(source)) == {"1.jpg"}
    assert problems(source) == {
        "3.jpg": "Line 3 of the manifest names a file that is not there.",
        "notes.txt": "The file is not an image in a format that ndd reads.",
        "raw.nef": "The file is not an image in a format that ndd reads.",
        "list.csv, line 6": "Line 6 of the manifest cannot be read: it names no file.",
    }


def test_manifest_rows_in_another_encoding(scans: Path) -> None:
    source = manifest(scans, b"file,title\n1.jpg,Pr\xe1zdn\xe9\n2.png,good\n")
    assert set(files(source)) == {"2.png"}
    assert "Line 2 of the manifest is not valid UTF-8" in problems(source)["list.csv, line 2"]


def test_manifest_rows_with_what_the_database_cannot_hold(scans: Path) -> None:
    source = manifest(scans, "file,title\n1.jpg,a\0b\n2.png,good\n")
    assert set(files(source)) == {"2.png"}
    assert "zero byte" in problems(source)["list.csv, line 2"]


def test_manifest_rows_that_are_broken(scans: Path) -> None:
    source = manifest(scans, 'file,title\n1.jpg,a,b\n1.jpg,"a"b\n2.png,good\n1.jpg,"open\n')
    assert set(files(source)) == {"2.png"}
    assert list(problems(source)) == ["list.csv, line 2", "list.csv, line 3", "list.csv, line 5"]
    assert "3 cells for 2 columns" in problems(source)["list.csv, line 2"]


@pytest.mark.parametrize("name", ["../outside.jpg", "{root}/outside.jpg", "sub/../../outside.jpg", "out.jpg"])
def test_manifest_names_that_lead_out(scans: Path, name: str) -> None:
    fill(scans.parent, {"outside.jpg": PHOTO})
    (scans / "out.jpg").symlink_to("../outside.jpg")
    source = manifest(scans, f"file\n{name.format(root=scans.parent)}\n1.jpg\n")
    assert set(files(source)) == {"1.jpg"}
    assert ["leads out" in reason for reason in problems(source).values()] == [True]


@pytest.mark.parametrize("name", ["a" * 300 + ".jpg", "circle.jpg", "."])
def test_manifest_names_that_no_file_can_have(scans: Path, name: str) -> None:
    (scans / "circle.jpg").symlink_to("circle.jpg")
    assert ["not there" in reason for reason in problems(manifest(scans, f"file\n{name}\n")).values()] == [True]


def test_manifest_written_elsewhere(tmp_path: Path) -> None:
    fill(tmp_path, {unicodedata.normalize("NFD", "Příbram/1.jpg"): PHOTO, "žena.jpg": PHOTO, "sub/2.jpg": PHOTO})
    names = ["Příbram/1.jpg", unicodedata.normalize("NFD", "žena.jpg"), "sub\\2.jpg"]
    source = manifest(tmp_path, "\n".join(["file", *names]))
    assert problems(source) == {}
    assert list(files(source)) == ["Příbram/1.jpg", "žena.jpg", "sub/2.jpg"]


def test_manifest_with_one_file_on_two_rows(scans: Path) -> None:
    source = manifest(scans, "file,title\n1.jpg,first\n./1.jpg,second\n")
    assert files(source)["1.jpg"].description == {"title": "first"}
    assert "twice" in problems(source)["1.jpg"]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"", "no column “file”"),
        (b"name,title\n1.jpg,a\n", "no column “file”"),
        (b"\xff\xfef\0i\0l\0e", "UTF-16"),
        (b'"file\n1.jpg\n', "no column “file”"),
        (b"file,title,Title\n", "two columns are named “title”"),
    ],
)
def test_manifest_of_no_use_is_one_error(scans: Path, text: bytes, detail: str) -> None:
    with pytest.raises(BrokenManifest, match=detail):
        manifest(scans, text)


# --- manifests in ZIPs ----------------------------------------------------------------------------------------------


def packed(folder: Path, **tables: str) -> Source:
    """A ZIP with two photos in a folder, and tables beside them."""
    texts = {f"box/{name}.csv": text.encode() for name, text in tables.items()}
    return archive(folder, pictures.zip_of({"box/in/1.jpg": PHOTO, "box/in/2.png": OTHER, **texts}))


def test_packed_manifest_describes_and_leaves_nothing_out(tmp_path: Path) -> None:
    source = packed(tmp_path, list="file;title\nin\\1.jpg;Bridge\n", other="a,b\n")
    assert files(source)["box/in/1.jpg"].description == {"title": "Bridge"}
    assert files(source)["box/in/2.png"].description == {}
    assert (source.ignored, problems(source)) == (0, {})


def test_packed_manifest_rows_that_name_no_photo(tmp_path: Path) -> None:
    source = packed(tmp_path, list="file,title\n1.jpg,a\n../../x.jpg,b\nin/1.jpg,c\nin/1.jpg,d\nin/2.png,e,f\n")
    assert files(source)["box/in/1.jpg"].description == {"title": "c"}
    assert problems(source) == {
        "1.jpg": "Line 2 of the manifest names no photo of the ZIP.",
        "../../x.jpg": "The name leads out of the folder or ZIP that is being ingested.",
        "in/1.jpg": "The name stands in the source twice; the first file is in, this one is left out.",
        "box/list.csv, line 6": "Line 6 of the manifest cannot be read: it has 3 cells for 2 columns.",
    }


def test_packed_tables_of_which_none_or_each_may_be_the_manifest(tmp_path: Path) -> None:
    none = packed(tmp_path, list="photo,title\nin/1.jpg,a\n")
    assert "no column “file”" in problems(none)["box/list.csv"]
    both = packed(tmp_path, one="file\n", two="file\n")
    assert set(problems(both)) == {"box/one.csv", "box/two.csv"}
    assert len(files(none)) == len(files(both)) == 2


def test_a_problem_is_one_line() -> None:
    assert printable("a\nb\u2028c\x1b[31m\udce9.jpg") == "a\\nb\\u2028c\\x1b[31m\\xe9.jpg"
    assert printable("نیم‌فاصله.jpg") == "نیم‌فاصله.jpg"
