"""Photos, with the description that is their own."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ndd_app.admin.rows import Kept
from ndd_app.description import DublinCoreAdapter, adapter
from ndd_app.forms import DublinCoreForm
from ndd_app.models import Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.pairs import with_duplicates


class DescribedFilter(admin.SimpleListFilter):
    title = _("description")
    parameter_name = "described"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """None, which hides the filter, where descriptions are a host's own."""
        own = isinstance(adapter(), DublinCoreAdapter)
        return [("yes", _("described")), ("no", _("not described"))] if own else []

    def queryset(self, request: HttpRequest, queryset: Any) -> PhotoQuerySet:
        if self.value() == "yes":
            return queryset.described()
        return queryset.undescribed() if self.value() == "no" else queryset


class DuplicatesFilter(admin.SimpleListFilter):
    title = _("possible duplicates")
    parameter_name = "duplicates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("with possible duplicates"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> PhotoQuerySet:
        return with_duplicates(queryset, request.user) if self.value() == "yes" else queryset


@admin.register(Photo)
class PhotoAdmin(Kept):
    """Photos come in by ingest only; their description can be edited where it is Photo's own."""

    form = DublinCoreForm
    list_display = ["thumbnail_image", "name", "path", "collection", "format"]
    list_display_links = ["thumbnail_image", "name"]
    list_filter = [("collection", admin.RelatedOnlyFieldListFilter), DescribedFilter, DuplicatesFilter, "format"]
    list_select_related = ["collection"]
    list_per_page = 50
    search_fields = ["title"]  # shows the search field; what it does is below
    search_help_text = _("Words of the description, an identifier or a part of a path")
    readonly_fields = [
        "thumbnail_image", "collection", "path", "record", "master_reference", "checksum", "size", "format", "width",
        "height", "orientation", "pixel_hash", "reading_notes", "ingested_at",
    ]  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, Any]]:
        own = ["identifier", *Photo.DESCRIPTION_FIELDS] if isinstance(adapter(), DublinCoreAdapter) else ["identifier"]
        if self.has_change_permission(request, obj):
            own.append("seen")
        return [(None, {"fields": own}), (_("Scan"), {"fields": self.readonly_fields})]

    def get_queryset(self, request: HttpRequest) -> PhotoQuerySet:
        """Those that the person may see; for superusers also scans without a record, for which no host can speak."""
        photos: Any = super().get_queryset(request)
        return photos if request.user.is_superuser else adapter().visible(request.user, photos)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_change = super().has_change_permission(request, obj)
        return may_change and (obj is None or request.user.is_superuser or adapter().may_edit(request.user, obj))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[PhotoQuerySet, bool]:
        return (queryset.matching(search_term) if search_term else queryset), False

    def save_model(self, request: HttpRequest, obj: Photo, form: ModelForm, change: bool) -> None:
        form.save()

    # A scan is listed even while the host has no record for it, or none any more.

    def view_on_site(self, obj: Photo) -> str | None:
        try:
            return adapter().address(obj)
        except ObjectDoesNotExist:
            return None

    @admin.display(description=_("record"), ordering="title")
    def name(self, photo: Photo) -> str:
        try:
            return Truncator(adapter().title(photo)).chars(80)
        except ObjectDoesNotExist:
            return str(_("no record"))

    @admin.display(description=_("scan"))
    def thumbnail_image(self, photo: Photo) -> str:
        address = reverse("ndd:thumbnail", args=[photo.pk])
        look = "max-height: 5rem; max-width: 7rem"
        return format_html('<img src="{}" alt="{}" loading="lazy" style="{}">', address, self.name(photo), look)
