"""A whole archive of its own for one test: database, files, broker, and real processes beside the test."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from archive_site import embedded
from archive_site.processes import WORKER, running, web_server

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Site:
    folder: Path
    environment: dict[str, str]

    def manage(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def worker(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return self._process(WORKER, "worker.log")

    @contextmanager
    def web(self) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        address = f"127.0.0.1:{free_port()}"
        with self._process(web_server(address), "web.log") as process:
            wait_until(lambda: _listens(address), 20, "the web server to listen")
            yield f"http://{address}", process

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.environment["DATABASE_URL"], row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def wait_for_jobs(self, seconds: float = 120) -> None:
        """Wait until every job is done; fail with its error when one is not."""

        def all_done() -> bool:
            states = self.rows("select id, kind, state, error from ndd_app_job order by id")
            failed = [row for row in states if row["state"] in ("failed", "cancelled")]
            assert not failed, failed
            return bool(states) and all(row["state"] == "done" for row in states)

        wait_until(all_done, seconds, "the jobs to end", self.log)

    def log(self) -> str:
        return "\n".join(file.read_text() for file in self.folder.glob("*.log"))

    def _process(self, command: list[str], log: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return running(command, self.folder / log, cwd=ROOT, env=self.environment)


@contextmanager
def new_site(folder: Path, **environment: str) -> Iterator[Site]:
    """A site with a database of its own on the tests' server; messages travel through it unless told otherwise."""
    from django.conf import settings

    name = f"site_{os.getpid()}_{time.monotonic_ns()}"
    url = embedded.start(settings.DATA_DIR / "postgres", name)
    own = {"DATABASE_URL": url, "NDD_DATA_DIR": str(folder / "data"), "CELERY_BROKER_URL": "pgmq://localhost"}
    site = Site(folder, {**os.environ, **own, **environment})
    try:
        site.manage("migrate", "--verbosity", "0")
        yield site
    finally:
        with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as connection:
            connection.execute(f'drop database "{name}" with (force)')


def wait_until(
    condition: Callable[[], bool], seconds: float, what: str, explain: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n{explain()}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_photos(folder: Path, photos: dict[str, bytes]) -> Path:
    for name, data in photos.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
