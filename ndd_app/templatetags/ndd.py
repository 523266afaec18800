"""What a host puts on its own pages: `{% load ndd %}{% possible_duplicates photo %}`.

A tag shows nothing of no photo and no collection: an item of a host may have no scan.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ndd_app.description import Field, Value, adapter, address_of, title_of
from ndd_app.models import Candidate, Collection, Evidence, Photo
from ndd_app.pipeline.pairs import possible_duplicates as find_possible_duplicates
from ndd_app.pipeline.provenance import copied_fields as find_copied_fields
from ndd_app.pipeline.reasons import reason_of_ranks
from ndd_app.pipeline.reliability import FEWEST, tenths_of
from ndd_app.pipeline.serving import waiting_encoders as find_waiting_encoders
from ndd_app.text import percent
from ndd_app.views.access import unfinished_jobs, visible_collections
from ndd_app.views.reliability import plot_reliability

register = template.Library()
register.filter(percent)
UNFINISHED = "ndd_unfinished_jobs"
LESS_THAN_A_MINUTE = 45
"""Seconds."""


@register.inclusion_tag("ndd_app/possible_duplicates.html", takes_context=True)
def possible_duplicates(context: template.Context, photo: Photo) -> dict[str, Any]:
    """The panel of a record page: pairs of this photo, with what people said about them."""
    if not photo:
        return {}
    user = context["request"].user
    return {
        "photo": photo,
        "pairs": find_possible_duplicates(photo, user),
        "tells_ranks": sees_all_of(context, photo.collection),
        "was_matched": photo.collection.matched_at is not None,
        "names_people": user.is_authenticated,
    }


@register.simple_tag(takes_context=True)
def sees_all_of(context: template.Context, collection: Collection) -> bool:
    """Who does not is told no ranks: a second place tells that there is a first."""
    return adapter().visible(context["request"].user, Photo.objects.all()).cover(collection)


@register.filter
def of_ranks(candidate: Candidate | None) -> str:
    return reason_of_ranks(candidate)


@register.inclusion_tag("ndd_app/copied_fields.html", takes_context=True)
def copied_fields(context: template.Context, photo: Photo) -> dict[str, Any]:
    """Which values of a description were copied: from where, by whom, when."""
    if not photo:
        return {}
    request = context["request"]
    may_edit = adapter().may_edit(request.user, photo)
    return {"copies": find_copied_fields(photo, request.user), "may_edit": may_edit, "request": request}


@register.inclusion_tag("ndd_app/running_jobs.html", takes_context=True)
def running_jobs(context: template.Context, collection: Collection) -> dict[str, Any]:
    """One line about the collection's unfinished jobs, kept up to date; nothing when there are none."""
    if not collection:
        return {}
    asked = context.render_context  # once for a page that names many collections
    if UNFINISHED not in asked:
        asked[UNFINISHED] = unfinished_jobs(context["request"])
    return {"jobs": asked[UNFINISHED][collection.pk], "slug": collection.slug}


@register.inclusion_tag("ndd_app/reliability.html", takes_context=True)
def reliability(context: template.Context, collection: Collection) -> dict[str, Any]:
    """How far the chances of the collection's pairs can be trusted, by what people answered."""
    if not collection:
        return {}
    tenths = tenths_of(collection, context["request"].user)
    settled = sum(tenth.pairs for tenth in tenths)
    return {"collection": collection, "settled": settled, "fewest": FEWEST, "plot": plot_reliability(tenths)}


@register.inclusion_tag("ndd_app/waiting_encoders.html", takes_context=True)
def waiting_encoders(context: template.Context, collection: Collection) -> dict[str, Any]:
    """A line about encoders that wait for a person to let them serve, for those who may see the collection."""
    if not collection:
        return {}
    visible = visible_collections(context["request"]).filter(pk=collection.pk)
    return {"encoders": find_waiting_encoders(visible)}


@register.filter
def record_title(photo: Photo) -> str:
    return title_of(photo)


@register.filter
def shortened(text: str, length: int) -> str:
    """Without its middle, if it is longer: names of scans differ at their ends."""
    if len(text) <= length:
        return text
    end = length // 2
    return f"{text[: length - end - 1].rstrip()}…{text[-end:].lstrip()}"


@register.filter
def record_address(photo: Photo) -> str:
    return address_of(photo)


@register.filter
def collection_address(collection: Collection) -> str | None:
    return adapter().collection_address(collection)


@register.filter
def in_words(value: Value | None) -> str:
    """A field's value as one text; lists with a dot between their entries."""
    return " · ".join(value) if isinstance(value, list) else value or ""


@register.filter
def labels(fields: Sequence[Field]) -> str:
    """“title, date and place”."""
    return get_text_list([field.label.lower() for field in fields], _("and"))


@register.filter
def in_short(evidence: Evidence) -> str:
    """“deep encoder 0.93”; equality needs no score."""
    label = evidence.get_detector_display()
    if evidence.detector == Evidence.Detector.GEOMETRY:
        return ngettext("{number} matching point", "{number} matching points", int(evidence.score)).format(
            number=int(evidence.score)
        )
    is_equality = evidence.detector in (Evidence.Detector.SAME_FILE, Evidence.Detector.SAME_PIXELS)
    return label if is_equality else f"{label} {evidence.score:.2f}"


@register.filter
def duration(seconds: float) -> str:
    """“42 s”, “3 min 10 s”, “2 h 5 min”."""
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@register.filter
def time_left(seconds: float) -> str:
    """“about 4 minutes left”; no finer than such a forecast is."""
    minutes = max(1, round(seconds / 60))
    if seconds < LESS_THAN_A_MINUTE:
        return _("less than a minute left")
    if minutes > 36 * 60:
        days = round(minutes / (24 * 60))
        return ngettext("about {number} day left", "about {number} days left", days).format(number=days)
    if minutes > 90:
        hours = round(minutes / 60)
        return ngettext("about {number} hour left", "about {number} hours left", hours).format(number=hours)
    number = minutes if minutes <= 10 else 5 * round(minutes / 5)
    return ngettext("about {number} minute left", "about {number} minutes left", number).format(number=number)


@register.filter
def in_one_line(facts: Mapping[str, Any]) -> str:
    """Names and plain values; tables are left to the page of what the facts are about."""
    return ", ".join(f"{name} {value}" for name, value in facts.items() if not isinstance(value, dict | list))


@register.filter
def entry(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key)
