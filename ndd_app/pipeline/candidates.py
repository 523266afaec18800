"""What is stored of judged pairs: candidates, and what each detector says about them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ndd_app.description import adapter
from ndd_app.exceptions import NddError
from ndd_app.models import Candidate, Encoder, Evidence, Fingerprint, Photo, Verdict
from ndd_app.pipeline.features import read_pixels
from ndd_app.pipeline.judgement import Judged, Settled
from ndd_app.pipeline.limits import FLOOR
from ndd_app.pipeline.verification import Unread
from ndd_app.vision import hashing
from ndd_app.vision.neighbours import Indices, shared_bits, unordered
from ndd_app.vision.relations import flags_of, kind_of
from ndd_app.vision.verification import Details

CONFIDENT = 0.9
"""A photo with a partner of this chance needs no variants."""
LIKELY, SURE = 0.5, 0.99
"""Between these chances tilted views decide: of very few pairs, and worth two seconds each."""
LIKE_BITS = 0.9
"""The share of equal bits from which on a fingerprint proposes a pair, and is worth being mentioned."""
Detector = Evidence.Detector
Codes = dict[str, npt.NDArray[np.uint8]]


def worth_storing(photos: Sequence[Photo], judged: Judged, answered: Indices) -> Judged:
    likely = judged.probabilities.duplicate >= FLOOR
    kept = judged.only(likely | among(judged.fused.pairs, answered))
    return kept.only(~_of_one_record(photos, kept.fused.pairs))


def without_partner(photos: Sequence[Photo], judged: Judged, settled: Settled) -> Indices:
    """The photos, as indices, that have no confident partner; a refused one is none, nor is one of the same record."""
    likely = judged.fused.pairs[judged.probabilities.duplicate >= CONFIDENT]
    ids = [(photos[one].pk, photos[other].pk) for one, other in likely]
    refused = np.array([settled.get(pair) == Verdict.Answer.NO for pair in ids], bool)
    return np.setdiff1d(np.arange(len(photos)), likely[~refused & ~_of_one_record(photos, likely)])


def likely_but_unsure(judged: Judged) -> Indices:
    """(m, 2): pairs that tilted views may decide."""
    chance = judged.probabilities.duplicate
    return judged.fused.pairs[(chance >= LIKELY) & (chance < SURE)]


def _of_one_record(photos: Sequence[Photo], pairs: Indices) -> npt.NDArray[np.bool_]:
    same_record = adapter().same_record
    return np.array([same_record(photos[first], photos[second]) for first, second in pairs], bool)


def as_pairs(pairs: Iterable[tuple[int, int]]) -> Indices:
    return np.array(list(pairs), np.int64).reshape(-1, 2)


def among(pairs: Indices, some: Indices) -> npt.NDArray[np.bool_]:
    wanted = {(int(first), int(second)) for first, second in unordered([some])}
    return np.array([(int(first), int(second)) in wanted for first, second in pairs], bool)


def candidates_of(photos: Sequence[Photo], judged: Judged, ranks: Indices) -> list[Candidate]:
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
    """Equal pixels that show nothing, as of two black scans, make no image."""
    is_same = first.pixel_hash == second.pixel_hash and duplicate >= LIKELY
    return Candidate.Relation.SAME_IMAGE if is_same else kind_of(duplicate, same_image, details)


def _flags(first: Photo, second: Photo, details: Details) -> list[str]:
    return [*(["same file"] if first.checksum == second.checksum else []), *flags_of(details)]


def evidence_of(
    candidates: Iterable[Candidate], judged: Judged, encoders: Sequence[Encoder], codes: Codes
) -> Iterator[Evidence]:
    """What each detector that has something to say says about each pair."""
    fused = judged.fused
    bits = {detector: shared_bits(code, fused.pairs) for detector, code in codes.items()}
    for row, candidate in enumerate(candidates):
        for column, encoder in enumerate(encoders):
            if not fused.similarity[row, column]:
                continue  # a zero row: it sees nothing in one of the two
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


def store_candidates(candidates: Sequence[Candidate], evidence: Iterable[Evidence]) -> int:
    """How many are stored: nothing is of photos that a host has deleted meanwhile."""
    there = Photo.objects.kept_there(photo for pair in candidates for photo in (pair.first, pair.second))
    left = [pair for pair in candidates if {pair.first_id, pair.second_id} <= there]
    Candidate.objects.bulk_create(left, batch_size=2_000)
    Evidence.objects.bulk_create((row for row in evidence if row.candidate.pk), batch_size=2_000)
    return len(left)


def fingerprints(photos: Sequence[Photo], unread: Unread | None = None) -> Codes:
    """(n, bits) of 0 and 1 for each kind of fingerprint. Lost ones are taken again; `unread`: where that failed."""
    known = Fingerprint.objects.in_bulk([photo.pk for photo in photos])
    lost = [photo for photo in photos if photo.pk not in known]
    known |= _taken_again(lost, {} if unread is None else unread)
    every = [known.get(photo.pk) or _like_no_other(photo) for photo in photos]
    names = {Detector.PHASH: "phash", Detector.BLOCK_MEAN: "block_mean"}
    return {
        detector: np.array([[*getattr(fingerprint, name)] for fingerprint in every]).astype(np.uint8)
        for detector, name in names.items()
    }


def _taken_again(lost: Sequence[Photo], unread: Unread) -> dict[int, Fingerprint]:
    """By the ids of the photos. Nothing is stored of photos that a host has deleted meanwhile."""
    taken = {}
    for photo in lost:
        try:
            pixels = read_pixels(photo)
        except NddError as reason:
            unread[photo] = reason
        else:
            bits = {"phash": hashing.phash(pixels), "block_mean": hashing.block_mean_hash(pixels)}
            taken[photo.pk] = Fingerprint(photo=photo, **bits)
    kept = [taken[pk] for pk in taken.keys() & Photo.objects.still_there(lost)]
    Fingerprint.objects.bulk_create(kept, ignore_conflicts=True)  # another matching may have been faster
    return taken


def _like_no_other(photo: Photo) -> Fingerprint:
    """Equal bits would make all photos that cannot be read duplicates of each other."""
    drawn = np.random.default_rng(photo.pk)
    phash, block_mean = ("".join(map(str, drawn.integers(0, 2, bits))) for bits in (64, 256))
    return Fingerprint(photo=photo, phash=phash, block_mean=block_mean)
