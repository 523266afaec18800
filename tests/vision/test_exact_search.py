import numpy as np
import pytest
import torch

from ndd_app.vision import exact_search
from ndd_app.vision.exact_search import Search, columns_of_largest, products_at

COUNT = 3
PHOTOS = 160


@pytest.fixture(params=["bfloat16", "float32"])
def machine(request, monkeypatch):
    monkeypatch.setattr(exact_search, "computes_bfloat16", lambda device: request.param == "bfloat16")
    return request.param


def unit_rows(photos: int = PHOTOS, size: int = 64) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(photos, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def found_by(search: Search, block: int) -> tuple[np.ndarray, np.ndarray]:
    found = [search.nearest(start, COUNT) for start in range(0, PHOTOS, block)]
    near, products = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return near, products


def wanted_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    products = (rows.astype(np.float64) @ rows.T.astype(np.float64)).astype(np.float32)
    np.fill_diagonal(products, -np.inf)
    order = np.argsort(-products, axis=1, kind="stable")[:, :COUNT]
    return order, np.take_along_axis(products, order, axis=1)


@pytest.mark.parametrize("block", [7, PHOTOS])
def test_the_nearest_are_those_of_a_sort(machine, block):
    rows = unit_rows()
    near, products = found_by(Search(rows, block), block)
    wanted, values = wanted_of(rows)
    assert np.array_equal(near, wanted)
    assert np.allclose(products, values, atol=1e-6)


def test_rows_that_rounding_makes_equal_are_told_apart(machine):
    """All lie closer to the first one than bfloat16 can tell."""
    rows = unit_rows(1).repeat(PHOTOS, axis=0) + 0.02 * unit_rows()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert len({*(torch.from_numpy(rows).bfloat16() @ torch.from_numpy(rows[0]).bfloat16()).tolist()}) < PHOTOS / 10
    _, products = found_by(Search(rows, PHOTOS), PHOTOS)
    assert np.allclose(products, wanted_of(rows)[1], rtol=0, atol=1e-6)


def test_where_no_doubt_is_left_nothing_is_computed_in_full(monkeypatch):
    monkeypatch.setattr(exact_search, "computes_bfloat16", lambda device: True)
    monkeypatch.setattr(exact_search, "SUMMED", -1.0)  # as if rounding were no loss at all
    search = Search(unit_rows(), PHOTOS)
    monkeypatch.setattr(search, "_in_full", None)
    assert len(search.nearest(0, COUNT)[0]) == PHOTOS


def test_no_product_is_further_off_than_is_believed():
    rows = torch.from_numpy(3 * unit_rows())
    rounded = (rows.bfloat16() @ rows.bfloat16().T).float()
    off = (rounded - rows @ rows.T).abs().max()
    assert off > 0.01
    assert off < Search(rows.numpy(), 1)._error < 20 * off


def test_products_with_some_are_those_of_all():
    rows = torch.from_numpy(unit_rows())
    columns = torch.tensor([[0, 5, 159], [2, 3, 4]])
    assert torch.allclose(products_at(rows[10:12], rows, columns), (rows[10:12] @ rows.T).gather(1, columns))


@pytest.mark.parametrize("count", [1, 5])
def test_the_largest_of_long_rows_are_those_of_a_sort(count: int):
    rows = torch.from_numpy(np.random.default_rng(3).integers(0, 400, (30, 8 * 24 + 5)).astype(np.float32))
    columns = columns_of_largest(rows, count)
    found = rows.gather(1, columns).sort(dim=1, descending=True).values
    assert torch.equal(found, rows.sort(dim=1, descending=True).values[:, :count])
    assert all(len({*row}) == count for row in columns.tolist())
