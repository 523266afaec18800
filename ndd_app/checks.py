"""System checks: a setting that makes no sense, or a part that is missing, is named at start, with a hint."""

from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.files.storage import FileSystemStorage
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.module_loading import import_string

from ndd_app.conf import conf, setting_name, setting_names
from ndd_app.description import DescriptionAdapter, Field
from ndd_app.storage import photo_storage

TAG = "ndd"
MISSPELT = 0.8
"""Likeness of names from which on one is taken for the other."""
CONTEXT = ("django.template.context_processors.request", "django.contrib.auth.context_processors.auth")


def register() -> None:
    every = (
        check_limits,
        check_names,
        check_adapter,
        check_weights_dir,
        check_database,
        check_urls,
        check_templates,
        check_storage,
        check_broker,
    )
    for check in every:
        checks.register(check, TAG)


def check_limits(**_: Any) -> list[checks.CheckMessage]:
    too_small = [setting_name(n) for n in ("max_megapixels", "max_file_megabytes") if getattr(conf, n) < 1]
    hint = "Leave it out for the default."
    return [checks.Error(f"{name} must be at least 1.", hint=hint, id="ndd.E001") for name in too_small]


def check_names(**_: Any) -> list[checks.CheckMessage]:
    """A misspelt name would be passed over: with NDD_DESCRIPTION_ADAPTOR everybody sees every scan."""
    known = setting_names()
    given = [name for name in dir(settings) if name.startswith("NDD_") and name not in known]
    meant = [(name, get_close_matches(name, known, 1, MISSPELT)) for name in given]
    return [
        checks.Error(f"{name} is no setting of ndd.", hint=f"Did you mean {close[0]}?", id="ndd.E006")
        for name, close in meant
        if close
    ]


def check_adapter(**_: Any) -> list[checks.CheckMessage]:
    hint = "Name a subclass of ndd_app.description.DescriptionAdapter by its dotted path."
    try:
        kind = import_string(conf.description_adapter)
    except ImportError as error:
        return [checks.Error(f"NDD_DESCRIPTION_ADAPTER cannot be imported: {error}", hint=hint, id="ndd.E002")]
    if not (isinstance(kind, type) and issubclass(kind, DescriptionAdapter) and kind.fields):
        return [checks.Error("NDD_DESCRIPTION_ADAPTER is no adapter with fields.", hint=hint, id="ndd.E003")]
    hint = "docs/plugin.md says what an adapter gives."
    return [checks.Error(f"{conf.description_adapter} {what}.", hint=hint, id="ndd.E007") for what in _faults_of(kind)]


def _faults_of(kind: type[DescriptionAdapter]) -> list[str]:
    if not all(isinstance(field, Field) for field in kind.fields):
        return ["has fields that are no ndd_app.description.Field"]
    names = Counter(field.name for field in kind.fields)
    faults = [f"has two fields named {name}" for name, count in names.items() if count > 1]
    known = [name for name in vars(DescriptionAdapter) if not name.startswith("_")]
    # What it gives by its right name may have helpers of a like name.
    lacking = [name for name in known if getattr(kind, name) is getattr(DescriptionAdapter, name)]
    faults += [f"does not give {name}" for name in ("read", "write") if name in lacking]
    for name in dir(kind):
        if not name.startswith("_") and name not in known and (close := get_close_matches(name, lacking, 1, MISSPELT)):
            faults.append(f"has “{name}”, which ndd never asks for: is “{close[0]}” meant?")
    if "address" in lacking and not _has_address("record", 0):
        faults.append("does not give address, and no URL is named “record”")
    return [fault.rstrip(".?") for fault in faults]


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


def check_urls(**_: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if not _has_address("ndd:jobs"):
        hint = 'Add path("duplicates/", include("ndd_app.urls")) to the URLs.'
        found.append(checks.Error("The pages of ndd have no address.", hint=hint, id="ndd.E008"))
    if not _leads_somewhere(settings.LOGIN_URL):
        hint = "Set LOGIN_URL to the address or the URL's name of your login page."
        message = f"LOGIN_URL leads nowhere: {settings.LOGIN_URL}."
        found.append(checks.Warning(message, hint=hint, id="ndd.W001"))
    return found


def _has_address(name: str, *arguments: object) -> bool:
    try:
        reverse(name, args=arguments)
    except NoReverseMatch:
        return False
    return True


def _leads_somewhere(address: str) -> bool:
    if "://" in address or _has_address(address):
        return True
    try:
        resolve(address)
    except Resolver404:
        return False
    return True


def check_templates(**_: Any) -> list[checks.CheckMessage]:
    engines: list[dict[str, Any]] = [*settings.TEMPLATES]
    django = [engine for engine in engines if engine["BACKEND"].endswith("DjangoTemplates")]
    given = {name for engine in django for name in engine.get("OPTIONS", {}).get("context_processors", ())}
    missing = [f"the context processor {name}" for name in CONTEXT if name not in given]
    missing += [f"the app {name}" for name in ("django.contrib.postgres",) if not apps.is_installed(name)]
    missing += ["STATIC_URL"] if not settings.STATIC_URL else []
    return [
        checks.Error(f"The pages of ndd need {what}.", hint="docs/plugin.md lists what they need.", id="ndd.E009")
        for what in missing
    ]


def check_storage(**_: Any) -> list[checks.CheckMessage]:
    """Whoever knows the address of a file below MEDIA_ROOT sees it, whatever the adapter says."""
    storage = photo_storage()
    if not isinstance(storage, FileSystemStorage):
        return []
    hint = "Name a storage with a folder of its own in NDD_STORAGE; docs/plugin.md shows one."
    if not storage.base_location:
        message = f"The storage “{conf.storage}” has no folder: scans lie wherever a process was started."
        return [checks.Warning(message, hint=hint, id="ndd.W002")]
    if settings.MEDIA_ROOT and Path(storage.location).resolve().is_relative_to(Path(settings.MEDIA_ROOT).resolve()):
        message = (
            f"The storage “{conf.storage}” keeps scans below MEDIA_ROOT, where web servers show files to everybody."
        )
        return [checks.Warning(message, hint=hint, id="ndd.W003")]
    return []


def check_broker(**_: Any) -> list[checks.CheckMessage]:
    """Celery then looks for a RabbitMQ on this machine."""
    if current_app.conf.broker_write_url or current_app.conf.task_always_eager:
        return []
    hint = "Set CELERY_BROKER_URL, and import the Celery application in the project's __init__.py; see docs/plugin.md."
    return [checks.Warning("No broker is configured: no worker is told of jobs.", hint=hint, id="ndd.W004")]
