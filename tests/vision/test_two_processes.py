"""Two processes share each batch, and learn what one learns: losses over the whole batch see what the other has."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from ndd_app.vision.backbones import Backbone
from ndd_app.vision.methods import adapter, simclr, triplet, whiten
from ndd_app.vision.methods.drawing import draw_damaged, look
from ndd_app.vision.methods.learning import Learned
from ndd_app.vision.plans import Plan
from ndd_app.vision.training import Training
from tests.pictures import draw_photo
from tests.vision.lessons import losses_of
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

PLAN = Plan(epochs=2, batch=8, rate=1e-3, optimiser="adam", schedule="steps", clip=1.0)


def learn(method: str, backbone: Backbone) -> Learned:
    photos = DrawnPhotos([draw_photo(seed) for seed in range(8)], ["a", None, None, "a", None, "b", None, "b"])
    if method == "simclr":
        return simclr.learn(photos, backbone, seed=0, training=Training(PLAN))
    if method == "triplet":
        pairs = DrawnPhotos(photos.pictures, list("aabbccdd"))
        return triplet.learn(pairs, backbone, seed=0, training=Training(PLAN))
    drawn = dict(draw_damaged(photos, np.arange(8), 0, Training()))
    encoder, originals = whiten.fit(photos, backbone, seed=0).encoder, look(drawn.items(), backbone).originals
    return adapter.learn(photos, encoder, drawn, originals, seed=0, training=Training(replace(PLAN, steps=6)))


@pytest.mark.parametrize("method", ["simclr", "triplet", "adapter"])
def test_two_gloo_processes_learn_what_one_learns(method, tmp_path):
    start = random_backbone(tmp_path)
    one = learn(method, start)
    result = tmp_path / "two.safetensors"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(Path(__file__).with_name("two_processes.py")), method, str(tmp_path), str(result)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    two = load_file(result)
    assert two.pop("processes") == 2
    assert two.pop("loss").tolist() == pytest.approx(losses_of(one.trained.curve), abs=1e-4)
    alike = {"simclr": 1e-3, "triplet": 1e-2, "adapter": 0.1}[method]  # adapters are trained with 8 bits of precision
    for name, before in start.network.state_dict().items():
        after = one.backbone.network.state_dict()[name]
        assert (two[name] - after).norm() <= alike * (before - after).norm(), name
