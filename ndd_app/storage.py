"""Where files lie. A callable, so that migrations name no storage and settings alone decide."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages

from ndd_app.conf import conf
from ndd_app.exceptions import StorageUnavailable


def photo_storage() -> Storage:
    try:
        return storages[conf.storage]
    except InvalidStorageError as error:
        known = ", ".join(settings.STORAGES)
        raise ImproperlyConfigured(f"NDD_STORAGE names no storage: {conf.storage!r}. STORAGES has: {known}.") from error


def save_bytes(name: str, data: bytes) -> str:
    """Store `data` and give the name it got; always written anew, since what is there may be cut short."""
    with storage_errors_translated(name):
        return photo_storage().save(name, ContentFile(data))


def read_bytes(name: str) -> bytes:
    with storage_errors_translated(name), photo_storage().open(name) as file:
        return file.read()


@contextmanager
def storage_errors_translated(name: str) -> Iterator[None]:
    """Storages raise errors of their own kinds (OSError, botocore's …); callers know one."""
    try:
        yield
    except Exception as error:
        raise StorageUnavailable(name=name, detail=str(error) or type(error).__name__) from error


def copy_to(name: str, target: Path) -> None:
    """Copy a stored file to the local disk."""
    with storage_errors_translated(name), photo_storage().open(name) as file, open(target, "wb") as local:
        shutil.copyfileobj(file, local)
