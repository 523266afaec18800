"""What every step of the matching made of one pair, and where a pair that is not shown was lost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from ndd_app.models import Candidate, Encoder, Photo, Registration
from ndd_app.pipeline.embedding import load_embeddings
from ndd_app.pipeline.judgement import Judged, judge
from ndd_app.pipeline.limits import NEIGHBOURS
from ndd_app.pipeline.ranking import candidate_pairs, embedded_by, fuse_encoders
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.trace import Geometry, Place, outcome_of, places_by_fingerprint
from ndd_app.pipeline.verification import Unread, told_by_points_alone, verify_in_all_variants
from ndd_app.vision.neighbours import Indices, nearest_of_two, places, ranked_lists, unordered


@dataclass(frozen=True)
class Explanation:
    places: list[Place]
    registration: Registration | None
    """What geometry finds now, in all variants."""
    duplicate: float
    same_image: float
    outcome: str
    """In words: shown, or the step at which the pair was lost."""


def explain_pair(one: Photo, other: Photo) -> Explanation:
    """Verifies the pair in all variants, whether the matching did or not, and stores nothing. Raises NotEmbedded."""
    photos = list(one.collection.photos.order_by("pk"))
    numbers = {photo.pk: number for number, photo in enumerate(photos)}
    here, there = numbers[one.pk], numbers[other.pk]
    pair = np.array([sorted((here, there))])
    used = embedded_by(one.collection, Encoder.objects.serving(one.collection))
    before = Registration.objects.between(one, other)
    unread: Unread = {}
    with _taken_back():  # else this very look would be what the next matching and the page know of the pair
        verify_in_all_variants(photos, pair, [here, there], unread=unread)
        registration = Registration.objects.between(one, other)
        judged = _judge(photos, used, pair)
    row = int(np.flatnonzero((judged.fused.pairs == pair).all(axis=1))[0])
    details, duplicate = judged.details[row], float(judged.probabilities.duplicate[row])
    found = [_place(str(encoder), photos, encoder, (here, there)) for encoder in used]
    candidate = Candidate.objects.between(one, other)
    only_now = before is not None and not before.details and bool(details)
    geometry = Geometry(before is not None, details, [*unread], only_now)
    outcome = outcome_of(one, other, candidate, found, geometry, duplicate)
    if not (candidate or details) and told_by_points_alone(photos, pair):
        outcome += " " + _("Sheets of paper and empty scans look alike to every encoder: matching points would tell.")
    by_fingerprint = places_by_fingerprint(one, other, one.collection.photos.all())
    found += [*by_fingerprint, _fused(judged, row, len(photos), here)]
    return Explanation(found, registration, duplicate, float(judged.probabilities.same_image[row]), outcome)


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _judge(photos: Sequence[Photo], used: Sequence[Encoder], pair: Indices) -> Judged:
    """The pair among the candidates and whatever is near."""
    fused = fuse_encoders(photos, used, NEIGHBOURS, unordered([pair, candidate_pairs(photos)]))
    return judge(photos, fused, settled_pairs(photos))


def _place(name: str, photos: Sequence[Photo], encoder: Encoder, pair: tuple[int, int]) -> Place:
    similarity, there, back = nearest_of_two(load_embeddings(photos, encoder), *pair)
    return Place(name, similarity if there else None, there, back)


def _fused(judged: Judged, row: int, photos: int, here: int) -> Place:
    """By all evidence; `here`: the number of the photo in whose list the other one is looked for first."""
    lists = ranked_lists(judged.fused, photos, NEIGHBOURS)
    ranks = [int(rank) or None for rank in places(lists, judged.fused.pairs[row : row + 1])[0]]
    there, back = ranks if judged.fused.pairs[row, 0] == here else ranks[::-1]
    return Place(_("all together"), None, there, back)
