"""The report of what would change on the pages if an encoder served, as its page shows it.

It names photos by their ids: pairs of which the person may not see both photos are left out, and out of the counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ndd_app.description import adapter
from ndd_app.models import Collection, Encoder, Photo, Verdict
from ndd_app.pipeline.limits import MOST_CHANGES
from ndd_app.pipeline.review import Person

PICTURED = 8
"""Pairs of each list that are shown with their scans."""
KINDS = ("gained", "lost", "missed")
Pair = tuple[Photo, Photo]


@dataclass(frozen=True)
class PairList:
    """title: how many there are, in words; pictured: the first of them, to be shown with their scans."""

    kind: str
    title: str
    pictured: list[Pair]
    others: list[Pair]


@dataclass(frozen=True)
class Report:
    """against: what served when it was written, if anything did. is_outdated: the pages are others by now."""

    written_at: datetime | None
    against: Encoder | None
    is_outdated: bool
    lists: list[PairList]


def read_report(encoder: Encoder, person: Person) -> Report | None:
    stored = encoder.receipt.get("changes")
    if stored is None or encoder.collection is None:
        return None
    photos = _visible(stored, person)
    written_at = parse_datetime(stored.get("written_at", ""))
    against = Encoder.objects.filter(pk=stored["against"], family=encoder.family).first()
    lists = [_list_of(kind, stored.get(kind, []), photos) for kind in KINDS]
    return Report(written_at, against, _is_outdated(encoder.collection, encoder.family, stored), lists)


def _is_outdated(collection: Collection, family: str, stored: dict[str, Any]) -> bool:
    """Another encoder serves, the photos were matched again, or people have answered since."""
    serving = {other.family: other.pk for other in Encoder.objects.serving(collection)}.get(family)
    if serving != stored["against"] or collection.matched_at != parse_datetime(stored.get("matched_at") or ""):
        return True
    return Verdict.objects.touching(collection).filter(pk__gt=stored.get("last_answer") or 0).exists()


def _visible(stored: dict[str, Any], person: Person) -> dict[int, Photo]:
    ids = {pk for kind in KINDS for pair in stored.get(kind, []) for pk in pair}
    return adapter().visible(person, Photo.objects.filter(pk__in=ids)).in_bulk() if ids else {}


def _list_of(kind: str, stored: Sequence[Sequence[int]], photos: dict[int, Photo]) -> PairList:
    pairs = [(photos[one], photos[other]) for one, other in stored if one in photos and other in photos]
    title = _title(kind, len(pairs), is_cut=len(stored) >= MOST_CHANGES)
    return PairList(kind, title, pairs[:PICTURED], pairs[PICTURED:])


def _title(kind: str, number: int, is_cut: bool) -> str:
    if not number:
        return {
            "gained": _("No pair would be new"),
            "lost": _("No pair would go"),
            "missed": _("It finds every pair that people have confirmed"),
        }[kind]
    words = {
        "gained": ngettext("{number} pair would be new", "{number} pairs would be new", number),
        "lost": ngettext("{number} pair would go", "{number} pairs would go", number),
        "missed": ngettext(
            "{number} confirmed pair it would not find by itself",
            "{number} confirmed pairs it would not find by itself",
            number,
        ),
    }[kind]
    return words.format(number=_("{number} or more").format(number=number) if is_cut else number)
