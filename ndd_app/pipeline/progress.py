"""Progress belongs to the caller: a stage loops over `track(items, …)` and knows nothing of bars and jobs."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

Item = TypeVar("Item")

FIRST_SECONDS = 5.0
"""Of a step, in which its pace says nothing yet."""


class Track(Protocol):
    def __call__(self, items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]: ...


def untracked(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    return iter(items)


class Pace:
    """How long the rest of a step takes, by the pace of its later half: the half of the time, not of the work.

    What a step begins with is often done already, by a run that was killed or for another encoder, and passes in no
    time. That says nothing about what is left.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._marks = deque([(began, 0)])

    def seconds_left(self, done: int, total: int | None, now: float) -> float | None:
        """To be asked now and again while the step goes on; None while there is nothing to tell."""
        marks, middle = self._marks, (self._began + now) / 2
        marks.append((now, done))
        while len(marks) > 2 and marks[1][0] <= middle:
            marks.popleft()
        at, before = marks[0]
        if total is None or now - self._began < FIRST_SECONDS or done < 2 or done == before:
            return None
        return max(0, total - done) * (now - at) / (done - before)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """What itertools.batched is from Python 3.12 on."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
