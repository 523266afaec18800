"""Descriptions, wherever they live: the seam between ndd and the host's records.

ndd shows, compares and copies descriptions only through a `DescriptionAdapter`. The default one uses the Dublin Core
fields of Photo; a host with records of its own names its adapter in NDD_DESCRIPTION_ADAPTER.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, IntegrityError, transaction
from django.urls import reverse
from django.utils.module_loading import import_string

from ndd_app.conf import conf
from ndd_app.exceptions import DescriptionRefused, InvalidDescription, WrongDescription
from ndd_app.models import Collection, Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.text import with_line_feeds

Value = str | list[str]
"""A field's value; "" and [] mean absent."""


class Kind(StrEnum):
    TEXT = "text"  # one line
    LONG_TEXT = "long text"
    LIST = "list"
    DATE = "date"


@dataclass(frozen=True)
class Field:
    name: str
    label: str
    kind: Kind = Kind.TEXT

    @property
    def is_list(self) -> bool:
        return self.kind is Kind.LIST

    @property
    def can_append(self) -> bool:
        """Titles and dates hold one value; appending would make them none."""
        return self.kind in (Kind.LIST, Kind.LONG_TEXT)

    @property
    def absent(self) -> Value:
        return [] if self.is_list else ""


class DescriptionAdapter:
    """How a host's descriptions are read and written. A subclass gives `fields`, `read` and `write` at least."""

    fields: Sequence[Field] = ()

    def read(self, photo: Photo) -> dict[str, Value]:
        """The values of all `fields` of the record that the photo belongs to."""
        raise NotImplementedError

    def write(self, photo: Photo, values: Mapping[str, Value]) -> None:
        """Store the values of some fields. Called inside a transaction after `lock`."""
        raise NotImplementedError

    def lock(self, photo: Photo) -> None:
        """Keep others from writing to the record until the transaction ends, and see its present state."""
        photo.refresh_from_db(from_queryset=Photo.objects.select_for_update())

    def clean(self, field: Field, value: Value) -> Value:
        """The value as it will be stored; raises InvalidDescription when the field cannot hold it."""
        if isinstance(value, list):
            return [word for text in value if (word := text.strip())]
        return with_line_feeds(value.strip())

    def title(self, photo: Photo) -> str:
        return str(photo)

    def address(self, photo: Photo) -> str:
        """The page of the photo's record."""
        return reverse("record", args=[photo.pk])

    def collection_address(self, collection: Collection) -> str | None:
        """The page of a collection, where the host has one."""
        return None

    def same_record(self, one: Photo, other: Photo) -> bool:
        """Several scans of one record are no duplicates to be reviewed."""
        return bool(one.record) and one.record == other.record

    def visible(self, user: Any, photos: PhotoQuerySet) -> PhotoQuerySet:
        """Those of the photos that the person may see: the one rule for every page, list and file."""
        return photos if user.is_authenticated else photos.filter(collection__is_public=True)

    def may_view(self, user: Any, photo: Photo) -> bool:
        return self.visible(user, Photo.objects.filter(pk=photo.pk)).exists()

    def may_edit(self, user: Any, photo: Photo) -> bool:
        return bool(user.has_perm("ndd_app.change_photo"))

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


_KINDS = {"subjects": Kind.LIST, "date": Kind.DATE} | dict.fromkeys(
    ["description", "rights", "source", "notes"], Kind.LONG_TEXT
)


class DublinCoreAdapter(DescriptionAdapter):
    """The description that every Photo has of its own."""

    fields = tuple(Field(name, name.capitalize(), _KINDS.get(name, Kind.TEXT)) for name in Photo.DESCRIPTION_FIELDS)

    def read(self, photo: Photo) -> dict[str, Value]:
        return {field.name: getattr(photo, field.name) for field in self.fields}

    def write(self, photo: Photo, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            setattr(photo, name, self.clean(self.field(name), value))
        photo.save(update_fields=list(values))

    def collection_address(self, collection: Collection) -> str | None:
        return reverse("collection", args=[collection.slug])

    def clean(self, field: Field, value: Value) -> Value:
        value = super().clean(field, value)
        try:
            if value:
                Photo._meta.get_field(field.name).clean(value, None)  # type: ignore[union-attr]
        except ValidationError as error:
            raise InvalidDescription(
                field=field.label, value=value, detail=" ".join(error.messages).rstrip(".")
            ) from error
        return value


def adapter() -> DescriptionAdapter:
    return _adapter(conf.description_adapter)


# A scan may be there while the host has no record for it, or none any more: others' pages must not fail for that.


def title_of(photo: Photo) -> str:
    try:
        return adapter().title(photo)
    except ObjectDoesNotExist:
        return str(photo)


def address_of(photo: Photo) -> str:
    """The record's page, or the scan itself."""
    try:
        return adapter().address(photo)
    except ObjectDoesNotExist:
        return reverse("ndd:working_copy", args=[photo.pk])


def description_of(photo: Photo) -> dict[str, Value]:
    """The values of all fields, absent ones for a scan without a record; raises WrongDescription."""
    descriptions = adapter()
    try:
        values = descriptions.read(photo)
    except ObjectDoesNotExist:
        return {field.name: field.absent for field in descriptions.fields}
    for field in descriptions.fields:
        value = values.get(field.name)
        if not isinstance(value, list if field.is_list else str):
            wanted = "a list of texts" if field.is_list else "text"
            raise WrongDescription(adapter=conf.description_adapter, field=field.name, value=value, wanted=wanted)
    return values


def write_description(photo: Photo, values: Mapping[str, Value]) -> None:
    """Inside a transaction; raises DescriptionRefused for what the host's table or model does not take."""
    try:
        with transaction.atomic():
            adapter().write(photo, values)
    except ValidationError as error:
        raise DescriptionRefused(detail=" ".join(error.messages).rstrip(".")) from error
    except (DataError, IntegrityError) as error:
        raise DescriptionRefused(detail=str(error).strip().rstrip(".")) from error


@cache
def _adapter(path: str) -> DescriptionAdapter:
    return import_string(path)()
