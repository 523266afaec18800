from django.db import models
from django.db.models import Q
from pgvector.django import BitField, HammingDistance

from ndd_app.models.photo import Photo, PhotoQuerySet


class Fingerprint(models.Model):
    """Hash bits of a photo's working copy (OpenCV's img_hash). Can be rebuilt from it at any time."""

    photo = models.OneToOneField(Photo, models.CASCADE, primary_key=True)
    phash = BitField(length=64)
    block_mean = BitField(length=256)

    def __str__(self) -> str:
        return f"Fingerprint of {self.photo_id}"

    def shared_bits(self, other: "Fingerprint", kind: str) -> float:
        """The share of equal bits of one kind, `phash` or `block_mean`."""
        mine, theirs = getattr(self, kind), getattr(other, kind)
        return sum(one == another for one, another in zip(mine, theirs, strict=True)) / len(mine)

    def place(self, other: "Fingerprint", kind: str, gallery: PhotoQuerySet) -> int:
        """The other's place, from 1, in the photo's list: of its own collection, or of all others if it is of another.

        By Hamming distance; only photos of the gallery count.
        """
        there = Q(photo__collection=self.photo.collection_id)
        listed = there if other.photo.collection_id == self.photo.collection_id else ~there
        rest = Fingerprint.objects.filter(listed, photo__in=gallery.order_by().values("pk"))
        bits = getattr(self, kind)
        distance = round((1 - self.shared_bits(other, kind)) * len(bits))
        near = rest.annotate(distance=HammingDistance(kind, bits)).filter(distance__lt=distance)
        return near.exclude(photo__in=[self.photo_id, other.photo_id]).count() + 1
