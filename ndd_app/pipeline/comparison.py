"""Two descriptions side by side: what agrees, what differs, what only one of them has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from ndd_app.description import Field, Value, adapter, description_of
from ndd_app.models import Photo

ALIKE = 0.4
"""Texts less alike than this are shown whole: marking single words in them would only flicker."""


class Agreement(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    ONLY_ONE = "only one"
    ONLY_OTHER = "only other"
    ABSENT = "absent"


@dataclass(frozen=True)
class Part:
    text: str
    differs: bool = False


@dataclass(frozen=True)
class FieldComparison:
    field: Field
    one: Value
    other: Value
    one_parts: tuple[Part, ...]
    other_parts: tuple[Part, ...]

    @property
    def agreement(self) -> Agreement:
        if self.one == self.other:
            return Agreement.SAME if self.one else Agreement.ABSENT
        if self.one and self.other:
            return Agreement.DIFFERENT
        return Agreement.ONLY_ONE if self.one else Agreement.ONLY_OTHER


def compare_descriptions(one: Photo, other: Photo) -> list[FieldComparison]:
    mine, theirs = description_of(one), description_of(other)
    return [
        FieldComparison(field, mine[field.name], theirs[field.name], *_parts(mine[field.name], theirs[field.name]))
        for field in adapter().fields
    ]


def fields_to_gain(target: Photo, source: Photo) -> list[Field]:
    """The fields that the source has and the target lacks."""
    present, given = description_of(target), description_of(source)
    return [field for field in adapter().fields if given[field.name] and not present[field.name]]


def _parts(one: Value, other: Value) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    if isinstance(one, list) or isinstance(other, list):
        return _items(one, other), _items(other, one)
    words, other_words = (re.findall(r"\s+|[^\s]+", text) for text in (one, other))
    matcher = SequenceMatcher(None, words, other_words, autojunk=False)
    if not (words and other_words) or matcher.ratio() < ALIKE:
        return (Part(one),), (Part(other),)
    codes = matcher.get_opcodes()
    return (
        tuple(Part("".join(words[a:b]), tag != "equal") for tag, a, b, _, _ in codes if a < b),
        tuple(Part("".join(other_words[a:b]), tag != "equal") for tag, _, _, a, b in codes if a < b),
    )


def _items(values: Sequence[str], others: Sequence[str]) -> tuple[Part, ...]:
    return tuple(Part(value, differs=bool(others) and value not in others) for value in values)
