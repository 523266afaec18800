"""Which photos belong together, as people say: in a CSV file, or by their verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from ndd_app.exceptions import UnknownPhotos
from ndd_app.models import Collection, Photo, Verdict
from ndd_app.pipeline.review import settled_pairs
from ndd_app.vision.annotations import read_rows
from ndd_app.vision.methods.fitting import Told

Pairs = Sequence[tuple[int, int]]

HELD_OUT = 5
"""Of so many groups that people have confirmed, one is told to no training: receipts judge by it."""


def read_group_names(file: Path, photos: Sequence[Photo]) -> list[str | None]:
    """A CSV with the columns file,group: the group of each photo, None where the file does not name it."""
    group_of: dict[str, str] = dict(read_rows(file, "file", "group"))
    require_known(group_of, photos)
    return [group_of.get(photo.path) for photo in photos]


def known_photos(collection: Collection, file: Path | None) -> set[int]:
    """The ids of those of which the file, or else people's answers, say where they belong."""
    photos = list(collection.photos.order_by("pk"))
    if file is None:
        return {photo for pair in settled_pairs(photos) for photo in pair}
    names = read_group_names(file, photos)
    return {photo.pk for photo, name in zip(photos, names, strict=True) if name is not None}


def lessons_of_file(file: Path, photos: Sequence[Photo], every: Sequence[Photo]) -> Told:
    """The groups of the file, and of the pairs that people have rejected those that it does not contradict.

    every: all photos of the collection, of which `photos` may be some.
    """
    named = dict(zip((photo.pk for photo in every), read_group_names(file, every), strict=True))
    groups = [named[photo.pk] for photo in photos]
    rejected = _rejected(photos, settled_pairs(photos))
    return Told(groups, [(a, b) for a, b in rejected if groups[a] is None or groups[a] != groups[b]])


def lessons(photos: Sequence[Photo], silver: Pairs = ()) -> Told:
    """What people say of photos, and half of what is near certain; the rest is kept for receipts to judge by.

    silver: pairs of ids. Kept are a fifth of the groups that people have confirmed, of whose photos nothing is told,
    and half of the groups of which they have said nothing. Which ones depends on nothing but the pictures.
    Near-certain pairs that join what people have told apart, through others, tell nothing.
    """
    answers = settled_pairs(photos)
    confirmed = [pair for pair, answer in answers.items() if answer == Verdict.Answer.YES]
    rejected = _rejected(photos, answers)
    groups = _joined(photos, confirmed)
    by_chance = {group: _chance(photos, members) for group, members in _members(groups).items()}
    kept = {*sorted(by_chance, key=by_chance.__getitem__)[: len(by_chance) // HELD_OUT]}
    told = [None if group in kept else group for group in groups]
    joined = _joined(photos, [*confirmed, *silver])
    refuted = {joined[one] for one, other in rejected if joined[one] == joined[other]}
    for name, members in _members(joined).items():
        known = {group for group in (groups[n] for n in members) if group}
        if name not in refuted and known.isdisjoint(kept) and (known or _chance(photos, members)[0] % 2):
            for n in members:
                told[n] = name
    return Told(told, [pair for pair in rejected if kept.isdisjoint(groups[n] for n in pair)])


def _rejected(photos: Sequence[Photo], answers: Mapping[tuple[int, int], str]) -> list[tuple[int, int]]:
    number = {photo.pk: n for n, photo in enumerate(photos)}
    here = [pair for pair, answer in answers.items() if answer == Verdict.Answer.NO and number.keys() >= {*pair}]
    return [(number[one], number[other]) for one, other in here]


def _joined(photos: Sequence[Photo], pairs: Pairs) -> list[str | None]:
    """Photos joined by a pair, directly or through others, are one group; None for photos without any."""
    leader_of: dict[int, int] = {}

    def leader(photo: int) -> int:
        while leader_of.setdefault(photo, photo) != photo:
            photo = leader_of[photo]
        return photo

    for one, other in pairs:
        leader_of[leader(other)] = leader(one)
    return [str(leader(photo.pk)) if photo.pk in leader_of else None for photo in photos]


def _members(groups: Sequence[str | None]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(number)
    return members


def _chance(photos: Sequence[Photo], members: Iterable[int]) -> bytes:
    return sha256(min(photos[n].pixel_hash for n in members).encode()).digest()


def require_known(names: Iterable[str], photos: Sequence[Photo]) -> None:
    unknown = sorted({*names} - {photo.path for photo in photos})
    if unknown:
        raise UnknownPhotos(count=len(unknown), examples=", ".join(unknown[:3]))
