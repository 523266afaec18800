"""What every method takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ndd_app.vision.encoders import Encoder, Extractor, Features
from ndd_app.vision.images import Pixels
from ndd_app.vision.training import Training


@dataclass(frozen=True)
class Told:
    """What people say of photos: the group of each, None for unknown, and pairs, by number, that are no duplicates."""

    groups: Sequence[str | None] = ()
    rejected: Sequence[tuple[int, int]] = ()


NOTHING = Told()


class Photos(Protocol):
    """The photos a method is fitted on, in a fixed order."""

    def __len__(self) -> int: ...

    def picture(self, number: int) -> Pixels:
        """The photo itself, for methods that train on views of it; raises an NddError where it cannot be read."""

    @property
    def groups(self) -> Sequence[str | None]:
        """What people say about each photo: those of one group belong together; None is not known."""

    @property
    def rejected(self) -> Sequence[tuple[int, int]]:
        """Pairs of photos, by number, that people say are no duplicates."""

    def features(self, extractor: Extractor) -> list[Features]:
        """What the extractor gives for each photo, read from a cache where it can."""


@dataclass(frozen=True)
class Fitted:
    """An encoder, what was chosen on the way (JSON-able), its training curve and remarks for people."""

    encoder: Encoder
    parameters: dict[str, Any]
    curve: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()


class Fit(Protocol):
    def __call__(self, photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
        """`training` is the affair of methods that train a network; None for ours, without checkpoints."""


@dataclass(frozen=True)
class Method:
    """`family` says which extractors it fits: "deep" takes a backbone, "classical" takes RootSIFT.

    `trains`: it changes the backbone's weights, which several processes can share. `is_taught`: it learns from what
    people say of the photos.
    """

    family: Literal["deep", "classical"]
    fit: Fit
    trains: bool = False
    is_taught: bool = False
