"""Synthetic rescans by the family of damages that no training draws from: what a receipt judges encoders by.

A rescan follows from the photo's pixels alone, so that every encoder sees the same one and its features can be cached.
"""

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ndd_app.vision.augmentations import FAMILIES, GATE_FAMILY, damage
from ndd_app.vision.encoders import Embeddings, Extractor, Features
from ndd_app.vision.hashing import phash
from ndd_app.vision.images import Pixels, resize_to_fit

DAMAGES = FAMILIES[GATE_FAMILY]
MOST_DAMAGES = 3
MILDEST = 0.6
LONG_SIDE = 640
"""Larger ones are reduced first: every encoder looks at less, and wear costs by the pixel."""
SEED = 4
READERS = 2

Severities = npt.NDArray[np.float32]


def plan_rescan(pixels: Pixels, seed: int = SEED) -> Severities:
    """(len(DAMAGES),): how strong each damage is on this photo's rescan, 0 for those that it is spared."""
    random = np.random.default_rng([seed, zlib.crc32(pixels.tobytes())])
    count = random.integers(1, MOST_DAMAGES + 1)
    chosen = random.choice(len(DAMAGES), count, replace=False)
    severities = np.zeros(len(DAMAGES), np.float32)
    severities[chosen] = random.uniform(MILDEST, 1, count).round(2)
    return severities


def draw_rescan(pixels: Pixels, seed: int = SEED) -> Pixels:
    steps = [(name, float(s)) for name, s in zip(DAMAGES, plan_rescan(pixels, seed), strict=True) if s]
    return damage(resize_to_fit(pixels, LONG_SIDE), steps, seed=zlib.crc32(pixels.tobytes()) ^ seed)


@dataclass(frozen=True)
class OnRescans:
    """An extractor that looks at each photo's rescan."""

    extractor: Extractor

    @property
    def name(self) -> str:
        return f"{self.extractor.name}, rescans"

    @property
    def recipe(self) -> str:
        return f"{self.extractor.recipe} on {GATE_FAMILY} {SEED}"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        with ThreadPoolExecutor(READERS) as pool:
            return self.extractor.extract(list(pool.map(draw_rescan, images)))


class Planned:
    """An extractor that says what `draw_rescan` does to a photo: see plan_rescan."""

    name: ClassVar[str] = "planned rescans"
    recipe: ClassVar[str] = f"plan of {GATE_FAMILY} {SEED}"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        return [plan_rescan(pixels) for pixels in images]


class HashBits:
    """pHash as an extractor: (64,) of 0 and 1."""

    name: ClassVar[str] = "pHash"
    recipe: ClassVar[str] = "phash"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        return [np.array([*phash(pixels)]).astype(np.uint8) for pixels in images]


def hash_rows(bits: npt.NDArray[np.uint8]) -> Embeddings:
    """(n, b) of 0 and 1 → (n, b) unit rows whose cosine falls with the Hamming distance."""
    return (np.where(bits, 1.0, -1.0) / np.sqrt(bits.shape[1])).astype(np.float32)
