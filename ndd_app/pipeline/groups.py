"""Duplicates in groups, derived from the shown pairs whenever asked for: a chain of likenesses makes no group."""

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from ndd_app.description import adapter
from ndd_app.models import Candidate, Collection, Photo, Verdict
from ndd_app.pipeline.pairs import queue
from ndd_app.pipeline.review import Person, settled_pairs

Answer = Verdict.Answer
Pair = frozenset[int]
"""The ids of two photos."""


@dataclass(frozen=True)
class Group:
    """Photos that show one image or exposures of one scene, and the pair that is least so.

    is_confirmed: people have said yes to that one too, as to all the others.
    """

    members: tuple[Photo, ...]
    weakest: Candidate
    is_confirmed: bool

    @cached_property
    def photos(self) -> tuple[Photo, ...]:
        """The representative first. Asked only of groups that are looked at: a host reads each record for it."""
        return tuple(sorted(self.members, key=_worth, reverse=True))

    @property
    def representative(self) -> Photo:
        return self.photos[0]


def groups_of(collection: Collection, person: Person) -> list[Group]:
    """Of pairs that the person may see; large groups first."""
    pairs = queue(collection, person).select_related("first__collection", "second__collection")
    links = {frozenset((pair.first_id, pair.second_id)): pair for pair in pairs}
    photos = {photo.pk: photo for pair in links.values() for photo in (pair.first, pair.second)}
    answers = settled_pairs([*photos.values()])
    confirmed, apart = ({frozenset(p) for p in answers if answers[p] == said} for said in (Answer.YES, Answer.NO))
    weight = {pair: 1.0 if pair in confirmed else link.probability for pair, link in links.items()}
    clusters = cluster(links, weight, apart)
    found = [_group([photos[pk] for pk in members], links, confirmed) for members in clusters]
    return sorted(found, key=lambda group: (-len(group.members), min(photo.path for photo in group.members)))


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


def _group(members: list[Photo], links: dict[Pair, Candidate], confirmed: Set[Pair]) -> Group:
    pairs = (frozenset(pair) for pair in combinations([photo.pk for photo in members], 2))
    inside = [(pair in confirmed, link.probability, link.pk, link) for pair in pairs if (link := links.get(pair))]
    is_confirmed, _, _, weakest = min(inside)
    return Group(tuple(members), weakest, is_confirmed)


def _worth(photo: Photo) -> tuple[int, int, int]:
    """Best described first, then the best scan."""
    described = sum(bool(value) for value in adapter().read(photo).values())
    return described, photo.width * photo.height, -photo.pk
