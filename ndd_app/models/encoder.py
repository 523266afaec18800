from collections.abc import Iterable
from math import isnan
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from pgvector.django import CosineDistance

from ndd_app.models.collection import Collection
from ndd_app.models.photo import Photo, PhotoQuerySet
from ndd_app.storage import photo_storage


class EncoderQuerySet(models.QuerySet["Encoder"]):
    def site(self) -> "EncoderQuerySet":
        """The encoders that serve every collection without one of its own."""
        return self.filter(collection=None, is_serving=True).order_by("family")

    def serving(self, collection: Collection) -> "list[Encoder]":
        """One encoder of each family: the collection's own where it is switched on, else the site's."""
        own = self.filter(collection=collection, is_serving=True)
        return one_of_each_family([*self.site(), *own])

    def embedded(self, collection: Collection) -> "EncoderQuerySet":
        """Encoders that have embeddings of this collection's photos."""
        return self.filter(Exists(Photo.objects.filter(collection=collection, embeddings__encoder=OuterRef("pk"))))


class Encoder(models.Model):
    """Backbone + method + projection: what turns a photo into an embedding. One weights file."""

    class Family(models.TextChoices):
        CLASSICAL = "classical", "classical"
        DEEP = "deep", "deep"

    collection = models.ForeignKey(Collection, models.PROTECT, null=True, blank=True, related_name="encoders")
    family = models.CharField(max_length=20, choices=Family.choices)
    backbone = models.CharField(max_length=200)
    method = models.CharField(max_length=50)
    parameters = models.JSONField(default=dict, help_text="What was chosen while fitting.")
    seed = models.IntegerField(default=0)
    recipe = models.CharField(max_length=300, help_text="Names the features exactly: backbone, weights, pooling, size.")
    preprocessing = models.JSONField(default=dict)
    versions = models.JSONField(default=dict, help_text="Versions of the packages that fitted it.")
    photo_count = models.PositiveIntegerField(help_text="Photos it was fitted on.")
    photos_digest = models.CharField(max_length=64, help_text="SHA-256 of the sorted checksums of those photos.")
    labelled = models.JSONField(default=list, help_text="Marks of those photos of which it was told the groups.")
    curve = models.JSONField(default=list, help_text="What the fitting reported, step by step.")
    receipt = models.JSONField(default=dict, help_text="What it gains on its collection, and the decision.")
    notes = models.TextField(blank=True)
    weights = models.FileField(storage=photo_storage, max_length=200)
    weights_checksum = models.CharField(max_length=64, help_text="SHA-256 of the weights file.")
    is_serving = models.BooleanField("serving", default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EncoderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "family"],
                condition=Q(is_serving=True),
                nulls_distinct=False,
                name="one_serving_encoder_of_a_family",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backbone} {self.method} #{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("ndd:encoder", args=[self.pk])

    @property
    def scope(self) -> str:
        return self.collection.title if self.collection else "every collection"

    def similarity(self, one: Photo, other: Photo) -> float | None:
        """Their cosine; None where the encoder sees nothing in one of them."""
        found = self._distances_to(one).filter(photo=other).values_list("distance", flat=True).first()
        return None if found is None or isnan(found) else 1 - found

    def place(self, photo: Photo, other: Photo, gallery: PhotoQuerySet) -> int | None:
        """The other's place, from 1, in the photo's list: of its own collection, or of all others if it is of another.

        Only photos of the gallery count. None where the encoder sees nothing in one of the two.
        """
        similarity = self.similarity(photo, other)
        if similarity is None:
            return None
        there = Q(photo__collection=photo.collection_id)
        listed = there if other.collection_id == photo.collection_id else ~there
        near = self._distances_to(photo).filter(listed, photo__in=gallery.order_by().values("pk"))
        return near.exclude(photo__in=[photo, other]).filter(distance__lt=1 - similarity).count() + 1

    def _distances_to(self, photo: Photo) -> models.QuerySet[Any]:
        mine = self.embeddings.filter(photo=photo).values("vector")[:1]
        return self.embeddings.annotate(distance=CosineDistance("vector", models.Subquery(mine)))


def one_of_each_family(encoders: Iterable[Encoder]) -> list[Encoder]:
    """The last encoder of each family, in the families' order."""
    last = {encoder.family: encoder for encoder in encoders}
    return [last[family] for family in sorted(last)]
