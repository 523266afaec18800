"""Fit encoders to one collection: they are ready then, and serve once their embeddings exist and are matched."""

from dataclasses import dataclass, field

from ndd_app.exceptions import NoPhotos, TooFewPhotos, UnknownMethod, WeightsUnavailable
from ndd_app.models import Collection, Encoder
from ndd_app.models.encoder import one_of_each_family
from ndd_app.pipeline.encoders import DEFAULT_METHODS, fit_encoder
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.vision.methods import METHODS


@dataclass
class AdaptResult:
    encoders: list[Encoder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def adapt_collection(collection: Collection, method: str | None = None, track: Track = untracked) -> AdaptResult:
    """Fit `method`, or the default one of each family, on the collection's photos."""
    photos = list(collection.photos.order_by("checksum", "pk"))
    if not photos:
        raise NoPhotos(collection=collection.slug)
    result = AdaptResult()
    for name in [method] if method else DEFAULT_METHODS.values():
        if name not in METHODS:
            raise UnknownMethod(method=name, known=", ".join(METHODS))
        try:
            result.encoders.append(fit_encoder(name, photos, collection, track))
        except (TooFewPhotos, WeightsUnavailable) as reason:
            result.notes.append(f"Nothing was fitted by {name}. {reason}")
    return result


def newest_encoders(collection: Collection) -> list[Encoder]:
    """The encoders that would serve after a switch: of each family the collection's newest, else the site's."""
    return one_of_each_family([*Encoder.objects.site(), *collection.encoders.order_by("pk")])
