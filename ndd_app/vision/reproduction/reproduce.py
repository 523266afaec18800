"""All runs of the wanted tables; each leaves a file, and a run that has one of the same settings is not run again."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ndd_app.exceptions import NddError, ResultsNotWritten, UnreadablePhoto
from ndd_app.vision.plans import Plan
from ndd_app.vision.reproduction.measuring import Bench, measure
from ndd_app.vision.reproduction.photos import Collection, FolderPhotos, split_by_object
from ndd_app.vision.reproduction.runs import Profile, Run, runs_of_table
from ndd_app.vision.reproduction.strips import draw_strips
from ndd_app.vision.reproduction.tables import write_tables
from ndd_app.vision.training import Track, untracked
from ndd_app.vision.weights import find_weights

SEED = 0

Results = dict[str, list[dict[str, Any]]]
"""By the key of the run: what each fold gave."""


@dataclass(frozen=True)
class Reproduction:
    """output: the folder for runs/*.json, figures/*.png, tables.md and results.json."""

    profile: Profile
    tables: Sequence[int]
    ukbench: FolderPhotos
    collection: Collection | None
    output: Path
    weights_dir: Path | None
    steps: int | None = None

    @property
    def runs(self) -> list[Run]:
        """Each once, though several tables may want it; without a collection there is no table 3."""
        wanted = [table for table in self.tables if table != 3 or self.collection]
        return list(dict.fromkeys(run for table in wanted for run in runs_of_table(table, self.profile)))

    @property
    def places(self) -> list[tuple[int, Run]]:
        """Each run in each fold."""
        return [(fold, run) for fold in range(self.profile.folds) for run in self.runs]

    @cached_property
    def digests(self) -> dict[str, str]:
        """By the name of the gallery."""
        return {"ukbench": self.ukbench.digest} | ({"collection": self.collection.digest} if self.collection else {})

    def plan(self, run: Run) -> Plan | None:
        return self.profile.plan(run, self.steps) if run.fitted_on else None

    def settings(self, run: Run) -> dict[str, str]:
        """What a kept run must agree in to be used."""
        photos = {name: digest for name, digest in self.digests.items() if name in run.measured_on}
        weights = _digest_weights(run.network.name, self.weights_dir) if run.network and run.network.pretrained else ""
        return {"run": str(run), "plan": str(self.plan(run)), "weights": weights, **photos}


def reproduce(what: Reproduction, track: Track = untracked, say: Callable[[str], None] = print) -> Results:
    """Run by run, fold by fold. A run that fails is told and left out of the tables; the others go on.

    Raises UnreadablePhoto before the first run, and ResultsNotWritten.
    """
    results: Results = {}
    if any(_kept(what, run, fold) is None for fold, run in what.places):
        _require_readable(what, track, say)
    for place, (fold, run) in enumerate(what.places, start=1):
        say(f"{place} of {len(what.places)}: {run.name}" + (f", fold {fold + 1}" if what.profile.folds > 1 else ""))
        try:
            facts = _kept(what, run, fold) or _run(what, run, fold, track)
        except ResultsNotWritten:
            raise
        except NddError as error:
            say(f"  No figures: {error}")
            continue
        results.setdefault(run.key, []).append(facts)
    with _writing_into(what.output):
        write_tables(what.output, what.profile, what.tables, results, annotated=what.collection is not None)
        _draw(what, results)
    return results


def bench_of(what: Reproduction, fold: int) -> Bench:
    split = split_by_object(what.ukbench.groups, fold, SEED)
    return Bench(what.ukbench, split, what.collection, what.weights_dir, SEED + fold)


def _require_readable(what: Reproduction, track: Track, say: Callable[[str], None]) -> None:
    """A photo that cannot be read would end a run only after its training."""
    broken = []
    for photos in [what.ukbench, *([what.collection.photos] if what.collection else [])]:
        for number in track(range(len(photos)), "Reading photos", len(photos)):
            try:
                photos.picture(number)
            except UnreadablePhoto as error:
                broken.append(error)
    for other in broken[1:]:
        say(other.reason)
    if broken:
        raise broken[0]


def _kept(what: Reproduction, run: Run, fold: int) -> dict[str, Any] | None:
    facts = _read(_file_of(what, run, fold))
    return facts if facts.get("settings") == what.settings(run) else None


def _run(what: Reproduction, run: Run, fold: int, track: Track) -> dict[str, Any]:
    file, settings = _file_of(what, run, fold), what.settings(run)
    checkpoints = what.output / "checkpoints" / file.stem
    folder = checkpoints / sha256(str(settings).encode()).hexdigest()[:16]
    facts = measure(run, bench_of(what, fold), what.plan(run), folder, track)
    facts |= {"settings": settings, "fold": fold + 1}
    with _writing_into(what.output):
        _write(file, facts)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return facts


def _draw(what: Reproduction, results: Results) -> None:
    """Of the first fold: the queries are others in each."""
    for name, gallery in bench_of(what, 0).galleries(Run("phash")).items():
        shown = {
            fold["name"]: fold[name]["shown"]
            for folds in results.values()
            for fold in folds
            if fold["fold"] == 1 and name in fold
        }
        draw_strips(what.output / "figures", name, gallery, shown)


@lru_cache(maxsize=8)
def _digest_weights(name: str, folder: Path | None) -> str:
    """Empty where there are none, which the run itself complains of."""
    try:
        return find_weights(name, folder).digest[:16]
    except (NddError, OSError):
        return ""


def _file_of(what: Reproduction, run: Run, fold: int) -> Path:
    return what.output / "runs" / f"{run.key}-{fold + 1}.json"


@contextmanager
def _writing_into(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResultsNotWritten(folder=folder, detail=error.strerror or error) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def _write(file: Path, facts: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1))
    part.replace(file)
