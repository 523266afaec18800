"""One run: train what is to be trained, describe the galleries, measure. Raw pooled features, compared by cosine."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from ndd_app.vision.backbones import Backbone, load_backbone, untrained_backbone
from ndd_app.vision.encoders import Embeddings
from ndd_app.vision.hashing import block_mean_hash, phash
from ndd_app.vision.images import Pixels
from ndd_app.vision.methods import mae, simclr, supervised, triplet
from ndd_app.vision.methods.learning import Learn
from ndd_app.vision.metrics import Relevance, average_precision_at_k, hit_rate_at_k, mean_over_queries
from ndd_app.vision.neighbours import Lists, nearest, nearest_by_bits
from ndd_app.vision.plans import Plan
from ndd_app.vision.reproduction.photos import Collection, FolderPhotos, Split
from ndd_app.vision.reproduction.runs import BOTH, COLLECTION, FROZEN_PATCHES, TEST, TRAIN, Network, Run
from ndd_app.vision.training import Track, Training

K = 4
HIT_RATES_AT = (1, 5, 10, 50)
SHOWN, SHOWN_QUERIES = 8, 4
BATCH = 64
WITH_LABELS = {"supervised", "triplet"}
LEARN: dict[str, Learn] = {
    "supervised": supervised.learn,
    "triplet": triplet.learn,
    "simclr": simclr.learn,
    "mae": mae.learn,
}
HASH: dict[str, Callable[[Pixels], str]] = {"phash": phash, "block mean": block_mean_hash}


@dataclass(frozen=True)
class Bench:
    """What one fold is measured on: UKBench, split, and perhaps an annotated collection."""

    ukbench: FolderPhotos
    split: Split
    collection: Collection | None
    weights_dir: Path | None
    seed: int

    def fitted_on(self, run: Run) -> FolderPhotos:
        labels = run.method in WITH_LABELS
        if run.fitted_on == COLLECTION:
            assert self.collection is not None
            return self.collection.photos
        numbers = {
            TRAIN: self.split.train,
            BOTH: np.concatenate([self.split.train, self.split.test]),
            TEST: self.split.test,
        }
        return self.ukbench.choose(numbers[run.fitted_on], labels=labels)

    def galleries(self, run: Run) -> dict[str, Collection]:
        test = self.ukbench.choose(self.split.test)
        every = {"ukbench": Collection(test, Relevance.from_groups(test.groups))}
        if self.collection:
            every["collection"] = self.collection
        return {name: gallery for name, gallery in every.items() if name in run.measured_on}


def measure(run: Run, bench: Bench, plan: Plan | None, folder: Path, track: Track) -> dict[str, Any]:
    """JSON-able: the figures and the first neighbours of some queries for each gallery, and how the training went."""
    started = monotonic()
    facts: dict[str, Any] = {"name": run.name, "curve": [], "notes": []}
    backbone = _load(run.network, bench) if run.network else None
    if backbone and plan:
        learned = LEARN[run.method](
            bench.fitted_on(run), backbone, seed=bench.seed, training=Training(plan, folder, track, retrieval=False)
        )
        backbone = learned.backbone
        facts |= {"curve": learned.trained.curve, "notes": list(learned.trained.notes), **learned.parameters}
    if backbone and run.method in ("mae", FROZEN_PATCHES):
        backbone = compare_patch_tokens(backbone)
    for name, gallery in bench.galleries(run).items():
        lists = _neighbours(run, backbone, gallery.photos)
        facts[name] = _figures(lists, gallery.relevance) | {"shown": _shown(lists, gallery.relevance, bench.seed)}
    return facts | {"seconds": round(monotonic() - started, 1)}


def compare_patch_tokens(backbone: Backbone) -> Backbone:
    """The same weights; its pooled feature is the mean of the patch tokens instead of CLS."""
    network = copy.copy(backbone.network)
    network.global_pool = "avg"
    return replace(backbone, network=network)


def pooled_rows(backbone: Backbone, photos: FolderPhotos) -> Embeddings:
    """(n, d) at length 1: the first part of the features."""
    rows = []
    for start in range(0, len(photos), BATCH):
        pictures = [photos.picture(number) for number in range(start, min(start + BATCH, len(photos)))]
        rows += [features[: backbone.pooled_size] for features in backbone.extract(pictures)]
    return np.stack(rows).astype(np.float32)


def _load(network: Network, bench: Bench) -> Backbone:
    if network.pretrained:
        return load_backbone(network.name, bench.weights_dir, network.side)
    return untrained_backbone(network.name, network.side, bench.seed)


def _neighbours(run: Run, backbone: Backbone | None, photos: FolderPhotos) -> Lists:
    count = min(max(HIT_RATES_AT), len(photos) - 1)
    if backbone:
        return nearest(pooled_rows(backbone, photos), count)
    codes = [list(map(int, HASH[run.method](photos.picture(number)))) for number in range(len(photos))]
    return nearest_by_bits(np.array(codes, np.uint8), count)


def _figures(lists: Lists, relevance: Relevance) -> dict[str, Any]:
    with_query, without_query = (
        mean_over_queries(average_precision_at_k(lists.indices, relevance, K, query_in_gallery=there))
        for there in (True, False)
    )
    rates = {str(k): hit_rate_at_k(lists.indices, relevance, k) for k in HIT_RATES_AT}
    return {"map_with_query": with_query, "map_without_query": without_query, "hit_rates": rates}


def _shown(lists: Lists, relevance: Relevance, seed: int) -> dict[str, list[int]]:
    """For the strips: the same few queries in every run."""
    queries = relevance.queries
    chosen = np.random.default_rng(seed).permutation(queries)[:SHOWN_QUERIES]
    return {str(query): lists.indices[query, :SHOWN].tolist() for query in chosen}
