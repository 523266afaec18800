"""An encoder: an extractor that turns photos into features, and a projection that turns features into embeddings.

Features are cached by the extractor's recipe, so that fitting, refitting and embedding read each photo only once.
Both halves are kept in one safetensors file; nothing is ever unpickled.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from ndd_app.vision.images import Pixels

EMBEDDING_SIZE = 512

Features = npt.NDArray[np.generic]
Embeddings = npt.NDArray[np.float32]


class Extractor(Protocol):
    @property
    def name(self) -> str:
        """What `load_extractor` needs to make it again: a timm name, or "rootsift"."""

    @property
    def recipe(self) -> str:
        """Names the features exactly: two extractors with one recipe give the same features."""

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        """One array a photo, in the order of `images`; its shape is the extractor's own affair."""


class Projection(Protocol):
    kind: ClassVar[str]

    def apply(self, features: Sequence[Features]) -> Embeddings:
        """Shape (len(features), EMBEDDING_SIZE), unit rows, zero-padded; a zero row for a photo without features."""

    def tensors(self) -> dict[str, npt.NDArray[np.generic]]: ...

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Self: ...


@dataclass(frozen=True)
class Encoder:
    extractor: Extractor
    projection: Projection

    @property
    def recipe(self) -> str:
        return f"{self.extractor.recipe} | {self.projection.kind} {digest_tensors(self.projection.tensors())[:12]}"

    def embed(self, features: Sequence[Features]) -> Embeddings:
        return self.projection.apply(features)


def unit_rows(values: npt.NDArray[np.floating]) -> Embeddings:
    """Rows (n, d ≤ EMBEDDING_SIZE) at length 1, padded with zeros to EMBEDDING_SIZE; rows of length 0 stay zero."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    rows = np.zeros((len(values), EMBEDDING_SIZE), np.float32)
    rows[:, : values.shape[1]] = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 1e-12)
    return rows


def digest_tensors(tensors: Mapping[str, Features]) -> str:
    """SHA-256 over names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
