"""From rankings to candidates: the pairs of a collection that may be duplicates, with what each detector says."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from ndd_app.exceptions import NoPhotos
from ndd_app.models import Candidate, Collection, Encoder, Photo, Verdict
from ndd_app.pipeline.encoders import serve
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by, fused_ranking
from ndd_app.signals import candidates_found


@dataclass(frozen=True)
class MatchResult:
    photos: int
    pairs: int
    shown: int
    threshold: float
    encoders: tuple[str, ...]


def find_duplicates(
    collection: Collection, encoders: Sequence[Encoder] | None = None, track: Track = untracked
) -> MatchResult:
    """Match every photo with all others. Encoders given by name serve the collection from now on."""
    photos = list(collection.photos.order_by("pk"))
    if not photos:
        raise NoPhotos(collection=collection.slug)
    used = embedded_by(collection, Encoder.objects.serving(collection) if encoders is None else encoders)
    r = fused_ranking(collection, photos, 5)
    cands = []
    for a, (ns, ss) in enumerate(zip(r.neighbours, r.scores)):
        b = int(ns[0])
        if ns[0] >= 0 and a < b:
            cands.append(Candidate(first=photos[a], second=photos[b], score=round(float(ss[0]), 4)))
    with transaction.atomic():
        Candidate.objects.filter(first__collection=collection).delete()
        Candidate.objects.bulk_create(cands)
        Collection.objects.filter(pk=collection.pk).update(suggested_threshold=1.2)
        for e in used:
            if e.collection_id:
                serve(e)
    result = MatchResult(len(photos), len(cands), len(cands), 1.2, tuple(map(str, used)))
    transaction.on_commit(lambda: candidates_found.send(sender=Collection, collection=collection, result=result))
    return result
