"""The duplicates of a collection in groups."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from ndd_app.models import Collection
from ndd_app.pipeline.groups import GroupWithPhotos, confirm_group, groups_of, open_pairs, with_photos
from ndd_app.views import access

PER_PAGE = 30


@access.or_login
@require_safe
def groups(request: HttpRequest, slug: str) -> HttpResponse:
    collection = access.get_collection(request, slug)
    page = Paginator(groups_of(collection, request.user), PER_PAGE).get_page(request.GET.get("page"))
    groups = _that_may_be_confirmed(request, collection, with_photos([*page]))
    return render(request, "ndd_app/groups.html", {"collection": collection, "page": page, "groups": groups})


@access.login_required
@require_POST
def confirm(request: access.SignedInRequest, slug: str) -> HttpResponse:
    """Answers the pairs of one group, as far as it is still what the page showed."""
    collection = access.get_collection(request, slug)
    members = [int(number) for number in request.POST.getlist("member") if number.isdecimal()]
    count = confirm_group(collection, members, request.user)
    text = ngettext("{count} pair answered with yes.", "{count} pairs answered with yes.", count).format(count=count)
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, text)
    return redirect(access.safe_next(request) or reverse("ndd:groups", args=[slug]))


def _that_may_be_confirmed(
    request: HttpRequest, collection: Collection, groups: list[GroupWithPhotos]
) -> list[tuple[GroupWithPhotos, bool]]:
    """Each group, and whether it holds a pair that the visitor may still answer."""
    ids = [{photo.pk for photo in group.photos} for group in groups]
    pairs = [{pair.first_id, pair.second_id} for pair in open_pairs(collection, set().union(*ids), request.user)]
    return [(group, any(pair <= own for pair in pairs)) for group, own in zip(groups, ids, strict=True)]
