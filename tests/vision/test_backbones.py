from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from ndd_app.exceptions import UnknownBackbone, WrongWeights
from ndd_app.vision import backbones
from ndd_app.vision.backbones import MARGIN, Backbone, fit_to_square, load_backbone
from ndd_app.vision.precision import computes_bfloat16
from tests.pictures import draw_photo
from tests.vision.networks import random_backbone, random_weights, write_weights

SIZES = [(320, 240), (100, 900), (640, 480), (31, 17), (160, 160), (1, 1), (3, 700)]


@pytest.fixture
def vit(tmp_path: Path) -> Backbone:
    return random_backbone(tmp_path)


def photos(count: int = len(SIZES)) -> list[np.ndarray]:
    return [draw_photo(seed, *SIZES[seed % len(SIZES)]) for seed in range(count)]


def test_a_vit_gives_cls_gem_and_four_quadrants_each_part_at_length_one(vit):
    features = np.stack(vit.extract(photos()))
    assert features.shape == (len(SIZES), 6 * 64)
    assert features.dtype == np.float32
    parts = features[:, :64], features[:, 64:128], features[:, 128:]
    assert [np.allclose(np.linalg.norm(part, axis=1), 1, atol=1e-3) for part in parts] == [True] * 3


def test_a_cnn_gives_its_pooled_feature(tmp_path):
    resnet = random_backbone(tmp_path, "test_resnet")
    features = np.stack(resnet.extract(photos()))
    assert features.shape == (len(SIZES), resnet.pooled_size)
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-3)


def test_the_features_start_with_the_cls_token(vit):
    network = timm.create_model("test_vit", num_classes=0)
    network.load_state_dict(random_weights(), strict=False)
    photo = draw_photo(1, 320, 240)
    square = torch.from_numpy(fit_to_square(photo, 160, "bicubic")).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        cls = network.eval().forward_features((square - 0.5) / 0.5)[0, 0].numpy()
    assert vit.extract([photo])[0][: vit.pooled_size] @ cls / np.linalg.norm(cls) == pytest.approx(1, abs=1e-3)


def test_features_do_not_depend_on_the_batch(vit):
    images = photos(20)
    together = np.stack(vit.extract(images))
    alone = np.stack([vit.extract([image])[0] for image in images])
    assert np.abs(together - alone).max() < 1e-3
    assert vit.extract([]) == []


def test_shrinking_does_not_alias():
    stripes = np.zeros((400, 3200, 3), np.uint8)
    stripes[:, ::2] = 255
    assert fit_to_square(stripes, 160, "bicubic").std() < 3


def test_the_margin_is_left_out():
    framed = np.zeros((500, 500, 3), np.uint8)
    inside = slice(round(500 * MARGIN), 500 - round(500 * MARGIN))
    framed[inside, inside] = 200
    assert (fit_to_square(framed, 160, "bicubic") == 200).all()


def test_what_the_encoder_row_keeps(vit):
    assert vit.preprocessing["side"] == 160
    assert vit.preprocessing["mean"] == [0.5, 0.5, 0.5]
    assert vit.source == "test_vit.safetensors in NDD_WEIGHTS_DIR"


def test_bfloat16_only_where_the_processor_has_it():
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        pytest.skip("only Linux lists the processor's instructions in a file")
    assert computes_bfloat16(torch.device("cpu")) == ("avx512_bf16" in cpuinfo.read_text())


def test_the_recipe_changes_with_weights_and_input_size(vit, tmp_path):
    (tmp_path / "other").mkdir()
    variants = [vit, load_backbone("test_vit", tmp_path, 96), random_backbone(tmp_path / "other", seed=1)]
    assert len({variant.recipe for variant in variants}) == 3
    assert [variant.extract(photos(1))[0].shape for variant in variants] == [(6 * 64,)] * 3


def test_a_large_input_is_cut_down_to_whole_patches_of_what_the_machine_does_quickly(tmp_path, monkeypatch):
    monkeypatch.setitem(backbones.LARGEST_SIDE, "cpu", 100)
    assert random_backbone(tmp_path).side == 96


def test_it_is_loaded_once(tmp_path):
    first = random_backbone(tmp_path)
    assert load_backbone("test_vit", tmp_path) is first
    assert load_backbone("test_vit", tmp_path, first.side) is first


def test_half_precision_and_headless_weights_load(tmp_path):
    headless = {key: value.half() for key, value in random_weights().items() if not key.startswith("head.")}
    write_weights(tmp_path, headless)
    assert load_backbone("test_vit", tmp_path).network.cls_token.dtype == torch.float32


def test_weights_in_their_authors_naming_are_translated(vit, tmp_path):
    (tmp_path / "clip").mkdir()
    write_weights(tmp_path / "clip", {f"visual.trunk.{key}": value for key, value in random_weights().items()})
    translated = load_backbone("test_vit", tmp_path / "clip")
    assert np.allclose(translated.extract(photos(1)), vit.extract(photos(1)))


def test_an_unknown_backbone_is_refused(tmp_path):
    for name in ("no_such_network", "hf-hub:timm/test_vit.r160_in1k", "local-dir:/tmp"):
        with pytest.raises(UnknownBackbone, match=name):
            load_backbone(name, tmp_path)


def refusal(folder: Path) -> str:
    with pytest.raises(WrongWeights) as caught:
        load_backbone("test_vit", folder)
    assert caught.value.facts["file"] == "test_vit.safetensors"
    return str(caught.value)


def test_truncated_weights_are_refused_with_the_name_of_the_file(tmp_path):
    file = write_weights(tmp_path, random_weights())
    whole = file.read_bytes()
    for length in (0, 5, 1000, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert "damaged" in refusal(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    write_weights(tmp_path, random_weights("test_resnet"))
    assert "missing" in refusal(tmp_path)


def test_weights_of_another_size_are_refused(tmp_path):
    write_weights(tmp_path, random_weights("test_vit4"))
    assert "size mismatch" in refusal(tmp_path)


def test_an_incomplete_file_is_refused(tmp_path):
    weights = random_weights()
    del weights["blocks.1.mlp.fc1.weight"]
    write_weights(tmp_path, weights)
    assert "blocks.1.mlp.fc1.weight" in refusal(tmp_path)


def test_an_empty_file_of_tensors_is_refused(tmp_path):
    (tmp_path / "test_vit.safetensors").write_bytes(safetensors.torch.save({}))
    assert "missing" in refusal(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    weights = random_weights()
    weights["norm.weight"][3] = value
    write_weights(tmp_path, weights)
    assert "not finite" in refusal(tmp_path)


def test_weights_that_make_photos_infinite_are_refused(vit):
    with torch.no_grad():
        vit.network.norm.weight.fill_(3e38)
    with pytest.raises(WrongWeights, match=r"test_vit\.safetensors.*not finite"):
        vit.extract(photos(1))
