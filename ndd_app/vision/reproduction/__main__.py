"""python -m ndd_app.vision.reproduction --ukbench DIR --output DIR: on any machine with torch, without the archive."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from ndd_app.exceptions import NddError, RunsFailed
from ndd_app.vision.reproduction.photos import read_collection, read_ukbench
from ndd_app.vision.reproduction.reproduce import Reproduction, reproduce
from ndd_app.vision.reproduction.runs import PROFILES
from ndd_app.vision.training import Item, Track


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ukbench", type=Path, required=True, help="folder of UKBench, or one with a groups.csv")
    parser.add_argument("--annotations", type=Path, help="table 3: CSV query,match of paths inside --photos")
    parser.add_argument("--photos", type=Path, help="table 3: the folder of the annotated collection")
    parser.add_argument("--tables", default="1,2,3", help="which of the paper's tables, such as 1,2")
    parser.add_argument("--profile", choices=PROFILES, default="paper", help="small: two processor cores, 90 minutes")
    parser.add_argument("--output", type=Path, required=True, help="folder for tables, figures and finished runs")
    parser.add_argument("--steps", type=int, help="end each training after so many steps")


def read_arguments(options: Namespace, weights_dir: Path | None) -> Reproduction:
    """Raises an NddError where the data are not as they must be, ValueError where an option makes no sense."""
    numbers = [number.strip() for number in options.tables.split(",")]
    if not {*numbers} <= {"1", "2", "3"}:
        raise ValueError("--tables takes numbers from 1 to 3, such as 1,2")
    if options.steps is not None and options.steps < 1:
        raise ValueError("--steps must be at least 1.")
    if (options.annotations is None) != (options.photos is None):
        raise ValueError("--annotations and --photos belong together")
    collection = read_collection(options.photos, options.annotations) if options.annotations else None
    ukbench, profile = read_ukbench(options.ukbench), PROFILES[options.profile]
    return Reproduction(profile, [*map(int, numbers)], ukbench, collection, options.output, weights_dir, options.steps)


def reproduce_and_show(what: Reproduction, track: Track, say: Callable[[str], None]) -> None:
    """Raises RunsFailed, once the tables are shown, where some of their rows are not whole."""
    results = reproduce(what, track, say)
    say((what.output / "tables.md").read_text())
    if failed := len(what.places) - sum(map(len, results.values())):
        raise RunsFailed(failed=failed, count=len(what.places))


def main() -> None:
    parser = ArgumentParser(prog="python -m ndd_app.vision.reproduction", description=__doc__)
    add_arguments(parser)
    folder = os.environ.get("NDD_WEIGHTS_DIR")
    try:
        what = read_arguments(parser.parse_args(), Path(folder) if folder else None)
        reproduce_and_show(what, _bar, print)
    except (NddError, ValueError) as error:
        sys.exit(str(error))


def _bar(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    return iter(tqdm(items, desc=step, total=total, disable=None))


if __name__ == "__main__":
    main()
