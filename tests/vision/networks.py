"""Tiny timm networks with random weights, for tests that need a backbone but no trained one."""

from pathlib import Path

import safetensors.torch
import timm
import torch
from torch import Tensor

from ndd_app.vision.backbones import Backbone, load_backbone


def random_weights(name: str = "test_vit", seed: int = 0) -> dict[str, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model(name).state_dict()


def write_weights(folder: Path, weights: dict[str, Tensor], name: str = "test_vit") -> Path:
    file = folder / f"{name}.safetensors"
    safetensors.torch.save_file({key: value.contiguous() for key, value in weights.items()}, file)
    return file


def random_backbone(folder: Path, name: str = "test_vit", seed: int = 0) -> Backbone:
    write_weights(folder, random_weights(name, seed), name)
    return load_backbone(name, folder)
