"""What adapting a collection costs: time and memory of each command, for two sizes, and what they foretell for more.

python -m benchmarks.adaptation_cost. The plates, and half of them, are ingested and matched by the site encoders; then
come the three commands of an adaptation. Ends with 1 when a bar is missed. Needs the same data as `make figures`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import bars
from benchmarks.archive import ROOT, Archive, new_archive
from benchmarks.bars import Bar
from benchmarks.figures import BACKBONE, DATA
from benchmarks.sets import photos_of

SIZES = (600, 1_200)
FORETOLD = 41_039
MINUTES = 15.0
GIBIBYTES = 4.0
COMMANDS = (
    ("adapt_collection", "plates"),
    ("embed_collection", "plates", "--newest"),
    ("find_duplicates", "plates", "--switch"),
)
MOST_FITTED = 5_000
"""A larger collection is fitted on so many of its photos (pipeline/limits.py)."""


@dataclass(frozen=True)
class Cost:
    seconds: float
    gibibytes: float


def main() -> int:
    costs = {size: list(measure(size)) for size in SIZES}
    for size, found in costs.items():
        print(f"{size} photos: {in_words(found)}")
    foretold = [foretell(command[0], *pair) for command, *pair in zip(COMMANDS, *costs.values(), strict=True)]
    print(f"{FORETOLD:,} photos, on the line through both: {in_words(foretold)}")
    largest = costs[SIZES[-1]]
    return 0 if bars.check(bars_of(largest)) else 1


def measure(size: int) -> Iterator[Cost]:
    environment = {"NDD_BACKBONE": BACKBONE, "NDD_WEIGHTS_DIR": str((DATA / "weights").resolve())}
    with TemporaryDirectory(prefix="ndd-figures-") as folder, new_archive(environment) as archive:
        for photo in photos_of(DATA / "prokudin")[:size]:
            shutil.copyfile(photo.source, Path(folder, photo.source.name))
        for name, *rest in (("ingest_collection", folder), ("embed_collection",), ("find_duplicates",)):
            archive.run((name, "plates", *rest))
        for command in COMMANDS:
            yield cost_of(archive, command)


def cost_of(archive: Archive, command: tuple[str, ...]) -> Cost:
    """The database is a process of its own and is not counted."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT, env=archive.environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}.")
    return Cost(time.monotonic() - started, used.ru_maxrss / 2**20)


def foretell(command: str, half: Cost, whole: Cost) -> Cost:
    """Products of all embeddings grow with the square, but take seconds even then (benchmarks/matching_speed.py)."""
    photos = min(FORETOLD, MOST_FITTED) if command == "adapt_collection" else FORETOLD
    further = (photos - SIZES[1]) / (SIZES[1] - SIZES[0])
    return Cost(
        whole.seconds + further * (whole.seconds - half.seconds),
        whole.gibibytes + further * (whole.gibibytes - half.gibibytes),
    )


def in_words(costs: list[Cost]) -> str:
    parts = [
        f"{command[0]} {c.seconds:.0f} s, {c.gibibytes:.1f} GiB" for command, c in zip(COMMANDS, costs, strict=True)
    ]
    return "; ".join([*parts, f"together {sum(cost.seconds for cost in costs) / 60:.1f} min"])


def bars_of(costs: list[Cost]) -> list[Bar]:
    return [
        Bar("minutes of an adaptation", sum(cost.seconds for cost in costs) / 60, highest=MINUTES),
        Bar("GiB of memory", max(cost.gibibytes for cost in costs), highest=GIBIBYTES),
    ]


if __name__ == "__main__":
    sys.exit(main())
