from collections.abc import Iterable

from django.contrib.postgres.search import SearchQuery
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from ndd_app.models.collection import Collection
from ndd_app.models.description import DublinCore
from ndd_app.storage import photo_storage
from ndd_app.text import fold


class PhotoQuerySet(models.QuerySet["Photo"]):
    def matching(self, words: str) -> "PhotoQuerySet":
        """Full-text search in the descriptions; quotes, OR and -word work as in web search engines."""
        found = Q(search_vector=SearchQuery(fold(words), config="simple", search_type="websearch"))
        return self.filter(found | Q(identifier__iexact=words.strip()) | Q(path__icontains=words.strip()))

    def described(self) -> "PhotoQuerySet":
        return self.exclude(self._nothing_described())

    def undescribed(self) -> "PhotoQuerySet":
        return self.filter(self._nothing_described())

    def still_there(self, photos: Iterable["Photo"]) -> set[int]:
        """Their ids, but for those that a host has deleted since they were read."""
        return {*self.filter(pk__in={photo.pk for photo in photos}).values_list("pk", flat=True)}

    def kept_there(self, photos: Iterable["Photo"]) -> set[int]:
        """The same, and none of them is deleted before the transaction ends. Their descriptions can be edited."""
        held = f"SELECT id FROM {self.model._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
        return {photo.pk for photo in self.raw(held, [[*{photo.pk for photo in photos}]])}

    def cover(self, collection: Collection) -> bool:
        """Whether no photo of the collection is missing among these."""
        return not collection.photos.exclude(Exists(self.order_by().filter(pk=OuterRef("pk")))).exists()

    def _nothing_described(self) -> Q:
        texts = {name: "" for name in Photo.DESCRIPTION_FIELDS if name != "subjects"}
        return Q(subjects=[], **texts)


class Photo(DublinCore):
    """One record and its scan."""

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="photos")
    path = models.CharField(max_length=1000, help_text="The file's path inside its source; the photo's name.")
    record = models.CharField(
        max_length=200, blank=True, db_index=True, help_text="The host's key of the record that this scan belongs to."
    )

    # The master: the file as it came, either referenced where it lies or copied into the storage; the reference of a
    # copied one says where it came from.
    master_reference = models.TextField(blank=True)
    master_file = models.FileField(storage=photo_storage, max_length=500, blank=True)
    checksum = models.CharField(max_length=64, help_text="SHA-256 of the master.")
    size = models.PositiveBigIntegerField(help_text="Bytes of the master.")
    format = models.CharField(max_length=20)
    width = models.PositiveIntegerField(help_text="Pixels, upright.")
    height = models.PositiveIntegerField(help_text="Pixels, upright.")
    orientation = models.PositiveSmallIntegerField(default=1, help_text="EXIF orientation of the master, 1 to 8.")
    pixel_hash = models.CharField(max_length=64, help_text="SHA-256 of the upright pixels: same picture, other file.")
    reading_notes = models.TextField(blank=True, help_text="What was done to read it: “first of 4 pages”.")

    working_copy = models.FileField(storage=photo_storage, max_length=200)
    thumbnail = models.FileField(storage=photo_storage, max_length=200)
    ingested_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PhotoQuerySet.as_manager()

    class Meta(DublinCore.Meta):
        ordering = ["collection_id", "path"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "path"], name="photo_path_unique_in_collection"),
            models.UniqueConstraint(
                fields=["collection", "identifier"],
                condition=~Q(identifier=""),
                name="photo_identifier_unique_in_collection",
            ),
        ]
        indexes = [
            *DublinCore.Meta.indexes,
            models.Index(fields=["collection", "checksum"]),
            models.Index(fields=["collection", "pixel_hash"]),
        ]

    def __str__(self) -> str:
        return self.title or self.identifier or self.path

    @property
    def name_in_collection(self) -> str:
        """What stays readable in a verdict or a copy when a host has removed the photo."""
        return self.identifier or self.path
