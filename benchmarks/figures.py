"""The figures of docs/figures.md: rankings, shown pairs and rescans, with ground truth, through the real commands.

Needs NDD_FIGURES_DATA (a folder with ukbench/ and prokudin/, each with its groups.csv, postcards/ and large_scans/)
and a backbone's weights (NDD_WEIGHTS_DIR, NDD_BACKBONE). Ends with 1 when a bar is missed. Names of sets (ukbench,
prokudin, mix, rescans, classical) as arguments measure only these.
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

from benchmarks.scores import Scores
from benchmarks.sets import Member, mix, photos_of, rescans, write_set

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("NDD_FIGURES_DATA", ROOT.parent / "shared" / "data")).resolve()
BACKBONE = os.environ.get("NDD_BACKBONE", "deit_tiny_patch16_224")
SETS = ("ukbench", "prokudin")
SEED = 1


Bar = tuple[str, float, float]


def main(wanted: list[str]) -> int:
    if not all((DATA / name / "groups.csv").exists() for name in SETS):
        print(f"No ukbench/groups.csv and prokudin/groups.csv in {DATA}. Set NDD_FIGURES_DATA.", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="ndd-figures-"))
    weights = str(Path(os.environ.get("NDD_WEIGHTS_DIR", DATA / "weights")).resolve())
    archive = Archive(folder / "archive", {"NDD_BACKBONE": BACKBONE, "NDD_WEIGHTS_DIR": weights})
    bars: list[Bar] = []
    try:
        archive.manage("migrate", "--verbosity", "0")
        for name in SETS:
            if name in wanted:
                figures = measure(archive, name)
                bars += encoder_bars(name, figures)
                bars += ranking_bars(name, scores_of(archive, name, {m.source.name: m for m in photos_of(DATA / name)}))
        for name, make in (("mix", mix), ("rescans", rescans)):
            if name in wanted:
                members = write_set(make(DATA, SEED), folder / name, SEED)
                match(archive, name, folder / name)
                bars += MIXED[name](scores_of(archive, name, members))
    finally:
        archive.manage("stop_database")
        shutil.rmtree(folder)
    if "classical" in wanted:
        bars += without_weights()
    return 0 if check(bars) else 1


def without_weights() -> list[Bar]:
    """Both sets in an archive that has no weights and cannot ask for any: the classical encoder alone."""
    bars: list[Bar] = []
    folder = Path(tempfile.mkdtemp(prefix="ndd-figures-"))
    archive = Archive(folder, {"NDD_WEIGHTS_DIR": str(folder), "HF_HUB_OFFLINE": "1"})
    try:
        archive.manage("migrate", "--verbosity", "0")
        for name, k, counts_itself, ranking_bar, recall_bar in (
            ("ukbench", 4, True, 0.97, 0.80),
            ("prokudin", 2, False, 0.98, 0.97),
        ):
            match(archive, name, DATA / name)
            scores = scores_of(archive, name, {m.source.name: m for m in photos_of(DATA / name)})
            found = scores.mean_average_precision(k, query_in_gallery=counts_itself)
            bars += [
                (f"{name} without weights, mAP@{k}", found, ranking_bar),
                (f"{name} without weights, shown pairs, precision", scores.precision, 0.98),
                (f"{name} without weights, shown pairs, recall", scores.recall, recall_bar),
            ]
    finally:
        archive.manage("stop_database")
        shutil.rmtree(folder)
    return bars


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


def match(archive: Archive, name: str, source: Path) -> None:
    """The life of a collection: site encoders first, then its own, then all pairs."""
    for command in (
        ("ingest_collection", name, source),
        ("embed_collection", name),
        ("adapt_collection", name),
        ("embed_collection", name, "--newest"),
        ("find_duplicates", name, "--switch"),
    ):
        print(archive.manage(*command), end="", flush=True)


def scores_of(archive: Archive, name: str, members: dict[str, Member]) -> Scores:
    scores = Scores(members, archive.manage("export_neighbours", name), archive.manage("export_duplicates", name))
    expected, actual = scores.false_among_shown()
    print(f"{name}: {len(scores.shown)} pairs shown, precision {scores.precision:.4f}, recall {scores.recall:.4f}")
    print(f"  false among the shown: {expected:.1f} expected, {actual} found; ECE {scores.calibration_error():.3f}")
    for count, chance, share in scores.reliability():
        print(f"  {count:5} pairs with a mean chance of {chance:.2f}: {share:.2f} true")
    return scores


def encoder_bars(name: str, figures: dict[str, Any]) -> list[Bar]:
    plain, whitened, classical = f"{BACKBONE} cosine", f"{BACKBONE} whiten", "rootsift vlad"
    if name == "ukbench":
        found = _by_name(figures, "with")
        return [
            ("ukbench whitened, mAP@4 with the query", found[whitened], 0.980),
            ("ukbench whitened over plain cosine", found[whitened] - found[plain], 0.003),
            ("ukbench classical, mAP@4 with the query", found[classical], 0.94),
        ]
    found = _by_name(figures, "without")
    return [
        ("prokudin whitened, mAP@2 without the query", found[whitened], 0.96),
        ("prokudin whitened over plain cosine", found[whitened] - found[plain], 0.015),
        ("prokudin classical, mAP@2 without the query", found[classical], 0.93),
    ]


def ranking_bars(name: str, scores: Scores) -> list[Bar]:
    if name == "ukbench":
        return [
            ("ukbench fused, mAP@4 with the query", scores.mean_average_precision(4, query_in_gallery=True), 0.995),
            ("ukbench shown pairs, precision", scores.precision, 0.98),
            ("ukbench shown pairs, recall", scores.recall, 0.90),
        ]
    return [
        ("prokudin fused, mAP@2 without the query", scores.mean_average_precision(2, query_in_gallery=False), 0.99),
        ("prokudin fused, R@1", scores.hit_rate(1), 0.995),
        ("prokudin shown pairs, precision", scores.precision, 0.99),
        ("prokudin shown pairs, recall", scores.recall, 0.985),
    ]


def mix_bars(scores: Scores) -> list[Bar]:
    company = [
        pair for pair in scores.shown if {pair.first.source.parent.name, pair.second.source.parent.name} & COMPANY
    ]
    for pair in company:
        print(f"  shown: {pair.first.source.name} – {pair.second.source.name}, {pair.probability:.2f}")
    return [
        ("mix, mAP@4 with the query", scores.mean_average_precision(4, query_in_gallery=True), 0.99),
        ("mix shown pairs, precision", scores.precision, 0.98),
        ("mix shown pairs, recall", scores.recall, 0.895),
        ("mix, shown pairs without postcards and large scans", float(not company), 1.0),
    ]


def rescan_bars(scores: Scores) -> list[Bar]:
    rates = scores.print_hit_rates()
    print("  damage               print first  group first  print shown")
    for kind, (own, group, shown) in rates.items():
        print(f"  {kind:20} {own:11.3f} {group:12.3f} {shown:12.3f}")
    same_image, exposure = scores.kinds_right()
    groups = [group for _, group, _ in rates.values()]
    return [
        ("rescans, hit rate @1 of the group", sum(groups) / len(groups), 0.98),
        ("rescans, hit rate @1 of the print itself", sum(own for own, _, _ in rates.values()) / len(rates), 0.98),
        ("rescans, worst damage, hit rate @1 of the group", min(groups), 0.93),
        ("rescans shown pairs, precision", scores.precision, 0.99),
        ("rescans, copies shown with their print", sum(shown for _, _, shown in rates.values()) / len(rates), 0.95),
        ("rescans shown pairs, recall", scores.recall, 0.95),
        *((f"rescans, flag {flag} right", share, 0.95) for flag, share in scores.flags_right().items()),
        ("rescans, copies called same image", same_image, 0.85),
        ("plates, frames called other exposure", exposure, 0.85),
    ]


MIXED = {"mix": mix_bars, "rescans": rescan_bars}
COMPANY = {"postcards", "large_scans"}


def check(bars: list[Bar]) -> bool:
    print()
    for what, value, bar in bars:
        print(f"{'reached' if value >= bar else 'MISSED '}  {what}: {value:.4f} (bar {bar:.3f})")
    return all(value >= bar for _, value, bar in bars)


def _by_name(figures: dict[str, Any], key: str) -> dict[str, float]:
    return {ranking["name"]: ranking[f"map_{key}_query"] for ranking in figures["rankings"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [*SETS, *MIXED, "classical"]))
