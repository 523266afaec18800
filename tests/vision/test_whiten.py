import json
from pathlib import Path

import numpy as np
import pytest

from ndd_app.exceptions import TooFewPhotos
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.methods import METHODS, whiten
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos, GivenFeatures


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def scenes_under_a_strong_common_direction(scenes: int = 60, views: int = 3) -> np.ndarray:
    """What all photos of an archive share, in varying strength, hides which of them show one scene."""
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(0, 1, (scenes, 30)), views, axis=0) @ random.normal(0, 1, (30, 384))
    shared = 10 * random.normal(1, 1, (len(rows), 1)) * random.normal(0, 1, (1, 384))
    return (rows + shared + random.normal(0, 2, rows.shape)).astype(np.float32)


def share_of_scenes_found(embeddings: np.ndarray, views: int = 3) -> float:
    similarities = embeddings @ embeddings.T
    np.fill_diagonal(similarities, -2)
    scene = np.arange(len(embeddings)) // views
    return float((scene[similarities.argmax(axis=1)] == scene).mean())


def test_whitening_finds_scenes_that_cosine_does_not(backbone):
    rows = scenes_under_a_strong_common_direction()
    photos = GivenFeatures([draw_photo(0)] * len(rows), rows=rows)
    fits = {method: METHODS[method].fit(photos, backbone, seed=0) for method in ("cosine", "whiten")}
    found = {method: share_of_scenes_found(fitted.encoder.embed(list(rows))) for method, fitted in fits.items()}
    assert found["whiten"] > 0.95 > found["cosine"]
    assert fits["whiten"].parameters["power"] == 0.5


def test_the_same_seed_gives_the_same_encoder(backbone):
    photos = DrawnPhotos([draw_photo(seed) for seed in range(8)])
    fits = [METHODS["whiten"].fit(photos, backbone, seed=3) for _ in range(2)]
    assert fits[0].encoder.recipe == fits[1].encoder.recipe
    assert fits[0].parameters == fits[1].parameters


def test_what_was_chosen_can_be_kept_as_json(backbone):
    fitted = METHODS["whiten"].fit(DrawnPhotos([draw_photo(seed) for seed in range(5)]), backbone, seed=0)
    parameters = json.loads(json.dumps(fitted.parameters))
    assert parameters["power"] in (0, 0.25, 0.5)
    assert set(parameters["agreement"]) == {"0.0", "0.25", "0.5"}
    assert (parameters["photos"], parameters["axes"]) == (5, 4)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_photos_are_refused(backbone, count):
    with pytest.raises(TooFewPhotos, match=f"at least 3 photos that it can learn from, and there are {count}"):
        METHODS["whiten"].fit(DrawnPhotos([draw_photo(0)] * count), backbone, seed=0)


def test_a_sample_of_very_many_photos_is_fitted(backbone, monkeypatch):
    monkeypatch.setattr(whiten, "MOST_PHOTOS", 5)
    fitted = METHODS["whiten"].fit(DrawnPhotos([draw_photo(seed) for seed in range(9)]), backbone, seed=0)
    assert fitted.parameters["photos"] == 5


def test_three_photos_are_enough(backbone):
    pictures = [draw_photo(0), draw_photo(0) // 2 + 60, draw_photo(5)]
    encoder = METHODS["whiten"].fit(DrawnPhotos(pictures), backbone, seed=0).encoder
    embeddings = encoder.embed(backbone.extract(pictures))
    assert embeddings[0] @ embeddings[1] > max(embeddings[0] @ embeddings[2], embeddings[1] @ embeddings[2])


def test_identical_photos_are_alike(backbone):
    pictures = [draw_photo(0)] * 20
    encoder = METHODS["whiten"].fit(DrawnPhotos(pictures), backbone, seed=0).encoder
    embeddings = encoder.embed(backbone.extract(pictures))
    assert (embeddings @ embeddings.T).min() > 0.99


def test_cosine_needs_no_photos_and_keeps_the_networks_own_similarity(backbone):
    encoder = METHODS["cosine"].fit(DrawnPhotos([]), backbone, seed=0).encoder
    features = backbone.extract([draw_photo(0), draw_photo(1)])
    embeddings = encoder.embed(features)
    assert embeddings[0] @ embeddings[1] == pytest.approx(features[0][:64] @ features[1][:64], abs=1e-5)


def test_cosine_reduces_a_feature_with_too_many_values(tmp_path):
    wide = random_backbone(tmp_path, "lcnet_035")
    pictures = [draw_photo(seed) for seed in range(6)]
    rows = np.stack(wide.extract(pictures))
    fitted = METHODS["cosine"].fit(DrawnPhotos(pictures), wide, seed=0)
    embeddings = fitted.encoder.embed(list(rows))
    assert rows.shape[1] == wide.pooled_size > 512
    assert np.allclose(embeddings @ embeddings.T, rows @ rows.T, atol=1e-4)
    assert "reduced to" in fitted.notes[0]


def test_a_family_fits_its_own_extractors():
    assert METHODS["whiten"].family == METHODS["cosine"].family == "deep"
    with pytest.raises(TypeError, match="rootsift"):
        METHODS["cosine"].fit(DrawnPhotos([]), RootSift(), seed=0)
