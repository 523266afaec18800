"""Where a training stands, on disk: tensors in safetensors, the rest in JSON; nothing is unpickled.

Both are written aside and renamed. The JSON comes last and names its tensors, so that whatever it names is whole.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ndd_app.exceptions import CheckpointFailed

FACTS = "checkpoint.json"


def save_checkpoint(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """`facts` must hold the `step`. An older checkpoint stays until the new one is whole. Raises CheckpointFailed."""
    file = folder / f"step-{facts['step']:08}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, part)
        _replace(part, file)
        part = folder / f"{FACTS}.part"
        part.write_text(json.dumps({**facts, "tensors": file.name}))
        _replace(part, folder / FACTS)
        _remove(folder, "step-*.safetensors", but=file.name)
    except (OSError, SafetensorError) as error:
        _remove(folder, "*.part")
        raise CheckpointFailed(folder=folder, detail=error) from error


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """None where there is none, or none that is whole: then the training starts anew."""
    try:
        facts = json.loads((folder / FACTS).read_text())
        return facts, load_file(folder / facts["tensors"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def _replace(part: Path, file: Path) -> None:
    with part.open("rb+") as written:
        os.fsync(written.fileno())  # a name must not reach the disk before what it stands for
    part.replace(file)


def _remove(folder: Path, pattern: str, but: str = "") -> None:
    for file in folder.glob(pattern):
        if file.name != but:
            file.unlink(missing_ok=True)
