"""Which photos belong together, as people say: in a CSV file, or by their verdicts."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from ndd_app.exceptions import UnknownPhotos
from ndd_app.models import Photo, Verdict
from ndd_app.pipeline.review import settled_pairs
from ndd_app.vision.annotations import read_rows
from ndd_app.vision.methods.fitting import Told

HELD_OUT = 5
"""Of so many groups that people have confirmed, one is told to no training: receipts judge by it."""


def read_group_names(file: Path, photos: Sequence[Photo]) -> list[str | None]:
    """A CSV with the columns file,group: the group of each photo, None where the file does not name it."""
    group_of: dict[str, str] = dict(read_rows(file, "file", "group"))
    require_known(group_of, photos)
    return [group_of.get(photo.path) for photo in photos]


def groups_by_verdicts(photos: Sequence[Photo]) -> list[str | None]:
    """Photos joined by settled “yes”, directly or through others, are one group; None for photos without any."""
    yes = [pair for pair, answer in settled_pairs(photos).items() if answer == Verdict.Answer.YES]
    leader_of: dict[int, int] = {}

    def leader(photo: int) -> int:
        while leader_of.setdefault(photo, photo) != photo:
            photo = leader_of[photo]
        return photo

    for one, other in yes:
        leader_of[leader(other)] = leader(one)
    return [str(leader(photo.pk)) if photo.pk in leader_of else None for photo in photos]


def lessons_by_verdicts(photos: Sequence[Photo]) -> Told:
    """Without a fifth of the groups, which depends on nothing but the pictures; nothing is told of their photos."""
    groups = groups_by_verdicts(photos)
    pictures: dict[str, list[str]] = {}
    for photo, group in zip(photos, groups, strict=True):
        if group is not None:
            pictures.setdefault(group, []).append(photo.pixel_hash)
    by_chance = sorted(pictures, key=lambda group: sha256(min(pictures[group]).encode()).digest())
    held_out = {*by_chance[: len(by_chance) // HELD_OUT]}
    told = [None if group in held_out else group for group in groups]
    number = {photo.pk: n for n, (photo, group) in enumerate(zip(photos, groups, strict=True)) if group not in held_out}
    no = [pair for pair, answer in settled_pairs(photos).items() if answer == Verdict.Answer.NO]
    return Told(told, [(number[one], number[other]) for one, other in no if one in number and other in number])


def require_known(names: Iterable[str], photos: Sequence[Photo]) -> None:
    unknown = sorted({*names} - {photo.path for photo in photos})
    if unknown:
        raise UnknownPhotos(count=len(unknown), examples=", ".join(unknown[:3]))
