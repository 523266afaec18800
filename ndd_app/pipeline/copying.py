"""Copy a description from one record to another, field by field, with provenance and undo."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from django.db import transaction
from django.utils import timezone

from ndd_app.description import DescriptionAdapter, Field, Value, adapter, description_of, title_of, write_description
from ndd_app.exceptions import (
    AlreadyUndone,
    ChangedSincePreview,
    EditedSince,
    NddError,
    NotAllowed,
    NothingToCopy,
    RecordGone,
)
from ndd_app.models import MetadataCopy, Photo
from ndd_app.pipeline.review import Person, latest_verdict_of, record_verdict
from ndd_app.signals import metadata_copied

Mode = MetadataCopy.Mode


@dataclass(frozen=True)
class FieldChange:
    """What copying does to one field of the target."""

    field: Field
    mode: Mode
    before: Value
    after: Value

    @property
    def is_change(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Preview:
    changes: tuple[FieldChange, ...]

    @property
    def effective(self) -> tuple[FieldChange, ...]:
        return tuple(change for change in self.changes if change.is_change)

    @property
    def digest(self) -> str:
        """Names exactly what the person saw, so that nothing else is copied."""
        seen = [(c.field.name, str(c.mode), c.before, c.after) for c in self.changes]
        return sha256(repr(seen).encode()).hexdigest()


def preview_copy(source: Photo, target: Photo, modes: Mapping[str, Mode]) -> Preview:
    """What copying the named fields would change; fields that the source lacks are left out."""
    descriptions = adapter()
    given, present = descriptions.read(source), description_of(target)
    return Preview(
        tuple(
            FieldChange(field, mode, present[field.name], combine(field, mode, present[field.name], given[field.name]))
            for field in descriptions.fields
            if (mode := modes.get(field.name)) and given[field.name]
        )
    )


def combine(field: Field, mode: Mode, present: Value, given: Value) -> Value:
    """The target's new value. Lists are united in order; long text is joined by a blank line."""
    if not present or (mode == Mode.APPEND and not field.can_append):
        return present or given
    if mode == Mode.REPLACE:
        return given
    if mode == Mode.FILL:
        return present
    if isinstance(present, list):
        return [*present, *(word for word in given if word not in present)]
    is_there = f"\n\n{given}\n\n" in f"\n\n{present}\n\n"
    return present if is_there else f"{present}\n\n{given}"


@transaction.atomic
def copy_description(
    source: Photo, target: Photo, modes: Mapping[str, Mode], person: Person, seen: str | None = None
) -> list[MetadataCopy]:
    """Copy the fields and record the person's “yes” for the pair, all or nothing.

    `seen` is the digest of the preview that the person agreed to.
    """
    descriptions = adapter()
    _require_permission(descriptions, person, target)
    if not descriptions.may_view(person, source):
        raise NotAllowed(person=person.get_username() or "An anonymous visitor", photo=title_of(target))
    for photo in sorted([source, target], key=lambda photo: (photo.record, photo.pk)):  # one order: no deadlock
        descriptions.lock(photo)
    preview = preview_copy(source, target, modes)
    if seen is not None and preview.digest != seen:
        raise ChangedSincePreview(photo=title_of(target))
    if not preview.effective:
        raise NothingToCopy()
    verdict = latest_verdict_of(person, source, target)
    if verdict is None or verdict.answer != verdict.Answer.YES:
        verdict = record_verdict(source, target, "yes", person)
    write_description(target, {change.field.name: change.after for change in preview.effective})
    written = description_of(target)  # a host may tidy what it is given; undo compares with what it kept
    batch = uuid.uuid4()
    copies = MetadataCopy.objects.bulk_create(
        MetadataCopy(
            batch=batch,
            source=source,
            source_checksum=source.checksum,
            source_name=source.name_in_collection,
            target=target,
            target_checksum=target.checksum,
            target_name=target.name_in_collection,
            verdict=verdict,
            field=change.field.name,
            field_label=change.field.label,
            mode=change.mode,
            before=change.before,
            after=written[change.field.name],
            person=person,
            person_name=person.get_username(),
        )
        for change in preview.effective
    )
    transaction.on_commit(lambda: _announce(copies, undone=False))
    return copies


@transaction.atomic
def undo_copy(copy: MetadataCopy, person: Person) -> MetadataCopy:
    """Put the old value back, unless the copy was taken back before or the field was edited since."""
    descriptions = adapter()
    copy = MetadataCopy.objects.select_for_update().get(pk=copy.pk)
    if copy.undone_at:
        raise AlreadyUndone(person=copy.undone_by_name)
    if copy.target is None:
        raise RecordGone(name=copy.target_name)
    _require_permission(descriptions, person, copy.target)
    descriptions.lock(copy.target)
    now = description_of(copy.target)[copy.field]
    if now != copy.after:
        raise EditedSince(
            field=copy.field_label,
            photo=copy.target_name,
            after=_in_words(copy.after),
            now=_in_words(now),
            before=_in_words(copy.before),
        )
    write_description(copy.target, {copy.field: cast(Value, copy.before)})
    copy.undone_at, copy.undone_by_name = timezone.now(), person.get_username()
    copy.save(update_fields=["undone_at", "undone_by_name"])
    transaction.on_commit(lambda: _announce([copy], undone=True))
    return copy


def undo_all(copies: Iterable[MetadataCopy], person: Person) -> tuple[list[MetadataCopy], list[NddError]]:
    """Take back each of them by itself: a field that was edited since keeps no other one from its old value."""
    undone: list[MetadataCopy] = []
    refused: list[NddError] = []
    for copy in copies:
        try:
            undone.append(undo_copy(copy, person))
        except NddError as refusal:
            refused.append(refusal)
    return undone, refused


def _require_permission(descriptions: DescriptionAdapter, person: Person, photo: Photo) -> None:
    if not (descriptions.may_view(person, photo) and descriptions.may_edit(person, photo)):
        raise NotAllowed(person=person.get_username() or "An anonymous visitor", photo=descriptions.title(photo))


def _announce(copies: list[MetadataCopy], undone: bool) -> None:
    metadata_copied.send(sender=MetadataCopy, copies=copies, undone=undone)


def _in_words(value: Any) -> str:
    words = " | ".join(value) if isinstance(value, list) else str(value or "")
    return f"“{words}”" if words else "nothing"
