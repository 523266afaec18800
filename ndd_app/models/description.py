from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models

from ndd_app.text import fold


def validate_edtf(value: str) -> None:
    from edtf import EDTFParseException, parse_edtf

    try:
        parse_edtf(value)
    except EDTFParseException as error:
        raise ValidationError(
            "“%(value)s” is no date in EDTF, the way to write dates that also has room for uncertain ones. Write 1912,"
            " 1912-05, 1912-05-01, 1912? (uncertain), 191X (some year from 1910 to 1919) or 1910/1915 (from … to).",
            params={"value": value},
        ) from error


class DublinCore(models.Model):
    """The description that a photo has of its own, in Dublin Core terms."""

    identifier = models.CharField(max_length=200, blank=True, help_text="Unique in its collection.")
    title = models.CharField(max_length=500, blank=True)
    creator = models.CharField(max_length=500, blank=True)
    date = models.CharField(
        max_length=100,
        blank=True,
        validators=[validate_edtf],
        help_text="EDTF: 1912-05-01, 1912?, 191X, 1910/1915",
    )
    place = models.CharField(max_length=500, blank=True)
    subjects = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    description = models.TextField(blank=True)
    rights = models.TextField(blank=True)
    source = models.TextField(blank=True, help_text="Where the original lies: album, box, negative number.")
    notes = models.TextField(blank=True)
    search_text = models.TextField(blank=True, editable=False, help_text="The description without accents, for search.")
    search_vector = models.GeneratedField(
        expression=SearchVector("search_text", config="simple"), output_field=SearchVectorField(), db_persist=True
    )

    DESCRIPTION_FIELDS = ("title", "creator", "date", "place", "subjects", "description", "rights", "source", "notes")

    class Meta:
        abstract = True
        indexes = [GinIndex(fields=["search_vector"], name="%(app_label)s_%(class)s_search")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_text = self.text_to_search()
        if (names := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*names, "search_text"}
        super().save(*args, **kwargs)

    def text_to_search(self) -> str:
        words = [self.identifier, *(getattr(self, name) for name in self.DESCRIPTION_FIELDS if name != "subjects")]
        return fold(" ".join(word for word in [*words, *self.subjects] if word))
