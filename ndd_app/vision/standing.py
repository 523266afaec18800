"""Where a training stands, in memory and in its checkpoint; its curve is a part of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ndd_app.vision.checkpoints import load_checkpoint, save_checkpoint

POINTS = 200
"""A longer curve of losses is kept as this many means."""

Curve = list[dict[str, Any]]


@dataclass
class Standing:
    """position: photos of this epoch that are done. curve: see training.Trained."""

    batch: int
    step: int = 0
    epoch: int = 0
    position: int = 0
    curve: Curve = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def save_standing(
    folder: Path,
    key: str,
    standing: Standing,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Raises CheckpointFailed. key: which run it is, as its checkpoint is of no use to another one."""
    tensors = {
        f"{part}.{name}": value for part, module in modules.items() for name, value in module.state_dict().items()
    }
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    save_checkpoint(folder, tensors, {"key": key, **asdict(standing)})


def resume_standing(
    folder: Path,
    key: str,
    fresh: Standing,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
) -> Standing:
    """The checkpoint's, with modules and optimiser as they were then; the fresh one where there is none of this run."""
    found = load_checkpoint(folder)
    if found is None:
        return fresh
    facts, tensors = found
    if facts.pop("key", None) != key:
        fresh.notes.append("A checkpoint of another training lay in the folder and was not used.")
        return fresh
    for part, module in modules.items():
        module.load_state_dict(_part(tensors, part))
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": _states(_part(tensors, "optimiser")), "param_groups": groups})
    del facts["tensors"]
    return Standing(**facts)


def thin_curve(curve: Curve) -> Curve:
    """At most POINTS losses, each the last one of a stretch with the stretch's mean; all that was measured between."""
    losses = [point for point in curve if "loss" in point]
    if len(losses) <= POINTS:
        return curve
    stretches = [stretch.tolist() for stretch in np.array_split(np.array(losses, object), POINTS)]
    means = [{**some[-1], "loss": round(sum(p["loss"] for p in some) / len(some), 6)} for some in stretches]
    return sorted([*means, *(point for point in curve if "loss" not in point)], key=lambda point: point["step"])


def _part(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{part}.")}


def _states(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        states.setdefault(int(number), {})[name] = value
    return states
