"""An archive of its own in a temporary folder, and the life of a collection in it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Archive:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        own = {"NDD_DATA_DIR": str(folder / "data"), "DATABASE_URL": "", "CELERY_BROKER_URL": "pgmq://localhost"}
        self.environment = {**os.environ, **own, **environment}

    def manage(self, *arguments: str | Path) -> str:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def run(self, *commands: tuple[str | Path, ...]) -> None:
        for command in commands:
            print(self.manage(*command), end="", flush=True)

    def match(self, name: str, source: Path) -> None:
        """The life of a collection: site encoders first, then its own, then all pairs."""
        self.run(
            ("ingest_collection", name, source),
            ("embed_collection", name),
            ("adapt_collection", name),
            ("embed_collection", name, "--newest"),
            ("find_duplicates", name, "--switch"),
        )


@contextmanager
def new_archive(environment: dict[str, str]) -> Iterator[Archive]:
    """Stopped and removed in the end: collections of one archive are matched with each other."""
    archive = Archive(Path(tempfile.mkdtemp(prefix="ndd-figures-")), environment)
    try:
        archive.manage("migrate", "--verbosity", "0")
        yield archive
    finally:
        archive.manage("stop_database")
        shutil.rmtree(archive.folder)
