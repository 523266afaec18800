"""How the curve of retrieval comes about."""

import numpy as np
import pytest
import torch

from ndd_app.vision import views
from ndd_app.vision.augmentations import FAMILIES, GATE_FAMILY
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.methods import watching
from ndd_app.vision.methods.watching import MOST_PHOTOS, Watch
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos


@pytest.fixture
def vit(tmp_path) -> Backbone:
    return random_backbone(tmp_path)


def watch(backbone: Backbone, count: int = 8, groups: list[str | None] | None = None, seed: int = 0, **how) -> Watch:
    photos = DrawnPhotos([draw_photo(number) for number in range(count)], groups or [])
    return Watch(photos, np.arange(count), backbone, seed, **how)


def by_hand(seen: Watch, network) -> float:
    """The plain way: every photo's features, every view's, and which is nearest."""
    rows = np.stack(seen.backbone.extract(seen._pictures)).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    photos, views = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    return float(np.mean([np.argmax(photos @ view) == number for number, view in enumerate(views)]))


def test_it_is_the_share_of_damaged_views_that_find_their_photo(vit):
    seen = watch(vit, 12)
    rate = seen.hit_rate(vit.network)
    assert rate == pytest.approx(by_hand(seen, vit.network), abs=1e-4)
    assert 0 < rate < 1


def test_an_undamaged_view_is_always_found(vit, monkeypatch):
    monkeypatch.setattr(watching, "damaged_view", lambda picture, seed: picture)
    assert watch(vit).hit_rate(vit.network) == 1


def test_another_network_another_rate_and_the_same_one_the_same(vit, tmp_path):
    (tmp_path / "other").mkdir()
    other = random_backbone(tmp_path / "other", seed=1)
    seen = watch(vit, 12)
    assert seen.hit_rate(vit.network) == watch(vit, 12).hit_rate(vit.network)
    assert seen._rows(other.network).tolist() != seen._rows(vit.network).tolist()


def test_photos_of_a_group_are_right_answers_for_each_other(vit):
    assert watch(vit, groups=["one"] * 8).hit_rate(vit.network) == 1


def test_the_network_goes_on_in_the_mode_it_was_in_and_random_numbers_too(tmp_path):
    resnet = random_backbone(tmp_path, "test_resnet")
    network = resnet.network.train()
    before, random = {name: value.clone() for name, value in network.state_dict().items()}, torch.random.get_rng_state()
    watch(resnet).hit_rate(network)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), random)


def test_what_did_not_learn_has_no_say(vit):
    assert watch(vit)._rows(vit.network).shape[1] - watch(vit, pooled_learns=False)._rows(vit.network).shape[1] == (
        vit.pooled_size
    )


def test_a_network_that_cannot_look_has_no_rate(vit):
    with torch.no_grad():
        for parameter in vit.network.parameters():
            parameter.fill_(torch.nan)
    assert watch(vit).hit_rate(vit.network.train()) is None
    assert vit.network.training


def test_a_few_photos_of_many_are_asked_for_the_same_ones_each_time(vit):
    photos = DrawnPhotos([draw_photo(0)] * 3 * MOST_PHOTOS)
    first, again, other = (Watch(photos, np.arange(len(photos)), vit, seed)._chosen for seed in (0, 0, 1))
    assert len(set(first)) == MOST_PHOTOS
    assert first == again != other


def test_the_damages_of_the_receipt_stay_unseen(vit, monkeypatch):
    drawn = set()
    monkeypatch.setattr(
        views, "damage", lambda picture, steps, seed: drawn.update(name for name, _ in steps) or picture
    )
    watch(vit, 60).hit_rate(vit.network)
    assert len(drawn) > 5
    assert not drawn & set(FAMILIES[GATE_FAMILY])
