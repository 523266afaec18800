"""What adapting to a collection without labels gains over plain whitening, by damages that no training has seen.

python -m benchmarks.adaptation [ROW …] [--seeds N], rows: worn, inductive, prokudin, ukbench. The collection is the
plates with rescans of a third of them, as prints and scanners leave them; the encoders are fitted to it. Looked up are
rescans that were badly worn, then printed and compressed, each seed other ones; right is any frame of the plate. Both
families of damages are kept from the training here, as the gate's is always. Ends with 1 when a bar is missed. Needs
the same data as `make figures`.
"""

import sys
import time
import zlib
from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np

from benchmarks import bars
from benchmarks.bars import Bar
from benchmarks.figures import BACKBONE, DATA
from benchmarks.held import HeldPhotos
from benchmarks.sets import photos_of
from ndd_app.vision import views
from ndd_app.vision.augmentations import FAMILIES, GATE_FAMILY, damage
from ndd_app.vision.backbones import load_backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.encoders import Embeddings, Encoder
from ndd_app.vision.images import Pixels, decode, resize_to_fit
from ndd_app.vision.methods import METHODS
from ndd_app.vision.metrics import Relevance, average_precision_at_k, mean_over_queries
from ndd_app.vision.neighbours import nearest
from ndd_app.vision.rescans import MILDEST
from ndd_app.vision.retrieval import OUTSIDE, Questions, look_up, look_up_fused

JUDGED = (GATE_FAMILY, "print")
"""Families of damages. Wear alone leaves nothing to gain: whitened, .97 are found first."""
OF_EACH = 3
"""Damages of each family, on every rescan. With one to three, .97 are among the first fifty even when whitened only."""
LONG_SIDE = 640
EVERY = 3
"""One photo in so many has a rescan in the gallery."""
HITS_AT = (1, 50)
RECALL_AT = 16
DRAWS = 2_000
GAIN = 0.03
LOSS = 0.002
SETS = {"ukbench": (4, True), "prokudin": (2, False)}
"""k of mAP@k, and whether the query counts."""
ROWS = ("worn", "inductive", *SETS)

TRAINING_DAMAGES = tuple(name for name in views.TRAINING_DAMAGES if not any(name in FAMILIES[f] for f in JUDGED))

Values = np.ndarray


@dataclass(frozen=True)
class Set:
    """groups: (n,) a number for each picture."""

    pictures: list[Pixels]
    groups: np.ndarray

    def half(self, parity: int) -> "Set":
        chosen = np.flatnonzero(self.groups % 2 == parity)
        return Set([self.pictures[photo] for photo in chosen], self.groups[chosen])


@dataclass(frozen=True)
class Hits:
    """Of each query, whether it found its group: values (q,) by measure; units (q,) what a bootstrap draws together."""

    values: dict[str, Values]
    units: np.ndarray

    def over(self, others: "Hits") -> dict[str, Values]:
        return {name: values - others.values[name] for name, values in self.values.items()}


class Encoders:
    """Plain whitening and auto, and the classical encoder beside them, fitted to one gallery."""

    def __init__(self, photos: HeldPhotos, seed: int) -> None:
        backbone = load_backbone(BACKBONE, DATA / "weights")
        self.whiten = METHODS["whiten"].fit(photos, backbone, seed=seed).encoder
        started = time.monotonic()
        self.auto = METHODS["auto"].fit(photos, backbone, seed=seed).encoder
        self.seconds = time.monotonic() - started


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m benchmarks.adaptation")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all of them without a name")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    found = [bar for row in options.rows or ROWS for bar in measure(row, range(options.seeds))]
    return 0 if bars.check(found) else 1


def measure(row: str, seeds: Sequence[int]) -> list[Bar]:
    photos = load(row if row in SETS else "prokudin")
    if row in SETS:
        return measure_clean(row, photos, seeds)
    with patch.object(views, "TRAINING_DAMAGES", TRAINING_DAMAGES):
        if row == "inductive":
            return measure_worn("worn and printed, inductive", photos.half(0), photos.half(1), seeds, lowest=0.0)
        return measure_worn("worn and printed", photos, photos, seeds, lowest=GAIN)


def load(name: str) -> Set:
    members = photos_of(DATA / name)
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(lambda m: resize_to_fit(decode(m.source.read_bytes()).pixels, LONG_SIDE), members))
    _, groups = np.unique([member.group for member in members], return_inverse=True)
    return Set(pictures, groups)


def measure_clean(name: str, photos: Set, seeds: Sequence[int]) -> list[Bar]:
    """Adapting must not cost anything where nothing is damaged."""
    k, counts_itself = SETS[name]
    relevance = Relevance.from_groups([str(group) for group in photos.groups])
    held = HeldPhotos(photos.pictures)
    gains = []
    for seed in seeds:
        encoders = Encoders(held, seed)
        rows = [embed(encoder, held) for encoder in (encoders.whiten, encoders.auto)]
        lists = [nearest(embeddings, 10).indices for embeddings in rows]
        plain, adapted = (
            mean_over_queries(average_precision_at_k(found, relevance, k, query_in_gallery=counts_itself))
            for found in lists
        )
        print(f"{name}, seed {seed}: whitened {plain:.4f}, auto {adapted:.4f} ({encoders.seconds:.0f} s)", flush=True)
        gains.append(adapted - plain)
    return [Bar(f"{name}, mAP@{k}, auto over whitened, worst of {len(gains)} seeds", min(gains), -LOSS)]


def measure_worn(title: str, fitted: Set, judged: Set, seeds: Sequence[int], lowest: float) -> list[Bar]:
    """The encoders see `fitted` and its rescans; what they are asked about is `judged`, with rescans in the gallery."""
    gains: dict[str, list[Values]] = {}
    units = []
    for seed in seeds:
        learned = HeldPhotos(with_rescans(fitted, seed).pictures)
        encoders = Encoders(learned, seed)
        gallery = with_rescans(judged, seed)
        held = learned if judged is fitted else HeldPhotos(gallery.pictures)
        with ThreadPoolExecutor() as pool:
            worn = list(pool.map(partial(wear_and_print, seed=100 + seed), judged.pictures))
        asked = Asked(held, gallery.groups, HeldPhotos(worn), judged.groups)
        classical = asked.embeddings(METHODS["vlad"].fit(learned, RootSift(), seed=seed).encoder)
        plain, adapted = (asked.hits(asked.embeddings(each), classical) for each in (encoders.whiten, encoders.auto))
        for name, values in adapted.over(plain).items():
            gains.setdefault(name, []).append(values)
        units.append(adapted.units)
        shown = ", ".join(f"{n} {plain.values[n].mean():.3f} → {adapted.values[n].mean():.3f}" for n in adapted.values)
        print(f"{title}, seed {seed}: {shown} ({encoders.seconds:.0f} s)", flush=True)
    return [
        bar
        for name, values in gains.items()
        for bar in bars_of(f"{title}, {name}", np.concatenate(values), np.concatenate(units), lowest)
    ]


def bars_of(title: str, gains: Values, units: np.ndarray, lowest: float) -> list[Bar]:
    low, high = interval(gains, units)
    print(f"  {title}: {gains.mean():+.4f} ({low:+.4f} to {high:+.4f})")
    if "recall" in title:
        return [Bar(f"{title}, gain", gains.mean(), 0.0)]
    return [Bar(f"{title}, gain", gains.mean(), lowest), Bar(f"{title}, lower 95 % bound of the gain", low, 0.0)]


@dataclass(frozen=True)
class Asked:
    gallery: HeldPhotos
    groups: np.ndarray
    worn: HeldPhotos
    wanted: np.ndarray

    def embeddings(self, encoder: Encoder) -> tuple[Embeddings, Embeddings]:
        """Of the queries and of the gallery."""
        return embed(encoder, self.worn), embed(encoder, self.gallery)

    def hits(self, sides: tuple[Embeddings, Embeddings], classical: tuple[Embeddings, Embeddings]) -> Hits:
        questions = Questions(self.wanted, np.full(len(self.wanted), OUTSIDE), self.wanted)
        alone = look_up(*sides, self.groups, questions)
        fused = look_up_fused([sides, classical], self.groups, questions)
        values = {f"hit@{k}": alone.hits(k) for k in HITS_AT} | {f"fused recall@{RECALL_AT}": fused.hits(RECALL_AT)}
        return Hits(values, self.wanted)


def wear_and_print(pixels: Pixels, seed: int) -> Pixels:
    random = np.random.default_rng([seed, zlib.crc32(pixels.tobytes())])
    steps = [(name, random.uniform(MILDEST, 1)) for family in JUDGED for name in some_of(FAMILIES[family], random)]
    return damage(pixels, steps, seed=int(random.integers(2**31)))


def some_of(damages: Sequence[str], random: np.random.Generator) -> list[str]:
    """OF_EACH, in the order in which a print meets them."""
    return [damages[place] for place in np.sort(random.permutation(len(damages))[:OF_EACH])]


def with_rescans(photos: Set, seed: int) -> Set:
    """One of every EVERY photos a second time, damaged as a training may draw it."""
    chosen = np.arange(seed % EVERY, len(photos.pictures), EVERY)
    with ThreadPoolExecutor() as pool:
        drawn = list(
            pool.map(lambda n: views.damaged_view(photos.pictures[n], seed=1_000_000 * (seed + 1) + int(n)), chosen)
        )
    return Set([*photos.pictures, *drawn], np.concatenate([photos.groups, photos.groups[chosen]]))


def embed(encoder: Encoder, photos: HeldPhotos) -> Embeddings:
    return encoder.embed(photos.features(encoder.extractor))


def interval(gains: Values, units: np.ndarray) -> tuple[float, float]:
    """95 %, by a bootstrap over the groups."""
    _, unit = np.unique(units, return_inverse=True)
    sums, counts = np.bincount(unit, weights=gains), np.bincount(unit)
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
