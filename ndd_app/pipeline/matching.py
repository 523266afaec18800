"""From rankings to candidates: the pairs of a collection that may be duplicates, with what each detector says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from ndd_app.description import adapter
from ndd_app.exceptions import NoPhotos
from ndd_app.models import Candidate, Collection, Encoder, Evidence, Fingerprint, Photo, Verdict
from ndd_app.pipeline.encoders import ready_encoders, serve
from ndd_app.pipeline.features import read_pixels
from ndd_app.pipeline.judgement import Judged, judge, pairs_with_a_common_partner
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by, fuse_encoders
from ndd_app.pipeline.variants import propose_by_variants
from ndd_app.pipeline.verification import registered, verify_as_they_are, verify_in_all_variants
from ndd_app.signals import candidates_found
from ndd_app.vision import hashing
from ndd_app.vision.neighbours import (
    Indices,
    nearest_by_bits,
    pairs_within,
    places,
    ranked_lists,
    shared_bits,
    unordered,
)
from ndd_app.vision.relations import flags_of, kind_of
from ndd_app.vision.verification import Details

NEIGHBOURS = 20
"""Neighbours of each photo, by each encoder and fingerprint, that are looked at as pairs."""
VERIFIED = 8
"""The nearest of these, by each encoder and fused, are verified by geometry."""
FLOOR = 0.02
"""Pairs with a smaller chance are not stored. A pair with a verdict always is."""
CONFIDENT = 0.9
"""A photo with a partner of this chance needs no variants."""
LIKE_BITS = 0.9
"""The share of equal bits from which on a fingerprint proposes a pair, and is worth being mentioned."""
Detector = Evidence.Detector
Codes = dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class MatchResult:
    photos: int
    pairs: int
    shown: int
    expected_false: float
    """How many of the shown pairs are expected to be no duplicates: the sum of what their chances leave open."""
    verified: int
    """Pairs in which geometry found matching points."""
    encoders: tuple[str, ...]


def find_duplicates(collection: Collection, switch: bool = False, track: Track = untracked) -> MatchResult:
    """Match every photo with all others, by the encoders that serve, and replace the collection's candidates.

    `switch`: by the newest encoders that are ready; they serve from now on, in the same transaction.
    """
    photos = list(collection.photos.order_by("pk"))
    if not photos:
        raise NoPhotos(collection=collection.slug)
    used = embedded_by(collection, ready_encoders(collection) if switch else Encoder.objects.serving(collection))
    codes = _fingerprints(photos)
    answered = _answered_pairs(photos)
    also = unordered([_alike_by_bits(codes), _of_equal_pixels(photos), answered])
    judged = _judge_with_geometry(photos, used, also, track)
    lists = ranked_lists(judged.fused, len(photos), NEIGHBOURS)
    likely = judged.probabilities.duplicate >= FLOOR
    kept = (likely | _among(judged.fused.pairs, answered)) & ~_of_one_record(photos, judged.fused.pairs)
    judged = judged.only(kept)
    candidates = _candidates(photos, judged, places(lists, judged.fused.pairs))
    evidence = list(_evidence(track(candidates, "Comparing pairs", len(candidates)), judged, used, codes))
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)  # one matching at a time replaces the pairs
        Candidate.objects.filter(first__collection=collection).delete()
        Candidate.objects.bulk_create(candidates, batch_size=2_000)
        Evidence.objects.bulk_create(evidence, batch_size=2_000)
        Collection.objects.filter(pk=collection.pk).update(matched_at=Now())
        for encoder in used:
            if switch and encoder.collection_id == collection.pk:
                serve(encoder)
        shown = Candidate.objects.shown().filter(first__collection=collection)
        expected_false = float(shown.aggregate(none=Sum(1 - F("probability"), default=0.0))["none"])
        verified = sum(map(bool, judged.details))
        names = tuple(map(str, used))
        result = MatchResult(len(photos), len(candidates), shown.count(), expected_false, verified, names)
        transaction.on_commit(lambda: candidates_found.send(Collection, collection=collection, result=result))
    return result


def _judge_with_geometry(photos: Sequence[Photo], used: Sequence[Encoder], also: Indices, track: Track) -> Judged:
    """Cheap first: the nearest as they are; the variants of photos without a partner; pairs with one in common."""
    fused = fuse_encoders(photos, used, NEIGHBOURS, also)
    lists = ranked_lists(fused, len(photos), VERIFIED)
    near = ((fused.ranks > 0) & (fused.ranks <= VERIFIED)).any(axis=(1, 2))
    wanted = near | (places(lists, fused.pairs) > 0).any(axis=1) | _among(fused.pairs, also)
    verify_as_they_are(photos, fused.pairs[wanted], track)
    judged = judge(photos, fused)
    lonely = np.setdiff1d(np.arange(len(photos)), judged.fused.pairs[judged.probabilities.duplicate >= CONFIDENT])
    if lonely.size:
        proposed = propose_by_variants(photos, used, lonely.tolist(), track)
        verify_in_all_variants(photos, proposed, lonely.tolist(), track)
        also = unordered([also, proposed])
        judged = judge(photos, fuse_encoders(photos, used, NEIGHBOURS, also))
    common = pairs_with_a_common_partner(photos, judged)
    if not len(common):
        return judged
    without = common[[not found for found in registered(photos, common)]]
    verify_in_all_variants(photos, without, lonely.tolist(), track)
    return judge(photos, fuse_encoders(photos, used, NEIGHBOURS, unordered([also, common])))


def _fingerprints(photos: Sequence[Photo]) -> Codes:
    """(n, bits) of 0 and 1 for each kind of fingerprint."""
    stored = Fingerprint.objects.in_bulk([photo.pk for photo in photos])
    lost = [_fingerprint_again(photo) for photo in photos if photo.pk not in stored]
    stored |= {fingerprint.photo_id: fingerprint for fingerprint in Fingerprint.objects.bulk_create(lost)}
    names = {Detector.PHASH: "phash", Detector.BLOCK_MEAN: "block_mean"}
    return {
        detector: np.array([[*getattr(stored[photo.pk], name)] for photo in photos]).astype(np.uint8)
        for detector, name in names.items()
    }


def _fingerprint_again(photo: Photo) -> Fingerprint:
    pixels = read_pixels(photo)
    return Fingerprint(photo=photo, phash=hashing.phash(pixels), block_mean=hashing.block_mean_hash(pixels))


def _alike_by_bits(codes: Codes) -> Indices:
    lists = (nearest_by_bits(code, NEIGHBOURS) for code in codes.values())
    return unordered([pairs_within(found, NEIGHBOURS, at_least=LIKE_BITS) for found in lists])


def _of_equal_pixels(photos: Sequence[Photo]) -> Indices:
    """Each with the next few of its kind: a thousand copies of one placeholder are no million pairs."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, photo in enumerate(photos):
        holders[photo.pixel_hash].append(number)
    return _as_pairs(
        (one, other)
        for numbers in holders.values()
        for place, one in enumerate(numbers)
        for other in numbers[place + 1 : place + 1 + NEIGHBOURS]
    )


def _answered_pairs(photos: Sequence[Photo]) -> Indices:
    """A person's answer keeps a pair in view, whatever the encoders of today think of it."""
    number = {photo.pk: row for row, photo in enumerate(photos)}
    of_collection = {"first__collection": photos[0].collection_id, "second__collection": photos[0].collection_id}
    pairs = Verdict.objects.filter(**of_collection).values_list("first_id", "second_id")
    return _as_pairs((number[one], number[other]) for one, other in pairs if one in number and other in number)


def _of_one_record(photos: Sequence[Photo], pairs: Indices) -> npt.NDArray[np.bool_]:
    same_record = adapter().same_record
    return np.array([same_record(photos[first], photos[second]) for first, second in pairs], bool)


def _as_pairs(pairs: Iterable[tuple[int, int]]) -> Indices:
    return np.array(list(pairs), np.int64).reshape(-1, 2)


def _among(pairs: Indices, some: Indices) -> npt.NDArray[np.bool_]:
    wanted = {(int(first), int(second)) for first, second in unordered([some])}
    return np.array([(int(first), int(second)) in wanted for first, second in pairs], bool)


def _candidates(photos: Sequence[Photo], judged: Judged, ranks: Indices) -> list[Candidate]:
    probabilities = judged.probabilities
    chances = zip(probabilities.duplicate.tolist(), probabilities.same_image.tolist(), strict=True)
    columns = zip(judged.fused.pairs, judged.fused.scores.tolist(), chances, judged.details, ranks, strict=True)
    return [
        Candidate(
            first=photos[first],
            second=photos[second],
            score=score,
            probability=duplicate,
            probability_same_image=same_image,
            relation=_relation(photos[first], photos[second], duplicate, same_image, details),
            flags=_flags(photos[first], photos[second], details),
            rank_of_second=int(there) or None,
            rank_of_first=int(back) or None,
        )
        for (first, second), score, (duplicate, same_image), details, (there, back) in columns
    ]


def _relation(first: Photo, second: Photo, duplicate: float, same_image: float, details: Details) -> str:
    is_equal = first.pixel_hash == second.pixel_hash
    return Candidate.Relation.SAME_IMAGE if is_equal else kind_of(duplicate, same_image, details)


def _flags(first: Photo, second: Photo, details: Details) -> list[str]:
    return [*(["same file"] if first.checksum == second.checksum else []), *flags_of(details)]


def _evidence(
    candidates: Iterable[Candidate], judged: Judged, encoders: Sequence[Encoder], codes: Codes
) -> Iterator[Evidence]:
    """What each detector that has something to say says about each pair."""
    fused = judged.fused
    bits = {detector: shared_bits(code, fused.pairs) for detector, code in codes.items()}
    for row, candidate in enumerate(candidates):
        for column, encoder in enumerate(encoders):
            there, back = fused.ranks[row, column]
            yield Evidence(
                candidate=candidate,
                detector=Detector(encoder.family),
                encoder=encoder,
                score=float(fused.similarity[row, column]),
                rank_of_second=int(there) or None,
                rank_of_first=int(back) or None,
            )
        for detector, shares in bits.items():
            if shares[row] >= LIKE_BITS:
                yield Evidence(candidate=candidate, detector=detector, score=float(shares[row]))
        if details := judged.details[row]:
            yield Evidence(candidate=candidate, detector=Detector.GEOMETRY, score=details["inliers"])
        if candidate.first.pixel_hash == candidate.second.pixel_hash:
            yield Evidence(candidate=candidate, detector=Detector.SAME_PIXELS, score=1)
        if candidate.first.checksum == candidate.second.checksum:
            yield Evidence(candidate=candidate, detector=Detector.SAME_FILE, score=1)
