"""Duplicates in groups, derived from the shown pairs whenever asked for: a chain of likenesses makes no group."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from django.db import transaction

from ndd_app.description import description_of
from ndd_app.models import Candidate, Collection, Photo, Verdict
from ndd_app.pipeline.pairs import open_to, queue
from ndd_app.pipeline.review import Person, may_answer, record_verdict, settled_pairs

Answer = Verdict.Answer
Pair = frozenset[int]
"""The ids of two photos."""


@dataclass(frozen=True)
class Group:
    """The ids of photos that show one image or exposures of one scene, and the pair that is least so, with its chance.

    is_confirmed: people have said yes to that one too, as to all the others.
    """

    members: frozenset[int]
    weakest: Pair
    chance: float
    is_confirmed: bool


@dataclass(frozen=True)
class GroupWithPhotos:
    """photos: the representative first."""

    photos: tuple[Photo, ...]
    weakest: tuple[Photo, Photo]
    chance: float
    is_confirmed: bool

    @property
    def representative(self) -> Photo:
        return self.photos[0]


def groups_of(collection: Collection, person: Person) -> list[Group]:
    """Of pairs that the person may see; large groups first, then by the name of the scan.

    There may be thousands, so that photos are read only of those that are looked at: see with_photos.
    """
    shown = queue(collection, person).values_list("first", "second", "probability", "first__path", "second__path")
    chances: dict[Pair, float] = {}
    paths: dict[int, str] = {}
    for first, second, probability, *names in shown:
        chances[frozenset((first, second))] = probability
        paths |= zip((first, second), names, strict=True)
    answers = settled_pairs(Photo.objects.filter(pk__in=paths).only("collection").distinct("collection"))
    confirmed, apart = ({frozenset(p) for p in answers if answers[p] == said} for said in (Answer.YES, Answer.NO))
    weight = chances | dict.fromkeys(confirmed & chances.keys(), 1.0)
    found = [_group(frozenset(members), chances, confirmed) for members in cluster(chances, weight, apart)]
    return sorted(found, key=lambda group: (-len(group.members), min(paths[member] for member in group.members)))


def with_photos(groups: Sequence[Group]) -> list[GroupWithPhotos]:
    """But for groups of which a host has deleted a photo since they were made."""
    members = [member for group in groups for member in group.members]
    photos = Photo.objects.select_related("collection").in_bulk(members)

    def read(group: Group) -> GroupWithPhotos:
        ordered = sorted((photos[member] for member in group.members), key=_worth, reverse=True)
        first, second = (photos[member] for member in sorted(group.weakest))
        return GroupWithPhotos(tuple(ordered), (first, second), group.chance, group.is_confirmed)

    return [read(group) for group in groups if photos.keys() >= group.members]


def open_pairs(collection: Collection, members: Iterable[int], person: Person) -> list[Candidate]:
    """All shown pairs of these photos that are open to the person, who may edit one of both."""
    ids = {*members}
    inside = queue(collection, person).filter(open_to(person), first__in=ids, second__in=ids)
    pairs = inside.select_related("first__collection", "second__collection")
    return [pair for pair in pairs if may_answer(person, pair.first, pair.second)]


@transaction.atomic
def confirm_group(collection: Collection, members: Iterable[int], person: Person) -> int:
    """Yes to all open pairs of these photos; how many."""
    pairs = open_pairs(collection, members, person)
    for pair in pairs:
        record_verdict(pair.first, pair.second, Answer.YES, person)
    return len(pairs)


def cluster(pairs: Iterable[Pair], weight: dict[Pair, float], apart: Set[Pair] = frozenset()) -> list[set[int]]:
    """Join from the strongest pair down, as long as every member is linked to the medoid or to half of the others.

    The medoid is the member with the strongest links in all. Two photos that people have told `apart` are never joined.
    """
    cluster_of: dict[int, set[int]] = {}
    for pair in sorted(pairs, key=lambda pair: (-weight[pair], sorted(pair))):
        one, other = (cluster_of.setdefault(number, {number}) for number in sorted(pair))
        if one is not other and _holds_together(one | other, weight) and not _told_apart(one, other, apart):
            one |= other
            for number in other:
                cluster_of[number] = one
    unique = {id(members): members for members in cluster_of.values()}
    return [members for members in unique.values() if len(members) > 1]


def _holds_together(members: set[int], weight: dict[Pair, float]) -> bool:
    links: dict[int, set[int]] = defaultdict(set)
    strength: dict[int, float] = defaultdict(float)
    for one in members:
        for other in members:
            if one < other and (pair := frozenset((one, other))) in weight:
                for number, partner in ((one, other), (other, one)):
                    links[number].add(partner)
                    strength[number] += weight[pair]
    medoid = max(sorted(members), key=lambda number: strength[number])
    half = (len(members) - 1) / 2
    return all(number == medoid or medoid in links[number] or len(links[number]) >= half for number in members)


def _told_apart(one: set[int], other: set[int], apart: Set[Pair]) -> bool:
    return bool(apart) and any(frozenset((here, there)) in apart for here in one for there in other)


def _group(members: frozenset[int], chances: Mapping[Pair, float], confirmed: Set[Pair]) -> Group:
    pairs = [pair for two in combinations(sorted(members), 2) if (pair := frozenset(two)) in chances]
    weakest = min(pairs, key=lambda pair: (pair in confirmed, chances[pair]))
    return Group(members, weakest, chances[weakest], weakest in confirmed)


def _worth(photo: Photo) -> tuple[int, int, int]:
    """Best described first, then the best scan."""
    described = sum(bool(value) for value in description_of(photo).values())
    return described, photo.width * photo.height, -photo.pk
