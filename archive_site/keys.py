"""Keys and passwords of this installation's own, made up once and kept beside its data."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def own_secret(file: Path, make_up: Callable[[], str]) -> str:
    """Written aside and renamed: an interrupted first start leaves no empty key behind. Only the owner can read it."""
    if not file.exists() or not file.stat().st_size:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w") as new:
            new.write(make_up())
        os.replace(aside, file)
    return file.read_text()
