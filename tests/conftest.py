"""Tests run against a real PostgreSQL (embedded, with a data folder of its own) and a storage in a temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before Django reads its settings.
OWN_FOLDER = None if "NDD_DATA_DIR" in os.environ else Path(tempfile.mkdtemp(prefix="ndd-"))
if OWN_FOLDER:
    os.environ["NDD_DATA_DIR"] = str(OWN_FOLDER)
os.environ.setdefault(
    "CELERY_BROKER_URL", "memory://localhost/"
)  # a test that starts a real worker gives it a real broker
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs an event loop


def pytest_unconfigure() -> None:
    if OWN_FOLDER:
        from archive_site import embedded

        embedded.stop(OWN_FOLDER / "postgres")
        shutil.rmtree(OWN_FOLDER)


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path: Path) -> None:
    """Masters, working copies, weights and cached features of each test lie in a folder of its own."""
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": local}
    settings.NDD_CACHE_DIR = tmp_path / "cache"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """In CI a skipped test is a failed one: there everything that a test needs is installed."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped in CI: {report.longrepr}"
    return report
