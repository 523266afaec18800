from pathlib import Path

import numpy as np
import pytest

from ndd_app.exceptions import TooFewPhotos, UnreadableImage
from ndd_app.vision.augmentations import damage
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.methods import METHODS, auto
from ndd_app.vision.methods.auto import discriminate
from ndd_app.vision.methods.drawing import VIEWS
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone
from tests.vision.photos import DrawnPhotos

NONE = np.empty((0, 6))


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def nearness(embeddings: np.ndarray, one: int, other: int) -> float:
    return float(embeddings[one] @ embeddings[other])


def test_what_moves_within_a_photo_does_not_count():
    random = np.random.default_rng(0)
    every = random.normal(0, 1, (200, 6))
    within = np.diag([100.0, 1, 1, 1, 1, 1])
    embed = discriminate(every, within, NONE).apply
    one = np.array([0.0, 1, 1, -1, 1, -1])
    moved, changed = one + 3 * np.eye(6)[0], one + 3 * np.eye(6)[1]
    found = embed(np.stack([one, moved, changed]))
    assert nearness(found, 0, 1) > 0.95 > 0.8 > nearness(found, 0, 2)


def test_known_duplicates_come_nearer():
    random = np.random.default_rng(0)
    every, one, other = random.normal(0, 1, (200, 6)), np.float64([1, 1, 1, 0, 0, 0]), np.float64([0, 1, 1, 0, 0, 0])
    usual, taught = (
        nearness(discriminate(every, np.eye(6), known).apply(np.stack([one, other])), 0, 1)
        for known in (NONE, np.stack([one - other] * 100))
    )
    assert taught > usual + 0.05


def test_sessions_that_no_damage_explains_are_learned_from_other_sessions():
    """A hundred sitters in three poses: how a pose moves the features, no view of a photo can tell."""
    random = np.random.default_rng(0)
    sitters, poses = random.normal(0, 1, (100, 1, 24)), 2 * random.normal(0, 1, (100, 3, 24))
    poses[:, :, 6:] = 0
    rows = sitters + poses
    told = (rows - rows.mean(axis=1, keepdims=True))[:80].reshape(-1, 24)
    every = rows.reshape(-1, 24)
    usual, taught = (
        found_first(discriminate(every, np.eye(24), known).apply(every), held_out=240)
        for known in (np.empty((0, 24)), told)
    )
    assert taught > usual + 0.2


def test_portraits_of_one_session_are_found_once_those_of_other_sessions_are_known(backbone):
    """A sitter before another backdrop in each photo: no damage explains that, and no homography joins backdrops."""

    def portrait(sitter: int, backdrop: int) -> np.ndarray:
        picture = draw_photo(1_000 + backdrop, 96, 72)
        picture[20:60, 30:70] = draw_photo(sitter, 40, 40)
        return picture

    sessions, known = 40, 30
    portraits = [portrait(sitter, 3 * sitter + pose) for sitter in range(sessions) for pose in range(3)]
    groups = [str(n // 3) if n < 3 * known else None for n in range(3 * sessions)]
    usual, taught = (
        found_first(encoder.embed(photos.features(encoder.extractor)), held_out=3 * known)
        for photos in (DrawnPhotos(portraits), DrawnPhotos(portraits, groups))
        for encoder in [METHODS["auto"].fit(photos, backbone, seed=0).encoder]
    )
    assert taught > usual + 0.2


def test_a_few_known_duplicates_are_believed_less():
    random = np.random.default_rng(0)
    every, apart = random.normal(0, 1, (200, 6)), np.eye(6)[:1]
    few, many = (discriminate(every, np.eye(6), apart.repeat(count, axis=0)).axes for count in (2, 200))
    usual = discriminate(every, np.eye(6), NONE).axes
    assert np.linalg.norm(few @ few.T - usual @ usual.T) < 0.2 * np.linalg.norm(many @ many.T - usual @ usual.T)


def test_of_many_photos_those_that_people_know_are_looked_at_first(backbone, monkeypatch):
    monkeypatch.setattr(auto, "MOST_VIEWS", 4 * VIEWS)
    groups = [None, "a", None, None, "b", None, None, "a", "b", None]
    photos = DrawnPhotos([draw_photo(seed, 96, 72) for seed in range(10)], groups)
    parameters = METHODS["auto"].fit(photos, backbone, seed=0).parameters
    assert (parameters["views"], parameters["duplicates"]) == (4 * VIEWS, 4)


def found_first(embeddings: np.ndarray, held_out: int) -> float:
    """Of the photos from `held_out` on, the share whose nearest is of their own three."""
    similarity = embeddings @ embeddings.T
    np.fill_diagonal(similarity, -1)
    return float((similarity.argmax(axis=1) // 3 == np.arange(len(embeddings)) // 3)[held_out:].mean())


def test_rescans_are_found_better_than_by_whitening(backbone):
    photos = DrawnPhotos([draw_photo(seed, 96, 72) for seed in range(40)])
    rescans = [damage(pixels, [("fading", 1.0)], seed) for seed, pixels in enumerate(photos.pictures)]
    ranks = {}
    for method in ("whiten", "auto"):
        encoder = METHODS[method].fit(photos, backbone, seed=0).encoder
        gallery, queries = (encoder.embed(backbone.extract(some)) for some in (photos.pictures, rescans))
        similarity = queries @ gallery.T
        ranks[method] = float((similarity > np.diag(similarity)[:, None]).sum(axis=1).mean())
    assert ranks["auto"] < 0.8 * ranks["whiten"]


def test_the_same_photos_and_seed_give_the_same_encoder(backbone):
    photos = DrawnPhotos([draw_photo(seed, 96, 72) for seed in range(6)])
    first, second = (METHODS["auto"].fit(photos, backbone, seed=3).encoder.projection.axes for _ in range(2))
    assert np.array_equal(first, second)


def test_the_groups_that_people_know_are_heeded(backbone):
    pictures = [draw_photo(seed, 96, 72) for seed in range(6)]
    groups = ["a", "a", "b", None, None, None]
    assert METHODS["auto"].fit(DrawnPhotos(pictures, groups), backbone, seed=0).parameters["duplicates"] == 2


def test_identical_photos_all_get_one_embedding(backbone):
    photos = DrawnPhotos([draw_photo(1, 96, 72)] * 4)
    embeddings = METHODS["auto"].fit(photos, backbone, seed=0).encoder.embed(backbone.extract(photos.pictures))
    assert embeddings @ embeddings.T == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_few_photos_are_refused(backbone, count: int):
    with pytest.raises(TooFewPhotos):
        METHODS["auto"].fit(DrawnPhotos([draw_photo(seed, 96, 72) for seed in range(count)]), backbone, seed=0)


def test_photos_that_cannot_be_read_teach_nothing(backbone):
    class Torn(DrawnPhotos):
        def picture(self, number: int):
            raise UnreadableImage(detail="cut short")

    with pytest.raises(TooFewPhotos, match="0"):
        METHODS["auto"].fit(Torn([draw_photo(seed, 96, 72) for seed in range(5)]), backbone, seed=0)


def test_keypoints_are_no_network():
    with pytest.raises(TypeError):
        METHODS["auto"].fit(DrawnPhotos([draw_photo(1)] * 3), RootSift(), seed=0)
