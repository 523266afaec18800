"""System checks: a setting that makes no sense is named at start, with a hint."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from ndd_app.conf import conf, setting_name

TAG = "ndd"


def register() -> None:
    for check in (check_limits, check_adapter, check_weights_dir, check_database, check_broker):
        checks.register(check, TAG)


def check_limits(**_: Any) -> list[checks.CheckMessage]:
    too_small = [setting_name(n) for n in ("max_megapixels", "max_file_megabytes") if getattr(conf, n) < 1]
    hint = "Leave it out for the default."
    return [checks.Error(f"{name} must be at least 1.", hint=hint, id="ndd.E001") for name in too_small]


def check_adapter(**_: Any) -> list[checks.CheckMessage]:
    from ndd_app.description import DescriptionAdapter

    hint = "Name a subclass of ndd_app.description.DescriptionAdapter by its dotted path."
    try:
        kind = import_string(conf.description_adapter)
    except ImportError as error:
        return [checks.Error(f"NDD_DESCRIPTION_ADAPTER cannot be imported: {error}", hint=hint, id="ndd.E002")]
    if not (isinstance(kind, type) and issubclass(kind, DescriptionAdapter) and kind.fields):
        return [checks.Error("NDD_DESCRIPTION_ADAPTER is no adapter with fields.", hint=hint, id="ndd.E003")]
    return []


def check_weights_dir(**_: Any) -> list[checks.CheckMessage]:
    if conf.weights_dir is None or conf.weights_dir.is_dir():
        return []
    hint = "Create the folder, put <timm name>.safetensors into it, or leave the setting out."
    return [checks.Error(f"NDD_WEIGHTS_DIR is no folder: {conf.weights_dir}.", hint=hint, id="ndd.E004")]


def check_database(**_: Any) -> list[checks.CheckMessage]:
    engine = str(settings.DATABASES["default"]["ENGINE"])
    if "postgresql" in engine or "postgis" in engine:
        return []
    hint = "Photos, fingerprints and embeddings are kept in pgvector columns; see docs/settings.md, DATABASE_URL."
    return [checks.Error(f"ndd needs PostgreSQL, not {engine}.", hint=hint, id="ndd.E005")]


def check_broker(**_: Any) -> list[checks.CheckMessage]:
    """Celery then looks for a RabbitMQ on this machine."""
    if current_app.conf.broker_write_url or current_app.conf.task_always_eager:
        return []
    hint = "Set CELERY_BROKER_URL, and import the Celery application in the project's __init__.py; see docs/plugin.md."
    return [checks.Warning("No broker is configured: no worker is told of jobs.", hint=hint, id="ndd.W001")]
