"""The figures of docs/figures.md: rankings and shown pairs on photographs with ground truth, through the real commands.

Needs NDD_FIGURES_DATA (a folder with ukbench/ and prokudin/, each with its groups.csv) and a backbone's weights
(NDD_WEIGHTS_DIR, NDD_BACKBONE). Ends with 1 when a bar is missed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("NDD_FIGURES_DATA", ROOT.parent / "shared" / "data")).resolve()
BACKBONE = os.environ.get("NDD_BACKBONE", "deit_tiny_patch16_224")
SETS = ("ukbench", "prokudin")


def main() -> int:
    if not all((DATA / name / "groups.csv").exists() for name in SETS):
        print(f"No ukbench/groups.csv and prokudin/groups.csv in {DATA}. Set NDD_FIGURES_DATA.", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="ndd-figures-"))
    weights = str(Path(os.environ.get("NDD_WEIGHTS_DIR", DATA / "weights")).resolve())
    archive = Archive(folder, {"NDD_BACKBONE": BACKBONE, "NDD_WEIGHTS_DIR": weights})
    try:
        archive.manage("migrate", "--verbosity", "0")
        figures = {name: measure(archive, name) for name in SETS}
    finally:
        archive.manage("stop_database")
        shutil.rmtree(folder)
    return 0 if check(figures) else 1


class Archive:
    """An archive of its own in a temporary folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        own = {"NDD_DATA_DIR": str(folder), "DATABASE_URL": "", "CELERY_BROKER_URL": "pgmq://localhost"}
        self.environment = {**os.environ, **own, **environment}

    def manage(self, *arguments: str | Path) -> str:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout


def measure(archive: Archive, name: str) -> dict[str, Any]:
    """One set through its whole life, with the plain cosine of the same backbone beside it."""
    started = time.monotonic()
    for command in (
        ("ingest_collection", name, DATA / name),
        ("embed_collection", name),
        ("find_duplicates", name),
        ("adapt_collection", name, "--method", "cosine"),
        ("embed_collection", name, "--newest"),
        ("adapt_collection", name),
        ("embed_collection", name, "--newest"),
        ("find_duplicates", name, "--switch"),
    ):
        print(archive.manage(*command), end="", flush=True)
    groups = DATA / name / "groups.csv"
    print("\n" + archive.manage("evaluate_collection", name, "--groups", groups))
    print(f"({time.monotonic() - started:.0f} s)\n", flush=True)
    return json.loads(archive.manage("evaluate_collection", name, "--groups", groups, "--json"))


def check(figures: dict[str, dict[str, Any]]) -> bool:
    ukbench, prokudin = (_by_name(figures[name], key) for name, key in zip(SETS, ("with", "without"), strict=True))
    plain, whitened, classical = f"{BACKBONE} cosine", f"{BACKBONE} whiten", "rootsift vlad"
    bars = [
        ("ukbench whitened, mAP@4 with the query", ukbench[whitened], 0.980),
        ("ukbench whitened over plain cosine", ukbench[whitened] - ukbench[plain], 0.003),
        ("ukbench classical, mAP@4 with the query", ukbench[classical], 0.94),
        ("prokudin whitened, mAP@2 without the query", prokudin[whitened], 0.96),
        ("prokudin whitened over plain cosine", prokudin[whitened] - prokudin[plain], 0.015),
        ("prokudin classical, mAP@2 without the query", prokudin[classical], 0.93),
    ]
    for what, value, bar in bars:
        print(f"{'reached' if value >= bar else 'MISSED '}  {what}: {value:.4f} (bar {bar:.3f})")
    return all(value >= bar for _, value, bar in bars)


def _by_name(figures: dict[str, Any], key: str) -> dict[str, float]:
    return {ranking["name"]: ranking[f"map_{key}_query"] for ranking in figures["rankings"]}


if __name__ == "__main__":
    sys.exit(main())
