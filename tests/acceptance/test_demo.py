"""`make demo` as a newcomer runs it: nothing set, everything of its own, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from archive_site import embedded
from tests.acceptance.site import ROOT, wait_until, write_photos
from tests.pictures import draw_photo, faded, jpeg


@pytest.fixture
def data() -> Iterator[Path]:
    """Not below pytest's own folder: a second pytest run as root closes that to the server's user while it runs."""
    with TemporaryDirectory(prefix="ndd-") as folder:
        yield Path(folder) / "data"
        embedded.stop(Path(folder) / "data" / "postgres")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    scenes = {f"{n}.jpg": jpeg(draw_photo(n)) for n in range(4)}
    return write_photos(tmp_path / "Box 12", scenes | {"rescan.jpg": jpeg(faded(draw_photo(0)))})


def demo(data: Path, photos: Path) -> subprocess.Popen[str]:
    ours = {"DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY"}
    bare = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("NDD_")}
    command = [sys.executable, "manage.py", "demo", "--photos", str(photos), "--no-serve"]
    environment = bare | {"NDD_DATA_DIR": str(data)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def summary(text: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+(?: shown)?) +(.+)$", text, re.MULTILINE))


def left_running(data: Path) -> list[str]:
    """The processes that name this folder, or were started for it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(data) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(process.name())
    return found


def test_the_demo_twice(data: Path, photos: Path) -> None:
    first, said_first = _ended(demo(data, photos))
    second, said_second = _ended(demo(data, photos))
    assert (first, second) == (0, 0), said_first + said_second
    assert "box-12: 5 photos added" in said_first
    assert "box-12: 0 photos added, 5 known already" in said_second
    assert summary(said_first)["photos"] == summary(said_second)["photos"] == "5"
    assert {"problems", "encoder", "pairs shown", "seconds"} <= summary(said_first).keys()
    assert "adapt" in summary(said_first)["seconds"]
    assert "adapt" not in summary(said_second)["seconds"]
    password = (data / "demo_password").read_text()
    assert said_first.endswith(f"log in as archivist, password {password}\n")
    assert left_running(data) == []


def test_a_closed_terminal_ends_everything(data: Path, photos: Path) -> None:
    process = demo(data, photos)
    wait_until(lambda: "celery" in " ".join(_commands(data)), 30, "the worker to start")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)  # an impatient person
    returncode, said = _ended(process)
    assert returncode == 130, said
    assert left_running(data) == []


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def _commands(data: Path) -> Iterator[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(data) in process.environ().values():
                yield " ".join(process.cmdline())
