"""Pairs, what people said about them, and what was copied."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from ndd_app.admin.rows import ReadOnly, brief, score
from ndd_app.models import Candidate, Evidence, MetadataCopy, Verdict
from ndd_app.pipeline.pairs import seen_by
from ndd_app.pipeline.provenance import visible_copies
from ndd_app.pipeline.review import visible_verdicts
from ndd_app.text import percent


@admin.display(ordering="probability")
def chance(candidate: Candidate) -> str:
    return percent(candidate.probability)


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
    list_filter = [("first__collection", admin.RelatedOnlyFieldListFilter), "relation"]
    list_select_related = ["first", "second"]
    inlines = [EvidenceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Candidate]:
        return seen_by(request.user, Candidate.objects.all())

    def view_on_site(self, obj: Candidate) -> str:
        return reverse("ndd:compare", args=[obj.first_id, obj.second_id])


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
