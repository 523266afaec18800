"""Real errors of allocators that were asked for too much; a network that looks at fewer photos then."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ndd_app.exceptions import MemoryExhausted, OutOfMemory
from ndd_app.vision import backbones
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.lessons import Objective
from ndd_app.vision.memory import is_out_of_memory
from ndd_app.vision.methods import METHODS
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone
from tests.vision.test_learning import SHORT, TRAINED, eight_photos


@pytest.fixture
def vit(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def ask_torch_for_too_much(*_: object) -> None:
    torch.empty(2**50)


def ask_cuda_for_too_much() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    "ask",
    [
        ask_torch_for_too_much,
        ask_cuda_for_too_much,
        lambda: np.empty(2**50),
        lambda: cv2.repeat(np.zeros((2**15, 1)), 1, 2**28),
    ],
    ids=["torch", "cuda", "numpy", "opencv"],
)
def test_whoever_lacks_memory_is_understood(ask):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of four unlike kinds
        ask()
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize("do", [lambda: torch.ones(2) @ torch.ones(3), lambda: cv2.resize(np.zeros((0, 0)), (1, 1))])
def test_other_errors_are_not_taken_for_it(do):
    with pytest.raises((RuntimeError, cv2.error)) as raised:
        do()
    assert not is_out_of_memory(raised.value)


def suffices_for(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = backbones.pool_features
    monkeypatch.setattr(
        backbones, "pool_features", lambda *what: ask_torch_for_too_much() if len(what[1]) > most else pool(*what)
    )


def test_a_network_looks_at_as_many_photos_as_the_memory_suffices_for(vit, monkeypatch):
    photos = [draw_photo(seed, 96, 72) for seed in range(20)]
    usual, told = vit.extract(photos), []
    monkeypatch.setattr(backbones.logger, "warning", lambda _, *numbers: told.append(numbers))
    suffices_for(5, monkeypatch)
    assert np.allclose(vit.extract(photos), usual, atol=1e-5)
    vit.extract(photos)
    assert told == [(16, 8), (8, 4)]  # said once, and remembered
    assert vit.change_weights(vit.network).room.batch == 4


def test_a_single_photo_that_is_too_much_is_an_error(vit, monkeypatch):
    suffices_for(0, monkeypatch)
    with pytest.raises(MemoryExhausted, match=r"test_vit cannot look at a single photo.*smaller backbone"):
        vit.extract([draw_photo(1, 96, 72)])


@pytest.mark.parametrize("method", TRAINED)
def test_every_training_halves_its_batch_and_says_so_while_its_loss_can_learn(vit, monkeypatch, method):
    as_images = Objective.as_images
    monkeypatch.setattr(
        Objective, "as_images", lambda self, v: ask_torch_for_too_much() if len(v) > 4 else as_images(self, v)
    )
    if method == "triplet":  # four photos may be of one group: no triplets
        with pytest.raises(OutOfMemory, match="8 photos at once, and fewer would teach nothing"):
            METHODS[method].fit(eight_photos(), vit, seed=0, training=SHORT)
    else:
        [note] = METHODS[method].fit(eight_photos(), vit, seed=0, training=SHORT).notes
        assert "did not suffice for 8 photos at once" in note
