"""From a manifest's columns to descriptions. What a person has written stays: only absent fields are filled."""

from collections.abc import Mapping

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, IntegrityError, transaction

from ndd_app.description import Field, Value, adapter, write_description
from ndd_app.exceptions import DescriptionRefused, IdentifierTaken, InvalidDescription, NddError, UnknownRecord
from ndd_app.models import Photo


def describe_from_manifest(photo: Photo, columns: Mapping[str, str]) -> tuple[bool, list[NddError]]:
    """Fill the photo's absent fields; gives whether anything changed, and what could not be taken over.

    Each step is a transaction of its own, and reads anew what it fills: people work on the records meanwhile.
    """
    problems: list[NddError] = []
    changed = False
    for step in (_set_identifier, _set_record, _fill_fields):
        try:
            with transaction.atomic():
                changed |= step(photo, columns, problems)
        except UnknownRecord as error:
            return changed, [*problems, error]
        except NddError as error:
            problems.append(error)
        except DataError as error:
            problems.append(DescriptionRefused(detail=str(error).strip().rstrip(".")))
    return changed, problems


def _set_identifier(photo: Photo, columns: Mapping[str, str], _: list[NddError]) -> bool:
    identifier = columns.get("identifier", "").strip()
    try:
        with transaction.atomic():
            return _set_absent(photo, "identifier", identifier)
    except IntegrityError as error:
        photo.identifier = ""
        holder = Photo.objects.filter(collection=photo.collection_id, identifier=identifier).first()
        raise IdentifierTaken(identifier=identifier, holder=holder.path if holder else "another photo") from error


def _set_record(photo: Photo, columns: Mapping[str, str], _: list[NddError]) -> bool:
    is_new = _set_absent(photo, "record", columns.get("record", "").strip())
    if is_new:
        try:
            adapter().read(photo)
        except ObjectDoesNotExist as error:
            raise UnknownRecord(record=photo.record) from error
    return is_new


def _set_absent(photo: Photo, name: str, value: str) -> bool:
    """Set one of the fields that Photo has in every host; False where there is nothing to set."""
    if not value or getattr(photo, name):
        return False
    try:
        Photo._meta.get_field(name).clean(value, photo)  # type: ignore[union-attr]
    except ValidationError as error:
        raise InvalidDescription(field=name, value=value, detail=" ".join(error.messages).rstrip(".")) from error
    # What others refer to by foreign keys stays free: a copy may hold the host's record and wait for this photo.
    photo.refresh_from_db(from_queryset=Photo.objects.select_for_update(no_key=True))
    if getattr(photo, name):
        return False
    setattr(photo, name, value)
    photo.save(update_fields=[name])
    return True


def _fill_fields(photo: Photo, columns: Mapping[str, str], problems: list[NddError]) -> bool:
    descriptions = adapter()
    given = {field: text for field in descriptions.fields if (text := _text_for(field, columns))}
    if not given:
        return False
    try:
        descriptions.lock(photo)
        present = descriptions.read(photo)
    except ObjectDoesNotExist as error:
        raise UnknownRecord(record=photo.record) from error
    values: dict[str, Value] = {}
    for field, text in given.items():
        if not present[field.name]:
            try:
                values[field.name] = descriptions.clean(field, _split(text) if field.is_list else text)
            except InvalidDescription as error:
                problems.append(error)
    if values:
        write_description(photo, values)
    return bool(values)


def _text_for(field: Field, columns: Mapping[str, str]) -> str:
    names = field.name.casefold(), field.label.casefold()
    return next((columns[name] for name in columns if name.casefold() in names), "").strip()


def _split(text: str) -> list[str]:
    return text.split("|") if "|" in text else text.split(";")
