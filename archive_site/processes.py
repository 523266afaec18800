"""The two processes beside the database: the web server and a worker."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

STOP_SECONDS = 15
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
