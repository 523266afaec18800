"""A collection's near-certain pairs: encoders and fingerprints name them, and the last matching's geometry agrees."""

from collections.abc import Sequence

from ndd_app.models import Encoder, Photo, Verdict
from ndd_app.pipeline.candidates import as_pairs, fingerprints
from ndd_app.pipeline.embedding import load_embeddings
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.verification import confirmed_pairs
from ndd_app.vision.neighbours import Indices, nearest, nearest_by_bits
from ndd_app.vision.silver import RECIPROCAL, reciprocal_pairs, silver_pairs


def silver_among(photos: Sequence[Photo], encoders: Sequence[Encoder]) -> Indices:
    """(m, 2), photos by their place; none before a matching, and none that people have refused."""
    confirmed = confirmed_pairs(photos)
    if not len(confirmed):
        return confirmed
    lists = [
        *(nearest(load_embeddings(photos, encoder), RECIPROCAL) for encoder in encoders),
        nearest_by_bits(fingerprints(photos)["phash"], RECIPROCAL),
    ]
    found = silver_pairs([reciprocal_pairs(some) for some in lists], confirmed)
    answers = settled_pairs(photos)
    ids = [photo.pk for photo in photos]

    def is_refused(one: int, other: int) -> bool:
        low, high = sorted([ids[one], ids[other]])
        return answers.get((low, high)) == Verdict.Answer.NO

    return as_pairs((one, other) for one, other in found.tolist() if not is_refused(one, other))
