"""Fit encoders to one collection: they are ready then, and serve once their embeddings exist and are matched."""

from dataclasses import dataclass, field

from ndd_app.exceptions import NoPhotos, UnknownMethod
from ndd_app.models import Collection, Encoder
from ndd_app.pipeline.encoders import DEFAULT_METHODS, UNUSABLE, fit_encoder, sample
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.vision.methods import METHODS


@dataclass
class AdaptResult:
    encoders: list[Encoder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def adapt_collection(collection: Collection, method: str | None = None, track: Track = untracked) -> AdaptResult:
    """Fit `method`, or the default one of each family, on the collection's photos."""
    photos = sample(collection.photos.all())
    if not photos:
        raise NoPhotos(collection=collection.slug)
    result = AdaptResult()
    for name in [method] if method else DEFAULT_METHODS.values():
        if name not in METHODS:
            raise UnknownMethod(method=name, known=", ".join(METHODS))
        try:
            result.encoders.append(fit_encoder(name, photos, collection, track))
        except UNUSABLE as reason:
            result.notes.append(f"Nothing was fitted by {name}. {reason}")
    return result
