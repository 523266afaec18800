"""A collection of strangers with one near pair."""

import numpy as np

from ndd_app.models import (
    EMBEDDING_SIZE,
    Candidate,
    Collection,
    Embedding,
    Encoder,
)
from tests.factories import make_collection, make_encoder, make_photo
from tests.pictures import draw_photo

PHOTOS = 24


def make_near_pair() -> Collection:
    """Photos 0 and 1 are near each other for the serving encoder, all others are strangers."""
    collection = make_collection()
    for number in range(PHOTOS):
        make_photo(collection, f"{number:02}.jpg", pixels=draw_photo(number, 64, 48))
    embed(collection, make_encoder(is_serving=True), seed=0)
    return collection


def embed(collection: Collection, encoder: Encoder, seed: int, photos: int = PHOTOS) -> Encoder:
    rows = np.random.default_rng(seed).normal(size=(PHOTOS, EMBEDDING_SIZE))
    rows[1] = rows[0] + 0.1 * rows[1]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for photo, row in list(zip(collection.photos.order_by("path"), rows, strict=True))[:photos]:
        Embedding.objects.create(encoder=encoder, photo=photo, vector=row)
    return encoder


def pair(collection: Collection) -> Candidate:
    return Candidate.objects.get(first__path="00.jpg", second__path="01.jpg")
