"""Pairs of a collection's photos with those of all other collections: “is this one described already?”

By the site encoders, which have embedded every photo of the archive. A photo's strangers are those of the whole
archive: the photos of other collections alone may be a handful, and tell nothing. What one collection's matching has
found is judged anew by the other's, so that it makes no difference which of them comes last. No ranks are kept: the
second place would tell somebody who may see one pair only that there is another.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ndd_app.models import Candidate, Collection, Encoder, Evidence, Photo, Verdict
from ndd_app.pipeline.candidates import (
    among,
    as_pairs,
    candidates_of,
    evidence_of,
    fingerprints,
    likely_but_unsure,
    store_candidates,
    worth_storing,
)
from ndd_app.pipeline.embedding import load_archive, load_some
from ndd_app.pipeline.judgement import Judged, judge
from ndd_app.pipeline.limits import NEAREST_ELSEWHERE, NEAREST_VARIANT_ELSEWHERE, NEIGHBOURS
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.variants import variants_of
from ndd_app.pipeline.verification import Unread, verify_as_they_are, verify_in_all_variants, verify_tilted
from ndd_app.vision.neighbours import (
    LAST_STRANGER,
    Fused,
    Indices,
    Part,
    fuse_pairs,
    nearest_in,
    pairs_within,
    places,
    ranked_lists,
    unordered,
)


@dataclass(frozen=True)
class Across:
    """Judged pairs across collections, ready to be stored; looked_at: the ids of all that were judged."""

    collection: Collection
    looked_at: Indices
    candidates: list[Candidate]
    evidence: list[Evidence]

    def store(self) -> None:
        """Replace what was known of the pairs that were judged. Whatever another matching found meanwhile stays."""
        known = list(Candidate.objects.across(self.collection).values_list("pk", "first_id", "second_id"))
        outdated = among(as_pairs((first, second) for _, first, second in known), self.looked_at)
        Candidate.objects.filter(pk__in=[pk for (pk, *_), old in zip(known, outdated, strict=True) if old]).delete()
        store_candidates(self.candidates, self.evidence)


def lock_collections() -> None:
    """One matching at a time replaces pairs. In one order: two of them do not wait for each other."""
    list(Collection.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def match_across(
    collection: Collection,
    photos: Sequence[Photo],
    lonely: Sequence[Photo],
    track: Track = untracked,
    unread: Unread | None = None,
) -> Across | None:
    """Match the collection's photos with those of all others; the lonely ones also mirrored, inverted, descreened.

    None where there is nothing to compare, or by nothing that both sides have.
    """
    embedded = Encoder.objects.embedded(collection)
    encoders = [encoder for encoder in Encoder.objects.site() if encoder in embedded]
    if not encoders or not Photo.objects.exclude(collection=collection).exists():
        return None
    looking = track(encoders, "Looking through the other collections", len(encoders))
    near = [_proposed(load_some(photos, encoder), encoder, NEAREST_ELSEWHERE) for encoder in looking]
    variants = ((variant, encoder) for encoder in encoders for variant in _variants(lonely, encoder, track))
    odd = [_proposed(variant, encoder, NEAREST_VARIANT_ELSEWHERE) for variant, encoder in variants]
    known = unordered([_answered(collection), _known(collection), _of_equal_pixels(collection)])
    sides = _Sides(unordered([known, *near, *odd]), encoders)
    if not sides.photos:
        return None
    _verify(sides, collection, known, unordered(odd), track, unread)
    settled = settled_pairs(sides.photos)
    judged = judge(sides.photos, sides.fused, settled)
    if len(unsure := likely_but_unsure(judged)):
        verify_tilted(sides.photos, unsure, track, unread)
        judged = judge(sides.photos, sides.fused, settled)
    stored = worth_storing(sides.photos, judged, sides.local(_answered(collection)))
    candidates = candidates_of(sides.photos, stored, np.zeros_like(stored.fused.pairs))
    return Across(collection, sides.pairs, candidates, list(_evidence(sides, candidates, stored, unread)))


class _Sides:
    """The photos that occur in some pairs, in the order of their ids, as the encoders see them."""

    def __init__(self, pairs: Indices, encoders: Sequence[Encoder]) -> None:
        self.encoders = encoders
        self.photos = list(Photo.objects.filter(pk__in=np.unique(pairs).tolist()).order_by("pk"))
        self.ids = np.array([photo.pk for photo in self.photos], np.int64)
        self.pairs = self._still_there(pairs)

    def local(self, pairs: Indices) -> Indices:
        """Pairs of ids as indices into `photos`."""
        return np.searchsorted(self.ids, self._still_there(pairs))

    def _still_there(self, pairs: Indices) -> Indices:
        """A host may delete photos while others are looked at."""
        return pairs[np.isin(pairs, self.ids).all(axis=1)]

    @cached_property
    def fused(self) -> Fused:
        parts = [load_some(self.photos, encoder) for encoder in self.encoders]
        archives = [load_archive(encoder) for encoder in self.encoders]
        strangers = [nearest_in(*both, LAST_STRANGER) for both in zip(parts, archives, strict=True)]
        rows, no_ranks = [part.rows for part in parts], np.zeros((len(self.pairs), len(parts), 2), np.int64)
        return fuse_pairs(self.local(self.pairs), rows, strangers, no_ranks, Photo.objects.count())


def _verify(
    sides: _Sides, collection: Collection, known: Indices, odd: Indices, track: Track, unread: Unread | None
) -> None:
    """The nearest of each of the collection's photos as they are, what variants proposed in all variants."""
    fused = sides.fused
    lists = ranked_lists(fused, len(sides.photos), NEAREST_ELSEWHERE)
    is_own = np.array([photo.collection_id == collection.pk for photo in sides.photos], bool)
    there, back = places(lists, fused.pairs).T
    of_partner = np.where(is_own[fused.pairs[:, 0]], there, back)
    wanted = (of_partner > 0) | among(fused.pairs, sides.local(known))
    verify_as_they_are(sides.photos, fused.pairs[wanted], track, unread)
    verify_in_all_variants(sides.photos, sides.local(odd), np.flatnonzero(is_own).tolist(), track, unread)


def _proposed(queries: Part, encoder: Encoder, count: int) -> Indices:
    """(m, 2) ids: the photos with those of other collections that the encoder sees nearest to them."""
    rows, ids = pairs_within(nearest_in(queries, load_archive(encoder), count, elsewhere=True), count).T
    return np.stack([queries.numbers[rows], ids], axis=1)


def _variants(lonely: Sequence[Photo], encoder: Encoder, track: Track) -> Iterator[Part]:
    ids = np.array([photo.pk for photo in lonely], np.int64)
    collections = np.array([photo.collection_id for photo in lonely], np.int64)
    return (Part(ids, collections, rows) for rows in variants_of(lonely, encoder, track)) if lonely else iter(())


def _answered(collection: Collection) -> Indices:
    """A person's answer keeps a pair in view, whatever the encoders of today think of it."""
    verdicts = Verdict.objects.across(collection)
    return as_pairs(verdicts.values_list("first_id", "second_id"))


def _known(collection: Collection) -> Indices:
    return as_pairs(Candidate.objects.across(collection).order_by().values_list("first_id", "second_id"))


def _of_equal_pixels(collection: Collection) -> Indices:
    """Each with a few of its kind: a thousand copies of one placeholder are no million pairs."""
    own = collection.photos.values("pixel_hash")
    holders: dict[str, list[int]] = defaultdict(list)
    others = Photo.objects.exclude(collection=collection).filter(pixel_hash__in=own).order_by("pk")
    for pk, pixel_hash in others.values_list("pk", "pixel_hash"):
        holders[pixel_hash].append(pk)
    alike = collection.photos.filter(pixel_hash__in=list(holders)).values_list("pk", "pixel_hash")
    return as_pairs((pk, other) for pk, pixel_hash in alike for other in holders[pixel_hash][:NEIGHBOURS])


def _evidence(
    sides: _Sides, candidates: Sequence[Candidate], judged: Judged, unread: Unread | None
) -> Iterator[Evidence]:
    """Fingerprints only of the photos that are in a pair."""
    ids: npt.NDArray[np.int64] = np.unique(judged.fused.pairs)
    if not ids.size:
        return iter(())
    photos = [sides.photos[number] for number in ids]
    codes = {}
    for detector, code in fingerprints(photos, unread).items():
        codes[detector] = np.zeros((len(sides.photos), code.shape[1]), np.uint8)
        codes[detector][ids] = code
    return evidence_of(candidates, judged, sides.encoders, codes)
