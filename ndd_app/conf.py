"""The plugin's settings. Each is a Django setting named NDD_… ; the docstring under it is its reference.

Read them as `conf.backbone`; `ndd_app/checks.py` says at start which value makes no sense.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Conf:
    backbone: str = ""
    """timm name of the deep backbone. Empty: DINOv2 with registers, ViT-L/14 with a GPU, ViT-S/14 without."""

    weights_dir: Path | None = None
    """Folder of weights, `<timm name>.safetensors` each; looked into before the hub's cache and the hub."""

    cache_dir: Path = Path("cache")
    """Folder for features computed once per photo. May be emptied at any time; each machine can have its own."""

    description_adapter: str = "ndd_app.description.DublinCoreAdapter"
    """Dotted path of the DescriptionAdapter through which descriptions are read and written."""

    storage: str = "default"
    """Alias in STORAGES where masters (uploads and ZIPs), working copies and weights are kept."""

    max_megapixels: int = 400
    """A scan with more million pixels is reported instead of read (memory: about 12 bytes a pixel)."""

    max_file_megabytes: int = 2048
    """A file larger than this, also inside a ZIP, is reported instead of read."""

    @classmethod
    def from_django(cls) -> "Conf":
        """The present values; a value of the wrong type stops the start, since the models ask for the storage."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = setting_name(field.name)
            if hasattr(settings, name):
                given[field.name] = _converted(name, getattr(settings, name), field.type)
        return cls(**given)


def setting_name(attribute: str) -> str:
    return f"NDD_{attribute.upper()}"


def setting_names() -> list[str]:
    return [setting_name(field.name) for field in fields(Conf)]


def _converted(name: str, value: Any, kind: Any) -> Any:
    if kind is str and isinstance(value, str):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (Path, Path | None) and isinstance(value, str | Path):
        return Path(value).expanduser()
    if kind == Path | None and value is None:
        return None
    wanted = getattr(kind, "__name__", kind)
    raise ImproperlyConfigured(f"{name} must be {wanted}, not {value!r}. docs/settings.md lists every setting.")


class _Present:
    """Reads the settings at each look, so that tests can override them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(Conf.from_django(), name)


conf = cast(Conf, _Present())
