"""Fit encoders to one collection: they are ready then, and serve once their embeddings exist and are matched."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ndd_app.exceptions import NoPhotos, UnknownMethod
from ndd_app.models import Collection, Encoder, Photo
from ndd_app.pipeline.annotation import known_photos, lessons, lessons_of_file
from ndd_app.pipeline.encoders import UNUSABLE, fit_encoder, sample, share_fitting
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.silver import silver_among
from ndd_app.vision.backbones import present_device
from ndd_app.vision.methods import METHODS
from ndd_app.vision.methods.fitting import NOTHING, Told
from ndd_app.vision.plans import OURS, Plan

DEFAULT_METHODS = ("whiten", "auto", "vlad")
"""What auto has to surpass comes first: it serves where auto does not prove better."""
LEARNS_FROM_SILVER = "auto"
"""With a GPU. Without one it gains too little by such pairs: receipts had better judge by all of them."""


@dataclass
class AdaptResult:
    encoders: list[Encoder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def adapt_collection(
    collection: Collection,
    method: str | None = None,
    track: Track = untracked,
    *,
    groups_file: Path | None = None,
    steps: int | None = None,
) -> AdaptResult:
    """Fit `method`, or the default ones, on the collection's photos.

    Of the default ones each may be unusable here, which is noted; raises the reason where a method was asked for.
    Labels, for methods that learn from them, come from the file (CSV file,group), else from verdicts; what people have
    rejected counts in either case. `steps` ends a training early.
    """
    plan = _prepare(collection, method, steps)
    result = AdaptResult()
    unfitted: dict[str, list[str]] = {}
    for name in [method] if method else DEFAULT_METHODS:
        try:
            photos = _sample(collection, groups_file, name)
            told = _told(collection, photos, groups_file, name)
            encoder = fit_encoder(name, photos, collection, track, told, plan)
        except UNUSABLE as reason:
            if method:
                raise
            unfitted.setdefault(str(reason), []).append(name)
        else:
            result.encoders.append(encoder)
            result.notes += [f"{encoder}: {remark}" for remark in encoder.notes.splitlines()]
    for why, names in unfitted.items():
        result.notes.append(f"Nothing was fitted by {' and '.join(names)}. {why} What serves goes on serving.")
    return result


def share_adaptation(
    collection: Collection, method: str | None, *, groups_file: Path | None = None, steps: int | None = None
) -> None:
    """What all processes but the first do: they learn from their share of every batch, and store nothing.

    What the first one notes, that a method is unusable here, they pass over.
    """
    plan = _prepare(collection, method, steps)
    for name in [method] if method else DEFAULT_METHODS:
        if METHODS[name].trains:
            photos = _sample(collection, groups_file, name)
            with suppress(*(() if method else UNUSABLE)):
                share_fitting(name, photos, _told(collection, photos, groups_file, name), plan)


def _prepare(collection: Collection, method: str | None, steps: int | None) -> Plan:
    if method is not None and method not in METHODS:
        raise UnknownMethod(method=method, known=", ".join(METHODS))
    if not collection.photos.exists():
        raise NoPhotos(collection=collection.slug)
    return replace(OURS, steps=steps)


def _sample(collection: Collection, file: Path | None, method: str) -> list[Photo]:
    known = known_photos(collection, file) if METHODS[method].is_taught else set()
    return sample(collection.photos.all(), known=known)


def _told(collection: Collection, photos: Sequence[Photo], file: Path | None, method: str) -> Told:
    if not METHODS[method].is_taught:
        return NOTHING
    if file is None:
        return lessons(photos, _silver(collection, photos) if method == LEARNS_FROM_SILVER else ())
    every = list(collection.photos.order_by("pk"))  # the file may name photos that are not in the sample
    return lessons_of_file(file, photos, every)


def _silver(collection: Collection, photos: Sequence[Photo]) -> list[tuple[int, int]]:
    if present_device().type != "cuda":
        return []
    found = silver_among(photos, Encoder.objects.serving(collection))
    return [(photos[one].pk, photos[other].pk) for one, other in found.tolist()]
