"""A timm network as an extractor: photos in, pooled features out.

The photo's outer margin, where mounts, frames and scanner edges lie, is left out and the rest squashed to the network's
square: a near-duplicate search wants the whole photo, not the centre crop that classifiers are trained with.
"""

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import timm
import torch
from timm.data import resolve_model_data_config
from torch import Tensor

from ndd_app.exceptions import MemoryExhausted, WrongTrainedWeights, WrongWeights
from ndd_app.vision.descriptors import pool_features
from ndd_app.vision.encoders import Features, digest_tensors
from ndd_app.vision.images import Pixels
from ndd_app.vision.memory import is_out_of_memory
from ndd_app.vision.precision import computes_bfloat16
from ndd_app.vision.weights import find_weights, require_known

logger = logging.getLogger(__name__)
RECIPE = "[pooled; GeM3; quadrants] 1"
MARGIN = 0.04  # of each side; without it, CLS loses 3 points of mAP on glass plates with their frames
BATCH = 16
UNTRAINED = "random weights"
LARGEST_SIDE = {"cpu": 224, "cuda": 336}
_INTERPOLATIONS = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


@dataclass
class Room:
    """How many photos at once the memory suffices for, as far as is known."""

    batch: int = BATCH


@dataclass(frozen=True, eq=False)
class Backbone:
    """`changed`: the weights are no longer the ones that the name stands for, so that an encoder must carry them."""

    name: str
    network: Any  # an nn.Module, with what timm adds to it
    digest: str
    side: int
    source: str
    changed: bool = False
    room: Room = field(default_factory=Room)

    @property
    def recipe(self) -> str:
        return f"{self.name} {self.digest[:16]} {self.side} px {RECIPE}"

    @property
    def pooled_size(self) -> int:
        """The features start with this many values of the network's own pooled feature: CLS for most ViTs."""
        return int(getattr(self.network, "head_hidden_size", None) or self.network.num_features)

    @cached_property
    def preprocessing(self) -> dict[str, Any]:
        config = resolve_model_data_config(self.network)
        return {
            "side": self.side,
            "margin": MARGIN,
            "interpolation": config["interpolation"],
            "mean": list(config["mean"]),
            "std": list(config["std"]),
            "precision": "bfloat16" if computes_bfloat16(self._device) else "float32",
        }

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        """Fewer photos at once where the memory does not suffice. Raises MemoryExhausted, or WrongWeights."""
        rows: list[Features] = []
        while len(rows) < len(images):
            some = images[len(rows) : len(rows) + self.room.batch]
            try:
                rows.extend(self._features(some))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._look_at_fewer(len(some))
        return rows

    def change_weights(self, network: Any) -> "Backbone":
        """This backbone with a network that a method has trained."""
        digest = digest_tensors(_arrays(network.state_dict()))
        return replace(self, network=network.eval(), digest=digest, source="trained on photos", changed=True)

    def changed_weights(self) -> dict[str, npt.NDArray[np.generic]]:
        return _arrays(self.network.state_dict()) if self.changed else {}

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _look_at_fewer(self, than: int) -> None:
        if than < 2:
            raise MemoryExhausted(detail=f"{self.name} cannot look at a single photo, {self.side} pixels large")
        self.room.batch = than // 2
        logger.warning("The memory did not suffice for %s photos at once: from now on it is %s", than, than // 2)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _features(self, images: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        facts = self.preprocessing
        squares = np.stack([fit_to_square(image, self.side, facts["interpolation"]) for image in images])
        batch = torch.from_numpy(squares).to(self._device).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(facts[key], device=self._device).view(1, 3, 1, 1) for key in ("mean", "std"))
        faster = facts["precision"] == "bfloat16"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=faster):
            rows = pool_features(self.network, (batch - mean) / std).cpu().numpy()
        if not np.isfinite(rows).all():
            raise _refuse(self.name, None if self.changed else self.source, "what they make of a photo is not finite")
        return rows


def load_backbone(name: str, weights_dir: Path | None, side: int | None = None) -> Backbone:
    """`side`: the input size in pixels; None for the network's own, but no more than this machine does quickly.

    Loaded once in a process. Raises UnknownBackbone, WeightsUnavailable or WrongWeights.
    """
    backbone = _load(name, weights_dir, None)
    return backbone if side in (None, backbone.side) else _load(name, weights_dir, side)


@lru_cache(maxsize=4)
def _load(name: str, weights_dir: Path | None, side: int | None) -> Backbone:
    weights = find_weights(name, weights_dir)
    state = weights.read(name)
    network = timm.create_model(name, num_classes=0)
    _load_state(network, state, name, weights.path.name)
    device = present_device()
    side = side or _own_side(network, LARGEST_SIDE[device.type])
    _set_side(network, side)
    return Backbone(name, network.eval().to(device), weights.digest, side, weights.source)


def untrained_backbone(name: str, side: int | None = None, seed: int = 0) -> Backbone:
    """A backbone with random weights, to be trained from scratch. Raises UnknownBackbone."""
    require_known(name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = timm.create_model(name, num_classes=0)
    device = present_device()
    side = side or _own_side(network, LARGEST_SIDE[device.type])
    _set_side(network, side)
    digest = digest_tensors(_arrays(network.state_dict()))
    return Backbone(name, network.eval().to(device), digest, side, UNTRAINED, changed=True)


def restore_backbone(name: str, side: int, weights: Mapping[str, npt.NDArray[np.generic]]) -> Backbone:
    """A backbone from the changed weights that an encoder carries. Raises UnknownBackbone or WrongWeights."""
    require_known(name)
    network = timm.create_model(name, num_classes=0)
    _set_side(network, side)
    _load_state(network, {key: torch.from_numpy(value.copy()) for key, value in weights.items()}, name, None)
    network = network.eval().to(present_device())
    return Backbone(name, network, digest_tensors(weights), side, "the encoder's own file", changed=True)


def fit_to_square(pixels: Pixels, side: int, interpolation: str) -> Pixels:
    return resize_to_square(cut_margin(pixels), side, interpolation)


def shrink_to_keep(pixels: Pixels, side: int) -> Pixels:
    """As large as a network of this side sees it once its margin is cut off, for pictures that are kept for long."""
    return resize_to_square(pixels, round(side / (1 - 2 * MARGIN)), "bicubic")


def cut_margin(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    down, across = round(height * MARGIN), round(width * MARGIN)
    return pixels[down : height - down, across : width - across]


def resize_to_square(pixels: Pixels, side: int, interpolation: str) -> Pixels:
    # Only averaging over areas shrinks without aliasing; the network's own interpolation enlarges what is too small.
    shrunk = cv2.resize(pixels, (min(pixels.shape[1], side), min(pixels.shape[0], side)), interpolation=cv2.INTER_AREA)
    square = cv2.resize(shrunk, (side, side), interpolation=_INTERPOLATIONS.get(interpolation, cv2.INTER_CUBIC))
    return np.asarray(square, np.uint8)


def present_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _own_side(network: Any, largest: int) -> int:
    own = int(resolve_model_data_config(network)["input_size"][-1])
    if own <= largest or not hasattr(network, "set_input_size"):
        return own
    patch = network.patch_embed.patch_size[0]
    return int(largest // patch * patch)


def _set_side(network: Any, side: int) -> None:
    """A CNN takes any size as it is."""
    if side != resolve_model_data_config(network)["input_size"][-1] and hasattr(network, "set_input_size"):
        network.set_input_size((side, side))


def _refuse(name: str, file: str | None, detail: object) -> WrongWeights:
    """file: None where an encoder carries the weights."""
    facts = {"name": name, "detail": " ".join(str(detail).split())[:300]}
    return WrongWeights(file=file, **facts) if file else WrongTrainedWeights(**facts)


def _load_state(network: Any, state: dict[str, Tensor], name: str, file: str | None) -> None:
    try:
        state = _as_timm_names_them(network, state)
        unfit = network.load_state_dict(state, strict=False)
    except Exception as error:  # a network's own translation may meet anything in a file made for another one
        raise _refuse(name, file, error) from error
    if unfit.missing_keys or unfit.unexpected_keys:
        raise _refuse(name, file, f"missing {unfit.missing_keys[:3]}, unknown {unfit.unexpected_keys[:3]}")
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise _refuse(name, file, "they hold values that are not finite")


def _as_timm_names_them(network: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without a classifier; a checkpoint in its authors' own naming is translated as timm does it."""
    expected = network.state_dict().keys()
    classifiers = network.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ((classifiers,) if isinstance(classifiers, str) else classifiers))

    def without_classifier(state: dict[str, Tensor]) -> dict[str, Tensor]:
        return {key: value for key, value in state.items() if key in expected or not key.startswith(heads)}

    translate = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if translate and without_classifier(state).keys() != expected:
        state = translate(dict(state), network)
    return without_classifier(state)


def _arrays(state: Mapping[str, Tensor]) -> dict[str, npt.NDArray[np.generic]]:
    return {key: value.detach().cpu().numpy() for key, value in state.items()}
