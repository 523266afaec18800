"""What the three kinds of source have in common: their entries, and what a file's name gives away."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ndd_app.exceptions import (
    FileTooLarge,
    NameTwice,
    NddError,
    NestedArchive,
    NotAnImage,
    UnreadableFile,
)
from ndd_app.vision.formats import format_named, format_of, is_named_like_an_unread_image

ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
# What operating systems and network disks leave in folders; @eaDir is full of thumbnails that look like scans.
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information"}


@dataclass(frozen=True)
class SourceFile:
    path: str
    """Path inside the source, with slashes and composed (NFC) letters: the photo's name."""
    read: Callable[[], bytes]
    """Safe in threads; raises a kind of NddError."""
    reference: Path | None = None
    """Where the master stays; None where it has to be copied."""
    description: Mapping[str, str] = field(default_factory=dict)
    """What the manifest says, by the names of its columns in small letters; only what is not empty."""
    archive: str = ""
    """Name of the ZIP that the file is in."""

    @property
    def origin(self) -> str:
        """Where it comes from: another file of the same origin is this one, changed."""
        return str(self.reference or f"{self.archive}/{self.path}")


@dataclass(frozen=True)
class Problem:
    file: str
    reason: str
    advice: str

    @classmethod
    def of(cls, file: str, error: NddError) -> "Problem":
        return cls(printable(file), error.reason, error.advice)

    def __str__(self) -> str:
        return f"{self.file}: {self.reason} {self.advice}"


Entry = SourceFile | Problem


@dataclass(frozen=True)
class Source:
    name: str
    entries: tuple[Entry, ...]
    ignored: int = 0
    """Files that are no images."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def without_repeats(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[str] = set()
    for entry in entries:
        if isinstance(entry, SourceFile) and entry.path in seen:
            yield Problem.of(entry.path, NameTwice())
        else:
            yield entry
        if isinstance(entry, SourceFile):
            seen.add(entry.path)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.file if isinstance(entry, Problem) else entry.path)


def is_litter(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return any((part.startswith(".") and part != "..") or part.casefold() in LITTER for part in parts)


def is_image(name: str, read_head: Callable[[], bytes]) -> bool:
    """By name or by content: either alone is reason enough to try, and to say so where it fails."""
    if PurePosixPath(name).suffix.lower() in ARCHIVES:
        raise NestedArchive
    if is_named_like_an_unread_image(name):
        raise NotAnImage
    return format_named(name) is not None or format_of(read_head()) is not None


def read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            check_size(os.fstat(file.fileno()).st_size, max_bytes)
            return file.read()
    except OSError as error:
        raise UnreadableFile(detail=error.strerror or error) from error


def read_head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(12)
    except OSError as error:
        raise UnreadableFile(detail=error.strerror or error) from error


def check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise FileTooLarge(megabytes=size // 1_000_000, limit=max_bytes // 1_000_000)


def composed(path: str) -> str:
    """The same name whether it comes from macOS, which takes letters apart, or from elsewhere."""
    return str(PurePosixPath(unicodedata.normalize("NFC", path)))


def printable(name: str) -> str:
    """The name on one line, with escapes for line breaks, other control characters and bytes that are no UTF-8."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
