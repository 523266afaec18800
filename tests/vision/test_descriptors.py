import numpy as np
import pytest
import timm
import torch

from ndd_app.vision import descriptors
from ndd_app.vision.descriptors import (
    PooledCosine,
    Whitening,
    agreement_by_power,
    average_overlap,
    generalised_mean,
    pool_features,
    principal_axes,
)


def spread_rows(photos: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, np.linspace(4, 0.5, size), (photos, size))


def test_the_generalised_mean_equals_the_slow_formula():
    tokens = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    slow = [
        [(sum(max(v, 1e-6) ** 3 for v in photo[:, d].tolist()) / 5) ** (1 / 3) for d in range(3)] for photo in tokens
    ]
    assert np.allclose(generalised_mean(tokens), slow, rtol=1e-5)


def test_each_quadrant_is_the_mean_of_its_tokens():
    network = timm.create_model("test_vit", num_classes=0).eval()
    with torch.inference_mode():
        batch = torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
        grid = network.forward_features(batch)[0, 1:].reshape(10, 10, 64)
        features = pool_features(network, batch)[0]
    corners = [grid[:5, :5], grid[:5, 5:], grid[5:, :5], grid[5:, 5:]]
    for corner, found in zip(corners, features[128:].reshape(4, 64), strict=True):
        mean = corner.reshape(-1, 64).mean(0)
        assert torch.allclose(found, mean / mean.norm() / 2, atol=1e-5)


@pytest.mark.parametrize("photos", [8, 100])
def test_principal_axes_are_orthonormal_and_ordered_with_the_variances_of_the_data(photos):
    rows = spread_rows(photos, 20)
    spread = principal_axes(rows, 100)
    projected = (rows - spread.mean) @ spread.axes
    assert spread.axes.shape == (20, min(photos - 1, 20))
    assert np.allclose(spread.axes.T @ spread.axes, np.eye(len(spread.variances)), atol=1e-8)
    assert np.allclose(projected.T @ projected / photos, np.diag(spread.variances), atol=1e-8)
    assert (np.diff(spread.variances) <= 0).all()


def test_principal_axes_keep_no_more_than_asked():
    assert principal_axes(spread_rows(50, 20), 7).axes.shape == (20, 7)


def test_without_shrinkage_half_a_power_whitens(monkeypatch):
    monkeypatch.setattr(descriptors, "SHRINKAGE", 0)
    rows = spread_rows(400, 12)
    whitening = Whitening.of(principal_axes(rows, 12), 0.5)
    whitened = (rows - whitening.mean) @ whitening.axes
    assert np.allclose(np.cov(whitened.T, bias=True), np.eye(12), atol=1e-3)


def test_power_nought_only_centres():
    rows = spread_rows(30, 12)
    embeddings = Whitening.of(principal_axes(rows, 12), 0).apply(list(rows))
    centred = rows - rows.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.allclose(embeddings @ embeddings.T, centred @ centred.T, atol=1e-4)


@pytest.mark.parametrize("power", descriptors.POWERS)
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((3, 40)),
        np.ones((5, 40)),
        np.repeat(spread_rows(1, 40), 100, axis=0),
        spread_rows(3, 40),
        np.vstack([spread_rows(2, 40), spread_rows(2, 40)]),
        spread_rows(600, 40) * np.repeat([1, 0], 20),
        spread_rows(100, 700),
        spread_rows(800, 700),
    ],
)
def test_embeddings_are_finite_unit_rows_whatever_the_photos(rows, power):
    embeddings = Whitening.of(principal_axes(rows, 511), power).apply(list(rows))
    assert embeddings.shape == (len(rows), 512)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("rounding", [0, 1e-6])
def test_photos_that_nothing_tells_apart_are_alike(rounding):
    same = spread_rows(1, 40)[0] / 20
    rows = same + np.random.default_rng(0).normal(0, rounding, (10, 40))
    embeddings = Whitening.of(principal_axes(rows, 511), 0.5).apply(list(rows))
    assert (embeddings @ embeddings.T).min() > 0.99


def test_what_lies_beyond_the_rank_of_the_photos_does_not_count():
    rows = np.hstack([spread_rows(6, 3), np.zeros((6, 37))])
    whitening = Whitening.of(principal_axes(rows, 511), 0.5)
    newcomer = rows[0].copy()
    newcomer[20] += 5
    assert np.allclose(whitening.apply([newcomer]), whitening.apply([rows[0]]), atol=1e-5)


def test_no_photos_give_no_rows():
    assert Whitening.of(principal_axes(spread_rows(4, 9), 511), 0.5).apply([]).shape == (0, 512)
    assert PooledCosine(9, None).apply([]).shape == (0, 512)


def test_pooled_cosine_compares_the_first_values_only():
    rows = spread_rows(5, 12)
    embeddings = PooledCosine(4, None).apply(list(rows))
    unit = rows[:, :4] / np.linalg.norm(rows[:, :4], axis=1, keepdims=True)
    assert np.allclose(embeddings @ embeddings.T, unit @ unit.T, atol=1e-6)


def test_average_overlap_by_hand():
    first = np.array([[1, 2, 3], [7, 8, 9]])
    second = np.array([[2, 1, 3], [4, 5, 7]])
    assert average_overlap(first, second) == pytest.approx(((0 + 1 + 1) / 3 + (0 + 0 + 1 / 3) / 3) / 2)


def test_agreement_warns_of_a_power_that_makes_neighbours_of_noise():
    random = np.random.default_rng(0)
    scenes = np.repeat(random.normal(0, 1, (40, 6)), 3, axis=0) @ random.normal(0, 1, (6, 200))
    rows = scenes + random.normal(0, 0.7, (120, 200))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptors, "SHRINKAGE", 0)
        agreement = agreement_by_power(rows, seed=0)
    assert agreement[0.5] < agreement[0.25] < agreement[0.0]


def test_agreement_is_taken_on_a_fixed_sample_of_many_photos(monkeypatch):
    monkeypatch.setattr(descriptors, "ENOUGH_TO_CHOOSE", 30)
    rows = spread_rows(90, 10)
    first, again, other = (agreement_by_power(rows, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
