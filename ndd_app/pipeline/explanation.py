"""What every step of the matching made of one pair, and where a pair that is not shown was lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from ndd_app.models import Candidate, Encoder, Photo, Registration
from ndd_app.pipeline.embedding import load_embeddings
from ndd_app.pipeline.judgement import judge
from ndd_app.pipeline.limits import NEIGHBOURS
from ndd_app.pipeline.ranking import candidate_pairs, embedded_by, fuse_encoders
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.trace import Geometry, Place, outcome_of
from ndd_app.pipeline.verification import Unread, told_by_points_alone, verify_in_all_variants
from ndd_app.vision.neighbours import nearest_of_two, places, ranked_lists, unordered
from ndd_app.vision.verification import Details


@dataclass(frozen=True)
class Explanation:
    places: list[Place]
    details: Details
    duplicate: float
    same_image: float
    outcome: str
    """In words: shown, or the step at which the pair was lost."""


def explain_pair(one: Photo, other: Photo) -> Explanation:
    """Verifies the pair in all variants, whether the matching did or not. Raises NotEmbedded."""
    collection = one.collection
    photos = list(collection.photos.order_by("pk"))
    numbers = {photo.pk: number for number, photo in enumerate(photos)}
    first, second = sorted((numbers[one.pk], numbers[other.pk]))
    used = embedded_by(collection, Encoder.objects.serving(collection))
    pair = np.array([[first, second]])
    was_verified = Registration.objects.between(one, other) is not None
    unread: Unread = {}
    verify_in_all_variants(photos, pair, [first, second], unread=unread)
    fused = fuse_encoders(photos, used, NEIGHBOURS, unordered([pair, candidate_pairs(photos)]))
    judged = judge(photos, fused, settled_pairs(photos))
    row = int(np.flatnonzero((judged.fused.pairs == pair).all(axis=1))[0])
    swapped = numbers[one.pk] != first
    found = [_place(str(encoder), photos, encoder, (numbers[one.pk], numbers[other.pk])) for encoder in used]
    lists = ranked_lists(judged.fused, len(photos), NEIGHBOURS)
    there, back = places(lists, pair)[0]
    here = (back, there) if swapped else (there, back)
    found.append(Place("fused", float(judged.fused.scores[row]), int(here[0]) or None, int(here[1]) or None))
    duplicate = float(judged.probabilities.duplicate[row])
    candidate = Candidate.objects.of(one).of(other).select_related("first__collection", "second__collection").first()
    geometry = Geometry(was_verified, judged.details[row], [*unread])
    outcome = outcome_of(one, other, candidate, found[:-1], geometry, duplicate)
    if not (candidate or judged.details[row]) and told_by_points_alone(photos, pair):
        outcome += " " + _("Sheets of paper and empty scans look alike to every encoder: matching points would tell.")
    return Explanation(found, judged.details[row], duplicate, float(judged.probabilities.same_image[row]), outcome)


def _place(name: str, photos: Sequence[Photo], encoder: Encoder, pair: tuple[int, int]) -> Place:
    similarity, there, back = nearest_of_two(load_embeddings(photos, encoder), *pair)
    return Place(name, similarity if there else None, there, back)
