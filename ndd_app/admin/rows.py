"""What the lists and pages of the administration have in common."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ndd_app.templatetags.ndd import shortened


def brief(field: str, length: int = 40) -> Callable[[Any], str]:
    """A column of a list, without the middle of what is too long for it."""

    @admin.display(description=field.replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        return shortened(str(getattr(row, field)), length)

    return column


@admin.display(ordering="score")
def score(row: Any) -> str:
    return "" if row.score is None else f"{row.score:.2f}"


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
