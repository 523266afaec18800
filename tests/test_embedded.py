"""The embedded PostgreSQL: started, shared, killed and stopped for real, in folders of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings

from archive_site import embedded

IN_MEMORY = Path("/dev/shm")
ATTACH = (
    "import sys, pathlib; from archive_site import embedded;"
    "print(embedded.start(pathlib.Path(sys.argv[1]), 'ndd'), embedded.started_here, flush=True)"
)
COUNT = "import sys, psycopg; psycopg.connect(sys.argv[1]).execute('select count(*) from generate_series(1, 4e6)')"


@pytest.fixture(scope="module")
def parent() -> Iterator[Path]:
    # Short: the name of a socket has 100 bytes at most. In memory where there is room: each start waits for its disk.
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > 1e9
    parent = Path(tempfile.mkdtemp(prefix="ndd-", dir=IN_MEMORY if has_room else None))
    yield parent
    for file in list(parent.rglob("postmaster.pid")):
        end_server(file.parent, signal.SIGQUIT)  # at once: nothing here is worth writing down
    shutil.rmtree(parent)


@pytest.fixture
def folder(parent: Path) -> Path:
    return parent / "postgres"


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def end_server(folder: Path, how: signal.Signals) -> None:
    server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    server.send_signal(how)
    with suppress(psutil.NoSuchProcess):
        while server.status() != psutil.STATUS_ZOMBIE:  # a container's init may take its time to reap it
            time.sleep(0.01)


def test_a_cold_start_gives_a_database_with_pgvector(folder: Path):
    with psycopg.connect(embedded.start(folder, "ndd")) as connection:
        connection.execute("create extension vector")
        assert connection.execute("select '[3,4]'::halfvec <-> '[0,0]'").fetchone() == (5.0,)
        assert connection.execute("select upper('škofja')").fetchone() == ("ŠKOFJA",)
    assert embedded.started_here


def test_processes_that_start_together_share_one_server(folder: Path):
    embedded.stop(folder)
    together = [subprocess.Popen(python(ATTACH, str(folder)), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=60)[0].split() for process in together]
    assert len({address for address, _ in answers}) == 1
    assert sorted(started for _, started in answers) == ["False", "False", "True"]


def test_a_client_killed_leaves_the_server_running(folder: Path):
    embedded.stop(folder)
    waiting = python(ATTACH + "; sys.stdin.read()", str(folder))
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        address = client.stdout.readline().split()[0]
        client.kill()
    psycopg.connect(address).close()


def test_after_sigkill_it_recovers_what_was_committed(folder: Path):
    with psycopg.connect(embedded.start(folder, "ndd")) as connection:
        connection.execute("create table kept as select 7 as number")
    end_server(folder, signal.SIGKILL)
    with psycopg.connect(embedded.start(folder, "ndd")) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_it_waits_for_a_query_that_survived_the_killed_server(folder: Path):
    address = embedded.start(folder, "ndd")
    with subprocess.Popen(python(COUNT, address), stderr=subprocess.DEVNULL):
        with psycopg.connect(address, autocommit=True) as connection:
            busy = "select 1 from pg_stat_activity where query like '%4e6)' and state = 'active'"
            while not connection.execute(busy).fetchone():
                time.sleep(0.02)
        end_server(folder, signal.SIGKILL)
        psycopg.connect(embedded.start(folder, "ndd")).close()


def test_stop_stops_it_once(folder: Path):
    address = embedded.start(folder, "ndd")
    assert embedded.stop(folder)
    assert not embedded.stop(folder)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address)


def test_the_command_stops_it(folder: Path):
    address = embedded.start(folder, "ndd")
    command = [sys.executable, "manage.py", "stop_database"]
    environment = {"NDD_DATA_DIR": str(folder.parent), "DATABASE_URL": address, "PATH": os.environ["PATH"]}
    said = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "Stopped.\n"
    assert not (folder / "postmaster.pid").exists()


def test_the_command_starts_none_to_stop_it(folder: Path):
    command, environment = [sys.executable, "manage.py", "stop_database"], {"PATH": os.environ["PATH"]}
    environment["NDD_DATA_DIR"] = str(folder.parent)
    said = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "No embedded server was running.\n"


def test_stopping_what_was_never_there_is_no_error(folder: Path):
    assert not embedded.stop(folder / "deeper" / "still")


@pytest.mark.parametrize("content", ["", "{pid}\n{folder}\n", "999999999\n", "no number\n"])
def test_a_stale_pid_file_does_not_keep_it_from_starting(folder: Path, content: str):
    """Cut short by a power failure; or its number now belongs to another process, here this one."""
    embedded.stop(folder)
    (folder / "postmaster.pid").write_text(content.format(pid=os.getpid(), folder=folder))
    psycopg.connect(embedded.start(folder, "ndd")).close()


def socket_folder(address: str) -> Path:
    return Path(embedded.connection_parameters(address)["host"])


def test_nobody_else_can_reach_it(folder: Path):
    assert socket_folder(embedded.start(folder, "ndd")).stat().st_mode & 0o077 == 0


def test_a_server_that_cannot_start_says_why(folder: Path):
    embedded.start(folder, "ndd")
    embedded.stop(folder)
    options = folder / "postgresql.conf"
    good = options.read_text()
    options.write_text(good + "\nwal_level = nonsense\n")
    with pytest.raises(embedded.ServerNotStarted, match="wal_level"):
        embedded.start(folder, "ndd")
    options.write_text(good)


@pytest.mark.parametrize("name", ["My Scans", "l'été, “Ω”", "deep/" * 30])
def test_neither_the_name_nor_the_environment_matters(parent: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    monkeypatch.setattr(tempfile, "tempdir", str(parent))
    address = embedded.start(parent / name / "postgres", "ndd")
    psycopg.connect(address).close()
    assert socket_folder(address).stat().st_mode & 0o077 == 0


def test_an_interrupted_first_start_is_begun_anew(parent: Path):
    half = parent / "again" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    half.with_name("postgres").mkdir()
    psycopg.connect(embedded.start(half.with_name("postgres"), "ndd")).close()
    assert not half.exists()


def test_a_socket_folder_of_somebody_else_is_not_used(parent: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(parent))
    embedded._socket_folder(parent / "a b")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(embedded.ServerNotStarted, match="belongs to another user"):
        embedded._socket_folder(parent / "a b")
