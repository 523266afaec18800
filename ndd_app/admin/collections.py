"""Collections: made, filled, and worked on by jobs that are begun here."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ndd_app.admin.rows import Kept
from ndd_app.description import adapter
from ndd_app.exceptions import StorageUnavailable
from ndd_app.forms import CollectionForm, UploadForm
from ndd_app.models import Collection, Job, Photo
from ndd_app.storage import photo_storage, storage_errors_translated
from ndd_app.tasks import SERVE_FIRST, THEN_ADAPT, Step, enqueue
from ndd_app.text import percent
from ndd_app.views.access import known_collections


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
        """As on the pages; for superusers also those of which the host shows them nothing."""
        if request.user.is_superuser:
            return super().get_queryset(request).annotate(photo_count=Count("photos"))
        visible = adapter().visible(request.user, Photo.objects.all()).order_by().values("pk")
        return known_collections(request).annotate(photo_count=Count("photos", filter=Q(photos__in=visible)))

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
        if not self.has_change_permission(request):
            raise PermissionDenied
        collection = get_object_or_404(self.get_queryset(request), pk=pk)
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
        with transaction.atomic():
            self._begin(request, queryset.exclude(pk__in=self._being_adapted(request, queryset)), THEN_ADAPT)

    def _being_adapted(self, request: HttpRequest, queryset: QuerySet[Collection]) -> list[int]:
        """Two trainings of a collection would share their checkpoints. A second click waits here for the first."""
        ids = list(queryset.values_list("pk", flat=True))
        list(Collection.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
        running = Job.objects.unfinished().filter(kind=Job.Kind.ADAPT, collection__in=ids)
        for job in running.select_related("collection"):
            words = str(_("“{title}” is being adapted already: {job} is not finished yet."))
            link = format_html('<a href="{}">{}</a>', job.get_absolute_url(), job)
            self.message_user(request, format_html(words, title=job.collection.title, job=link), messages.ERROR)
        return [job.collection_id for job in running]

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
