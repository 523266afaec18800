"""Encoders that would like to serve a set: real runs, gentle and far too strong, and some that were spoiled on purpose.

mae and simclr are trained at three learning rates, from ours upwards, and judged after every epoch. auto has no rate;
what it has in its place are POWER and SHRINKAGE, set here to three values each. Spoiled are whitenings that have seen
hardly any photo, and networks whose weights were shaken.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.held import HeldPhotos
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.encoders import Encoder
from ndd_app.vision.methods import METHODS, auto
from ndd_app.vision.plans import OURS
from ndd_app.vision.training import Training

RATES = tuple(OURS.rate * times for times in (1, 10, 100))
POWERS = (auto.POWER, 2.0, -1.0)
"""auto's own, and two that all but silence the leading directions, or listen to hardly any other."""
SHRINKAGES = (auto.SHRINKAGE, 1e-5, 10.0)
"""auto's own, and two that trust the scatter of the views blindly, or hardly at all."""
FEW = (3, 10, 30)
"""Photos that a whitening has seen."""
SHAKES = (0.1, 0.3, 1.0)
"""Noise on every tensor of weights, in units of its spread."""
TRAINED, SPOILED = ("mae", "simclr"), ("few photos", "shaken")
SEED = 0


@dataclass(frozen=True)
class Challenger:
    """strength: one number, of auto two. epoch: of those that are trained, from 1."""

    method: str
    strength: str
    epoch: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.strength}" + (f", epoch {self.epoch}" if self.epoch else "")

    @property
    def values(self) -> list[float]:
        return [float(value) for value in self.strength.split()]


def challengers(epochs: int) -> list[Challenger]:
    found = [Challenger("few photos", f"{count}") for count in FEW]
    found += [Challenger("shaken", f"{shake:g}") for shake in SHAKES]
    found += [Challenger("auto", f"{power:g} {shrinkage:g}") for power, shrinkage in product(POWERS, SHRINKAGES)]
    trained = product(TRAINED, RATES, range(1, epochs + 1))
    return [*found, *(Challenger(method, f"{rate:g}", epoch) for method, rate, epoch in trained)]


class Fitting:
    """Fits challengers to photos; `folder` keeps where each run stands, so that its next epoch goes on from there."""

    def __init__(self, photos: HeldPhotos, backbone: Backbone, epochs: int, folder: Path) -> None:
        self.photos, self.backbone, self.epochs, self.folder = photos, backbone, epochs, folder

    def fit(self, challenger: Challenger) -> Encoder:
        """Raises what a training raises that went wrong."""
        match challenger.method, challenger.values:
            case "few photos", [count]:
                return self._whitened_on_few(int(count))
            case "shaken", [shake]:
                return METHODS["whiten"].fit(self.photos, shaken(self.backbone, shake), seed=SEED).encoder
            case "auto", [power, shrinkage]:
                with patch.multiple(auto, POWER=power, SHRINKAGE=shrinkage):
                    return Encoder(self.backbone, auto.discriminate(*self._seen_by_auto))
            case method, [rate]:
                return self._trained(method, rate, challenger.epoch)
        raise ValueError(f"no such challenger: {challenger}")

    def _whitened_on_few(self, count: int) -> Encoder:
        return METHODS["whiten"].fit(HeldPhotos(self.photos.pictures[:count]), self.backbone, seed=SEED).encoder

    @cached_property
    def _seen_by_auto(self) -> Any:
        """Looked at once: the constants matter only for what auto then makes of it."""
        with patch.object(auto, "discriminate", wraps=auto.discriminate) as discriminate:
            METHODS["auto"].fit(self.photos, self.backbone, seed=SEED)
        return discriminate.call_args_list[0].args

    def _trained(self, method: str, rate: float, epoch: int) -> Encoder:
        """`steps` ends the run after the epoch, without changing the schedule of the whole."""
        steps = len(self.photos) // min(OURS.batch, len(self.photos))
        plan = replace(OURS, epochs=self.epochs, rate=rate, steps=epoch * steps)
        training = Training(plan, self.folder / f"{method} {rate:g}", retrieval=False)
        return METHODS[method].fit(self.photos, self.backbone, seed=SEED, training=training).encoder


def shaken(backbone: Backbone, shake: float) -> Backbone:
    network = deepcopy(backbone.network)
    random = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.numel() > 1:
                noise = torch.randn(weights.shape, generator=random).to(weights)
                weights.add_(noise * weights.std(), alpha=shake)
    return backbone.change_weights(network)
