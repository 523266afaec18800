"""Geometry for pairs that the encoders propose. A pair is verified once; what was found is kept as a Registration."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from django.db.models import F, Func, JSONField, Q, QuerySet, TextField, Value

from ndd_app.exceptions import NddError, StorageUnavailable
from ndd_app.models import Collection, Photo, Registration
from ndd_app.pipeline.features import features_of_one, read_pixels
from ndd_app.pipeline.progress import Track, in_batches, untracked
from ndd_app.storage import read_bytes
from ndd_app.vision.classical import RootSift, shows_nothing
from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.geometry import VARIANTS, Scan
from ndd_app.vision.images import WORKING_COPY_SIDE, read_working_copy
from ndd_app.vision.neighbours import Indices
from ndd_app.vision.sheets import SHEET
from ndd_app.vision.silver import confirms
from ndd_app.vision.tilts import VIEWS, Tilted
from ndd_app.vision.variants import Descreened
from ndd_app.vision.verification import RECIPE, Details, verify
from ndd_app.vision.verification import verify_tilted as look_tilted

BATCH = 128
SCANS = 2_000
"""Scans kept in memory at once, up to 400 KB each; of tilted ones, with all their views, so many times fewer."""
AS_THEY_ARE = RECIPE
IN_ALL_VARIANTS = f"{RECIPE}, in all variants"
TILTED = f"{RECIPE}, tilted"
WITHOUT_POINTS = Func(
    F("details"), Value("points", TextField()), template="(%(expressions)s)", arg_joiner=" - ", output_field=JSONField()
)
RECIPES = (AS_THEY_ARE, IN_ALL_VARIANTS, TILTED)
"""Each looks closer than the one before; a pair is not looked at again by what it has behind it."""

Unread = dict[Photo, NddError]
"""Photos that could not be read, with the reasons."""


class _Look(NamedTuple):
    """What a scan looks like; nothing is known of one that cannot be read."""

    empty: bool = False
    sheet: bool = False
    uniform: bool = False


_LOOKS: dict[str, _Look] = {}
"""By the hash of the pixels, as long as the process lives: one matching asks many times."""


def registered(photos: Sequence[Photo], pairs: Indices) -> list[Details]:
    """What is known of each pair (m, 2) of indices, low one first; empty for one without geometric evidence."""
    known = _known(photos)
    return [known.get((photos[first].pk, photos[second].pk), {}) for first, second in pairs]


def without_points(photos: Sequence[Photo], pairs: Indices) -> Indices:
    """Those of the pairs (m, 2) for which geometry has no evidence so far."""
    return pairs[[not found for found in registered(photos, pairs)]] if len(pairs) else pairs


def confirmed_pairs(photos: Sequence[Photo]) -> Indices:
    """(m, 2): pairs of photos of one collection of which geometry leaves no doubt."""
    number = {photo.pk: place for place, photo in enumerate(photos)}
    known = _known(photos)
    sure = [pair for pair, details in known.items() if confirms(details) and {*pair} <= number.keys()]
    return np.array([(number[one], number[other]) for one, other in sure], np.int64).reshape(-1, 2)


def drop_outdated(collection: Collection) -> None:
    """What earlier recipes found of the collection's photos: no matching reads it, pages would take it for known."""
    of_photos = Q(first__collection=collection) | Q(second__collection=collection)
    Registration.objects.filter(of_photos).exclude(recipe__in=RECIPES).delete()


def told_by_points_alone(photos: Sequence[Photo], pairs: Indices) -> npt.NDArray[np.bool_]:
    """(m,): pairs (m, 2) with a blank scan or an empty frame, and pairs of two sheets of paper.

    Encoders find all of them alike, and two scans of one sheet have matching points.
    """
    looks = _looks(photos, np.unique(pairs))
    sides = [(looks[one], looks[other]) for one, other in pairs.tolist()]
    return np.array([one.empty or other.empty or (one.sheet and other.sheet) for one, other in sides], bool)


def show_one_tone(photos: Sequence[Photo], pairs: Indices) -> npt.NDArray[np.bool_]:
    """(m,): whether pairs (m, 2) of scans with equal pixels show one tone, which makes no pair of them."""
    looks = _looks(photos, np.unique(pairs[:, 0]))
    return np.array([looks[one].uniform for one in pairs[:, 0].tolist()], bool)


def _looks(photos: Sequence[Photo], numbers: Indices) -> dict[int, _Look]:
    scans = Scans(photos)
    return {number: _look(scans, number) for number in numbers.tolist()}


def _look(scans: "Scans", number: int) -> _Look:
    pixel_hash = scans.photos[number].pixel_hash
    if pixel_hash not in _LOOKS:
        try:
            scan = scans[number]
            uniform = bool(np.ptp(scan.grey) == 0) and _is_uniform(scans.photos[number])
        except NddError:
            return _Look()
        nothing = shows_nothing(scan.features, scan.width, scan.height)
        _LOOKS[pixel_hash] = _Look(nothing, scan.paper > SHEET, uniform)
    return _LOOKS[pixel_hash]


def _is_uniform(photo: Photo) -> bool:
    """By the working copy: a thumbnail loses what is pale or small."""
    return not np.ptp(read_pixels(photo), axis=(0, 1)).any()


def verify_as_they_are(
    photos: Sequence[Photo], pairs: Indices, track: Track = untracked, unread: Unread | None = None
) -> int:
    """Returns how many of the pairs (m, 2) were looked at now and kept; so do the two functions below."""
    scans = Scans(photos, unread=unread)
    return _verify(photos, pairs, AS_THEY_ARE, lambda first, second: verify(scans[first], scans[second]), track)


def verify_in_all_variants(
    photos: Sequence[Photo],
    pairs: Indices,
    descreening: Iterable[int],
    track: Track = untracked,
    unread: Unread | None = None,
) -> int:
    """Mirrored, inverted, and those of `descreening` without their halftone. About five times as slow."""
    scans, smooth = Scans(photos, unread=unread), Scans(photos, Descreened(RootSift()), unread=unread)
    screened = set(descreening)

    def look(first: int, second: int) -> Details:
        found = verify(scans[first], scans[second], VARIANTS)
        if not found and first in screened:
            found = verify(smooth[first], scans[second])
        if not found and second in screened:
            found = verify(scans[first], smooth[second])
        return found

    return _verify(photos, pairs, IN_ALL_VARIANTS, look, track)


def verify_tilted(
    photos: Sequence[Photo], pairs: Indices, track: Track = untracked, unread: Unread | None = None
) -> int:
    """As a camera would see them from other sides. Some two hundred times as slow as they are: for pairs in doubt."""
    scans, ids = Scans(photos, Tilted(), VIEWS, unread), [photo.pk for photo in photos]
    rows = _stored(photos, RECIPES).filter(first__in={ids[a] for a, _ in pairs}, second__in={ids[b] for _, b in pairs})
    known = {(first, second): found for first, second, found in rows.values_list("first_id", "second_id", "details")}

    def look(first: int, second: int) -> Details:
        return look_tilted(scans[first], scans[second], known.get((ids[first], ids[second]), {}))

    return _verify(photos, pairs, TILTED, look, track)


class Scans:
    """The photos as geometry sees them, loaded when asked for; raises an NddError where one cannot be read.

    `unread`: is told which these are.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        extractor: Extractor | None = None,
        views: int = 1,
        unread: Unread | None = None,
    ) -> None:
        self.photos = photos
        self._extractor = extractor or RootSift()
        self._views = views
        self._unread = {} if unread is None else unread
        self._load = lru_cache(SCANS // views)(self._read)

    def __getitem__(self, number: int) -> Scan:
        try:
            return self._load(number)
        except NddError as reason:
            self._unread[self.photos[number]] = reason
            raise

    def _read(self, number: int) -> Scan:
        photo = self.photos[number]
        width, height = _working_size(photo)
        features = self._features(photo)
        picture = read_working_copy(read_bytes(str(photo.thumbnail.name)))
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        return Scan(features, grey, width, height, self._views)

    def _features(self, photo: Photo) -> Features:
        """Those of many views are not worth the place in the cache: a pair is looked at once."""
        if self._views == 1:
            return features_of_one(photo, self._extractor)
        [features] = self._extractor.extract([read_pixels(photo)])
        return features


def _working_size(photo: Photo) -> tuple[int, int]:
    scale = min(1.0, WORKING_COPY_SIDE / max(photo.width, photo.height))
    return max(1, round(photo.width * scale)), max(1, round(photo.height * scale))


def _verify(
    photos: Sequence[Photo], pairs: Indices, recipe: str, look: Callable[[int, int], Details], track: Track
) -> int:
    """Pairs that cannot be read are not counted: nothing is kept of them, and perhaps a later matching can."""
    done = {*_stored(photos, RECIPES[RECIPES.index(recipe) :]).values_list("first_id", "second_id")}
    new = [(int(a), int(b)) for a, b in pairs if (photos[a].pk, photos[b].pk) not in done]
    if not new:
        return 0

    def look_now(pair: tuple[int, int]) -> Details | NddError:
        try:
            return look(*pair)
        except NddError as reason:
            return reason

    kept = 0
    threads = max(1, cv2.getNumThreads())
    cv2.setNumThreads(1)  # pairs run side by side instead
    try:
        with ThreadPoolExecutor(threads) as pool:
            # Batch by batch: what is verified is kept, and a worker that is to stop waits for one batch only.
            for batch in in_batches(track(new, "Verifying pairs", len(new)), BATCH):
                found = list(pool.map(look_now, batch))
                lost = [reason for reason in found if isinstance(reason, StorageUnavailable)]
                if len(lost) == BATCH:
                    raise lost[0]
                kept += _store(photos, zip(batch, found, strict=True), recipe)
    finally:
        cv2.setNumThreads(threads)
    return kept


def _store(photos: Sequence[Photo], batch: Iterable[tuple[tuple[int, int], Details | NddError]], recipe: str) -> int:
    looked_at = [(photos[a], photos[b], found) for (a, b), found in batch if not isinstance(found, NddError)]
    there = Photo.objects.still_there(photo for first, second, _ in looked_at for photo in (first, second))
    rows = [
        Registration(first=first, second=second, recipe=recipe, details=found)
        for first, second, found in looked_at
        if {first.pk, second.pk} <= there
    ]
    Registration.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["recipe", "details"],
    )
    return len(rows)


def _known(photos: Sequence[Photo]) -> dict[tuple[int, int], Details]:
    """Without the matching points, which only pages draw: they are nine tenths of it."""
    rows = _stored(photos, RECIPES).values_list("first_id", "second_id", WITHOUT_POINTS)
    return {(first, second): found for first, second, found in rows.iterator()}


def _stored(photos: Sequence[Photo], recipes: Iterable[str]) -> QuerySet[Registration]:
    """Of photos of one collection, or, where they are of several, of pairs across these."""
    collections = {photo.collection_id for photo in photos}
    rows = Registration.objects.filter(
        first__collection__in=collections, second__collection__in=collections, recipe__in=list(recipes)
    )
    if len(collections) > 1:
        rows = rows.exclude(first__collection=F("second__collection"))
    return rows
