"""The figures of docs/figures.md: rankings, shown pairs and rescans, with ground truth, through the real commands.

Needs NDD_FIGURES_DATA (a folder with ukbench/ and prokudin/, each with its groups.csv, postcards/ and large_scans/)
and a backbone's weights (NDD_WEIGHTS_DIR, NDD_BACKBONE). Ends with 1 when a bar is missed. Names of sets (ukbench,
prokudin, mix, rescans, marked, unseen, sheets, classical) as arguments measure only these; --plot FILE draws how far
the chances hold in them.
"""

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import bars
from benchmarks.archive import ROOT, Archive, new_archive
from benchmarks.bars import Bar
from benchmarks.reliability import Forecasts, draw_reliability
from benchmarks.scores import Scores
from benchmarks.sets import Member, marked, mix, photos_of, rescans, sheets, unseen, without_company, write_set

DATA = Path(os.environ.get("NDD_FIGURES_DATA", ROOT.parent / "shared" / "data")).resolve()
BACKBONE = os.environ.get("NDD_BACKBONE", "deit_tiny_patch16_224")
SEED = 1
SITE = ("ukbench", "prokudin")
"""Sets that share an archive, whose site encoders are fitted on the first of them."""
ALONE: dict[str, tuple[Callable[[Path, int], list[Member]], Callable[[Scores], list[Bar]]]] = {
    "rescans": (rescans, bars.rescans),
    "marked": (marked, bars.marked),
    "unseen": (unseen, bars.unseen),
}
SETS = (*SITE, "mix", *ALONE, "sheets", "classical")


@dataclass(frozen=True)
class Measured:
    scores: Scores
    bars: list[Bar]


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m benchmarks.figures")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them without a name")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw an SVG of the chances against the truth")
    options = parser.parse_args(arguments)
    if unknown := set(options.sets) - set(SETS):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    if not all((DATA / name / "groups.csv").exists() for name in SITE):
        print(f"No ukbench/groups.csv and prokudin/groups.csv in {DATA}. Set NDD_FIGURES_DATA.", file=sys.stderr)
        return 2
    forecasts, reached = [], []
    for each in measure(options.sets or SETS):
        forecasts.append(each.scores.uncertain)
        reached.append(bars.check(each.bars))
    pooled = Forecasts.pooled(forecasts)
    if options.plot:
        options.plot.write_text(draw_reliability(pooled), encoding="utf-8")
    reached.append(bars.check([bars.pooled_calibration(pooled)]))
    return 0 if all(reached) else 1


def measure(sets: Sequence[str]) -> Iterator[Measured]:
    """In archives of their own but for SITE: collections of one archive are matched with each other."""
    weights = str(Path(os.environ.get("NDD_WEIGHTS_DIR", DATA / "weights")).resolve())
    environment = {"NDD_BACKBONE": BACKBONE, "NDD_WEIGHTS_DIR": weights}
    if set(SITE) & set(sets):
        with new_archive(environment) as archive:
            yield from (measure_site(archive, name) for name in SITE if name in sets)
    if "mix" in sets:
        yield measure_mix(environment)
    yield from (measure_alone(name, environment) for name in ALONE if name in sets)
    if "sheets" in sets:
        yield measure_sheets(environment)
    if "classical" in sets:
        yield from measure_without_weights()


def measure_site(archive: Archive, name: str) -> Measured:
    """One set through its whole life, with the plain cosine of the same backbone beside it."""
    started = time.monotonic()
    archive.run(
        ("ingest_collection", name, DATA / name),
        ("embed_collection", name),
        ("find_duplicates", name),
        ("adapt_collection", name, "--method", "cosine"),
        ("embed_collection", name, "--newest"),
        ("adapt_collection", name),
        ("embed_collection", name, "--newest"),
        ("find_duplicates", name, "--switch"),
    )
    groups = DATA / name / "groups.csv"
    print("\n" + archive.manage("evaluate_collection", name, "--groups", groups))
    print(f"({time.monotonic() - started:.0f} s)\n", flush=True)
    figures = json.loads(archive.manage("evaluate_collection", name, "--groups", groups, "--json"))
    scores = scores_of(archive, name, members_of(name))
    found = [*bars.encoders(name, BACKBONE, figures), *bars.ranking(name, scores), bars.false_pairs(name, scores)]
    return Measured(scores, found)


def measure_mix(environment: dict[str, str]) -> Measured:
    """With company, and once more without it; in the end the company comes to those that were adapted without it."""
    with TemporaryDirectory(prefix="ndd-figures-") as folder:
        whole, part = Path(folder, "whole"), Path(folder, "part")
        members = write_set(mix(DATA, SEED), whole, SEED)
        others = without_company(members, whole, part)
        with new_archive(environment) as archive:
            archive.match("mix", whole)
            scores = scores_of(archive, "mix", members)
            found = [*bars.mix(scores), bars.false_pairs("mix", scores)]
        with new_archive(environment) as archive:
            archive.match("mix", part)
            alone = scores_of(archive, "mix", others, "mix without company")
            archive.run(("ingest_collection", "mix", whole), ("embed_collection", "mix"), ("find_duplicates", "mix"))
            scores_of(archive, "mix", members, "mix grown by the company, not adapted again")
    return Measured(scores, [*found, bars.company(scores, alone)])


def measure_alone(name: str, environment: dict[str, str]) -> Measured:
    members_by, bars_of = ALONE[name]
    with TemporaryDirectory(prefix="ndd-figures-") as folder, new_archive(environment) as archive:
        members = write_set(members_by(DATA, SEED), Path(folder, name), SEED)
        archive.match(name, Path(folder, name))
        scores = scores_of(archive, name, members)
        return Measured(scores, [*bars_of(scores), bars.false_pairs(name, scores)])


def measure_sheets(environment: dict[str, str]) -> Measured:
    with TemporaryDirectory(prefix="ndd-figures-") as folder, new_archive(environment) as archive:
        members = write_set(sheets(DATA, Path(folder, "drawn"), SEED), Path(folder, "sheets"), SEED)
        archive.match("sheets", Path(folder, "sheets"))
        scores = scores_of(archive, "sheets", members)
        return Measured(scores, [*bars.sheets(scores), bars.false_pairs("sheets", scores)])


def measure_without_weights() -> Iterator[Measured]:
    """Both sets in an archive that has no weights and cannot ask for any: the classical encoder alone."""
    with TemporaryDirectory() as empty, new_archive({"NDD_WEIGHTS_DIR": empty, "HF_HUB_OFFLINE": "1"}) as archive:
        for name in SITE:
            archive.match(name, DATA / name)
            title = f"{name} without weights"
            scores = scores_of(archive, name, members_of(name), title)
            yield Measured(scores, [*bars.without_weights(name, scores), bars.false_pairs(title, scores)])


def members_of(name: str) -> dict[str, Member]:
    return {member.source.name: member for member in photos_of(DATA / name)}


def scores_of(archive: Archive, name: str, members: dict[str, Member], title: str = "") -> Scores:
    scores = Scores(members, archive.manage("export_neighbours", name), archive.manage("export_duplicates", name))
    false, uncertain = scores.false_among_shown, scores.uncertain
    low, high = false.interval
    error, by_luck = uncertain.calibration_error(), uncertain.error_by_luck()
    print(f"{title or name}: {false.shown} pairs shown, precision {scores.precision:.4f}, recall {scores.recall:.4f}")
    print(f"  false among the shown: {false.expected:.1f} expected, {false.actual} found ({low:.1f} to {high:.1f})")
    print(f"  ECE {error:.3f} over {len(uncertain)} pairs, {by_luck:.3f} by luck alone")
    for tenth in uncertain.tenths():
        print(f"  {tenth.pairs:5} pairs with a mean chance of {tenth.chance:.2f}: {tenth.share:.2f} true")
    return scores


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
