"""Why two photos are a pair, or are none: where the matching lost them."""

from urllib.parse import urlsplit

from django.db.models import Case, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from ndd_app.description import adapter, address_of
from ndd_app.models import Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.pairs import common_partner
from ndd_app.pipeline.reasons import reason_of_ranks, reasons_for
from ndd_app.pipeline.trace import trace_pair
from ndd_app.views import access

CHOICES = 20


@access.or_login
@require_safe
def explain(request: HttpRequest, first: int, second: int) -> HttpResponse:
    one, other = access.get_pair(request, first, second)
    trace = trace_pair(one, other, _visible(request))
    partner = common_partner(one, other, _visible(request))
    reasons = reasons_for(one, other, trace.candidate, trace.registration, partner)
    if trace.tells_ranks and (nearest := reason_of_ranks(trace.candidate)):
        reasons.append(nearest)
    context = {"one": one, "other": other, "photos": (one, other), "trace": trace, "reasons": reasons}
    return render(request, "ndd_app/explain.html", context)


@access.or_login
@require_safe
def choose(request: HttpRequest, first: int) -> HttpResponse:
    """The other photo by what a person knows it by: file, identifier, record, or the address of its page."""
    photo = access.get_photo(request, first)
    name = request.GET.get("other", "").replace("\0", "").strip()  # PostgreSQL knows no NUL
    found = _named(name, photo, _visible(request)) if name else []
    if len(found) == 1:
        return redirect("ndd:explain", photo.pk, found[0].pk)
    return render(request, "ndd_app/explain_choose.html", {"photo": photo, "name": name, "found": found})


def _visible(request: HttpRequest) -> PhotoQuerySet:
    return adapter().visible(request.user, Photo.objects.select_related("collection"))


def _named(name: str, photo: Photo, visible: PhotoQuerySet) -> list[Photo]:
    """Those of the photo's own collection first."""
    others = visible.exclude(pk=photo.pk)
    if address := _path_of(name):
        return _at(address, others)
    others = others.order_by(Case(When(collection=photo.collection_id, then=0), default=1), "pk")
    exact = others.filter(Q(path__iexact=name) | Q(identifier__iexact=name) | Q(record__iexact=name))
    return list(exact[:CHOICES]) or list(others.filter(path__iendswith=f"/{name}")[:CHOICES])


def _path_of(name: str) -> str:
    """Empty for what is no address."""
    try:
        return urlsplit(name).path if "://" in name or name.startswith("/") else ""
    except ValueError:  # brackets that hold no IPv6 address
        return ""


def _at(address: str, others: PhotoQuerySet) -> list[Photo]:
    """Whatever the host's addresses look like, they end with the record's key."""
    key = address.rstrip("/").rpartition("/")[2]
    number = Q(pk=key) if key.isdecimal() and len(key) < 19 else Q()
    keyed = others.filter(Q(record=key) | Q(identifier=key) | number)
    keyed = keyed.order_by(Case(When(number, then=0), default=1) if number else "pk", "pk")[:CHOICES]
    return [other for other in keyed if address_of(other) == address]
