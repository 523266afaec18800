from django.db import models
from pgvector.django import HalfVectorField

from ndd_app.models.encoder import Encoder
from ndd_app.models.photo import Photo

EMBEDDING_SIZE = 512


class Embedding(models.Model):
    """A photo as an encoder sees it: a unit vector, zero-padded to a common size (a zero vector: nothing to see)."""

    encoder = models.ForeignKey(Encoder, models.CASCADE, related_name="embeddings")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="embeddings")
    vector = HalfVectorField(dimensions=EMBEDDING_SIZE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["encoder", "photo"], name="one_embedding_per_encoder")]

    def __str__(self) -> str:
        return f"Photo {self.photo_id} by encoder {self.encoder_id}"
