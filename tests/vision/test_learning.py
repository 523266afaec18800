"""What the methods that train a network have in common."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ndd_app.exceptions import BrokenWorkingCopy, NoLabels, TooFewPhotos
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.encoder_files import load_encoder, save_encoder
from ndd_app.vision.methods import METHODS
from ndd_app.vision.methods.triplet import with_their_group
from ndd_app.vision.plans import Plan
from ndd_app.vision.training import Training
from tests.pictures import draw_photo
from tests.vision.lessons import losses_of, retrieval_of
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

TRAINED = ["mae", "simclr", "supervised", "triplet"]
PAIRS = ["a", "a", "b", "b", "c", "c", "d", "d"]
PLAN = Plan(epochs=10, batch=8, rate=1e-3, clip=1.0, warm_up=0.1)
SHORT = Training(replace(PLAN, steps=2))


@pytest.fixture
def vit(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def eight_photos() -> DrawnPhotos:
    return DrawnPhotos([draw_photo(seed) for seed in range(8)], PAIRS)


@pytest.mark.parametrize("method", TRAINED)
def test_fit_lowers_the_loss(vit, method):
    before = vit.digest
    curve = METHODS[method].fit(eight_photos(), vit, seed=0, training=Training(PLAN)).curve
    losses = losses_of(curve)
    assert np.mean(losses[-3:]) < 0.97 * np.mean(losses[:3])
    assert before == vit.digest
    assert not vit.changed


@pytest.mark.parametrize("method", ["simclr", "supervised", "triplet"])
def test_a_cnn_learns_too(tmp_path, method):
    resnet = random_backbone(tmp_path, "test_resnet")
    fitted = METHODS[method].fit(eight_photos(), resnet, seed=0, training=SHORT)
    assert fitted.encoder.extractor.changed
    assert len(losses_of(fitted.curve)) == 2


@pytest.mark.parametrize("method", TRAINED)
def test_the_encoder_carries_the_trained_weights(vit, method):
    fitted = METHODS[method].fit(eight_photos(), vit, seed=0, training=SHORT)
    loaded = load_encoder(save_encoder(fitted.encoder, {}), None)
    photo = loaded.extractor.extract([draw_photo(9)])
    assert np.array_equal(loaded.embed(photo), fitted.encoder.embed(photo))
    assert loaded.recipe == fitted.encoder.recipe
    assert loaded.extractor.recipe != vit.recipe
    json.dumps([fitted.parameters, fitted.curve], allow_nan=False)


@pytest.mark.parametrize("method", TRAINED)
def test_a_fit_that_was_killed_goes_on_to_the_same_encoder(vit, tmp_path, method, monkeypatch):
    monkeypatch.setattr("ndd_app.vision.training.CHECKPOINT_SECONDS", -1.0)
    plan = replace(PLAN, batch=4, epochs=2)

    def fit(training: Training):
        fitted = METHODS[method].fit(eight_photos(), vit, seed=0, training=training)
        return fitted.encoder.recipe, fitted.curve

    def killed(items, step, total=None):
        for done, item in enumerate(items):
            if done == 3 and step == f"Training ({method})":
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        fit(Training(plan, tmp_path / "run", killed))
    assert fit(Training(plan, tmp_path / "run")) == fit(Training(plan))


@pytest.mark.parametrize("method", TRAINED)
def test_measuring_retrieval_changes_nothing(vit, method):
    """Eight photos are one batch: every step ends an epoch."""
    watched, alone = (
        METHODS[method].fit(eight_photos(), vit, seed=0, training=replace(SHORT, retrieval=retrieval))
        for retrieval in (True, False)
    )
    assert watched.encoder.recipe == alone.encoder.recipe
    assert retrieval_of(watched.curve) == [(0, 0), (1, 1), (2, 2)]
    assert [point for point in watched.curve if "loss" in point] == alone.curve


@pytest.mark.parametrize("method", TRAINED)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_photos_are_refused(vit, method, count):
    photos = DrawnPhotos([draw_photo(seed) for seed in range(count)], ["a"] * count)
    with pytest.raises(TooFewPhotos, match=f"there are {count}"):
        METHODS[method].fit(photos, vit, seed=0, training=SHORT)


@pytest.mark.parametrize("method", TRAINED)
def test_three_photos_are_enough(vit, method):
    photos = DrawnPhotos([draw_photo(0), draw_photo(0) // 2, draw_photo(1)], ["a", "a", "b"])
    embeddings = METHODS[method].fit(photos, vit, seed=0, training=SHORT).encoder.embed(vit.extract(photos.pictures))
    assert np.isfinite(embeddings).all()


@pytest.mark.parametrize("method", TRAINED)
def test_identical_photos_stay_alike(vit, method):
    photos = DrawnPhotos([draw_photo(0)] * 8, PAIRS)
    encoder = METHODS[method].fit(photos, vit, seed=0, training=SHORT).encoder
    embeddings = encoder.embed(encoder.extractor.extract(photos.pictures))
    assert (embeddings @ embeddings.T).min() > 0.99


@pytest.mark.parametrize("method", ["supervised", "triplet"])
@pytest.mark.parametrize(
    ("groups", "reason"),
    [([], "0 of 4 photos"), (["a", "a", None, None], "fewer than 2 groups"), (["a", "b", "c", None], "no two photos")],
)
def test_without_labels_to_learn_from_it_says_what_to_do(vit, method, groups, reason):
    photos = DrawnPhotos([draw_photo(seed) for seed in range(4)], groups)
    with pytest.raises(NoLabels, match=f"{method}.*{reason}.*--groups"):
        METHODS[method].fit(photos, vit, seed=0, training=SHORT)


class Damaged(DrawnPhotos):
    def picture(self, number: int):
        if number % 4 == 0:
            raise BrokenWorkingCopy
        return super().picture(number)


class Torn(DrawnPhotos):
    """Only the first `whole` can be read."""

    whole = 0

    def picture(self, number: int):
        if number >= self.whole:
            raise BrokenWorkingCopy
        return super().picture(number)

    def features(self, extractor):
        return extractor.extract(self.pictures[: self.whole])


@pytest.mark.parametrize("whole", [0, 1, 2])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "cosine"])
def test_no_method_learns_from_photos_that_cannot_be_read(vit, method, whole):
    photos = Torn(eight_photos().pictures, PAIRS)
    photos.whole = min(whole, 1) if method == "vlad" else whole  # two are enough for it
    extractor = RootSift() if METHODS[method].family == "classical" else vit
    with pytest.raises(TooFewPhotos, match=rf"there are {photos.whole}\..*cannot be read do not count"):
        METHODS[method].fit(photos, extractor, seed=0, training=SHORT)


@pytest.mark.parametrize("method", TRAINED)
def test_photos_that_cannot_be_read_teach_nothing(vit, method):
    photos = Damaged(eight_photos().pictures, PAIRS)
    fitted = METHODS[method].fit(photos, vit, seed=0, training=SHORT)
    assert len(losses_of(fitted.curve)) == 2
    if "labels" in fitted.parameters:
        assert fitted.parameters["labels"] == 6


@pytest.mark.parametrize("method", TRAINED)
def test_only_a_backbone_is_trained(method):
    with pytest.raises(TypeError, match="rootsift"):
        METHODS[method].fit(eight_photos(), RootSift(), seed=0)


def test_triplets_find_their_group_in_the_batch():
    groups = np.array([0, 1, 2, 0, 1, 2, 0, 1, -1, 0, 0, 0])
    order = with_their_group(np.flatnonzero(groups >= 0), groups)(np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11]
    runs = 1 + np.count_nonzero(np.diff(groups[order]))
    assert runs <= 4  # three groups, of which one has more members than stay together


def test_the_heads_first_weights_follow_from_the_seed(vit):
    torch.manual_seed(1)
    one = METHODS["simclr"].fit(eight_photos(), vit, seed=3, training=SHORT).encoder.recipe
    torch.manual_seed(2)
    assert METHODS["simclr"].fit(eight_photos(), vit, seed=3, training=SHORT).encoder.recipe == one
