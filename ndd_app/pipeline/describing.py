"""From a manifest's columns to descriptions. What a person has written stays: only absent fields are filled."""

from collections.abc import Mapping

from django.core.exceptions import ObjectDoesNotExist

from ndd_app.description import Field, Value, adapter
from ndd_app.exceptions import IdentifierTaken, InvalidDescription, NddError, UnknownRecord
from ndd_app.models import Photo
from ndd_app.pipeline.register import Register

OWN_COLUMNS = ("identifier", "record")


def describe_from_manifest(photo: Photo, columns: Mapping[str, str], register: Register) -> tuple[bool, list[NddError]]:
    """Fill the photo's absent fields; gives whether anything changed, and what could not be taken over."""
    problems: list[NddError] = []
    changed = _set_identifier(photo, columns.get("identifier", "").strip(), register, problems)
    values: dict[str, Value] = {}
    descriptions = adapter()
    is_new_record = not photo.record and bool(columns.get("record", "").strip())
    if is_new_record:
        photo.record = columns["record"].strip()
    try:
        present = descriptions.read(photo)
    except ObjectDoesNotExist:
        return changed, [*problems, UnknownRecord(record=photo.record)]
    if is_new_record:
        photo.save(update_fields=["record"])
    for field in descriptions.fields:
        text = next((columns[name] for name in columns if name.casefold() in _names(field)), "").strip()
        if text and not present[field.name]:
            try:
                values[field.name] = descriptions.clean(field, _split(text) if field.is_list else text)
            except InvalidDescription as error:
                problems.append(error)
    if values:
        descriptions.write(photo, values)
    return changed or is_new_record or bool(values), problems


def _set_identifier(photo: Photo, identifier: str, register: Register, problems: list[NddError]) -> bool:
    if not identifier or photo.identifier:
        return False
    if holder := register.identifiers.get(identifier):
        problems.append(IdentifierTaken(identifier=identifier, holder=holder))
        return False
    register.identifiers[identifier] = photo.path
    photo.identifier = identifier
    photo.save(update_fields=["identifier"])
    return True


def _names(field: Field) -> tuple[str, str]:
    return field.name.casefold(), field.label.casefold()


def _split(text: str) -> list[str]:
    return text.split("|") if "|" in text else text.split(";")
