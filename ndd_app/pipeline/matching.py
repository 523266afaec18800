"""From rankings to candidates: the pairs of a collection that may be duplicates, with what each detector says."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now
from django.template.defaultfilters import pluralize

from ndd_app.exceptions import NoPhotos, NotEmbedded
from ndd_app.models import Candidate, Collection, Encoder, Photo, Verdict
from ndd_app.pipeline.across import lock_collections, match_across
from ndd_app.pipeline.candidates import (
    LIKE_BITS,
    Codes,
    among,
    as_pairs,
    candidates_of,
    evidence_of,
    fingerprints,
    likely_but_unsure,
    store_candidates,
    without_partner,
    worth_storing,
)
from ndd_app.pipeline.encoders import load_encoder
from ndd_app.pipeline.judgement import Judged, Settled, judge, pairs_with_a_common_partner
from ndd_app.pipeline.limits import NEIGHBOURS, VERIFIED
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by, fuse_encoders
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.serving import embedded_encoders, outgrown, ready_encoders, serving_with
from ndd_app.pipeline.serving import switch as let_serve
from ndd_app.pipeline.variants import propose_by_variants
from ndd_app.pipeline.verification import (
    Unread,
    drop_outdated,
    verify_as_they_are,
    verify_in_all_variants,
    verify_tilted,
    without_points,
)
from ndd_app.signals import candidates_found
from ndd_app.vision.neighbours import Indices, nearest_by_bits, pairs_within, places, ranked_lists, unordered

DOUBTFUL = 0.05
"""Pairs that are as likely without matching points are looked at in all variants: few, and worth the time."""


MOST_NAMED = 20
"""Photos that could not be read, of which the notes of a matching give the reasons."""


@dataclass(frozen=True)
class MatchResult:
    """Of the pairs within the collection: whoever sees the job may not see the other collections.

    expected_false: how many of the shown pairs are expected to be no duplicates: the sum of what the chances leave open
    of those that nobody has confirmed. verified: pairs in which geometry found matching points. notes: what a person
    should know.
    """

    photos: int
    pairs: int
    shown: int
    expected_false: float
    verified: int
    encoders: tuple[str, ...]
    notes: tuple[str, ...]


def find_duplicates(
    collection: Collection, switch: bool = False, track: Track = untracked, encoder: Encoder | None = None
) -> MatchResult:
    """Match every photo with all others, by the encoders that serve, and replace the collection's candidates.

    Then with the photos of all other collections, by the site encoders.
    `switch`: by the newest encoders that are ready. `encoder`: by the one that a person has chosen. They serve from now
    on, in the same transaction.
    """
    started = Collection.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=collection.pk)
    photos = list(collection.photos.order_by("pk"))
    if not photos:
        raise NoPhotos(collection=collection.slug)
    used = embedded_by(collection, _wanted(collection, switch, encoder))
    unread: Unread = {}
    codes = fingerprints(photos, unread)
    also = unordered([equal_or_alike(photos, codes), answered_pairs(photos)])
    settled = settled_pairs(photos)
    judged = judge_with_geometry(photos, used, also, settled, track, unread)
    lists = ranked_lists(judged.fused, len(photos), NEIGHBOURS)
    lonely = without_partner(photos, judged, settled)
    judged = worth_storing(photos, judged, answered_pairs(photos))  # people answer meanwhile
    candidates = candidates_of(photos, judged, places(lists, judged.fused.pairs))
    evidence = list(evidence_of(track(candidates, "Comparing pairs", len(candidates)), judged, used, codes))
    across = match_across(collection, photos, [photos[number] for number in lonely], track, unread)
    with transaction.atomic():
        lock_collections()
        Candidate.objects.within(collection).delete()
        stored = store_candidates(candidates, evidence)
        if across:
            across.store()
        drop_outdated(collection)
        # Not the time of now: of photos that came meanwhile it knows nothing.
        Collection.objects.filter(pk=collection.pk).update(matched_at=started)
        if switch or encoder:
            for each in used:
                let_serve(collection, each, by_hand=encoder is not None)
        shown = Candidate.objects.shown().within(collection)
        verified = sum(map(bool, judged.details))
        names = tuple(map(str, used))
        pictures = len({photo.pixel_hash for photo in photos})
        notes = [*outgrown(collection, collection.encoders.order_by("pk"), pictures), *_named(unread, collection)]
        result = MatchResult(len(photos), stored, shown.count(), shown.expected_false(), verified, names, tuple(notes))
        transaction.on_commit(lambda: candidates_found.send(Collection, collection=collection, result=result))
    return result


def _wanted(collection: Collection, switch: bool, encoder: Encoder | None) -> list[Encoder]:
    if encoder:
        able = embedded_encoders(collection) if encoder.collection_id else Encoder.objects.embedded(collection)
        if encoder not in able:
            raise NotEmbedded(collection=collection.slug)
        load_encoder(encoder)  # raises where it could embed no photo that comes later
        return serving_with(collection, encoder)
    return ready_encoders(collection) if switch else Encoder.objects.serving(collection)


def _named(unread: Unread, collection: Collection) -> list[str]:
    """Only photos of the collection that are still there: whoever sees the job may not see the others."""
    there = collection.photos.all().still_there(unread)
    named = [f"{photo.path}: {reason}" for photo, reason in unread.items() if photo.pk in there]
    more = len(named) - MOST_NAMED
    return [*named[:MOST_NAMED], *([f"{more} more photo{pluralize(more)} could not be read."] if more > 0 else [])]


def judge_with_geometry(
    photos: Sequence[Photo],
    used: Sequence[Encoder],
    also: Indices,
    settled: Settled,
    track: Track,
    unread: Unread | None = None,
) -> Judged:
    """Cheap first: the nearest as they are; then, of photos without a partner, what their variants propose.

    Then, until nothing is left to look at: whatever may be a duplicate or has a partner in common and no matching
    points, in all variants; and at last what is likely and not yet certain, tilted. What one shows may make others
    likely.
    """
    fused = fuse_encoders(photos, used, NEIGHBOURS, also)
    lists = ranked_lists(fused, len(photos), VERIFIED)
    near = ((fused.ranks > 0) & (fused.ranks <= VERIFIED)).any(axis=(1, 2))
    wanted = near | (places(lists, fused.pairs) > 0).any(axis=1) | among(fused.pairs, also)
    verify_as_they_are(photos, fused.pairs[wanted], track, unread)
    judged = judge(photos, fused, settled)
    lonely = without_partner(photos, judged, settled)
    if lonely.size:
        proposed = propose_by_variants(photos, used, lonely.tolist(), track)
        verify_in_all_variants(photos, proposed, lonely.tolist(), track, unread)
        also = unordered([also, proposed])
        judged = judge(photos, fuse_encoders(photos, used, NEIGHBOURS, also), settled)
    while True:
        common = pairs_with_a_common_partner(photos, judged, settled)
        doubtful = judged.fused.pairs[judged.probabilities.duplicate >= DOUBTFUL]
        unmatched = without_points(photos, unordered([common, doubtful]))
        looked_at = verify_in_all_variants(photos, unmatched, lonely.tolist(), track, unread)
        also, before = unordered([also, common]), len(judged.fused.pairs)
        fused = fuse_encoders(photos, used, NEIGHBOURS, also)
        judged = judge(photos, fused, settled)
        if looked_at or len(fused.pairs) > before:
            continue
        if not verify_tilted(photos, likely_but_unsure(judged), track, unread):
            return judged
        judged = judge(photos, fused, settled)


def equal_or_alike(photos: Sequence[Photo], codes: Codes) -> Indices:
    """(m, 2): pairs that are looked at whatever the encoders say: of like fingerprints or equal pixels."""
    return unordered([_alike_by_bits(codes), _of_equal_pixels(photos)])


def _alike_by_bits(codes: Codes) -> Indices:
    lists = (nearest_by_bits(code, NEIGHBOURS) for code in codes.values())
    return unordered([pairs_within(found, NEIGHBOURS, at_least=LIKE_BITS) for found in lists])


def _of_equal_pixels(photos: Sequence[Photo]) -> Indices:
    """Each with the next few of its kind: a thousand copies of one placeholder are no million pairs."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, photo in enumerate(photos):
        holders[photo.pixel_hash].append(number)
    return as_pairs(
        (one, other)
        for numbers in holders.values()
        for place, one in enumerate(numbers)
        for other in numbers[place + 1 : place + 1 + NEIGHBOURS]
    )


def answered_pairs(photos: Sequence[Photo]) -> Indices:
    """A person's answer keeps a pair in view, whatever the encoders of today think of it."""
    number = {photo.pk: row for row, photo in enumerate(photos)}
    of_collection = {"first__collection": photos[0].collection_id, "second__collection": photos[0].collection_id}
    pairs = Verdict.objects.filter(**of_collection).values_list("first_id", "second_id")
    return as_pairs((number[one], number[other]) for one, other in pairs if one in number and other in number)
