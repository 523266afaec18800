"""An encoder: an extractor that turns photos into features, and a projection that turns features into embeddings.

Features are cached by the extractor's recipe, so that fitting, refitting and embedding read each photo only once.
Both halves are kept in one safetensors file; nothing is ever unpickled.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from ndd_app.exceptions import DamagedEncoder, ExtractorChanged
from ndd_app.vision.images import Pixels

EMBEDDING_SIZE = 512
FORMAT = "ndd encoder 1"

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


def save_encoder(encoder: Encoder, metadata: Mapping[str, str]) -> bytes:
    """A safetensors file: the projection, and the backbone's weights where a method has changed them.

    An untouched backbone is named by its recipe, which holds the digest of its weights, and had again by its name.
    """
    from ndd_app.vision.backbones import Backbone

    extractor = encoder.extractor
    backbone = extractor if isinstance(extractor, Backbone) else None
    changed = backbone.changed_weights() if backbone else {}
    facts = {
        "format": FORMAT,
        "extractor": extractor.name,
        "recipe": extractor.recipe,
        "side": backbone.side if backbone else None,
        "backbone": "changed" if changed else "untouched",
        "projection": encoder.projection.kind,
        "metadata": dict(metadata),
    }
    tensors = {f"projection.{key}": value for key, value in encoder.projection.tensors().items()}
    tensors |= {f"backbone.{key}": value for key, value in changed.items()}
    # One entry, because safetensors writes several in random order and the file's digest would change.
    facts_as_text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    contiguous = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    return safetensors.numpy.save(contiguous, {"ndd": facts_as_text})


def load_encoder(data: bytes, weights_dir: Path | None) -> Encoder:
    """The encoder that was saved; refused where its extractor would now give other features than it was fitted on."""
    facts, tensors = _read(data)
    extractor = _extractor(facts, _part(tensors, "backbone"), weights_dir)
    if extractor.recipe != facts["recipe"]:
        raise ExtractorChanged(fitted=facts["recipe"], present=extractor.recipe)
    return Encoder(extractor, _projection(facts, _part(tensors, "projection")))


def read_metadata(data: bytes) -> dict[str, str]:
    return dict(_read(data)[0]["metadata"])


def digest_tensors(tensors: Mapping[str, Features]) -> str:
    """SHA-256 over names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _read(data: bytes) -> tuple[dict[str, Any], dict[str, Features]]:
    try:
        tensors = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"]["ndd"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise DamagedEncoder(detail=f"it is no encoder of ndd, or not whole ({error})") from error
    if facts.get("format") != FORMAT:
        raise DamagedEncoder(detail=f"its format is “{facts.get('format')}”, not “{FORMAT}”")
    return facts, tensors


def _extractor(facts: Mapping[str, Any], changed: dict[str, Features], weights_dir: Path | None) -> Extractor:
    # Imported in functions, because these modules build on the protocols above.
    from ndd_app.vision.backbones import load_backbone, restore_backbone
    from ndd_app.vision.classical import RootSift

    if facts["extractor"] == RootSift.name:
        return RootSift()
    if changed:
        return restore_backbone(facts["extractor"], facts["side"], changed)
    return load_backbone(facts["extractor"], weights_dir, facts["side"])


def _projection(facts: Mapping[str, Any], tensors: dict[str, Features]) -> Projection:
    from ndd_app.vision.classical import Vlad
    from ndd_app.vision.descriptors import PooledCosine, Whitening

    kinds: dict[str, type[Projection]] = {kind.kind: kind for kind in (PooledCosine, Whitening, Vlad)}
    try:
        return kinds[facts["projection"]].from_tensors(tensors)
    except KeyError as error:
        raise DamagedEncoder(detail=f"its projection lacks {error}") from error


def _part(tensors: Mapping[str, Features], part: str) -> dict[str, Features]:
    return {key.partition(".")[2]: value for key, value in tensors.items() if key.startswith(f"{part}.")}
