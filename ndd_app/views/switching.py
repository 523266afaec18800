"""Let an encoder of a collection's own serve, see first what that would change, or go back: each is one click.

Embeddings of encoders that do not serve are kept, so that they can serve at once, until somebody deletes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ndd_app.models import Collection, Encoder, Job
from ndd_app.models.job import JobQuerySet
from ndd_app.pipeline.serving import is_embedded, predecessor
from ndd_app.tasks import Step, enqueue
from ndd_app.views import access


@dataclass(frozen=True)
class Switch:
    """What somebody who may start jobs can do with an encoder. back_to: what would serve instead of a serving one."""

    is_busy: bool
    is_ready: bool
    back_to: Encoder | None


def switch_of(request: HttpRequest, encoder: Encoder) -> Switch | None:
    """None for the site's encoders, and for those who may not start jobs."""
    if encoder.collection is None or not access.may_start_jobs(request):
        return None
    is_busy = encoder.collection.jobs.unfinished().exists()
    back_to = predecessor(encoder) if encoder.is_serving else None
    return Switch(is_busy, encoder.is_serving or is_embedded(encoder.collection, encoder), back_to)


def may_delete_embeddings(request: HttpRequest, encoder: Encoder) -> bool:
    """Also of a site encoder that another one has replaced."""
    return access.may_start_jobs(request) and not encoder.is_serving and not _jobs_of(encoder).exists()


@access.starts_jobs
@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    encoder, collection = _own_encoder(request, pk)
    return _start(request, collection, [*_lacking(collection, encoder), (Job.Kind.MATCH, {"preview": encoder.pk})])


@access.starts_jobs
@require_POST
def serve(request: HttpRequest, pk: int) -> HttpResponse:
    encoder, collection = _own_encoder(request, pk)
    if encoder.is_serving:
        messages.error(request, _("It serves already."))
    elif not is_embedded(collection, encoder):
        messages.error(request, _("It cannot serve yet: it has not embedded all photos."))
    else:
        return _start(request, collection, [(Job.Kind.MATCH, {"encoder": encoder.pk})])
    return redirect(encoder)


@access.starts_jobs
@require_POST
def step_back(request: HttpRequest, pk: int) -> HttpResponse:
    """What served before serves again; if photos were added meanwhile it embeds them first."""
    encoder, collection = _own_encoder(request, pk)
    before = predecessor(encoder)
    if encoder.is_serving and before:
        return _start(request, collection, [*_lacking(collection, before), (Job.Kind.MATCH, {"encoder": before.pk})])
    messages.error(request, _("It does not serve, so that there is nothing to go back from."))
    return redirect(encoder)


@access.starts_jobs
@require_POST
@transaction.atomic
def delete_embeddings(request: HttpRequest, pk: int) -> HttpResponse:
    """The encoder stays: if it is to serve again, the photos are embedded again first."""
    encoder = get_object_or_404(access.visible_encoders(request).select_for_update(of=["self"]), pk=pk)
    if may_delete_embeddings(request, encoder):
        count, _models = encoder.embeddings.all().delete()
        text = ngettext("%(count)s embedding deleted.", "%(count)s embeddings deleted.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.error(request, _("They are needed: it serves, or a job is not finished yet. Nothing was deleted."))
    return redirect(encoder)


def _jobs_of(encoder: Encoder) -> JobQuerySet:
    """Unfinished ones that may use it; a site encoder may be used by any."""
    jobs = Job.objects.unfinished()
    return jobs.filter(collection=encoder.collection) if encoder.collection else jobs


def _own_encoder(request: HttpRequest, pk: int) -> tuple[Encoder, Collection]:
    own = Encoder.objects.filter(collection__in=access.visible_collections(request)).select_related("collection")
    encoder = get_object_or_404(own, pk=pk)
    assert encoder.collection
    return encoder, encoder.collection


def _lacking(collection: Collection, encoder: Encoder) -> list[Step]:
    return [] if is_embedded(collection, encoder) else [(Job.Kind.EMBED, {"encoder": encoder.pk})]


@transaction.atomic
def _start(request: HttpRequest, collection: Collection, steps: Sequence[Step]) -> HttpResponse:
    """Leads to the job. Two clicks at once are one job: the second one waits here for the first."""
    Collection.objects.select_for_update(no_key=True).get(pk=collection.pk)
    if running := collection.jobs.unfinished().order_by("pk").first():
        messages.error(request, _("This job of the collection is not finished yet. Try again when it is."))
        return redirect(running)
    return redirect(enqueue(collection, steps)[0])
