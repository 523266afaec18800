"""The administration: collections and their jobs, photos, encoders, and history that nobody changes.

Nothing is deleted here, no record, no answer, no copy; only a collection that never held a photo.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from ndd_app.description import DublinCoreAdapter, adapter
from ndd_app.exceptions import StorageUnavailable
from ndd_app.forms import CollectionForm, DublinCoreForm, UploadForm
from ndd_app.models import Candidate, Collection, Encoder, Evidence, Job, MetadataCopy, Photo, Verdict
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.pairs import seen_by, with_duplicates
from ndd_app.pipeline.provenance import visible_copies
from ndd_app.pipeline.review import visible_verdicts
from ndd_app.storage import photo_storage, storage_errors_translated
from ndd_app.tasks import SERVE_FIRST, THEN_ADAPT, Step, enqueue
from ndd_app.templatetags.ndd import shortened
from ndd_app.text import percent
from ndd_app.views.access import visible_jobs


def brief(field: str, length: int = 40) -> Callable[[Any], str]:
    """A column of a list, without the middle of what is too long for it."""

    @admin.display(description=field.replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        return shortened(str(getattr(row, field)), length)

    return column


@admin.display(ordering="score")
def score(row: Any) -> str:
    return "" if row.score is None else f"{row.score:.2f}"


@admin.display(ordering="probability")
def chance(candidate: Candidate) -> str:
    return percent(candidate.probability)


class Kept(admin.ModelAdmin):
    """Rows that are never deleted."""

    class Media:
        css = {"all": ["ndd_app/admin.css"]}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnly(Kept):
    """Rows that came about elsewhere: what the machine computed, and what people did on the pages."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Collection)
class CollectionAdmin(Kept):
    list_display = ["title", "slug", "is_public", "photos", "show_pairs_from"]
    list_filter = ["is_public"]
    search_fields = ["title", "slug", "note"]
    form = CollectionForm
    fields = ["title", "slug", "note", "is_public", "show_from", "announces_matches", "contact"]
    prepopulated_fields = {"slug": ["title"]}
    actions = ["upload_zip", "adapt", "embed", "find_duplicates"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return super().get_queryset(request).annotate(photo_count=Count("photos"))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)  # an address once given stays

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only one that never held a photo, such as a typo leaves."""
        is_unused = isinstance(obj, Collection) and _is_unused(obj)
        return is_unused and admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """With a collection go its jobs, which nobody may delete by themselves."""
        jobs = Job.objects.filter(collection__in=objs)
        counts = {self.opts.verbose_name_plural: len(objs), Job._meta.verbose_name_plural: len(jobs)}
        return [*map(str, objs), *map(str, jobs)], counts, set(), []

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        obj.jobs.all().delete()
        super().delete_model(request, obj)

    def view_on_site(self, obj: Collection) -> str | None:
        return adapter().collection_address(obj)

    @admin.display(ordering="photo_count")
    def photos(self, collection: Any) -> int:
        return collection.photo_count

    @admin.display(ordering="show_from")
    def show_pairs_from(self, collection: Collection) -> str:
        return percent(collection.show_from)

    def get_urls(self) -> list[URLPattern]:
        upload = self.admin_site.admin_view(self.upload)
        return [path("<int:pk>/upload/", upload, name="ndd_app_collection_upload"), *super().get_urls()]

    def upload(self, request: HttpRequest, pk: int) -> HttpResponse:
        collection = get_object_or_404(Collection, pk=pk)
        if not self.has_change_permission(request, collection):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            file = form.cleaned_data["file"]
            name = f"uploads/{uuid4()}.zip"
            try:
                with storage_errors_translated(name):
                    name = photo_storage().save(name, file)
            except StorageUnavailable as error:
                form.add_error("file", str(error))
            else:
                self._enqueue(request, [collection], [(Job.Kind.INGEST, {"upload": name, "filename": file.name})])
                return redirect("ndd:jobs")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": collection, "form": form}
        return render(request, "admin/ndd_app/collection/upload.html", context)

    @admin.action(description=_("Ingest a ZIP of scans …"), permissions=["change"])
    def upload_zip(self, request: HttpRequest, queryset: QuerySet[Collection]) -> HttpResponse | None:
        if queryset.count() == 1:
            return redirect("admin:ndd_app_collection_upload", queryset.get().pk)
        self.message_user(request, _("Choose one collection that the scans belong to."), messages.ERROR)
        return None

    @admin.action(description=_("Adapt: fit encoders to the photos and match with them"), permissions=["change"])
    def adapt(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        self._begin(request, queryset, THEN_ADAPT)

    @admin.action(description=_("Embed photos that are not embedded yet"), permissions=["change"])
    def embed(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        self._begin(request, queryset, [(Job.Kind.EMBED, {})])

    @admin.action(description=_("Find duplicates"), permissions=["change"])
    def find_duplicates(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        self._begin(request, queryset, SERVE_FIRST)

    def _begin(self, request: HttpRequest, queryset: QuerySet[Collection], steps: list[Step]) -> None:
        for empty in queryset.filter(photos=None):
            text = _("“{title}” has no photos. Ingest some first; the workers then look for duplicates by themselves.")
            self.message_user(request, text.format(title=empty.title), messages.ERROR)
        if filled := queryset.exclude(photos=None):
            self._enqueue(request, filled, steps)

    def _enqueue(self, request: HttpRequest, collections: Any, steps: list[Step]) -> None:
        jobs = [job for collection in collections for job in enqueue(collection, steps)]
        where = format_html('<a href="{}">{}</a>', reverse("ndd:jobs"), _("See the jobs"))
        text = format_html("{}: {}. {}", _("In the queue"), ", ".join(map(str, jobs)), where)
        self.message_user(request, text, messages.SUCCESS)


def _is_unused(collection: Collection) -> bool:
    return not (collection.photos.exists() or collection.encoders.exists() or collection.jobs.unfinished().exists())


class DescribedFilter(admin.SimpleListFilter):
    title = _("description")
    parameter_name = "described"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("described")), ("no", _("not described"))]

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
    list_filter = ["collection", DescribedFilter, DuplicatesFilter, "format"]
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


class EvidenceInline(admin.TabularInline):
    model = Evidence
    fields = ["detector", "score", "rank_of_second", "rank_of_first", "encoder"]
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Candidate)
class CandidateAdmin(ReadOnly):
    list_display = ["__str__", brief("first"), brief("second"), score, chance, "relation"]
    list_filter = ["first__collection", "relation"]
    list_select_related = ["first", "second"]
    inlines = [EvidenceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Candidate]:
        return seen_by(request.user, Candidate.objects.all())

    def view_on_site(self, obj: Candidate) -> str:
        return reverse("ndd:compare", args=[obj.first_id, obj.second_id])


@admin.register(Encoder)
class EncoderAdmin(ReadOnly):
    list_display = ["__str__", "family", "scope", "photo_count", "is_serving", "created_at"]
    list_filter = ["family", "method", "is_serving", "collection"]
    list_select_related = ["collection"]
    readonly_fields = ["weights_file"]
    exclude = [
        "receipt", "labelled",  # they name photos; the encoder's page shows them to those who may see the photos
        "weights",  # would be a link, and nothing serves the file
    ]  # fmt: skip

    @admin.display(description=_("weights"))
    def weights_file(self, encoder: Encoder) -> str:
        return str(encoder.weights)


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ["__str__", "state", "percent", "attempts", "created_at", "finished_at", brief("error", 100)]
    list_filter = ["state", "kind", "collection"]
    search_fields = ["error", "step", "collection__title", "collection__slug"]
    list_select_related = ["collection"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """What came out of a job names files."""
        return super().get_queryset(request) if request.user.is_superuser else visible_jobs(request)


@admin.register(Verdict)
class VerdictAdmin(ReadOnly):
    list_display = [
        brief("first_name"), brief("second_name"), "answer", "person_name", score, brief("note", 60), "created_at"
    ]  # fmt: skip
    list_filter = ["answer", "person_name"]
    search_fields = ["first_name", "second_name", "note", "person_name"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        return visible_verdicts(request.user)


@admin.register(MetadataCopy)
class MetadataCopyAdmin(ReadOnly):
    list_display = [
        "field_label", brief("source_name"), brief("target_name"), "mode", "person_name", "created_at", "undone_at"
    ]  # fmt: skip
    list_filter = ["mode", "field_label", "person_name"]
    search_fields = ["source_name", "target_name", "field_label", "person_name"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetadataCopy]:
        return visible_copies(request.user).filter(hides_source=False)  # type: ignore[misc]
