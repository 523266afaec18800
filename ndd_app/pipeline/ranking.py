"""Who is near whom in a collection, by each encoder and fused. Computed when asked for, never stored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import NotEmbedded, UnknownEncoder
from ndd_app.models import Candidate, Collection, Encoder, Photo
from ndd_app.pipeline.embedding import load_embeddings
from ndd_app.pipeline.judgement import judge
from ndd_app.pipeline.limits import NEIGHBOURS
from ndd_app.pipeline.review import settled_pairs
from ndd_app.vision.neighbours import Fused, Indices, fuse, nearest, ranked_lists

LIST = 50
"""Neighbours of each photo in the rankings that are evaluated."""


@dataclass(frozen=True)
class Ranking:
    """Every photo's neighbours, nearest first, without the photo itself; -1 fills a list that is too short."""

    name: str
    neighbours: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


def rank_with_each_encoder(collection: Collection, photos: Sequence[Photo]) -> list[Ranking]:
    """One ranking for every encoder that has embedded the collection, and the fused one of those that serve."""
    encoders = Encoder.objects.embedded(collection).order_by("pk")
    return [*(_rank(photos, encoder, LIST) for encoder in encoders), fused_ranking(collection, photos, LIST)]


def rank_with_encoder(collection: Collection, photos: Sequence[Photo], encoder_id: int, top: int) -> Ranking:
    encoder = Encoder.objects.embedded(collection).filter(pk=encoder_id).first()
    if encoder is None:
        known = ", ".join(str(encoder) for encoder in Encoder.objects.embedded(collection))
        raise UnknownEncoder(encoder=encoder_id, collection=collection.slug, known=known or "none")
    return _rank(photos, encoder, top)


def fused_ranking(collection: Collection, photos: Sequence[Photo], top: int) -> Ranking:
    """By all evidence: geometry where the matching has verified a pair, else the encoders alone."""
    used = embedded_by(collection, Encoder.objects.serving(collection))
    count = max(
        top, NEIGHBOURS
    )  # fewer would tell less of how near strangers come: a short list is the head of a long one
    fused = fuse_encoders(photos, used, count, candidate_pairs(photos))
    lists = ranked_lists(judge(photos, fused, settled_pairs(photos)).fused, len(photos), top)
    return Ranking("fused", lists.indices, lists.scores)


def candidate_pairs(photos: Sequence[Photo]) -> Indices:
    """(m, 2): the candidates among the photos, which are in the order of their ids."""
    number = {photo.pk: index for index, photo in enumerate(photos)}
    collections = {photo.collection_id for photo in photos}
    known = Candidate.objects.filter(first__collection__in=collections, second__collection__in=collections)
    ids = known.values_list("first_id", "second_id")
    here = [(number[one], number[other]) for one, other in ids if {one, other} <= number.keys()]
    return np.array(here, np.int64).reshape(-1, 2)


def fuse_encoders(
    photos: Sequence[Photo], encoders: Sequence[Encoder], count: int, also: Indices | None = None
) -> Fused:
    return fuse([load_embeddings(photos, encoder) for encoder in encoders], count, also)


def embedded_by(collection: Collection, encoders: Sequence[Encoder]) -> list[Encoder]:
    """Those of the encoders that have embeddings of the collection; raises NotEmbedded when none has."""
    able = set(Encoder.objects.embedded(collection).values_list("pk", flat=True))
    found = [encoder for encoder in encoders if encoder.pk in able]
    if not found:
        raise NotEmbedded(collection=collection.slug)
    return found


def _rank(photos: Sequence[Photo], encoder: Encoder, top: int) -> Ranking:
    lists = nearest(load_embeddings(photos, encoder), top)
    scope = "" if encoder.collection_id else " (site)"
    return Ranking(f"{encoder.backbone} {encoder.method}{scope}", lists.indices, lists.scores)
