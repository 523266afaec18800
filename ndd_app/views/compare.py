"""Two photos side by side, and a person's answer about them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ndd_app.description import adapter, address_of
from ndd_app.forms import VerdictForm
from ndd_app.models import Candidate, Collection, Photo, Registration, Verdict
from ndd_app.pipeline.comparison import Agreement, compare_descriptions, fields_to_gain
from ndd_app.pipeline.pairs import common_partner, next_open_pair, place_in_queue, queue
from ndd_app.pipeline.provenance import copies_between
from ndd_app.pipeline.reasons import reasons_for
from ndd_app.pipeline.review import agreed_answer, record_verdict
from ndd_app.views import access
from ndd_app.views.overlay import overlay_of
from ndd_app.views.words import short_title


@access.or_login
@require_safe
def compare(request: HttpRequest, first: int, second: int) -> HttpResponse:
    one, other = access.get_pair(request, first, second)
    candidate = Candidate.objects.between(one, other)
    registration = Registration.objects.between(one, other)
    comparisons = compare_descriptions(one, other)
    latest = list(Verdict.objects.between(one, other).latest_of_each_person())
    partner = common_partner(one, other, adapter().visible(request.user, Photo.objects.all()))
    place = place_in_queue(one.collection, candidate, request.user)
    context = {
        "one": one,
        "other": other,
        "candidate": candidate,
        "has_ranks": one.collection_id == other.collection_id,
        "overlay": overlay_of(one, other, registration),
        "evidence": candidate.evidence.select_related("encoder") if candidate else [],
        "comparisons": [c for c in comparisons if c.agreement != Agreement.ABSENT],
        "absent": [c.field.label for c in comparisons if c.agreement == Agreement.ABSENT],
        "one_gives": sum(c.agreement == Agreement.ONLY_ONE for c in comparisons),
        "other_gives": sum(c.agreement == Agreement.ONLY_OTHER for c in comparisons),
        "reasons": reasons_for(one, other, candidate, registration, partner),
        "answers": Verdict.Answer.choices,
        "verdicts": latest,
        "agreed": agreed_answer(latest),
        "mine": next((v.answer for v in latest if v.who == request.user.pk), None),
        "copies": copies_between(one, other),
        "place": place,
        "previous": place.previous and _address_in_queue(place.previous, one.collection),
        "next": place.next and _address_in_queue(place.next, one.collection),
        "back": _photo_to_return_to(request.GET.get("back"), one, other),
        "may_answer": access.may_answer(request, one, other),
        "may_edit_one": adapter().may_edit(request.user, one),
        "may_edit_other": adapter().may_edit(request.user, other),
    }
    return render(request, "ndd_app/compare.html", context)


@access.login_required
@require_POST
def verdict(request: access.SignedInRequest, first: int, second: int) -> HttpResponse:
    """After “yes” the page stays where copying comes next; any other answer leads on."""
    one, other = access.get_pair(request, first, second)
    access.require_answer(request, one, other)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Answer with yes, no or unsure."))
        return redirect("ndd:compare", first, second)
    given = record_verdict(one, other, person=request.user, **form.cleaned_data)
    back = _photo_to_return_to(request.POST.get("back"), one, other)
    stays = given.answer == Verdict.Answer.YES and _may_copy(request, one, other)
    messages.success(request, _confirmation(given, one, other, leads_on=not stays))
    if stays:
        return redirect(_address(one, other) + (f"?back={back.pk}" if back else ""))
    if back:
        return redirect(address_of(back))
    pair = next_open_pair(one.collection, request.user, Candidate.objects.between(one, other))
    if pair:
        return redirect(_address_in_queue(pair, one.collection))
    return redirect("ndd:review", one.collection.slug)


@access.or_login
@require_safe
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Go to the first pair of the collection that waits for an answer."""
    collection = access.get_collection(request, slug)
    pair = next_open_pair(collection, request.user)
    if pair:
        return redirect(_address_in_queue(pair, collection))
    context = {"collection": collection, "total": queue(collection, request.user).count()}
    return render(request, "ndd_app/all_answered.html", context)


def _address(one: Photo, other: Photo) -> str:
    return reverse("ndd:compare", args=[one.pk, other.pk])


def _address_in_queue(pair: Candidate, collection: Collection) -> str:
    """The left photo is the collection's own: its collection is the one whose queue the page goes through."""
    is_own = pair.first.collection_id == collection.pk
    return _address(pair.first, pair.second) if is_own else _address(pair.second, pair.first)


def _may_copy(request: HttpRequest, one: Photo, other: Photo) -> bool:
    """One of them lacks what the other one has, and is the visitor's to describe."""
    sides = (one, other), (other, one)
    return any(fields_to_gain(to, of) and adapter().may_edit(request.user, to) for to, of in sides)


def _confirmation(given: Verdict, one: Photo, other: Photo, leads_on: bool) -> str:
    """What was recorded, with the way back to the pair for those who pressed the wrong key.

    A pair that was answered with no is in the queue no more: there `←` leads back to it, as the first link of that key.
    """
    titles = {"address": _address(one, other), "one": short_title(one), "other": short_title(other)}
    link = '<a data-key="ArrowLeft" href="{address}"><kbd>←</kbd> {one} – {other}</a>'
    pair = format_html(link if leads_on else '<a href="{address}">{one} – {other}</a>', **titles)
    answer = Verdict.Answer(given.answer).label
    return format_html(_("Recorded “{answer}” for {pair}."), answer=answer, pair=pair)


def _photo_to_return_to(pk: str | None, one: Photo, other: Photo) -> Photo | None:
    """The photo whose record the visitor came from."""
    return next((photo for photo in (one, other) if str(photo.pk) == pk), None)
