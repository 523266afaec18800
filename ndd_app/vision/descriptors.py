"""From a network's output to one feature array a photo, and from features to embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ndd_app.vision.encoders import EMBEDDING_SIZE, Embeddings, Features, unit_rows

POWERS = (0.0, 0.25, 0.5)
SHRINKAGE = 3.0  # in units of the mean variance; with Ledoit and Wolf's estimate, power 0.5 fails on 400 photos
NOISE = 1e-3  # how far two extractions of one photo may lie apart, in features whose parts have length 1
DEPTH = 5
ENOUGH_TO_CHOOSE = 1000

Rows = npt.NDArray[np.floating]
Lists = npt.NDArray[np.integer]


def pool_features(network: Any, batch: Tensor) -> Tensor:
    """Features (B, d) of normalised images (B, 3, H, W); every part of them has length 1.

    The network's own pooled feature (the CLS token of most ViTs, the averaged map of a CNN) comes first. Tokens that
    lie on a square grid add their generalised mean with p = 3 (Radenović et al. 2019) and, as one part, the means of
    the four quadrants: two scans of one picture agree in its layout too.
    """
    output = network.forward_features(batch)
    parts = [F.normalize(network.forward_head(output, pre_logits=True).float())]
    if output.ndim == 3:
        tokens = output[:, getattr(network, "num_prefix_tokens", 0) :].float()
        side = isqrt(tokens.shape[1])
        if side * side == tokens.shape[1]:
            grid = tokens.transpose(1, 2).unflatten(2, (side, side))
            quadrants = F.normalize(F.adaptive_avg_pool2d(grid, 2).flatten(2)) / 2
            parts += [F.normalize(generalised_mean(tokens)), quadrants.transpose(1, 2).flatten(1)]
    return torch.cat(parts, dim=1)


def generalised_mean(tokens: Tensor, power: float = 3.0) -> Tensor:
    """(B, n, d) → (B, d); values below zero count as none, as behind a ReLU."""
    return tokens.clamp(min=1e-6).pow(power).mean(dim=1).pow(1 / power)


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """mean (d,); axes (d, k), orthonormal, by falling variance; variances (k,) in squared feature units, all > 0."""

    mean: Rows
    axes: Rows
    variances: Rows


def principal_axes(rows: Rows, count: int, *, centre: bool = True) -> PrincipalAxes:
    """At most `count` axes of rows (n, d), and none beyond their rank; n < d and rows that do not vary are fine."""
    rows = np.asarray(rows, np.float64)
    mean = rows.mean(axis=0) if centre else np.zeros(rows.shape[1])
    centred = rows - mean
    photos, size = centred.shape
    wide = photos < size
    variances, vectors = np.linalg.eigh((centred @ centred.T if wide else centred.T @ centred) / photos)
    order = np.argsort(-variances)[:count]
    order = order[variances[order] > max(1e-10 * variances.max(), 1e-16)]
    variances, vectors = variances[order], vectors[:, order]
    axes = centred.T @ vectors / np.sqrt(photos * variances) if wide else vectors
    return PrincipalAxes(mean, axes, variances)


@dataclass(frozen=True, eq=False)
class Whitening:
    """x → unit([(x - mean) @ axes, bias]), with mean (d,) and axes (d, k < EMBEDDING_SIZE).

    The bias is far below what tells photos apart. It decides only where nothing does: photos at the mean, or apart by
    no more than rounding, all get one direction instead of none or random ones.
    """

    kind: ClassVar[str] = "whitening"
    mean: Rows
    axes: Rows
    bias: float

    @classmethod
    def of(cls, spread: PrincipalAxes, power: float) -> Self:
        """Scales each axis by (variance + SHRINKAGE * mean variance) ** -power; power 0.5 is whitening proper.

        So much shrinkage, because a collection is no sample of independent photos: the directions in which it varies
        least are those between its own duplicates, and only leading directions deserve to be damped.
        """
        size = len(spread.mean)
        floor = SHRINKAGE * spread.variances.sum() / max(len(spread.variances), 1) + NOISE**2 / size
        scales = (spread.variances + floor) ** -power
        bias = NOISE * scales.min(initial=floor**-power)
        return cls(spread.mean.astype(np.float32), (spread.axes * scales).astype(np.float32), float(bias))

    def apply(self, features: Sequence[Features] | Rows) -> Embeddings:
        if not len(features):
            return np.zeros((0, EMBEDDING_SIZE), np.float32)
        rows = (np.asarray(features, np.float32) - self.mean) @ self.axes
        return unit_rows(np.column_stack([rows, np.full(len(rows), self.bias, np.float32)]))

    def tensors(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"mean": self.mean, "axes": self.axes, "bias": np.array([self.bias])}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        mean, axes = (np.asarray(tensors[name], np.float32) for name in ("mean", "axes"))
        return cls(mean, axes, float(tensors["bias"][0]))


@dataclass(frozen=True, eq=False)
class PooledCosine:
    """The first `size` values of the features at length 1, turned onto `axes` (size, k) where they are too many."""

    kind: ClassVar[str] = "cosine"
    size: int
    axes: Rows | None

    def apply(self, features: Sequence[Features]) -> Embeddings:
        if not len(features):
            return np.zeros((0, EMBEDDING_SIZE), np.float32)
        rows = np.stack([feature[: self.size] for feature in features]).astype(np.float32)
        return unit_rows(rows if self.axes is None else rows @ self.axes)

    def tensors(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"size": np.array([self.size])} | ({} if self.axes is None else {"axes": self.axes})

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        axes = np.asarray(tensors["axes"], np.float32) if "axes" in tensors else None
        return cls(int(tensors["size"][0]), axes)


def agreement_by_power(rows: Rows, *, seed: int) -> dict[float, float]:
    """How far two halves of the features, each whitened alone, agree on every photo's nearest neighbours; no labels.

    The halves are the even and the odd columns. What both find is in the photos; what too strong a whitening makes of
    noise differs from half to half.
    """
    if len(rows) > ENOUGH_TO_CHOOSE:
        rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), ENOUGH_TO_CHOOSE, replace=False))]
    halves = rows[:, ::2], rows[:, 1::2]
    spreads = [principal_axes(half, EMBEDDING_SIZE - 1) for half in halves]
    agreement = {}
    for power in POWERS:
        whitened = [Whitening.of(spread, power).apply(half) for half, spread in zip(halves, spreads, strict=True)]
        agreement[power] = average_overlap(*(_nearest(embeddings) for embeddings in whitened))
    return agreement


def average_overlap(first: Lists, second: Lists) -> float:
    """The mean, over photos and depths 1 … k, of the share that two neighbour lists (n, k) have in common.

    Webber, Moffat & Zobel 2010: the first ranks weigh most, and no size of groups is assumed.
    """
    depths = range(1, first.shape[1] + 1)
    return float(np.mean([(first[:, :k, None] == second[:, None, :k]).sum() / (len(first) * k) for k in depths]))


def _nearest(embeddings: Embeddings) -> Lists:
    similarities = embeddings @ embeddings.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1, kind="stable")[:, : min(DEPTH, len(embeddings) - 1)]
