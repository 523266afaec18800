"""An encoder in one safetensors file, projection and, where a method has changed them, the backbone's weights.

Nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from ndd_app.exceptions import DamagedEncoder, ExtractorChanged
from ndd_app.vision.backbones import Backbone, load_backbone, restore_backbone
from ndd_app.vision.classical import RootSift, Vlad
from ndd_app.vision.descriptors import PooledCosine, Whitening
from ndd_app.vision.encoders import Encoder, Extractor, Features, Projection

FORMAT = "ndd encoder 1"


def save_encoder(encoder: Encoder, metadata: Mapping[str, str]) -> bytes:
    """A safetensors file: the projection, and the backbone's weights where a method has changed them.

    An untouched backbone is named by its recipe, which holds the digest of its weights, and had again by its name.
    """
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
    if facts["extractor"] == RootSift.name:
        return RootSift()
    if changed:
        return restore_backbone(facts["extractor"], facts["side"], changed)
    return load_backbone(facts["extractor"], weights_dir, facts["side"])


def _projection(facts: Mapping[str, Any], tensors: dict[str, Features]) -> Projection:
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise DamagedEncoder(detail="its projection holds values that are not finite")
    kinds: dict[str, type[Projection]] = {kind.kind: kind for kind in (PooledCosine, Whitening, Vlad)}
    try:
        return kinds[facts["projection"]].from_tensors(tensors)
    except KeyError as error:
        raise DamagedEncoder(detail=f"its projection lacks {error}") from error


def _part(tensors: Mapping[str, Features], part: str) -> dict[str, Features]:
    return {key.partition(".")[2]: value for key, value in tensors.items() if key.startswith(f"{part}.")}
