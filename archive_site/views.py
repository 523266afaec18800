"""The catalogue: collections, their photos, and the record of each."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from ndd_app.description import adapter
from ndd_app.forms import DublinCoreForm
from ndd_app.models import Collection, Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.pairs import count_open, count_pairs, count_shown, with_duplicates
from ndd_app.pipeline.review import Person
from ndd_app.views.access import or_login

PER_PAGE = 60
FILTERS = {
    "": _("All"),
    "described": _("Described"),
    "undescribed": _("Not described"),
    "duplicates": _("With possible duplicates"),
}


@dataclass(frozen=True)
class Listing:
    """The photos of a collection that people look through: what the words find, and the filter leaves of it."""

    words: str
    shown: str
    filtered: dict[str, PhotoQuerySet]

    @property
    def photos(self) -> PhotoQuerySet:
        return self.filtered[self.shown].order_by("path")

    @property
    def query(self) -> str:
        """The end of an address that asks for the same photos."""
        asked = {name: value for name, value in (("q", self.words), ("show", self.shown)) if value}
        return f"?{urlencode(asked)}" if asked else ""


@require_safe
def collections(request: HttpRequest) -> HttpResponse:
    photos = adapter().visible(request.user, Photo.objects.all())
    photo_count = Count("photos", filter=Q(photos__in=photos))
    described = Count("photos", filter=Q(photos__in=photos.described()))
    cover = photos.filter(collection=OuterRef("pk")).order_by("path").values("pk")[:1]
    visible = _visible_collections(request).annotate(photo_count=photo_count, described=described, cover=cover)
    listed = visible.order_by("title", "pk")  # what counts loses the order of the model
    return render(request, "collections.html", {"collections": listed, "pairs": count_pairs(visible, request.user)})


@or_login
@require_safe
def collection(request: HttpRequest, slug: str) -> HttpResponse:
    collection = get_object_or_404(_visible_collections(request), slug=slug)
    listing = _listing(request, collection)
    page = Paginator(listing.photos, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "collection": collection,
        "listing": listing,
        "filters": [(name, FILTERS[name], photos.count()) for name, photos in listing.filtered.items()],
        "page": page,
        "duplicates": count_shown(page.object_list, request.user),
        "open_pairs": count_open(collection, request.user) if request.user.has_perm("ndd_app.change_photo") else 0,
    }
    return render(request, "collection.html", context)


@or_login
@require_safe
def record(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, Photo.objects.all(), pk)
    values = adapter().read(photo)
    fields = [field for field in adapter().fields if field.name != "title" or not photo.title]  # it is the heading
    listing = _listing(request, photo.collection)
    before = listing.photos.filter(path__lt=photo.path)
    context = {
        "photo": photo,
        "description": [(field, values[field.name]) for field in fields if values[field.name]],
        "absent": [field.label for field in fields if not values[field.name]],
        "listing": listing,
        "page": before.count() // PER_PAGE + 1,
        "previous": before.values_list("pk", flat=True).last(),
        "next": listing.photos.filter(path__gt=photo.path).values_list("pk", flat=True).first(),
        "may_edit": adapter().may_edit(request.user, photo),
    }
    return render(request, "record.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def record_edit(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, Photo.objects.select_for_update(of=["self"]), pk)
    if not adapter().may_edit(request.user, photo):
        raise PermissionDenied
    listing = _listing(request, photo.collection)
    form = DublinCoreForm(request.POST or None, instance=photo)
    if form.is_valid():
        form.save()
        messages.success(request, _("The record is saved."))
        return redirect(reverse("record", args=[pk]) + listing.query)
    return render(request, "record_edit.html", {"photo": photo, "form": form, "listing": listing})


class ChangePassword(SuccessMessageMixin, PasswordChangeView):
    template_name = "password.html"
    success_url = reverse_lazy("collections")
    success_message = _("Your password is changed.")


def _visible_collections(request: HttpRequest) -> QuerySet[Collection]:
    """Those of which the visitor may see photos, and empty ones: these for visitors only if they are public."""
    photos = Photo.objects.filter(collection=OuterRef("pk"))
    every = Collection.objects.filter(Exists(adapter().visible(request.user, photos)) | ~Exists(photos))
    return every if request.user.is_authenticated else every.filter(is_public=True)


def _visible_photo(request: HttpRequest, photos: PhotoQuerySet, pk: int) -> Photo:
    return get_object_or_404(adapter().visible(request.user, photos.select_related("collection")), pk=pk)


def _listing(request: HttpRequest, collection: Collection) -> Listing:
    words = request.GET.get("q", "").replace("\0", "").strip()  # PostgreSQL knows no NUL
    photos = adapter().visible(request.user, Photo.objects.filter(collection=collection))
    filtered = _filtered(photos.matching(words) if words else photos, request.user)
    shown = request.GET.get("show", "")
    return Listing(words, shown if shown in filtered else "", filtered)


def _filtered(photos: PhotoQuerySet, person: Person) -> dict[str, PhotoQuerySet]:
    """What the grid can show, by the name that stands in its address."""
    return {
        "": photos,
        "described": photos.described(),
        "undescribed": photos.undescribed(),
        "duplicates": with_duplicates(photos, person),
    }
