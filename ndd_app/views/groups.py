"""The duplicates of a collection in groups."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ndd_app.pipeline.groups import groups_of, with_photos
from ndd_app.views import access

PER_PAGE = 30


@require_safe
def groups(request: HttpRequest, slug: str) -> HttpResponse:
    collection = access.get_collection(request, slug)
    page = Paginator(groups_of(collection, request.user), PER_PAGE).get_page(request.GET.get("page"))
    shown = {"collection": collection, "page": page, "groups": with_photos([*page])}
    return render(request, "ndd_app/groups.html", shown)
