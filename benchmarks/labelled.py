"""A set as a receipt sees it, without its labels, and what the labels say of the same encoder."""

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from benchmarks.adaptation import LONG_SIDE, SETS, embed
from benchmarks.held import HeldPhotos
from benchmarks.priors import scan_of
from benchmarks.sets import DAMAGES, Member, photos_of, some_of, with_copies
from ndd_app.vision.augmentations import damage
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.bench import Bench, View
from ndd_app.vision.classical import RootSift
from ndd_app.vision.encoders import Embeddings, Encoder
from ndd_app.vision.geometry import VARIANTS, Scan
from ndd_app.vision.images import Pixels, decode, resize_to_fit
from ndd_app.vision.methods import METHODS
from ndd_app.vision.metrics import Relevance, average_precision_at_k, mean_over_queries
from ndd_app.vision.neighbours import Indices, nearest, nearest_by_bits
from ndd_app.vision.receipt import Receipt, write_receipt
from ndd_app.vision.rescans import HashBits, draw_rescan, plan_rescan
from ndd_app.vision.retrieval import OUTSIDE, Questions, look_up
from ndd_app.vision.silver import (
    RECIPROCAL,
    UNLIKE,
    components,
    confirms,
    reciprocal_pairs,
    silver_pairs,
)
from ndd_app.vision.verification import verify

RESCANS = "rescans"
WORN = (100, 101, 102)
"""Seeds of the worn rescans that the labels judge by; none is the receipt's. Several, since luck moves few by .01."""


@dataclass(frozen=True)
class Truth:
    """By the labels. found: how well the set's own photos find their group; worn: hit@1 of worn rescans."""

    found: float
    worn: float

    @property
    def mean(self) -> float:
        return fmean((self.found, self.worn))

    def over(self, other: "Truth") -> "Truth":
        return Truth(self.found - other.found, self.worn - other.worn)


class LabelledSet:
    """Photos in memory, the encoders that serve them, and what both judges ask."""

    def __init__(self, name: str, members: Sequence[Member], backbone: Backbone) -> None:
        self.name = name
        _, self.groups = np.unique([member.group for member in members], return_inverse=True)
        self.copies = np.flatnonzero([bool(member.damage) for member in members])
        with ThreadPoolExecutor() as pool:
            pictures = list(pool.map(read, members))
            self.rescans = HeldPhotos(list(pool.map(draw_rescan, pictures)))
            self.worn = [HeldPhotos(list(pool.map(partial(draw_rescan, seed=seed), pictures))) for seed in WORN]
        self.photos = HeldPhotos(pictures)
        self.backbone = backbone
        self.present = METHODS["whiten"].fit(self.photos, backbone, seed=0).encoder
        self.classical = METHODS["vlad"].fit(self.photos, RootSift(), seed=0).encoder

    # --- what the receipt sees --------------------------------------------------------------------------------------

    def receipt(self, encoder: Encoder) -> Receipt:
        challenger, present, classical = self.view("challenger", encoder), *self._serving
        return write_receipt(self.bench, challenger, present, classical)

    def view(self, role: str, encoder: Encoder) -> View:
        return View(role, role, embed(encoder, self.photos), embed(encoder, self.rescans))

    @cached_property
    def _serving(self) -> tuple[View, View]:
        return self.view("present", self.present), self.view("classical", self.classical)

    @cached_property
    def bench(self) -> Bench:
        """As pipeline/receipts.py has it, where people have answered nothing."""
        pictures = self.photos.pictures
        groups = components(len(pictures), self.silver)
        judged = np.isin(groups, groups[self.silver])
        plan = np.array([plan_rescan(pixels) for pixels in pictures], np.float32)
        return Bench(groups, judged, np.arange(len(pictures)), plan)

    @cached_property
    def silver(self) -> Indices:
        """(m, 2); only what enough descriptors agree on is verified, since nothing else could be silver."""
        bits = np.array(self.photos.features(HashBits()), np.uint8)
        lists = [nearest(view.gallery, RECIPROCAL) for view in self._serving] + [nearest_by_bits(bits, RECIPROCAL)]
        proposals = [reciprocal_pairs(some) for some in lists]
        pairs, votes = np.unique(np.concatenate(proposals), axis=0, return_counts=True)
        return silver_pairs(proposals, self._confirmed(pairs[votes >= UNLIKE]))

    def _confirmed(self, pairs: Indices) -> Indices:
        keypoints = self.photos.features(RootSift())
        scans = [scan_of(pixels, found) for pixels, found in zip(self.photos.pictures, keypoints, strict=True)]
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # pairs run side by side instead
        with ThreadPoolExecutor(threads) as pool:
            sure = list(pool.map(lambda pair: _is_confirmed(scans[pair[0]], scans[pair[1]]), pairs))
        cv2.setNumThreads(threads)
        return pairs[np.array(sure, bool)]

    # --- what the labels say ----------------------------------------------------------------------------------------

    def gain(self, encoder: Encoder) -> Truth:
        """Over the present encoder."""
        return self.truth(encoder).over(self._present_truth)

    @cached_property
    def _present_truth(self) -> Truth:
        return self.truth(self.present)

    def truth(self, encoder: Encoder) -> Truth:
        rows = embed(encoder, self.photos)
        outside = np.full(len(rows), OUTSIDE)
        questions = Questions(self.groups, outside, self.groups)
        worn = [look_up(embed(encoder, photos), rows, self.groups, questions).hits(1).mean() for photos in self.worn]
        return Truth(self._found(rows), float(np.mean(worn)))

    def _found(self, rows: Embeddings) -> float:
        """Of the rescans: hit@1 of the copies, for their group. Of the others mAP@k, as the figures have it."""
        if self.name == RESCANS:
            wanted = self.groups[self.copies]
            found = look_up(rows[self.copies], rows, self.groups, Questions(wanted, self.copies, wanted))
            return float(found.hits(1).mean())
        k, counts_itself = SETS[self.name]
        relevance = Relevance.from_groups([str(group) for group in self.groups])
        lists = nearest(rows, k).indices
        return mean_over_queries(average_precision_at_k(lists, relevance, k, query_in_gallery=counts_itself))


def members_of(name: str, data: Path, photos: int, sample: int = 1) -> list[Member]:
    """`sample` names the draw. Of the rescans a third are copies."""
    if name != RESCANS:
        return some_of(photos_of(data / name), photos, sample)
    everything = [photo for folder in (*SETS, "postcards") for photo in photos_of(data / folder)]
    return with_copies(some_of(everything, photos * 2 // 3, sample), sample)


def read(member: Member) -> Pixels:
    pixels = decode(member.source.read_bytes()).pixels
    if member.damage:
        pixels = damage(pixels, DAMAGES[member.damage], zlib.crc32(f"{member.source.name} {member.damage}".encode()))
    return resize_to_fit(pixels, LONG_SIDE)


def _is_confirmed(first: Scan, second: Scan) -> bool:
    """In all variants, as a matching looks at photos that have found no partner."""
    return confirms(verify(first, second, VARIANTS))
