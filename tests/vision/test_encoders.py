import copy
import json
import pickle
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from ndd_app.exceptions import DamagedEncoder, ExtractorChanged, UnknownBackbone, WrongTrainedWeights
from ndd_app.vision.backbones import Backbone, load_backbone
from ndd_app.vision.descriptors import PooledCosine, Whitening, principal_axes
from ndd_app.vision.encoder_files import load_encoder, read_metadata, save_encoder
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, digest_tensors, unit_rows
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone, random_weights, write_weights


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


@pytest.fixture
def encoder(backbone: Backbone) -> Encoder:
    rows = np.stack(backbone.extract([draw_photo(seed) for seed in range(6)]))
    return Encoder(backbone, Whitening.of(principal_axes(rows, 8), 0.25))


def train_a_little(backbone: Backbone) -> Backbone:
    network = copy.deepcopy(backbone.network)
    with torch.no_grad():
        network.norm.weight.mul_(torch.linspace(0.5, 2, 64))
    return backbone.change_weights(network)


def test_unit_rows_are_padded_and_zero_rows_stay_zero():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert rows.shape == (2, EMBEDDING_SIZE)
    assert rows.dtype == np.float32
    assert rows[0, :3] == pytest.approx([0.6, 0.8, 0])
    assert not rows[1].any()


def test_an_encoder_comes_back_as_it_was_saved(encoder, tmp_path):
    features = encoder.extractor.extract([draw_photo(1), draw_photo(9)])
    loaded = load_encoder(save_encoder(encoder, {"method": "whiten"}), tmp_path)
    assert loaded.recipe == encoder.recipe
    assert np.array_equal(loaded.embed(features), encoder.embed(features))


def test_the_file_is_the_same_each_time_and_keeps_its_metadata(encoder):
    metadata = {letter: letter for letter in "zyxabc"} | {"title": "Fotoarchiv Ω"}
    files = [save_encoder(encoder, metadata) for _ in range(5)]
    assert len({sha256(file).hexdigest() for file in files}) == 1
    assert read_metadata(files[0]) == metadata


def test_an_untouched_backbone_is_named_not_carried(encoder):
    assert not any(name.startswith("backbone.") for name in safetensors.numpy.load(save_encoder(encoder, {})))


def test_other_weights_under_the_same_name_are_refused(encoder, tmp_path):
    (tmp_path / "later").mkdir()
    write_weights(tmp_path / "later", random_weights(seed=1))
    with pytest.raises(ExtractorChanged, match="test_vit"):
        load_encoder(save_encoder(encoder, {}), tmp_path / "later")


def test_trained_weights_travel_in_the_file(encoder):
    trained = train_a_little(encoder.extractor)
    photo = [draw_photo(3)]
    loaded = load_encoder(save_encoder(Encoder(trained, encoder.projection), {}), None)
    assert loaded.extractor.recipe == trained.recipe != encoder.extractor.recipe
    assert np.array_equal(loaded.extractor.extract(photo)[0], trained.extract(photo)[0])
    assert not np.allclose(trained.extract(photo)[0], encoder.extractor.extract(photo)[0], atol=1e-3)


def test_trained_weights_at_another_input_size_travel_too(tmp_path):
    write_weights(tmp_path, random_weights())
    trained = train_a_little(load_backbone("test_vit", tmp_path, 96))
    loaded = load_encoder(save_encoder(Encoder(trained, PooledCosine(64, None)), {}), None)
    assert loaded.extractor.side == 96
    assert loaded.extractor.recipe == trained.recipe


def test_trained_weights_that_are_not_finite_are_refused(encoder):
    trained = train_a_little(encoder.extractor)
    with torch.no_grad():
        trained.network.norm.weight[0] = float("nan")
    with pytest.raises(WrongTrainedWeights, match=r"not finite\. Fit the encoder again"):
        load_encoder(save_encoder(Encoder(trained, encoder.projection), {}), None)


def test_the_recipe_changes_with_the_projection(encoder):
    assert Encoder(encoder.extractor, PooledCosine(64, None)).recipe != encoder.recipe


def test_a_digest_knows_names_types_shapes_and_values():
    ones = np.ones((2, 3), np.float32)
    others = [{"b": ones}, {"a": ones.astype(np.float64)}, {"a": ones.T}, {"a": ones * 2}]
    assert digest_tensors({"a": ones}) not in [digest_tensors(other) for other in others]
    assert digest_tensors({"a": ones, "b": ones}) == digest_tensors({"b": ones, "a": ones})


def test_damaged_files_are_refused(encoder, tmp_path):
    file = save_encoder(encoder, {})
    other = safetensors.numpy.save({"x": np.zeros(2)}, {"ndd": json.dumps({"format": "ndd encoder 0"})})
    plain = safetensors.numpy.save({"x": np.zeros(2)})
    for data in (b"", file[:100], file[:-1], pickle.dumps({"x": 1}), b"\x00" * 64, plain, other):
        with pytest.raises(DamagedEncoder):
            load_encoder(data, tmp_path)


def test_a_file_without_its_projection_is_refused(encoder, tmp_path):
    file = save_encoder(encoder, {})
    header = json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])["__metadata__"]
    tensors = safetensors.numpy.load(file)
    del tensors["projection.axes"]
    with pytest.raises(DamagedEncoder, match="axes"):
        load_encoder(safetensors.numpy.save(tensors, header), tmp_path)


def test_a_projection_that_is_not_finite_is_refused(encoder, tmp_path):
    encoder.projection.axes[0, 0] = np.nan
    with pytest.raises(DamagedEncoder, match="not finite"):
        load_encoder(save_encoder(encoder, {}), tmp_path)


def test_a_network_that_this_timm_does_not_know_is_named(encoder):
    trained = replace(train_a_little(encoder.extractor), name="vit_of_nowhere")
    with pytest.raises(UnknownBackbone, match="vit_of_nowhere"):
        load_encoder(save_encoder(Encoder(trained, encoder.projection), {}), None)
