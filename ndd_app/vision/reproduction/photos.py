"""The photos of the reproduction, read from folders, and their split by object."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os.path import relpath
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import NoBenchmark, UnknownPhotos, UnreadableImage, UnreadablePhoto
from ndd_app.vision.annotations import read_rows
from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.images import Pixels, decode, resize_to_fit
from ndd_app.vision.metrics import Relevance

LONG_SIDE = 512
KEPT_IN_MEMORY = 2_000
FOLDS = 5
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
NUMBERED = re.compile(r"ukbench([0-9]+)\.jpg")

Numbers = npt.NDArray[np.int64]


@dataclass
class FolderPhotos:
    """Photos as the methods see them. The first ones stay in memory once they were read."""

    files: Sequence[Path]
    groups: Sequence[str | None]
    _read: dict[Path, Pixels] = field(default_factory=dict, repr=False)
    rejected: ClassVar[Sequence[tuple[int, int]]] = ()

    def __len__(self) -> int:
        return len(self.files)

    @property
    def digest(self) -> str:
        """Of names, sizes and groups, so that no file is read. Raises UnreadablePhoto."""
        rows = [
            (relpath(file, self.files[0].parent), _size(file), group)
            for file, group in zip(self.files, self.groups, strict=True)
        ]
        return sha256(repr(rows).encode()).hexdigest()[:16]

    def picture(self, number: int) -> Pixels:
        """Raises UnreadablePhoto."""
        file = self.files[number]
        if file not in self._read:
            pixels = _read_pixels(file)
            if len(self._read) >= KEPT_IN_MEMORY:
                return pixels
            self._read[file] = pixels
        return self._read[file]

    def features(self, extractor: Extractor) -> list[Features]:
        return [extractor.extract([self.picture(number)])[0] for number in range(len(self))]

    def choose(self, numbers: Iterable[int], *, labels: bool = True) -> "FolderPhotos":
        """Some of the photos, with or without their labels."""
        chosen = list(numbers)
        groups = [self.groups[number] if labels else None for number in chosen]
        return FolderPhotos([self.files[number] for number in chosen], groups, self._read)


@dataclass(frozen=True)
class Collection:
    """A gallery with what is known to belong together in it."""

    photos: FolderPhotos
    relevance: Relevance

    @property
    def digest(self) -> str:
        return sha256(self.photos.digest.encode() + self.relevance.pairs.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Split:
    """60, 20 and 20 of a hundred objects, as numbers of photos. `validation` is kept apart, as in the paper."""

    train: Numbers
    validation: Numbers
    test: Numbers


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise UnreadablePhoto(file=file, detail=error.strerror) from error


def _read_pixels(file: Path) -> Pixels:
    try:
        return resize_to_fit(decode(file.read_bytes()).pixels, LONG_SIDE)
    except OSError as error:
        raise UnreadablePhoto(file=file, detail=error.strerror) from error
    except UnreadableImage as error:
        raise UnreadablePhoto(file=file, detail=error.reason.rstrip(".")) from error


def read_ukbench(folder: Path) -> FolderPhotos:
    """By groups.csv, else by the numbers in the names, four an object. Raises NoBenchmark or WrongAnnotation."""
    photos = _by_groups(folder) if (folder / "groups.csv").exists() else _by_numbers(folder)
    if len(set(photos.groups)) < FOLDS:
        raise NoBenchmark(folder=folder, detail=f"there are {len(set(photos.groups))} objects, and {FOLDS} are needed")
    return photos


def _by_groups(folder: Path) -> FolderPhotos:
    rows = read_rows(folder / "groups.csv", "file", "group")
    photos = FolderPhotos([folder / file for file, _ in rows], [group for _, group in rows])
    if missing := [file.name for file in photos.files if not file.exists()]:
        raise NoBenchmark(folder=folder, detail=f"{len(missing)} files of groups.csv lack, such as {missing[0]}")
    return photos


def _by_numbers(folder: Path) -> FolderPhotos:
    """A photo that lacks shifts no other one into another object."""
    files: dict[int, Path] = {}
    for file in sorted(folder.rglob("ukbench*.jpg")):
        if named := NUMBERED.fullmatch(file.name):
            other = files.setdefault(int(named[1]), file)
            if other != file:
                both = f"{other.relative_to(folder)} and {file.relative_to(folder)}"
                raise NoBenchmark(folder=folder, detail=f"{both} have one number, and each may be there once")
    return FolderPhotos([files[n] for n in sorted(files)], [str(n // 4) for n in sorted(files)])


def read_collection(folder: Path, annotations: Path) -> Collection:
    """Any folder of photos with a partial annotation, CSV query,match of paths inside it."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    number = {file.relative_to(folder).as_posix(): place for place, file in enumerate(files)}
    rows = read_rows(annotations, "query", "match")
    if unknown := sorted({name for row in rows for name in row} - number.keys()):
        raise UnknownPhotos(count=len(unknown), examples=", ".join(unknown[:3]))
    matches = [(number[query], number[match]) for query, match in rows]
    return Collection(FolderPhotos(files, [None] * len(files)), Relevance.from_matches(len(files), matches))


def split_by_object(groups: Sequence[str | None], fold: int, seed: int) -> Split:
    """No object is in two parts. Over the folds 0 … 4 every object is tested once."""
    objects = np.array(groups)
    names = np.unique(objects)
    parts = np.array_split(np.random.default_rng(seed).permutation(names), FOLDS)
    test, validation = parts[fold], parts[(fold + 1) % FOLDS]
    of_test, of_validation = np.isin(objects, test), np.isin(objects, validation)
    return Split(np.flatnonzero(~of_test & ~of_validation), np.flatnonzero(of_validation), np.flatnonzero(of_test))
