"""Progress belongs to the caller: a stage loops over `track(items, …)` and knows nothing of bars and jobs."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Track(Protocol):
    def __call__(self, items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]: ...


def untracked(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    return iter(items)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """What itertools.batched is from Python 3.12 on."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
