"""Where files lie. A callable, so that migrations name no storage and settings alone decide."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages

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
        storage = photo_storage()
        if not isinstance(storage, FileSystemStorage):
            return storage.save(name, ContentFile(data))
        with _written_aside(Path(storage.location), data) as part:
            return storage.save(name, part)


class _Part(File):
    def temporary_file_path(self) -> str:
        """Django then renames the file instead of copying it."""
        return str(self.name)


@contextmanager
def _written_aside(folder: Path, data: bytes) -> Iterator[_Part]:
    """A disk that runs full leaves no half file, neither under the name that others read nor at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid4()}.part"
    try:
        part.write_bytes(data)
        with part.open("rb") as file:
            yield _Part(file)
    finally:
        part.unlink(missing_ok=True)


def read_bytes(name: str) -> bytes:
    with storage_errors_translated(name), photo_storage().open(name) as file:
        return file.read()


def is_stored(name: str) -> bool:
    """Without reading it; raises StorageUnavailable."""
    with storage_errors_translated(name):
        return bool(name) and photo_storage().exists(name)  # the empty name is that of the storage's own folder


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
