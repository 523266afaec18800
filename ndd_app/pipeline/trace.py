"""Where a pair that is not shown was lost, from what the database holds: no pixel is looked at anew.

Light enough for a web process. Ranks are exact, and count only photos of a given gallery, what a person may see; the
fused ones are those of the last matching, as on the record pages, and left out where the gallery is not all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ndd_app.description import adapter
from ndd_app.exceptions import StorageUnavailable
from ndd_app.models import Candidate, Encoder, Evidence, Fingerprint, Photo, Registration, Verdict
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.limits import FLOOR, NEAREST_ELSEWHERE, NEIGHBOURS, VERIFIED
from ndd_app.pipeline.review import agreed_answer
from ndd_app.storage import is_stored
from ndd_app.text import percent


@dataclass(frozen=True)
class Place:
    """Where each photo stands in the other's list, from 1; None where an encoder sees nothing in one, or lacks it."""

    name: str
    similarity: float | None
    of_other: int | None
    of_one: int | None


@dataclass(frozen=True)
class Geometry:
    """was_verified: by the last matching. details: what was found, also if it was looked for only now.

    unread: photos that could not be read now. only_now: the last matching looked, and found no points.
    """

    was_verified: bool
    details: Mapping[str, Any]
    unread: Sequence[Photo] = ()
    only_now: bool = False


@dataclass(frozen=True)
class Trace:
    places: list[Place]
    candidate: Candidate | None
    registration: Registration | None
    outcome: str
    """In words: shown, or the step at which the pair was lost."""
    tells_ranks: bool = False
    """The gallery is the whole collection: the places of the last matching tell of no photo that is not in it."""


def trace_pair(one: Photo, other: Photo, gallery: PhotoQuerySet) -> Trace:
    """`gallery`: the photos that count. Across collections the lists are of other collections, by the site encoders."""
    found = [_place(encoder, one, other, gallery) for encoder in _encoders(one, other)]
    candidate = Candidate.objects.between(one, other)
    registration = Registration.objects.between(one, other)
    geometry = Geometry(registration is not None, registration.details if registration else {})
    outcome = outcome_of(one, other, candidate, found, geometry)
    tells_ranks = candidate is not None and gallery.cover(one.collection)
    fused = _fused(one, candidate) if tells_ranks else []
    places = [*found, *places_by_fingerprint(one, other, gallery), *fused]
    return Trace(places, candidate, registration, outcome, tells_ranks)


def places_by_fingerprint(one: Photo, other: Photo, gallery: PhotoQuerySet) -> list[Place]:
    """None where one of the two has no fingerprints: the next matching takes them again."""
    found = Fingerprint.objects.select_related("photo").in_bulk([one.pk, other.pk])
    if len(found) < 2:
        return []
    mine, theirs = found[one.pk], found[other.pk]
    return [
        Place(
            detector.label,
            mine.shared_bits(theirs, kind),
            mine.place(theirs, kind, gallery),
            theirs.place(mine, kind, gallery),
        )
        for detector, kind in ((Evidence.Detector.PHASH, "phash"), (Evidence.Detector.BLOCK_MEAN, "block_mean"))
    ]


def outcome_of(
    one: Photo,
    other: Photo,
    candidate: Candidate | None,
    found: Sequence[Place],
    geometry: Geometry,
    chance: float | None = None,
) -> str:
    """`chance`: of a pair that is not stored, if known."""
    answer = agreed_answer(Verdict.objects.between(one, other).latest_of_each_person())
    if answer == Verdict.Answer.NO:
        return _("Not shown: people have answered no.")
    if adapter().same_record(one, other):
        return _("No pair: both are scans of one record.")
    if candidate and answer == Verdict.Answer.YES:
        return _("Shown: people have answered yes.")
    if candidate:
        return _of_candidate(candidate)
    if reason := _never_looked_at(one, other):
        return reason
    if not geometry.was_verified:
        words = _before_geometry(one, other, found, geometry.unread)
        confirmed = bool(geometry.details) and chance is not None and chance >= FLOOR
        return words + (" " + _("Geometry would have confirmed it.") if confirmed else "")
    if chance is not None and chance >= FLOOR and geometry.only_now:
        lost = _(
            "Lost in geometry: the matching tries variants of photos without a partner only. Looked at now, in all of"
            " them, it has a chance of {chance}: answer “yes” when comparing the two, and the pair is kept."
        )
        return lost.format(chance=percent(chance))
    if chance is not None and chance >= FLOOR:
        lost = _(
            "Not stored by the last matching. Looked at now, in all variants, it has a chance of {chance}: match again."
        )
        return lost.format(chance=percent(chance))
    small = f"{100 * chance:.1f} %" if chance is not None else _("less than {floor}").format(floor=percent(FLOOR))
    if geometry.details:
        return _("Lost at the end: its chance of {small} is too small to be stored.").format(small=small)
    lost = _("Lost at the end: without matching points its chance of {small} is too small to be stored.")
    return lost.format(small=small)


def _before_geometry(one: Photo, other: Photo, found: Sequence[Place], unread: Sequence[Photo]) -> str:
    is_across = one.collection_id != other.collection_id
    best = min((rank for place in found for rank in (place.of_other, place.of_one) if rank), default=None)
    looked_at, verified = (NEAREST_ELSEWHERE, NEAREST_ELSEWHERE) if is_across else (NEIGHBOURS, VERIFIED)
    if best is None:
        return _unseen(one, other)
    if best > looked_at:
        lost = _("Lost among the neighbours: its best place in a list is {best}, and the nearest {end} are looked at.")
        return lost.format(best=best, end=looked_at)
    if best > verified:
        lost = _("Lost before geometry: at place {best} it was not among the {end} nearest that are verified.")
        return lost.format(best=best, end=verified)
    if gone := unread or [photo for photo in (one, other) if not _has_files(photo)]:
        lost = _("Lost before geometry: the stored scan of {photos} cannot be read. Restore it, then match again.")
        return lost.format(photos=_names(gone))
    if is_across:
        return _("Lost before geometry: in all lists taken together, others stood before it.")
    words = _(
        "Not verified by the last matching, though it stands at place {best} now: match again. The job names photos"
        " that cannot be read."
    )
    return words.format(best=best)


def _unseen(one: Photo, other: Photo) -> str:
    encoders = _encoders(one, other)
    rows = {photo: photo.embeddings.filter(encoder__in=encoders).count() for photo in (one, other)}
    if missing := [photo for photo, count in rows.items() if count < max(1, len(encoders))]:
        words = _(
            "Lost at the start: not every encoder has embedded {photos}. Embed the collection, then match again; the"
            " job names photos that cannot be read."
        )
        return words.format(photos=_names(missing))
    return _("Lost at the start: no encoder sees anything in one of the two photos.")


def _has_files(photo: Photo) -> bool:
    """Those that geometry reads. A storage that cannot be asked now says nothing against them."""
    try:
        return all(is_stored(str(file.name)) for file in (photo.working_copy, photo.thumbnail))
    except StorageUnavailable:
        return True


def _names(photos: Sequence[Photo]) -> str:
    return ", ".join(photo.name_in_collection for photo in photos)


def _of_candidate(candidate: Candidate) -> str:
    chance, needed = candidate.probability, candidate.show_from
    words = (
        _("Shown: its chance of {chance} reaches {needed}.")
        if chance >= needed
        else _("Not shown: its chance of {chance} does not reach {needed}.")
    )
    return words.format(chance=percent(chance), needed=percent(needed))


def _never_looked_at(one: Photo, other: Photo) -> str | None:
    matchings = [photo.collection.matched_at for photo in (one, other) if photo.collection.matched_at]
    if not matchings or max(matchings) < max(one.ingested_at, other.ingested_at):
        return _("Not looked at yet: no matching was made since both photos are there.")
    return None


def _fused(one: Photo, candidate: Candidate | None) -> list[Place]:
    """Where the last matching put a pair, among all photos of the collection."""
    if candidate is None or not (candidate.rank_of_second or candidate.rank_of_first):
        return []
    ranks = candidate.rank_of_second, candidate.rank_of_first
    there, back = ranks if candidate.first_id == one.pk else ranks[::-1]
    return [Place(_("all together"), None, there, back)]


def _encoders(one: Photo, other: Photo) -> list[Encoder]:
    if one.collection_id == other.collection_id:
        return Encoder.objects.serving(one.collection)
    return list(Encoder.objects.site())


def _place(encoder: Encoder, one: Photo, other: Photo, gallery: PhotoQuerySet) -> Place:
    there, back = encoder.place(one, other, gallery), encoder.place(other, one, gallery)
    return Place(str(encoder), encoder.similarity(one, other), there, back)
