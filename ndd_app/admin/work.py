"""Encoders and jobs."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ndd_app.admin.rows import ReadOnly, brief
from ndd_app.models import Encoder, Job
from ndd_app.views.access import visible_encoders, visible_jobs


@admin.register(Encoder)
class EncoderAdmin(ReadOnly):
    list_display = ["__str__", "family", "scope", "photo_count", "is_serving", "created_at"]
    list_filter = ["family", "method", "is_serving", ("collection", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["collection"]
    readonly_fields = ["weights_file"]
    exclude = [
        "receipt", "labelled",  # they name photos; the encoder's page shows them to those who may see the photos
        "weights",  # would be a link, and nothing serves the file
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Encoder]:
        return super().get_queryset(request) if request.user.is_superuser else visible_encoders(request)

    @admin.display(description=_("weights"))
    def weights_file(self, encoder: Encoder) -> str:
        return str(encoder.weights)


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ["__str__", "state", "percent", "attempts", "created_at", "finished_at", brief("error", 100)]
    list_filter = ["state", "kind", ("collection", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["error", "step", "collection__title", "collection__slug"]
    list_select_related = ["collection"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """What came out of a job names files."""
        return super().get_queryset(request) if request.user.is_superuser else visible_jobs(request)
