"""Pairs as people meet them: the possible duplicates of one photo, and the queue of a collection."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from django.db.models import Count, Exists, OuterRef, Q

from ndd_app.description import Field, adapter
from ndd_app.models import Candidate, Collection, Photo, Verdict
from ndd_app.models.candidate import CandidateQuerySet
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.comparison import fields_to_gain
from ndd_app.pipeline.review import Person, agreed_answer

Answer = Verdict.Answer
SOME = 20
"""Pairs of a queue that are looked at together."""


@dataclass(frozen=True)
class PossibleDuplicate:
    """One photo's partner in a pair: what the machine takes it for, and what people said."""

    photo: Photo
    partner: Photo
    candidate: Candidate | None
    verdicts: tuple[Verdict, ...]

    @property
    def agreed(self) -> str | None:
        return agreed_answer(self.verdicts)

    @property
    def is_shown(self) -> bool:
        return self.candidate is not None and self.candidate.probability >= self.candidate.show_from

    @property
    def is_likely(self) -> bool:
        return self.agreed == Answer.YES or (self.is_shown and self.agreed != Answer.NO)

    @property
    def rank(self) -> int | None:
        """The partner's place in the photo's own list."""
        return self._rank_of(self.partner)

    @property
    def rank_there(self) -> int | None:
        """The photo's place in the partner's list."""
        return self._rank_of(self.photo)

    def _rank_of(self, photo: Photo) -> int | None:
        if self.candidate is None:
            return None
        is_second = photo.pk == self.candidate.second_id
        return self.candidate.rank_of_second if is_second else self.candidate.rank_of_first

    @cached_property
    def gains(self) -> list[Field]:
        return fields_to_gain(self.photo, self.partner)


@dataclass(frozen=True)
class PossibleDuplicates:
    """All partners of a photo: first those to look at, then those that may be folded away.

    announced: collections with a likely partner that the person may not see, but may know of.
    """

    to_see: list[PossibleDuplicate]
    less_likely: list[PossibleDuplicate]
    refused: list[PossibleDuplicate]
    announced: list[Collection]


def possible_duplicates(photo: Photo, person: Person) -> PossibleDuplicates:
    """The photo's pairs with photos that the person may see, best first."""
    candidates = Candidate.objects.of(photo).select_related("first__collection", "second__collection")
    by_partner = {c.other(photo).pk: c for c in candidates.prefetch_related("evidence").order_by("-score", "pk")}
    verdicts = _verdicts_by_partner(photo)
    partners = {pk: candidate.other(photo) for pk, candidate in by_partner.items()}
    if named_by_people_only := verdicts.keys() - partners.keys():
        partners |= Photo.objects.select_related("collection").in_bulk(named_by_people_only)
    descriptions = adapter()
    visible = set(descriptions.visible(person, Photo.objects.filter(pk__in=partners)).values_list("pk", flat=True))
    every = [
        PossibleDuplicate(photo, partner, by_partner.get(pk), tuple(verdicts.get(pk, ())))
        for pk, partner in partners.items()
        if not descriptions.same_record(photo, partner)
    ]
    found = [pair for pair in every if pair.partner.pk in visible]
    hidden = [pair.partner.collection for pair in every if pair.partner.pk not in visible and pair.is_likely]
    announced = sorted({c for c in hidden if c.announces_matches}, key=lambda collection: collection.title)
    refused = [pair for pair in found if pair.agreed == Answer.NO]
    to_see = [pair for pair in found if pair.agreed != Answer.NO and (pair.is_shown or pair.verdicts)]
    less_likely = [pair for pair in found if not (pair.is_shown or pair.verdicts)]
    return PossibleDuplicates(to_see, less_likely, refused, announced)


def _verdicts_by_partner(photo: Photo) -> dict[int, list[Verdict]]:
    """What each person said last about the photo's pairs, by the id of the other photo, if that is still there."""
    verdicts: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in Verdict.objects.latest_of_each_person().filter(Q(first=photo) | Q(second=photo)):
        partner = verdict.second_id if verdict.first_id == photo.pk else verdict.first_id
        if partner:
            verdicts[partner].append(verdict)
    return verdicts


def seen_by(person: Person, pairs: CandidateQuerySet) -> CandidateQuerySet:
    """Those of which the person may see both photos: no list and no count knows of the others."""
    visible = adapter().visible(person, Photo.objects.all()).order_by().values("pk")
    return pairs.filter(first__in=visible, second__in=visible)


def with_duplicates(photos: PhotoQuerySet, person: Person) -> PhotoQuerySet:
    """Photos with at least one shown pair."""
    shown = seen_by(person, Candidate.objects.shown()).filter(Q(first=OuterRef("pk")) | Q(second=OuterRef("pk")))
    return photos.filter(Exists(shown))


def count_shown(photos: Iterable[Photo], person: Person) -> Counter[int]:
    """How many shown pairs each of the photos has, by its id."""
    ids = {photo.pk for photo in photos}
    shown = seen_by(person, Candidate.objects.shown())
    pairs = shown.filter(Q(first__in=ids) | Q(second__in=ids)).order_by()
    return Counter(pk for pair in pairs.values_list("first_id", "second_id") for pk in pair if pk in ids)


def count_pairs(collections: Iterable[Collection], person: Person) -> Counter[int]:
    """How many shown pairs each of the collections has, by its id. A pair across two collections counts for both."""
    ids = {collection.pk for collection in collections}
    shown = seen_by(person, Candidate.objects.shown()).order_by()
    found = shown.values_list("first__collection", "second__collection").annotate(Count("pk"))
    counts: Counter[int] = Counter()
    for first, second, number in found:
        counts.update(dict.fromkeys({first, second} & ids, number))
    return counts


def count_at_chance(collection: Collection, chance: float) -> tuple[int, float]:
    """Pairs within the collection that would be shown, and how many of them are expected to be no duplicates."""
    pairs = Candidate.objects.within(collection).shown_from(chance)
    return pairs.count(), pairs.expected_false()


def common_partner(one: Photo, other: Photo, visible: PhotoQuerySet) -> Photo | None:
    """The photo that is most likely a duplicate of both."""
    shown = Candidate.objects.shown().order_by()
    chances = [
        {(second if first == photo.pk else first): chance for first, second, chance in pairs}
        for photo in (one, other)
        for pairs in [shown.of(photo).values_list("first_id", "second_id", "probability")]
    ]
    common = {pk: min(chance[pk] for chance in chances) for pk in chances[0].keys() & chances[1].keys()}
    return max(visible.filter(pk__in=common), key=lambda photo: (common[photo.pk], -photo.pk), default=None)


# --- the queue of a collection ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlaceInQueue:
    """Where a pair stands among the shown pairs of a collection, by their score."""

    position: int | None
    total: int
    open: int
    previous: Candidate | None
    next: Candidate | None


def queue(collection: Collection, person: Person) -> CandidateQuerySet:
    """The shown pairs of the collection's photos, with each other and with others, that the person may see."""
    return seen_by(person, Candidate.objects.shown().touching(collection)).order_by("-score", "pk")


def open_to(person: Person) -> Q:
    """Pairs on which nobody says yes or no, nor this person that they are unsure; the latest answer of each counts."""
    answers = Verdict.objects.latest_of_each_person().filter(first=OuterRef("first"), second=OuterRef("second"))
    mine = Q(person=person.pk, person__isnull=False)  # visitors are not those whose accounts are gone
    enough = answers.filter(Q(answer__in=[Answer.YES, Answer.NO]) | mine)
    return ~Q(Exists(enough))


def count_open(collection: Collection, person: Person) -> int:
    return queue(collection, person).filter(open_to(person)).count()


def place_in_queue(collection: Collection, candidate: Candidate | None, person: Person) -> PlaceInQueue:
    pairs = queue(collection, person)
    ahead = _before(candidate) if candidate else Q(pk__in=[])
    counts = pairs.order_by().aggregate(
        total=Count("pk"), open=Count("pk", filter=open_to(person)), ahead=Count("pk", filter=ahead)
    )
    is_in_queue = candidate is not None and pairs.filter(pk=candidate.pk).exists()
    return PlaceInQueue(
        position=counts["ahead"] + 1 if is_in_queue else None,
        total=counts["total"],
        open=counts["open"],
        previous=_first_reviewable(pairs.filter(ahead).reverse()) if candidate else None,
        next=_first_reviewable(pairs.filter(_after(candidate))) if candidate else None,
    )


def next_open_pair(collection: Collection, person: Person, candidate: Candidate | None = None) -> Candidate | None:
    """The next pair to answer after `candidate`, beginning anew at the end; None when all are answered."""
    pairs = queue(collection, person).filter(open_to(person))
    later = _first_reviewable(pairs.filter(_after(candidate))) if candidate else None
    return later or _first_reviewable(pairs)


def _before(candidate: Candidate) -> Q:
    return Q(score__gt=candidate.score) | Q(score=candidate.score, pk__lt=candidate.pk)


def _after(candidate: Candidate) -> Q:
    return Q(score__lt=candidate.score) | Q(score=candidate.score, pk__gt=candidate.pk)


def _first_reviewable(pairs: CandidateQuerySet) -> Candidate | None:
    """The first pair of two records, as the host counts them: it may know better than the name of a record."""
    pairs = pairs.select_related("first", "second")
    for start in count(step=SOME):
        several = list(pairs[start : start + SOME])
        found = next((pair for pair in several if not adapter().same_record(pair.first, pair.second)), None)
        if found or len(several) < SOME:
            return found
    return None
