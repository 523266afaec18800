"""Copy a description to another record, and the log of what was copied."""

from collections import Counter
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_list_or_404, get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ndd_app.description import adapter, address_of
from ndd_app.exceptions import EditedSince, NddError
from ndd_app.forms import chosen_modes, field_choices, proposed_modes
from ndd_app.models import MetadataCopy, Photo
from ndd_app.pipeline.copying import Mode, copy_description, preview_copy, undo_all, undo_copy
from ndd_app.pipeline.provenance import visible_copies
from ndd_app.views import access
from ndd_app.views.words import short_title

PER_PAGE = 50


@access.login_required
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: access.SignedInRequest, source: int, target: int) -> HttpResponse:
    giving, taking = access.get_pair(request, source, target)
    access.require_edit(request, taking)
    if request.method == "POST":
        return _copy(request, giving, taking)
    modes = chosen_modes(request.GET.dict()) if "chosen" in request.GET else proposed_modes(giving, taking)
    return _choose(request, giving, taking, modes)


def _copy(request: access.SignedInRequest, giving: Photo, taking: Photo) -> HttpResponse:
    modes = chosen_modes(request.POST.dict())
    try:
        copies = copy_description(giving, taking, modes, request.user, seen=request.POST.get("seen", ""))
    except NddError as error:
        messages.error(request, str(error))
        return _choose(request, *access.get_pair(request, giving.pk, taking.pk), modes, status=409)
    labels = ", ".join(copy.field_label for copy in copies)
    record = format_html('<a href="{}">{}</a>', address_of(taking), short_title(taking))
    messages.success(request, format_html(_("Copied to {record}: {labels}."), record=record, labels=labels))
    return redirect(_comparison(request, giving, taking))


def _choose(
    request: HttpRequest, giving: Photo, taking: Photo, modes: dict[str, Mode], status: int = 200
) -> HttpResponse:
    context = {
        "source": giving,
        "target": taking,
        "choices": field_choices(giving, taking, modes),
        "preview": preview_copy(giving, taking, modes),
        "may_edit_source": adapter().may_edit(request.user, giving),
        "next": _comparison(request, giving, taking),
    }
    return render(request, "ndd_app/copy.html", context, status=status)


def _comparison(request: HttpRequest, giving: Photo, taking: Photo) -> str:
    """The page that people came from, with the sides and the queue as they were."""
    return access.safe_next(request) or reverse("ndd:compare", args=[giving.pk, taking.pk])


@access.login_required
@require_safe
def copies(request: access.SignedInRequest) -> HttpResponse:
    page = Paginator(visible_copies(request.user), PER_PAGE).get_page(request.GET.get("page"))
    may_edit = adapter().may_edit
    undoable = {c.pk for c in page if not c.undone_at and c.target and may_edit(request.user, c.target)}
    batches = {copy.batch for copy in page if copy.pk in undoable}
    # The fields of one copy may stand on two pages.
    standing = visible_copies(request.user).filter(batch__in=batches, undone_at=None)
    numbers = Counter(standing.values_list("batch", flat=True))
    return render(request, "ndd_app/copies.html", {"page": page, "undoable": undoable, "numbers": numbers})


@access.login_required
@require_POST
def undo(request: access.SignedInRequest, pk: int) -> HttpResponse:
    copy = get_object_or_404(visible_copies(request.user), pk=pk)
    if copy.target:
        access.require_edit(request, copy.target)
    try:
        undo_copy(copy, request.user)
    except EditedSince as refusal:
        return render(request, "ndd_app/undo_refused.html", {"copy": copy, "refusal": refusal}, status=409)
    except NddError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _confirmation([copy]))
    return redirect(access.safe_next(request) or "ndd:copies")


@access.login_required
@require_POST
def undo_batch(request: access.SignedInRequest, batch: UUID) -> HttpResponse:
    """All fields that were copied together and still stand, but for those that were edited since."""
    copies = get_list_or_404(visible_copies(request.user).filter(target__isnull=False).order_by("pk"), batch=batch)
    access.require_edit(request, *(copy.target for copy in copies if copy.target))
    undone, refused = undo_all([copy for copy in copies if not copy.undone_at], request.user)
    if undone:
        messages.success(request, _confirmation(undone))
    for refusal in refused:
        messages.warning(request, str(refusal))
    return redirect(access.safe_next(request) or "ndd:copies")


def _confirmation(undone: list[MetadataCopy]) -> str:
    fields = ", ".join(copy.field_label for copy in undone)
    return _("The copy of {field} to {record} is undone.").format(field=fields, record=undone[0].target_name)
