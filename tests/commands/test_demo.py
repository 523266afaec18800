"""What the demo says of its jobs and processes; the whole of it runs in tests/acceptance/test_demo.py."""

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils import timezone

from archive_site.management.commands.demo import Command, slug_of
from archive_site.processes import running, stop, uninterrupted, was_interrupted
from tests.factories import make_collection, make_job

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@pytest.mark.django_db
def test_only_failures_of_this_run_are_reported():
    album = make_collection()
    command = Command(stderr=StringIO())
    command.started_at = timezone.now()
    make_job(album, state="failed", error="Stopped by hand.", finished_at=command.started_at - timedelta(days=1))
    fresh = make_job(album, state="failed", error="Out of memory.", finished_at=timezone.now())
    assert command.complain(album) == [fresh]
    assert "Out of memory." in command.stderr.getvalue()
    assert "Stopped by hand." not in command.stderr.getvalue()


def test_a_worker_that_ends_by_itself_is_noticed(tmp_path: Path):
    command = Command()
    with running([sys.executable, "-c", ""], tmp_path / "worker.log") as worker:
        command.processes = {"worker": worker}
        worker.wait()
        with pytest.raises(CommandError, match=r"The worker ended by itself.*worker\.log"):
            command.require_alive()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """A shell starts what runs in its background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_process_is_stopped_even_when_the_stopping_is_interrupted():
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        threading.Timer(0.2, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            stop(process)
        assert process.returncode == -9


def test_a_signal_that_comes_while_a_process_starts_takes_effect_once_it_can_be_ended():
    started = []

    def start() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            started.append("a process")

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert started


@pytest.mark.parametrize(
    ("name", "slug"), [("Box 12", "box-12"), ("Škatla", "škatla"), ("…", "photos"), ("x" * 120, "x" * 100)]
)
def test_any_folder_name_makes_a_slug(name: str, slug: str):
    assert slug_of(name) == slug


def test_an_interruption_is_known_behind_the_error_of_the_transaction_that_it_broke():
    broken = RuntimeError("can't change 'autocommit' now")
    broken.__context__ = KeyboardInterrupt()
    assert was_interrupted(broken)
    assert was_interrupted(KeyboardInterrupt())
    assert not was_interrupted(RuntimeError("of its own"))
