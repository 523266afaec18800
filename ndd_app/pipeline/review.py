"""What people say about pairs."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from ndd_app.description import adapter
from ndd_app.exceptions import NotAllowed
from ndd_app.models import Candidate, Photo, Verdict
from ndd_app.signals import verdict_recorded

Person = Any
"""A user of the host's own user model (AUTH_USER_MODEL)."""


@transaction.atomic
def record_verdict(one: Photo, other: Photo, answer: str, person: Person, note: str = "") -> Verdict:
    first, second = sorted([one, other], key=lambda photo: photo.pk)
    if not any(adapter().may_edit(person, photo) for photo in (first, second)):
        raise NotAllowed(person=person.get_username() or "An anonymous visitor", photo=adapter().title(first))
    candidate = Candidate.objects.filter(first=first, second=second).first()
    verdict = Verdict.objects.create(
        first=first,
        second=second,
        first_checksum=first.checksum,
        second_checksum=second.checksum,
        first_name=first.name_in_collection,
        second_name=second.name_in_collection,
        answer=Verdict.Answer(answer),
        note=note,
        score=candidate.score if candidate else None,
        person=person,
        person_name=person.get_username(),
    )
    transaction.on_commit(lambda: verdict_recorded.send(sender=Verdict, verdict=verdict))
    return verdict


def latest_verdict_of(person: Person, one: Photo, other: Photo) -> Verdict | None:
    return Verdict.objects.on(one, other).filter(person_name=person.get_username()).first()


def agreed_answer(latest: Iterable[Verdict]) -> str | None:
    """The answer that the latest verdicts of all people share; None when there is none or they differ."""
    answers = {verdict.answer for verdict in latest}
    return answers.pop() if len(answers) == 1 else None
