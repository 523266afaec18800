"""A ZIP. Its members are read into memory one by one and never unpacked to the disk. A manifest in it is followed."""

import stat
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from ndd_app.exceptions import (
    BrokenArchive,
    BrokenMember,
    EncryptedMember,
    LinkNotFollowed,
    NameOutsideSource,
    NddError,
    OvercompressedMember,
)
from ndd_app.pipeline.sources.entries import (
    Entry,
    Problem,
    Source,
    SourceFile,
    check_size,
    composed,
    in_order,
    is_image,
    is_litter,
    without_repeats,
)
from ndd_app.pipeline.sources.packed_manifest import describe_members

MAX_RATIO = 200  # the grain of a scan keeps even an empty, uncompressed page below this; JPEG hardly shrinks at all
ALWAYS_ALLOWED = 10_000_000
ENCRYPTED, UTF8 = 0x1, 0x800


def read_archive(path: Path, max_bytes: int) -> Source:
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises BadZipFile, but also what it stumbles over: struct.error, ValueError, …
        raise BrokenArchive(name=path.name, detail=str(error) or type(error).__name__) from error
    entries: list[Entry] = []
    tables: dict[str, bytes] = {}
    ignored = 0
    for member in archive.infolist():
        name = _name(member)
        if name.endswith("/") or is_litter(name):
            continue
        try:
            _check_kind(member, name)
            if is_image(name, partial(_read, archive, member, 12)):
                _check_sizes(member, max_bytes)
                entries.append(SourceFile(composed(name), partial(_read, archive, member), archive=path.name))
            elif name.lower().endswith(".csv"):
                _check_sizes(member, max_bytes)
                tables[composed(name)] = _read(archive, member)
            else:
                ignored += 1
        except NddError as error:
            entries.append(Problem.of(name, error))
    entries = describe_members(list(without_repeats(in_order(entries))), tables)
    return Source(path.stem, tuple(entries), ignored)


def _name(member: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 without saying so, and Windows backslashes."""
    name = member.filename
    if not member.flag_bits & UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _check_kind(member: zipfile.ZipInfo, name: str) -> None:
    if ".." in PurePosixPath(name).parts or name.startswith("/") or PureWindowsPath(name).drive:
        raise NameOutsideSource
    if stat.S_ISLNK(member.external_attr >> 16):
        raise LinkNotFollowed
    if member.flag_bits & ENCRYPTED:
        raise EncryptedMember
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others give no bound on memory
        raise BrokenMember(detail="it is compressed by another method than Deflate")


def _check_sizes(member: zipfile.ZipInfo, max_bytes: int) -> None:
    check_size(member.file_size, max_bytes)
    if member.file_size > max(ALWAYS_ALLOWED, MAX_RATIO * member.compress_size):
        raise OvercompressedMember(ratio=MAX_RATIO)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, count: int | None = None) -> bytes:
    try:
        with archive.open(member) as file:
            # With a count, no more than that is unpacked: a member that lies about its size fails by its checksum.
            return file.read(count or member.file_size + 1)
    except Exception as error:  # BadZipFile, zlib.error, EOFError, OSError, …
        raise BrokenMember(detail=str(error) or type(error).__name__) from error
