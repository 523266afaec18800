"""Every photo of a collection as a vector of each encoder. What is embedded stays; only what lacks is computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import BinaryField, Func, QuerySet

from ndd_app.exceptions import NddError
from ndd_app.models import EMBEDDING_SIZE, Collection, Embedding, Encoder, Photo
from ndd_app.pipeline.encoders import ensure_site_encoders, load_encoder
from ndd_app.pipeline.features import features_of
from ndd_app.pipeline.progress import Track, in_batches, untracked
from ndd_app.vision import encoders as vision
from ndd_app.vision.encoders import Embeddings, Features
from ndd_app.vision.neighbours import Part

BATCH = 64
PART = 16_384
"""Photos of the archive in memory at once: 34 MB for each encoder."""
AS_BYTES = Func("vector", function="halfvec_send", output_field=BinaryField())
"""pgvector's binary format (sizes in 4 bytes, then big-endian half floats): ten times faster than text."""


@dataclass(frozen=True)
class EmbedResult:
    embedded: dict[str, int]
    """Photos newly embedded, by encoder."""
    notes: tuple[str, ...] = ()
    """What does not serve, and the photos that could not be read, with the reasons."""


def embed_collection(
    collection: Collection, encoders: Sequence[Encoder] | None = None, track: Track = untracked
) -> EmbedResult:
    """Embed with the given encoders, else with those that serve the collection; and always with the site encoders.

    By these its photos are compared with those of other collections. One that cannot be loaded stops no other, but for
    the given ones: raises the reason, also where none can be loaded.
    """
    notes: list[str] = []
    wanted = set(encoders or ())
    if encoders is None:
        notes += ensure_site_encoders(track).notes
        encoders = Encoder.objects.serving(collection)
    embedded: dict[str, int] = {}
    reasons: list[NddError] = []
    for encoder in dict.fromkeys([*encoders, *Encoder.objects.site()]):
        missing = list(collection.photos.exclude(embeddings__encoder=encoder).order_by("pk"))
        try:
            loaded = load_encoder(encoder) if missing else None
        except NddError as reason:
            if encoder in wanted:
                raise
            reasons.append(reason)
            notes.append(f"{encoder} embeds nothing: {reason}")
        else:
            embedded[str(encoder)] = _embed(missing, encoder, loaded, notes, track) if loaded else 0
    if reasons and not embedded:
        raise reasons[0]
    return EmbedResult(embedded, tuple(dict.fromkeys(notes)))  # several encoders complain of the same photo


def _embed(missing: Sequence[Photo], encoder: Encoder, loaded: vision.Encoder, notes: list[str], track: Track) -> int:
    embedded = 0
    for batch in in_batches(features_of(missing, loaded.extractor, track), BATCH):
        notes += [f"{photo.path}: {found}" for photo, found in batch if isinstance(found, NddError)]
        there = Photo.objects.still_there(photo for photo, _ in batch)
        readable = [(p, found) for p, found in batch if not isinstance(found, NddError) and p.pk in there]
        vectors = loaded.embed([features for _, features in readable])
        Embedding.objects.bulk_create(
            (Embedding(encoder=encoder, photo=p, vector=v) for (p, _), v in zip(readable, vectors, strict=True)),
            ignore_conflicts=True,  # another worker may have been faster
        )
        embedded += len(readable)
    return embedded


def embed_features(loaded: vision.Encoder, features: Sequence[Features | None]) -> Embeddings:
    """(len(features), EMBEDDING_SIZE): a zero row for a photo that could not be read."""
    able = [number for number, found in enumerate(features) if found is not None]
    rows = np.zeros((len(features), EMBEDDING_SIZE), np.float32)
    if able:
        rows[able] = loaded.embed([found for found in features if found is not None])
    return rows


def load_archive(encoder: Encoder) -> Iterator[Part]:
    """Everything that the encoder has embedded, in the order of the ids, in parts that fit into memory."""
    last = 0
    while part := _part(encoder.embeddings.filter(photo__gt=last).order_by("photo_id")[:PART]):
        yield part
        last = int(part.numbers[-1])


def load_some(photos: Sequence[Photo], encoder: Encoder) -> Part:
    """The photos, in the order of their ids; a zero row for one that is not embedded."""
    rows = np.zeros((len(photos), EMBEDDING_SIZE), np.float32)
    numbers = np.array([photo.pk for photo in photos], np.int64)
    for ids in in_batches(numbers.tolist(), PART):
        if part := _part(encoder.embeddings.filter(photo__in=ids).order_by("photo_id")):
            rows[np.searchsorted(numbers, part.numbers)] = part.rows
    return Part(numbers, np.array([photo.collection_id for photo in photos], np.int64), rows)


def load_embeddings(photos: Sequence[Photo], encoder: Encoder) -> npt.NDArray[np.float32]:
    """Shape (len(photos), EMBEDDING_SIZE); a zero row for a photo that is not embedded yet."""
    row_of = {photo.pk: row for row, photo in enumerate(photos)}
    matrix = np.zeros((len(photos), EMBEDDING_SIZE), np.float32)
    stored = Embedding.objects.filter(encoder=encoder, photo__collection__in={photo.collection_id for photo in photos})
    for photo_id, data in stored.values_list("photo_id", AS_BYTES).iterator(chunk_size=2_000):
        if photo_id in row_of:
            matrix[row_of[photo_id]] = np.frombuffer(data, ">f2", offset=4)
    return matrix


def _part(stored: QuerySet[Embedding]) -> Part | None:
    found = list(stored.values_list("photo_id", "photo__collection", AS_BYTES))
    if not found:
        return None
    numbers, collections, vectors = zip(*found, strict=True)
    rows = np.stack([np.frombuffer(data, ">f2", offset=4) for data in vectors]).astype(np.float32)
    return Part(np.array(numbers, np.int64), np.array(collections, np.int64), rows)
