import numpy as np
import pytest

from ndd_app.exceptions import TooFewPhotos
from ndd_app.vision.classical import RootSift, Vlad
from ndd_app.vision.encoder_files import load_encoder, save_encoder
from ndd_app.vision.encoders import EMBEDDING_SIZE
from ndd_app.vision.methods import METHODS, vlad
from tests.pictures import cropped, draw_photo, faded, rotated

SCENES = 12


class Extracted:
    """Photos whose features are there already."""

    def __init__(self, features):
        self.kept = features

    def __len__(self):
        return len(self.kept)

    def features(self, extractor):
        return self.kept


@pytest.fixture(scope="module")
def photos():
    """Twelve scenes, then the same ones scanned again: turned a little, faded or cropped."""
    scenes = [draw_photo(seed, 240, 180) for seed in range(SCENES)]
    again = [(rotated(scene, 4), faded(scene), cropped(scene, 0.9))[n % 3] for n, scene in enumerate(scenes)]
    return RootSift().extract(scenes + again)


@pytest.fixture(scope="module")
def fitted(photos):
    return METHODS["vlad"].fit(Extracted(photos), RootSift(), seed=0)


def nearest(embeddings):
    similarity = embeddings @ embeddings.T
    np.fill_diagonal(similarity, -np.inf)
    return similarity.argmax(axis=1)


def test_scans_of_one_picture_are_each_others_nearest(fitted, photos):
    partners = np.roll(np.arange(2 * SCENES), SCENES)
    assert np.array_equal(nearest(fitted.encoder.embed(photos)), partners)


def test_embeddings_have_length_one_and_the_common_size(fitted, photos):
    embeddings = fitted.encoder.embed(photos)
    assert embeddings.shape == (2 * SCENES, EMBEDDING_SIZE)
    assert embeddings.dtype == np.float32
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1, abs=1e-5)


def test_embeddings_do_not_depend_on_the_company_they_are_computed_in(fitted, photos):
    alone = [fitted.encoder.embed([features])[0] for features in photos[:3]]
    assert np.stack(alone) == pytest.approx(fitted.encoder.embed(photos)[:3], abs=1e-5)


def test_photos_with_hardly_any_keypoints_match_nothing(fitted, photos):
    embeddings = fitted.encoder.embed([photos[0], photos[0][:0], photos[0][:15], photos[1]])
    assert not embeddings[1:3].any()
    assert embeddings[[0, 3]].any(axis=1).all()
    assert fitted.encoder.embed([]).shape == (0, EMBEDDING_SIZE)


def test_blank_scans_do_not_change_the_fit(fitted, photos):
    with_blanks = vlad.fit(Extracted([photos[0][:0], *photos, photos[0][:5]]), RootSift(), seed=0)
    assert np.array_equal(with_blanks.encoder.embed(photos), fitted.encoder.embed(photos))


def test_the_same_seed_gives_the_same_encoder(fitted, photos):
    again = vlad.fit(Extracted(photos), RootSift(), seed=0)
    assert again.encoder.recipe == fitted.encoder.recipe
    assert again.parameters == fitted.parameters


def test_an_encoder_survives_being_stored(fitted, photos):
    restored = load_encoder(save_encoder(fitted.encoder, {}), None)
    assert isinstance(restored.projection, Vlad)
    assert restored.recipe == fitted.encoder.recipe
    assert np.array_equal(restored.embed(photos), fitted.encoder.embed(photos))


@pytest.mark.parametrize("scenes", [1, 2, 5])
def test_few_photos_are_enough(photos, scenes):
    few = photos[:scenes] + photos[SCENES : SCENES + scenes]
    fitted = vlad.fit(Extracted(few), RootSift(), seed=0)
    assert fitted.parameters["words"] < vlad.WORDS
    assert np.array_equal(nearest(fitted.encoder.embed(few)), np.roll(np.arange(2 * scenes), scenes))


@pytest.mark.parametrize("blanks", [0, 3])
def test_photos_without_keypoints_do_not_count_as_photos(photos, blanks):
    with pytest.raises(TooFewPhotos) as raised:
        vlad.fit(Extracted([photos[0], *[photos[0][:0]] * blanks]), RootSift(), seed=0)
    assert raised.value.facts == {"count": 1, "minimum": 2}


def test_copies_of_one_photo_are_all_alike(photos):
    embeddings = vlad.fit(Extracted([photos[0]] * 4), RootSift(), seed=0).encoder.embed([photos[0]] * 4)
    assert embeddings @ embeddings.T == pytest.approx(1, abs=1e-5)


def test_every_photo_has_an_equal_share_in_the_vocabulary(monkeypatch, photos):
    monkeypatch.setattr(vlad, "KEYPOINTS_LEARNED", 10 * len(photos))
    sample = vlad.sample_descriptors(photos, np.random.default_rng(0))
    assert sample.shape == (10 * len(photos), 128)


def test_turns_are_orthonormal_and_ordered_by_spread(photos):
    descriptors = vlad.sample_descriptors(photos, np.random.default_rng(0))
    words = vlad.learn_words(descriptors, 0)[:3]
    turns = vlad.learn_turns(descriptors, words)
    for turn in turns:
        assert turn.T @ turn == pytest.approx(np.eye(vlad.AXES_PER_WORD), abs=1e-4)
    mine = descriptors[vlad.nearness_to_words(descriptors, words).argmax(axis=1) == 0] - words[0]
    spread = np.linalg.norm(mine @ turns[0], axis=0)
    assert np.all(np.diff(spread) < 1e-4)
