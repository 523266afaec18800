"""Collections for measuring, written as folders under shuffled names, with the truth beside them."""

import csv
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks.marks import MARKS, mark
from benchmarks.sheets import KINDS, draw_sheets, worn
from benchmarks.unseen import UNSEEN, harm
from ndd_app.vision.augmentations import damage
from ndd_app.vision.images import decode, encode_jpeg, resize_to_fit

RESCANS_OF_EACH = 100
DAMAGES: dict[str, list[tuple[str, float]]] = {
    "crop": [("crop", 1.0)],
    "rotation": [("rotation", 1.0)],
    "quarter turns": [("turn", 1.0)],
    "mirror": [("mirror", 1.0)],
    "fading": [("fading", 1.0)],
    "colour cast": [("cast", 1.0)],
    "negative": [("negative", 0.5)],
    "mount and border": [("border", 0.8), ("mount", 1.0)],
    "dust and scratches": [("dust", 1.0), ("scratches", 1.0)],
    "fold": [("fold", 1.0)],
    "halftone": [("halftone", 1.0)],
    "blur and JPEG 20": [("blur", 1.0), ("jpeg", 0.94)],
}
"""Severities as in vision/augmentations.py: 1 is a crop to 60 %, 10° askew, half of the contrast left, and so on."""
UNSEEN_OF_EACH = 50
MARKED = 84
COMPANY = ("postcards", "large_scans")
"""Photos that have no partner in the mix and must find none."""
FLAGS = {
    "crop": {"crop"}, "quarter turns": {"turned"}, "mirror": {"mirrored"}, "negative": {"inverted"}, "half": {"crop"},
}  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One photo: the file it comes from, the group it belongs to, the damage to it, or the mark that it bears."""

    source: Path
    group: str
    damage: str = ""
    mark: str = ""

    @property
    def is_company(self) -> bool:
        return self.source.parent.name in COMPANY


def photos_of(folder: Path) -> list[Member]:
    """By groups.csv, or each photo alone in a group."""
    groups = folder / "groups.csv"
    if groups.exists():
        with groups.open(newline="") as rows:
            return [Member(folder / row["file"], row["group"]) for row in csv.DictReader(rows)]
    return [Member(file, file.name) for file in sorted(folder.iterdir()) if file.suffix in {".jpg", ".webp"}]


def write_set(members: Sequence[Member], folder: Path, seed: int) -> dict[str, Member]:
    """Copy or damage each photo into the folder under a name that says nothing; the members by their names."""
    folder.mkdir(parents=True)
    order = random.Random(seed).sample(range(len(members)), len(members))
    names = {f"{place:05}{_suffix(members[number])}": members[number] for place, number in enumerate(order)}
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda item: _write(folder / item[0], item[1], seed), names.items()))
    return names


def without_company(members: Mapping[str, Member], written: Path, folder: Path) -> dict[str, Member]:
    """What `write_set` has written, the same photos under the same names, in another folder without the company."""
    folder.mkdir(parents=True)
    others = {name: member for name, member in members.items() if not member.is_company}
    for name in others:
        shutil.copyfile(written / name, folder / name)
    return others


def mix(data: Path, seed: int) -> list[Member]:
    """Groups of 1 to 4 from the plates and the objects, half of the photos single, with postcards and large scans."""
    chance = random.Random(seed)
    chosen = []
    for name, largest in (("ukbench", 4), ("prokudin", 3)):
        for group in _groups(photos_of(data / name)):
            size = 1 if chance.random() < 0.67 else chance.randint(2, largest)
            chosen += chance.sample(group, size)
    return [*chosen, *(photo for name in COMPANY for photo in photos_of(data / name))]


def rescans(data: Path, seed: int) -> list[Member]:
    """RESCANS_OF_EACH copies of every damage, hidden among all photos."""
    everything = [photo for name in ("ukbench", "prokudin", "postcards") for photo in photos_of(data / name)]
    prints = random.Random(seed).sample(everything, min(len(everything), RESCANS_OF_EACH * len(DAMAGES)))
    kinds = [kind for kind in DAMAGES for _ in range(RESCANS_OF_EACH)]
    copies = [Member(photo.source, photo.group, kind) for photo, kind in zip(prints, kinds, strict=False)]
    return [*everything, *photos_of(data / "large_scans"), *copies]


def unseen(data: Path, seed: int) -> list[Member]:
    """UNSEEN_OF_EACH copies of every damage of another sort, hidden among plates, objects and postcards."""
    photos = [photo for name in ("ukbench", "prokudin") for photo in photos_of(data / name)]
    prints = random.Random(seed).sample(photos, min(len(photos), UNSEEN_OF_EACH * len(UNSEEN)))
    kinds = [kind for kind in UNSEEN for _ in range(UNSEEN_OF_EACH)]
    copies = [Member(photo.source, photo.group, kind) for photo, kind in zip(prints, kinds, strict=False)]
    return [*photos, *copies, *some_of(photos_of(data / "postcards"), 200, seed)]


def marked(data: Path, seed: int) -> list[Member]:
    """MARKED groups of up to two photos from either set and as many postcards; a share of them bears each of MARKS.

    A label covers a part of the picture: of photos with one there is the bare print, too.
    """
    chance = random.Random(seed)
    sources = (photos_of(data / name) for name in ("ukbench", "prokudin", "postcards"))
    groups = [group for photos in sources for group in chance.sample(list(_groups(photos)), MARKED)]
    bearers = zip(groups, cycle(MARKS), strict=False)
    members = [Member(photo.source, photo.group, mark=kind) for group, kind in bearers for photo in group[:2]]
    return [*members, *(Member(one.source, one.group) for one in members if one.mark == "label")]


def sheets(data: Path, folder: Path, seed: int) -> list[Member]:
    """Drawn sheets of kinds that the priors do not know, and four worn scans of each large one, among postcards.

    They are written into the folder. Groups begin with the sort of the sheet.
    """
    folder.mkdir()
    scans = [sheet for kind in range(KINDS, KINDS + 2) for sheet in draw_sheets(kind)]
    for large in photos_of(data / "large_scans"):
        pixels = resize_to_fit(decode(large.source.read_bytes()).pixels, 1600)
        scans += [(f"large {large.group}", scan) for scan in (pixels, *(worn(pixels, way) for way in (0, 1, 3, 5)))]
    members = []
    for number, (sheet, pixels) in enumerate(scans):
        members.append(Member(folder / f"{number:03}.jpg", sheet))
        members[-1].source.write_bytes(encode_jpeg(pixels))
    return members + some_of(photos_of(data / "postcards"), 200, seed)


def some_of(members: Sequence[Member], photos: int, seed: int) -> list[Member]:
    """Whole groups, as they are drawn, until they are so many photos."""
    chosen: list[Member] = []
    groups = list(_groups(members))
    for group in random.Random(seed).sample(groups, len(groups)):
        if len(chosen) < photos:
            chosen += group
    return chosen


def with_copies(members: Sequence[Member], seed: int) -> list[Member]:
    """With a copy of half of the photos, of all DAMAGES in turn."""
    prints = random.Random(seed).sample(list(members), len(members) // 2)
    kinds = list(DAMAGES)
    copies = [Member(one.source, one.group, kinds[place % len(kinds)]) for place, one in enumerate(prints)]
    return [*members, *copies]


def _groups(photos: Sequence[Member]) -> Iterator[list[Member]]:
    groups: dict[str, list[Member]] = {}
    for photo in photos:
        groups.setdefault(photo.group, []).append(photo)
    return iter(groups.values())


def _suffix(member: Member) -> str:
    return ".jpg" if member.damage or member.mark else member.source.suffix


def _write(file: Path, member: Member, seed: int) -> None:
    if not member.damage and not member.mark:
        shutil.copyfile(member.source, file)
        return
    pixels = decode(member.source.read_bytes()).pixels
    if member.damage:
        rng_seed = random.Random(f"{seed} {member.source.name} {member.damage}").randrange(2**31)
        known = member.damage in DAMAGES
        pixels = damage(pixels, DAMAGES[member.damage], rng_seed) if known else harm(pixels, member.damage, rng_seed)
    if member.mark:
        pixels = mark(pixels, member.mark, seed)
    file.write_bytes(encode_jpeg(pixels, quality=88))
