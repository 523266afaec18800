"""The catalogue: collections, their photos, and the record of each."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from archive_site.forms import RecordForm
from ndd_app.description import adapter
from ndd_app.models import Collection, Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.pairs import count_pairs, count_shown, place_in_queue

PER_PAGE = 60


@require_safe
def collections(request: HttpRequest) -> HttpResponse:
    visible = _visible_collections(request).annotate(photo_count=Count("photos"), described=_count_described())
    return render(request, "collections.html", {"collections": visible, "pairs": count_pairs(visible)})


@require_safe
def collection(request: HttpRequest, slug: str) -> HttpResponse:
    collection = get_object_or_404(_visible_collections(request), slug=slug)
    words = request.GET.get("q", "").strip()
    found = collection.photos.matching(words) if words else collection.photos.all()
    shown = request.GET.get("show", "")
    page = Paginator(_filters(found).get(shown, found).order_by("path"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "collection": collection,
        "words": words,
        "shown": shown,
        "counts": _counts(found),
        "page": page,
        "duplicates": count_shown(page.object_list),
        "place": place_in_queue(collection, None, request.user),
    }
    return render(request, "collection.html", context)


@require_safe
def record(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, pk)
    description = [(field, value) for field, value in _description(photo) if value]
    siblings = Photo.objects.filter(collection=photo.collection)
    context = {
        "photo": photo,
        "description": description,
        "absent": [field.label for field, value in _description(photo) if not value],
        "previous": siblings.filter(path__lt=photo.path).order_by("-path").values_list("pk", flat=True).first(),
        "next": siblings.filter(path__gt=photo.path).order_by("path").values_list("pk", flat=True).first(),
        "may_edit": adapter().may_edit(request.user, photo),
    }
    return render(request, "record.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def record_edit(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, pk, Photo.objects.select_for_update(of=["self"]))
    if not adapter().may_edit(request.user, photo):
        raise PermissionDenied
    form = RecordForm(request.POST or None, instance=photo)
    if form.is_valid():
        form.save()
        messages.success(request, _("The record is saved."))
        return redirect("record", pk)
    return render(request, "record_edit.html", {"photo": photo, "form": form})


def _visible_collections(request: HttpRequest) -> QuerySet[Collection]:
    every = Collection.objects.all()
    return every if request.user.is_authenticated else every.filter(is_public=True)


def _visible_photo(request: HttpRequest, pk: int, photos: QuerySet[Photo] | None = None) -> Photo:
    photo = get_object_or_404((photos or Photo.objects).select_related("collection"), pk=pk)
    if not adapter().may_view(request.user, photo):
        raise Http404
    return photo
