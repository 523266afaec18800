"""A file is stored whole or not at all."""

from pathlib import Path

import pytest

from ndd_app.exceptions import StorageUnavailable
from ndd_app.storage import photo_storage, read_bytes, save_bytes
from tests.disks import room_for


def stored(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


def test_a_full_disk_leaves_nothing_of_a_file_and_what_is_there_as_it_was(tmp_path):
    save_bytes("encoders/one", b"1" * 100)
    with room_for(1000), pytest.raises(StorageUnavailable, match=r"encoders/one.*free space"):
        save_bytes("encoders/one", b"2" * 2000)
    assert stored(tmp_path / "files") == ["one"]
    assert read_bytes("encoders/one") == b"1" * 100


def test_a_name_that_is_taken_gets_another(tmp_path):
    names = [save_bytes("encoders/one", b"1"), save_bytes("encoders/one", b"2")]
    assert [read_bytes(name) for name in names] == [b"1", b"2"]
    assert len(stored(tmp_path / "files")) == 2


def test_others_may_read_it():
    assert Path(photo_storage().path(save_bytes("one", b"1"))).stat().st_mode & 0o777 == 0o644


def test_a_storage_that_is_no_folder_of_this_machine_works_too(settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert read_bytes(save_bytes("one", b"1")) == b"1"
