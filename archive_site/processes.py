"""The two processes beside the database: the web server and a worker."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

STOP_SECONDS = 15
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORKER = [sys.executable, "-m", "celery", "-A", "archive_site", "worker", "--pool", "solo", "--loglevel", "WARNING"]
"""One job at a time: torch and a forked child do not go together, and a job uses all cores by itself."""


def web_server(address: str) -> list[str]:
    return [sys.executable, "-m", "waitress", f"--listen={address}", "archive_site.wsgi:application"]


@contextmanager
def running(
    command: list[str], log: Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process beside this one, its output in `log`, and end it at the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, cwd=cwd, env=env)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        process.kill()  # nothing is lost: the job goes on from its last batch at the next start
        process.wait()


def end_by_signals() -> None:
    """Ctrl-C, kill and a closed terminal end this process as KeyboardInterrupt; a second one cannot disturb the end."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signals.append(signal.SIGHUP)

    def end(*_: Any) -> NoReturn:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, end)


def was_interrupted(error: BaseException | None) -> bool:
    """Also with an error in front: a transaction that is interrupted while it ends raises one of its own."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Such a signal takes effect at the end: one that interrupts the start of a process would leave it running."""
    arrived: list[int] = []
    handlers = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda number, _: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived[:1]:
            signal.raise_signal(number)
