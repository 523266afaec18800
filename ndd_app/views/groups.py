"""The duplicates of a collection in groups."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from ndd_app.description import adapter
from ndd_app.pipeline.groups import GroupWithPhotos, confirm_group, groups_of, with_photos
from ndd_app.views import access

PER_PAGE = 30


@require_safe
def groups(request: HttpRequest, slug: str) -> HttpResponse:
    collection = access.get_collection(request, slug)
    page = Paginator(groups_of(collection, request.user), PER_PAGE).get_page(request.GET.get("page"))
    groups = [(group, _may_confirm(request, group)) for group in with_photos([*page])]
    return render(request, "ndd_app/groups.html", {"collection": collection, "page": page, "groups": groups})


@access.login_required
@require_POST
def confirm(request: access.SignedInRequest, slug: str) -> HttpResponse:
    """Answers the pairs of one group, as far as it is still what the page showed."""
    collection = access.get_collection(request, slug)
    members = [int(number) for number in request.POST.getlist("member") if number.isdecimal()]
    count = confirm_group(collection, members, request.user)
    text = ngettext("{count} pair answered with yes.", "{count} pairs answered with yes.", count).format(count=count)
    messages.success(request, text)
    return redirect(access.safe_next(request) or reverse("ndd:groups", args=[slug]))


def _may_confirm(request: HttpRequest, group: GroupWithPhotos) -> bool:
    return not group.is_confirmed and any(adapter().may_edit(request.user, photo) for photo in group.photos)
