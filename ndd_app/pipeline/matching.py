"""From rankings to candidates: the pairs of a collection that may be duplicates, with what each detector says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import transaction

from ndd_app.description import adapter
from ndd_app.exceptions import NoPhotos
from ndd_app.models import Candidate, Collection, Encoder, Evidence, Fingerprint, Photo, Verdict
from ndd_app.pipeline.encoders import ready_encoders, serve
from ndd_app.pipeline.features import read_pixels
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by, fuse_encoders
from ndd_app.signals import candidates_found
from ndd_app.vision import hashing
from ndd_app.vision.neighbours import (
    Fused,
    Indices,
    nearest_by_bits,
    pairs_within,
    places,
    ranked_lists,
    shared_bits,
    suggested_threshold,
    unordered,
)

NEIGHBOURS = 20
"""Neighbours of each photo, by each encoder and fingerprint, that are looked at as pairs."""
FLOOR = 0.0
"""Pairs below this score are not stored: strangers as near as these are usual. A pair with a verdict always is."""
SAME_PIXELS = 20.0
"""The score of two files with equal pixels, whatever the encoders say."""
LIKE_BITS = 0.9
"""The share of equal bits from which on a fingerprint proposes a pair, and is worth being mentioned."""
Detector = Evidence.Detector
Codes = dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class MatchResult:
    photos: int
    pairs: int
    shown: int
    threshold: float
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
    same = _of_equal_pixels(photos)
    answered = _answered_pairs(photos)
    fused = fuse_encoders(photos, used, NEIGHBOURS, also=unordered([_alike_by_bits(codes), same, answered]))
    fused.scores[_among(fused.pairs, same)] = SAME_PIXELS
    lists = ranked_lists(fused, len(photos), NEIGHBOURS)
    fused = fused.only((fused.scores >= FLOOR) | _among(fused.pairs, answered))
    fused = fused.only(~_of_one_record(photos, fused.pairs))
    threshold = suggested_threshold(fused, len(photos))
    candidates = _candidates(photos, fused, places(lists, fused.pairs))
    evidence = list(_evidence(track(candidates, "Comparing pairs", len(candidates)), fused, used, codes))
    with transaction.atomic():
        Collection.objects.select_for_update().get(pk=collection.pk)  # one matching at a time replaces the pairs
        Candidate.objects.filter(first__collection=collection).delete()
        Candidate.objects.bulk_create(candidates, batch_size=2_000)
        Evidence.objects.bulk_create(evidence, batch_size=2_000)
        Collection.objects.filter(pk=collection.pk).update(suggested_threshold=threshold)
        for encoder in used:
            if switch and encoder.collection_id == collection.pk:
                serve(encoder)
        shown = Candidate.objects.shown().filter(first__collection=collection).count()
        result = MatchResult(len(photos), len(candidates), shown, threshold, tuple(map(str, used)))
        transaction.on_commit(lambda: candidates_found.send(Collection, collection=collection, result=result))
    return result


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


def _candidates(photos: Sequence[Photo], fused: Fused, ranks: Indices) -> list[Candidate]:
    return [
        Candidate(
            first=photos[first],
            second=photos[second],
            score=score,
            rank_of_second=int(there) or None,
            rank_of_first=int(back) or None,
        )
        for (first, second), score, (there, back) in zip(fused.pairs, fused.scores.tolist(), ranks, strict=True)
    ]


def _evidence(
    candidates: Iterable[Candidate], fused: Fused, encoders: Sequence[Encoder], codes: Codes
) -> Iterator[Evidence]:
    """What each detector that has something to say says about each pair."""
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
        if candidate.first.pixel_hash == candidate.second.pixel_hash:
            yield Evidence(candidate=candidate, detector=Detector.SAME_PIXELS, score=1)
        if candidate.first.checksum == candidate.second.checksum:
            yield Evidence(candidate=candidate, detector=Detector.SAME_FILE, score=1)
