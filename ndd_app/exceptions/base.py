"""What can go wrong, in words for the person who has to act on it.

The docstring of an error is its message: the first paragraph gives the reason, the second one says what to do.
Both may name facts in braces, given when the error is raised: `raise ImageTooLarge(width=…, height=…)`.
"""

from inspect import cleandoc
from typing import Any


class NddError(Exception):
    """Something unexpected went wrong.

    Look at the job's page and at the worker's log.
    """

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        reason, _, advice = cleandoc(type(self).__doc__ or "").partition("\n\n")
        self.reason = " ".join(reason.split()).format(**facts)
        self.advice = " ".join(advice.split()).format(**facts)
        super().__init__(f"{self.reason} {self.advice}".strip())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def _rebuild(kind: type[NddError], facts: dict[str, Any]) -> NddError:
    return kind(**facts)
