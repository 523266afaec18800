from django.db import models
from pgvector.django import BitField

from ndd_app.models.photo import Photo


class Fingerprint(models.Model):
    """Hash bits of a photo's working copy (OpenCV's img_hash). Can be rebuilt from it at any time."""

    photo = models.OneToOneField(Photo, models.CASCADE, primary_key=True)
    phash = BitField(length=64)
    block_mean = BitField(length=256)

    def __str__(self) -> str:
        return f"Fingerprint of {self.photo_id}"
