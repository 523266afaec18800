"""What people say about pairs."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from ndd_app.description import adapter, title_of
from ndd_app.exceptions import NotAllowed
from ndd_app.models import Candidate, Photo, Verdict
from ndd_app.models.verdict import VerdictQuerySet
from ndd_app.signals import verdict_recorded

Answer = Verdict.Answer
Person = Any
"""A user of the host's own user model (AUTH_USER_MODEL)."""


@transaction.atomic
def record_verdict(one: Photo, other: Photo, answer: str, person: Person, note: str = "") -> Verdict:
    """The person's answer. One that says nothing new is not stored again."""
    first, second = sorted([one, other], key=lambda photo: photo.pk)
    if not may_answer(person, first, second):
        raise NotAllowed(person=person.get_username() or "An anonymous visitor", photo=title_of(first))
    present = latest_verdict_of(person, first, second)
    if present and present.answer == answer and note in ("", present.note):
        return present
    candidate = Candidate.objects.between(first, second)
    verdict = Verdict.objects.create(
        first=first,
        second=second,
        first_checksum=first.checksum,
        second_checksum=second.checksum,
        first_name=first.name_in_collection,
        second_name=second.name_in_collection,
        answer=Answer(answer),
        note=note,
        score=candidate.score if candidate else None,
        probability=candidate.probability if candidate else None,
        person=person,
        person_name=person.get_username(),
    )
    transaction.on_commit(lambda: verdict_recorded.send(sender=Verdict, verdict=verdict))
    return verdict


def may_answer(person: Person, one: Photo, other: Photo) -> bool:
    return any(adapter().may_edit(person, photo) for photo in (one, other))


def latest_verdict_of(person: Person, one: Photo, other: Photo) -> Verdict | None:
    return Verdict.objects.between(one, other).filter(person=person).first()


def visible_verdicts(person: Person) -> VerdictQuerySet:
    """Verdicts on photos that the person may see, or that are no longer there."""
    visible = adapter().visible(person, Photo.objects.all()).order_by().values("pk")
    first, second = (Q(**{f"{side}__in": visible}) | Q(**{side: None}) for side in ("first", "second"))
    return Verdict.objects.filter(first, second)


def settled_pairs(photos: Iterable[Photo]) -> dict[tuple[int, int], str]:
    """Yes or no by the ids of both photos, low one first, for pairs on which all people agree."""
    collections = {photo.collection_id for photo in photos}
    latest = Verdict.objects.latest_of_each_person().filter(
        first__collection__in=collections, second__collection__in=collections
    )
    said: dict[tuple[int, int], set[str]] = defaultdict(set)
    for first, second, answer in latest.values_list("first", "second", "answer"):
        said[first, second].add(answer)
    return {pair: answers.pop() for pair, answers in said.items() if answers in ({Answer.YES}, {Answer.NO})}


def agreed_answer(latest: Iterable[Verdict]) -> str | None:
    """The answer that the latest verdicts of all people share; None when there is none or they differ."""
    answers = {verdict.answer for verdict in latest}
    return answers.pop() if len(answers) == 1 else None
