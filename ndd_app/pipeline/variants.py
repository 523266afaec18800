"""Candidates for photos that have found no partner as they are: mirrored, inverted, descreened.

Nothing of it is stored but the features in the cache: the lists of nearest photos only propose pairs, geometry decides.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from ndd_app.exceptions import NddError
from ndd_app.models import Encoder, Photo
from ndd_app.pipeline.embedding import embed_features, load_embeddings
from ndd_app.pipeline.encoders import load_encoder
from ndd_app.pipeline.features import features_of
from ndd_app.pipeline.limits import NEAREST_VARIANTS
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.vision.encoders import Embeddings
from ndd_app.vision.geometry import PLAIN, VARIANTS
from ndd_app.vision.neighbours import BLOCK, Indices, unordered
from ndd_app.vision.variants import Descreened, seen_as


def propose_by_variants(
    photos: Sequence[Photo], encoders: Sequence[Encoder], lonely: Sequence[int], track: Track = untracked
) -> Indices:
    """(m, 2): the photos of `lonely`, as indices, with those that any of their variants comes near to."""
    proposed = [np.empty((0, 2), np.int64)]
    for encoder in encoders:
        gallery = load_embeddings(photos, encoder)
        for queries in variants_of([photos[number] for number in lonely], encoder, track):
            proposed.append(_nearest_to(queries, gallery, lonely))
    return unordered(proposed)


def variants_of(lonely: Sequence[Photo], encoder: Encoder, track: Track) -> Iterable[Embeddings]:
    try:
        loaded = load_encoder(encoder)
    except NddError:  # weights that are out of reach stop no matching: its embeddings are there
        return
    if encoder.family == Encoder.Family.CLASSICAL:
        plain = [None if isinstance(f, NddError) else f for _, f in features_of(lonely, loaded.extractor, track)]
        for variant in VARIANTS:
            if variant != PLAIN:
                yield embed_features(loaded, [None if f is None else seen_as(f, variant) for f in plain])
    smooth = features_of(lonely, Descreened(loaded.extractor), track)
    yield embed_features(loaded, [None if isinstance(f, NddError) else f for _, f in smooth])


def _nearest_to(queries: Embeddings, gallery: Embeddings, lonely: Sequence[int]) -> Indices:
    count = min(NEAREST_VARIANTS, len(gallery) - 1)
    pairs = []
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        numbers = np.asarray(lonely[start : start + BLOCK], np.int64)
        similarity = block @ gallery.T
        similarity[np.arange(len(block)), numbers] = -np.inf
        nearest = (
            np.argpartition(-similarity, count - 1, axis=1)[:, :count] if count else np.empty((len(block), 0), int)
        )
        seen = np.abs(block).sum(axis=1) > 0
        pairs.append(np.stack([np.repeat(numbers[seen], count), nearest[seen].ravel()], axis=1))
    return np.concatenate([np.empty((0, 2), np.int64), *pairs])
