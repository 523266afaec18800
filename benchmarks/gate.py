"""The gate that collection encoders pass (vision/receipt.py), judged with labels that it has never seen.

python -m benchmarks.gate [--sets SET …] [--epochs N] [--photos N] [--sample N] [--output FILE.csv]. Real encoders
challenge the whitened one on ukbench, prokudin and rescans (benchmarks/challengers.py). Of each a receipt is written,
which sees no label, and the labels say what it gains in truth: in what the set's photos find of their group, and in
hit@1 of worn rescans that the receipt has not seen; the mean of both. A run's regret is what its best encoder gains in
truth, less what the one gains that the receipts adopt and like best; the present encoder, with a gain of 0, can always
be kept.

Every judged challenger is a row of FILE, and is not judged again. Ends with 1 when a bar is missed. Needs the same data
as `make figures`.
"""

import csv
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from math import nan
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from scipy.stats import spearmanr

from benchmarks import bars
from benchmarks.bars import Bar
from benchmarks.challengers import SPOILED, Challenger, Fitting, challengers
from benchmarks.figures import BACKBONE, DATA
from benchmarks.labelled import RESCANS, LabelledSet, members_of
from ndd_app.exceptions import NddError
from ndd_app.vision.backbones import load_backbone

SETS = ("ukbench", "prokudin", RESCANS)
HARM = 0.005
"""So large a true loss is harm."""
REGRET = 0.003


@dataclass(frozen=True)
class Asked:
    """What names a row: the same again would give the same."""

    set: str
    photos: int
    sample: int
    backbone: str
    epochs: int
    method: str
    strength: str
    epoch: int


@dataclass(frozen=True)
class Row(Asked):
    """gain: the mean of the receipt's gains by rescans and pairs; true: the mean of the true ones, found and worn."""

    decision: str
    gain: float
    rescans: float
    pairs: float
    true: float
    found: float
    worn: float
    seconds: float
    words: str

    @property
    def asked(self) -> Asked:
        return Asked(*(getattr(self, field.name) for field in fields(Asked)))

    @property
    def challenger(self) -> Challenger:
        return Challenger(self.method, self.strength, self.epoch)

    @property
    def run(self) -> tuple[str, str, str]:
        return self.set, self.method, self.strength

    @property
    def is_harmful(self) -> bool:
        return self.true < -HARM

    @property
    def is_adopted(self) -> bool:
        return self.decision == "adopt"


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--epochs", type=int, default=4, help="of each training")
    parser.add_argument("--photos", type=int, default=300, help="of each set")
    parser.add_argument("--sample", type=int, default=1, help="another number draws other photos")
    parser.add_argument("--output", type=Path, default=Path("gate.csv"), metavar="FILE.csv")
    options = parser.parse_args(arguments)
    drawn = options.photos, options.sample
    rows = [row for name in options.sets for row in judge(name, *drawn, options.epochs, options.output)]
    return 0 if bars.check(bars_of(rows)) else 1


def judge(name: str, photos: int, sample: int, epochs: int, file: Path) -> list[Row]:
    """All rows of a set, those that are there already and new ones."""
    wanted = {Asked(name, photos, sample, BACKBONE, epochs, *astuple(each)): each for each in challengers(epochs)}
    known = {row.asked for row in read_rows(file)}
    missing = {asked: challenger for asked, challenger in wanted.items() if asked not in known}
    if missing:
        started = time.monotonic()
        weights = Path(os.environ.get("NDD_WEIGHTS_DIR", DATA / "weights"))
        labelled = LabelledSet(name, members_of(name, DATA, photos, sample), load_backbone(BACKBONE, weights))
        silver, judged = len(labelled.silver), len(labelled.bench.pairs())
        took = f"({time.monotonic() - started:.0f} s)"
        print(f"{name}: {len(labelled.photos)} photos, {silver} silver pairs, {judged} judged {took}", flush=True)
        for row in measure(labelled, missing, epochs):
            write_rows(file, [*read_rows(file), row])
    return [row for row in read_rows(file) if row.asked in wanted]


def measure(labelled: LabelledSet, missing: dict[Asked, Challenger], epochs: int) -> Iterator[Row]:
    with TemporaryDirectory(prefix="ndd-gate-") as folder:
        fitting = Fitting(labelled.photos, labelled.backbone, epochs, Path(folder))
        for asked, challenger in missing.items():
            started = time.monotonic()
            try:
                encoder = fitting.fit(challenger)
            except NddError as reason:  # no encoder, and so no challenger
                print(f"{labelled.name}, {challenger}: {reason}", flush=True)
                continue
            receipt, true = labelled.receipt(encoder), labelled.gain(encoder)
            gains = {kind: receipt.gains[kind].mean for kind in ("rescans", "pairs") if kind in receipt.gains}
            row = Row(
                **asdict(asked),
                decision=receipt.decision,
                gain=round(fmean(gains.values()), 5) if gains else nan,
                rescans=gains.get("rescans", nan),
                pairs=gains.get("pairs", nan),
                true=round(true.mean, 5),
                found=round(true.found, 5),
                worn=round(true.worn, 5),
                seconds=round(time.monotonic() - started, 1),
                words=" ".join(receipt.words),
            )
            print(f"{labelled.name}, {challenger}: {_in_words(row)} ({row.seconds:.0f} s)", flush=True)
            yield row


def _in_words(row: Row) -> str:
    return f"{row.decision}, gain {row.gain:+.4f}, true gain {row.true:+.4f}"


# --- the table ------------------------------------------------------------------------------------------------------


def read_rows(file: Path) -> list[Row]:
    if not file.exists():
        return []
    kinds = {field.name: field.type for field in fields(Row)}
    with file.open(newline="", encoding="utf-8") as lines:
        return [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(lines)]


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Aside and renamed: a run that is killed leaves whole rows."""
    part = file.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as lines:
        table = csv.DictWriter(lines, [field.name for field in fields(Row)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(row) for row in rows)
    part.replace(file)


# --- what the table says --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """regrets: by run."""

    challengers: int
    harmful: int
    adopted: int
    harmful_adopted: list[Row]
    regrets: dict[tuple[str, str, str], float]
    correlation: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Summary":
        return cls(
            len(rows),
            sum(row.is_harmful for row in rows),
            sum(row.is_adopted for row in rows),
            [row for row in rows if row.is_adopted and row.is_harmful],
            {run: regret([row for row in rows if row.run == run]) for run in dict.fromkeys(row.run for row in rows)},
            rank_correlation(rows),
        )

    @property
    def mean_regret(self) -> float:
        return fmean(self.regrets.values()) if self.regrets else nan

    def __str__(self) -> str:
        if not self.regrets:
            return "no challengers"
        worst = max(self.regrets, key=self.regrets.__getitem__)
        return (
            f"{self.challengers} challengers, {self.harmful} harmful, {self.adopted} adopted,"
            f" {len(self.harmful_adopted)} of them harmful; regret {self.mean_regret:.4f} on the mean,"
            f" {self.regrets[worst]:.4f} at worst ({', '.join(worst)}); rank correlation {self.correlation:.2f}"
        )


def regret(run: Sequence[Row]) -> float:
    """What the best of a run gains, less what the one gains that the receipts adopt and like best."""
    adopted = max((row for row in run if row.is_adopted), key=lambda row: row.gain, default=None)
    return max(0.0, *(row.true for row in run)) - (adopted.true if adopted else 0.0)


def rank_correlation(rows: Sequence[Row]) -> float:
    """Spearman's, of the receipt's gain with the true one; NaN where one of them does not vary."""
    gains, true = [row.gain for row in rows if row.gain == row.gain], [row.true for row in rows if row.gain == row.gain]
    if len(set(gains)) < 2 or len(set(true)) < 2:
        return nan
    return float(spearmanr(gains, true).statistic)


def bars_of(rows: Sequence[Row]) -> list[Bar]:
    """Spoiled encoders must be refused too, but no run has ended in them: they say nothing about regret."""
    runs = [row for row in rows if row.method not in SPOILED]
    print()
    for name in dict.fromkeys(row.set for row in rows):
        print(f"{name}, runs: {Summary.of([row for row in runs if row.set == name])}")
        print(f"{name}, spoiled: {Summary.of([row for row in rows if row.set == name and row not in runs])}")
    everything, real = Summary.of(rows), Summary.of(runs)
    print(f"all, runs: {real}", f"all: {everything}", sep="\n")
    for row in everything.harmful_adopted:
        print(f"  adopted and harmful: {row.set}, {row.challenger}: {_in_words(row)}")
    return [
        Bar("gate, harmful encoders of the runs, which it had to refuse", real.harmful, lowest=1),
        Bar("gate, harmful encoders adopted", len(everything.harmful_adopted), highest=0),
        Bar("gate, regret, mean over the runs", real.mean_regret, highest=REGRET),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
