"""Every photo of a collection as a vector of each encoder. What is embedded stays; only what lacks is computed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import BinaryField, Func

from ndd_app.exceptions import NddError
from ndd_app.models import EMBEDDING_SIZE, Collection, Embedding, Encoder, Photo
from ndd_app.pipeline.encoders import ensure_site_encoders, load_encoder
from ndd_app.pipeline.features import features_of
from ndd_app.pipeline.progress import Track, in_batches, untracked

BATCH = 64


@dataclass(frozen=True)
class EmbedResult:
    embedded: dict[str, int]
    """Photos newly embedded, by encoder."""
    notes: tuple[str, ...] = ()
    """What does not serve, and the photos that could not be read, with the reasons."""


def embed_collection(
    collection: Collection, encoders: Sequence[Encoder] | None = None, track: Track = untracked
) -> EmbedResult:
    """Embed with the given encoders, else with those that serve the collection."""
    notes: list[str] = []
    if encoders is None:
        notes += ensure_site_encoders(track).notes
        encoders = Encoder.objects.serving(collection)
    embedded = {str(encoder): _embed(collection, encoder, notes, track) for encoder in encoders}
    return EmbedResult(embedded, tuple(dict.fromkeys(notes)))  # several encoders complain of the same photo


def _embed(collection: Collection, encoder: Encoder, notes: list[str], track: Track) -> int:
    missing = list(collection.photos.exclude(embeddings__encoder=encoder).order_by("pk"))
    if not missing:
        return 0
    loaded = load_encoder(encoder)
    embedded = 0
    for batch in in_batches(features_of(missing, loaded.extractor, track), BATCH):
        notes += [f"{photo.path}: {found}" for photo, found in batch if isinstance(found, NddError)]
        readable = [(photo, found) for photo, found in batch if not isinstance(found, NddError)]
        vectors = loaded.embed([features for _, features in readable])
        Embedding.objects.bulk_create(
            (Embedding(encoder=encoder, photo=p, vector=v) for (p, _), v in zip(readable, vectors, strict=True)),
            ignore_conflicts=True,  # another worker may have been faster
        )
        embedded += len(readable)
    return embedded


def load_embeddings(photos: Sequence[Photo], encoder: Encoder) -> npt.NDArray[np.float32]:
    """Shape (len(photos), EMBEDDING_SIZE); a zero row for a photo that is not embedded yet."""
    row_of = {photo.pk: row for row, photo in enumerate(photos)}
    matrix = np.zeros((len(photos), EMBEDDING_SIZE), np.float32)
    # As the bytes of pgvector's binary format (sizes in 4 bytes, then big-endian half floats): ten times faster than
    # through text and Python floats.
    as_bytes = Func("vector", function="halfvec_send", output_field=BinaryField())
    stored = Embedding.objects.filter(encoder=encoder, photo__collection__in={photo.collection_id for photo in photos})
    for photo_id, data in stored.values_list("photo_id", as_bytes).iterator(chunk_size=2_000):
        if photo_id in row_of:
            matrix[row_of[photo_id]] = np.frombuffer(data, ">f2", offset=4)
    return matrix
