"""How a network is trained: the paper's way and ours."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from timm.optim import param_groups_layer_decay
from torch import nn


@dataclass(frozen=True)
class Plan:
    """epochs: passes over the photos; steps: ends any run early, without changing its schedule; batch: in photos.

    schedule: "steps" divides the rate by ten every 8 epochs; "cosine" falls to 0 over all epochs, after a rise over the
    share warm_up. layer_decay: each layer's rate is this times that of the layer above; clip: longest gradient;
    average: how much of the moving average of the weights stays at each step (0: the last weights count);
    half_precision: bfloat16, where this machine computes it quickly.
    """

    epochs: int
    batch: int
    rate: float
    steps: int | None = None
    optimiser: Literal["adam", "adamw"] = "adamw"
    schedule: Literal["steps", "cosine"] = "cosine"
    warm_up: float = 0.1
    weight_decay: float = 0.05
    layer_decay: float = 0.75
    clip: float = math.inf
    average: float = 0.0
    half_precision: bool = False

    def rate_at(self, epoch: float) -> float:
        """The rate of the topmost layer in the step after which so many epochs are done."""
        if self.schedule == "steps":
            whole = max(0, math.ceil(epoch) - 1)
            return self.rate * 0.1 ** (whole // 8)
        done = epoch / self.epochs
        if done < self.warm_up:
            return self.rate * done / self.warm_up
        return self.rate * (1 + math.cos(math.pi * (done - self.warm_up) / (1 - self.warm_up))) / 2


PAPER = Plan(epochs=24, batch=64, rate=3e-4, optimiser="adam", schedule="steps", weight_decay=0, layer_decay=1)
"""Optimiser, rate and schedule are the paper's; epochs and batch size are ours."""

OURS = Plan(epochs=20, batch=32, rate=2e-4, clip=1.0, average=0.99, half_precision=True)


def make_optimiser(objective: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    if plan.optimiser == "adam":
        return torch.optim.Adam([p for p in objective.parameters() if p.requires_grad], lr=plan.rate)
    network: Any = objective.network
    groups = param_groups_layer_decay(network, plan.weight_decay, layer_decay=plan.layer_decay)
    own = {id(parameter) for parameter in network.parameters()}
    groups.append({"params": [p for p in objective.parameters() if p.requires_grad and id(p) not in own]})
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=plan.rate, weight_decay=plan.weight_decay
    )


@torch.no_grad()
def move_average(average: nn.Module, network: nn.Module, kept: float) -> None:
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - kept)
        else:
            mean.copy_(value)
