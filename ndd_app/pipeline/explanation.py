"""What every step of the matching made of one pair, and where a pair that is not shown was lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ndd_app.models import Candidate, Encoder, Photo, Verdict
from ndd_app.pipeline.candidates import NEIGHBOURS
from ndd_app.pipeline.embedding import load_embeddings
from ndd_app.pipeline.judgement import judge
from ndd_app.pipeline.matching import VERIFIED
from ndd_app.pipeline.ranking import embedded_by, fuse_encoders
from ndd_app.pipeline.review import agreed_answer
from ndd_app.pipeline.verification import verify_in_all_variants
from ndd_app.vision.neighbours import nearest_of_two, places, ranked_lists
from ndd_app.vision.verification import Details


@dataclass(frozen=True)
class Place:
    """Where each photo stands in the other's list, from 1; None where an encoder sees nothing in one of them."""

    name: str
    similarity: float
    of_other: int | None
    of_one: int | None


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
    verify_in_all_variants(photos, pair, [first, second])
    judged = judge(photos, fuse_encoders(photos, used, NEIGHBOURS, pair))
    row = int(np.flatnonzero((judged.fused.pairs == pair).all(axis=1))[0])
    swapped = numbers[one.pk] != first
    found = [_place(str(encoder), photos, encoder, (numbers[one.pk], numbers[other.pk])) for encoder in used]
    lists = ranked_lists(judged.fused, len(photos), NEIGHBOURS)
    there, back = places(lists, pair)[0]
    here = (back, there) if swapped else (there, back)
    found.append(Place("fused", float(judged.fused.scores[row]), int(here[0]) or None, int(here[1]) or None))
    duplicate = float(judged.probabilities.duplicate[row])
    outcome = _outcome(one, other, found, judged.details[row], duplicate)
    return Explanation(found, judged.details[row], duplicate, float(judged.probabilities.same_image[row]), outcome)


def _place(name: str, photos: Sequence[Photo], encoder: Encoder, pair: tuple[int, int]) -> Place:
    return Place(name, *nearest_of_two(load_embeddings(photos, encoder), *pair))


def _outcome(one: Photo, other: Photo, found: Sequence[Place], details: Details, duplicate: float) -> str:
    first, second = sorted((one, other), key=lambda photo: photo.pk)
    candidate = Candidate.objects.filter(first=first, second=second).first()
    if agreed_answer(Verdict.objects.on(one, other).latest_of_each_person()) == Verdict.Answer.NO:
        return "Not shown: people have answered no."
    show_from = one.collection.show_from
    if candidate and (candidate.probability or 0) >= show_from:
        return f"Shown: its chance of {candidate.probability:.0%} reaches {show_from:.0%}."
    if candidate:
        return f"Not shown: its chance of {candidate.probability:.0%} does not reach {show_from:.0%}."
    best = min((rank for place in found[:-1] for rank in (place.of_other, place.of_one) if rank), default=None)
    if best is None:
        return "Lost at the start: no encoder sees anything in one of the two photos."
    if best > NEIGHBOURS:
        return (
            f"Lost among the neighbours: the best place of one in a list of the other is {best}, the lists end at"
            f" {NEIGHBOURS}." + (" Geometry would have confirmed it." if details else "")
        )
    if best > VERIFIED and details:
        return f"Lost before geometry: place {best} is beyond the {VERIFIED} that are verified, which would confirm it."
    return f"Lost at the end: its chance of {duplicate:.1%} is too small to be stored."
