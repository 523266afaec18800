"""Which encoders serve which collection, and what is known about each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from ndd_app.description import adapter
from ndd_app.models import Collection, Encoder, Job, Photo
from ndd_app.pipeline.serving import outgrown, waiting_encoders
from ndd_app.views import access
from ndd_app.views.changes import read_report
from ndd_app.views.curves import plot_loss, plot_retrieval, tabulate
from ndd_app.views.receipts import read_receipt
from ndd_app.views.switching import may_delete_embeddings, switch_of


@dataclass(frozen=True)
class Service:
    """What serves one collection, family by family, and what its last embedding had to say about that.

    notes also say which have seen too little of it. waiting: better ones, for a person to switch on.
    """

    collection: Collection
    encoders: dict[str, Encoder | None]
    notes: list[str]
    waiting: list[Encoder]


@access.login_required
@require_safe
def encoders(request: HttpRequest) -> HttpResponse:
    collections = access.visible_collections(request)
    every = list(access.visible_encoders(request).select_related("collection"))
    services = _services(request, collections, every)
    said = Counter(note for service in services for note in service.notes)
    context = {
        "families": Encoder.Family,
        "site": [encoder for encoder in every if encoder.collection is None],
        "services": services,
        "said_of_several": {note: number for note, number in said.items() if number > 1},
        "own": [encoder for encoder in every if encoder.collection],
    }
    return render(request, "ndd_app/encoders.html", context)


@access.login_required
@require_safe
def encoder(request: HttpRequest, pk: int) -> HttpResponse:
    encoder = get_object_or_404(access.visible_encoders(request).select_related("collection"), pk=pk)
    context = {
        "encoder": encoder,
        "photos": encoder.embeddings.filter(photo__in=_visible_photos(request)).count(),
        "loss": plot_loss(encoder.curve),
        "retrieval": plot_retrieval(encoder.curve),
        "table": tabulate(encoder.curve),
        "receipt": read_receipt(encoder.receipt, request.user),
        "present": Encoder.objects.filter(pk=encoder.receipt.get("present")).first(),
        "report": read_report(encoder, request.user),
        "is_waiting": bool(encoder.collection and encoder in waiting_encoders([encoder.collection])),
        "switch": switch_of(request, encoder),
        "deletable": encoder.embeddings.count() if may_delete_embeddings(request, encoder) else 0,
    }
    return render(request, "ndd_app/encoder.html", context)


def _services(request: HttpRequest, collections: Iterable[Collection], encoders: Sequence[Encoder]) -> list[Service]:
    serving = {(e.collection_id, e.family): e for e in encoders if e.is_serving}
    # The steps towards a switch embed with encoders that are there; only the others look for what lacks.
    # What they noted names photos, and is for those who may see the jobs.
    embeddings = (
        access.visible_jobs(request)
        .filter(kind=Job.Kind.EMBED, state=Job.State.DONE)
        .exclude(Q(parameters__contains={"newest": True}) | Q(parameters__has_key="encoder"))
    )
    waiting = waiting_encoders(collections)
    last_jobs = embeddings.order_by("collection_id", "-pk").distinct("collection_id")
    said = {job.collection_id: job.result.get("notes", []) for job in last_jobs}
    pictures = Photo.objects.filter(pk__in=_visible_photos(request), collection__in=collections).order_by()
    photos = dict(pictures.values_list("collection").annotate(Count("pixel_hash", distinct=True)))
    services = []
    for collection in collections:
        own_or_site = {f: serving.get((collection.pk, f)) or serving.get((None, f)) for f in Encoder.Family.values}
        own = [encoder for encoder in encoders if encoder.collection_id == collection.pk]
        few_seen = outgrown(collection, own, photos.get(collection.pk, 0))
        better = [encoder for encoder in waiting if encoder.collection_id == collection.pk]
        services.append(Service(collection, own_or_site, [*said.get(collection.pk, []), *few_seen], better))
    return services


def _visible_photos(request: HttpRequest) -> QuerySet[Photo, int]:
    """Their ids."""
    return adapter().visible(request.user, Photo.objects.all()).order_by().values_list("pk", flat=True)
