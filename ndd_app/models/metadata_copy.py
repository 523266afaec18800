from django.conf import settings
from django.db import models

from ndd_app.models.photo import Photo
from ndd_app.models.verdict import Verdict


class MetadataCopy(models.Model):
    """One field of one description, copied from a record to another; keeps what is needed to take it back.

    Fields copied together share a `batch`. Like a verdict it outlives the photos.
    """

    class Mode(models.TextChoices):
        FILL = "fill", "Fill if empty"
        REPLACE = "replace", "Replace"
        APPEND = "append", "Append"

    batch = models.UUIDField(db_index=True)
    source = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="copies_given")
    target = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="copies_received")
    source_checksum = models.CharField(max_length=64)
    target_checksum = models.CharField(max_length=64)
    source_name = models.CharField(max_length=1000)
    target_name = models.CharField(max_length=1000)
    verdict = models.ForeignKey(Verdict, models.PROTECT, related_name="copies", help_text="The “yes” given with it.")
    field = models.CharField(max_length=100)
    field_label = models.CharField(max_length=200)
    mode = models.CharField(max_length=10, choices=Mode.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    person_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by_name = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "metadata copies"

    def __str__(self) -> str:
        return f"{self.field_label}: {self.source_name} → {self.target_name}"
