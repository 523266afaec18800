import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ndd_app.vision.methods import simclr
from ndd_app.vision.plans import Plan
from ndd_app.vision.training import Training
from tests.pictures import draw_photo
from tests.vision.lessons import losses_of
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

PLAN = Plan(epochs=2, batch=8, rate=1e-3, optimiser="adam", schedule="steps", clip=1.0)


def eight_photos() -> DrawnPhotos:
    return DrawnPhotos([draw_photo(seed) for seed in range(8)], ["a", None, None, "a", None, "b", None, "b"])


def test_two_gloo_processes_learn_what_one_learns(tmp_path):
    """The gathered NT-Xent of half a batch each is the NT-Xent of the whole batch, and so are its gradients."""
    one = simclr.learn(eight_photos(), random_backbone(tmp_path), seed=0, training=Training(PLAN))
    result = tmp_path / "two.safetensors"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    launch.append(str(Path(__file__).with_name("two_processes.py")))
    done = subprocess.run(
        [*launch, str(tmp_path), str(result)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    two = load_file(result)
    assert two.pop("processes") == 2
    assert two.pop("loss").tolist() == pytest.approx(losses_of(one.trained.curve), abs=1e-4)
    for name, value in one.backbone.network.state_dict().items():
        assert torch.allclose(two[name], value, atol=1e-4), name
