"""The largest inner products of rows with all rows, exactly, for a part of the price of computing them all.

Products of numbers that are rounded to bfloat16 take a third of the time, and how far they are off at most is known
(by Cauchy and Schwarz, from what rounding took off the rows). So they tell which rows can be among the nearest, and the
products with these are computed in full. Where a doubt is left, as among many equal rows, and on machines that are not
fast in bfloat16, all are.
"""

import warnings
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ndd_app.vision.precision import computes_bfloat16

Rows = npt.NDArray[np.float32]

DEEP = 8
"""Layers in which a row is searched for its largest values (see columns_of_largest)."""
SPARE = 2.5
"""So many times the wanted products are computed in full …"""
WORTHWHILE = 16
"""… where there are so many times more than these."""
UNIT = 2.0**-8
"""The most that rounding to bfloat16 moves a number, in units of it."""
SUMMED = 1e-4
"""The most that a sum of products in float32 is off, for rows of length 1."""


class Search:
    """rows: (n, d). `block` of them are looked for at once; block × n numbers are held."""

    def __init__(self, rows: Rows, block: int) -> None:
        self._rows = torch.from_numpy(np.ascontiguousarray(rows))
        self._block = min(block, len(rows))
        self._is_fast = computes_bfloat16(self._rows.device)
        self._space: dict[torch.dtype, Tensor] = {}

    def nearest(self, start: int, count: int) -> tuple[Tensor, Tensor]:
        """Numbers and products, (block, count) each, of those nearest to the rows from `start` on, but themselves."""
        chosen = torch.arange(start, min(start + self._block, len(self._rows)))
        if not self._is_fast or WORTHWHILE * SPARE * count > len(self._rows):
            return self._in_full(chosen, count)
        near, values, is_certain = self._by_rounded(chosen, count)
        if not is_certain.all():
            near[~is_certain], values[~is_certain] = self._in_full(chosen[~is_certain], count)
        return near, values

    def _in_full(self, chosen: Tensor, count: int) -> tuple[Tensor, Tensor]:
        return largest(self._products(self._rows, chosen), count)

    def _by_rounded(self, chosen: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        products = self._products(self._rounded, chosen)
        candidates = columns_of_largest(products, int(SPARE * count)).sort(dim=1).values
        at_most_elsewhere = products.gather(1, candidates).amin(dim=1).float() + self._error
        values, order = products_at(self._rows[chosen], self._rows, candidates).sort(
            dim=1, descending=True, stable=True
        )
        values = values[:, :count]
        return candidates.gather(1, order[:, :count]), values, values[:, -1] >= at_most_elsewhere

    def _products(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """(chosen, n), -inf for a row with itself, in one piece of memory for all blocks: a new one each is slow."""
        if rows.dtype not in self._space:
            self._space[rows.dtype] = torch.empty(self._block, len(rows), dtype=rows.dtype)
        products = torch.mm(rows[chosen], rows.T, out=self._space[rows.dtype][: len(chosen)])
        products[torch.arange(len(chosen)), chosen] = -torch.inf
        return products

    @cached_property
    def _rounded(self) -> Tensor:
        return self._rows.bfloat16()

    @cached_property
    def _error(self) -> float:
        """The most that a product of rounded rows, rounded itself, is off."""
        length = float(self._rows.norm(dim=1).max())
        off = float((self._rows - self._rounded.float()).norm(dim=1).max())
        return off * (2 * length + off) + (UNIT + SUMMED) * (length + off) ** 2


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Columns and values of the largest of each row; of equal ones at the border any, within the list the first."""
    columns = columns_of_largest(values, count).sort(dim=1).values
    found, order = values.gather(1, columns).sort(dim=1, descending=True, stable=True)
    return columns.gather(1, order), found


def columns_of_largest(values: Tensor, count: int) -> Tensor:
    """(rows, count): where the largest of each row stand, in any order.

    Each row is laid in DEEP layers, and the largest of each column of them is found at the speed of the memory. No more
    than `count` columns hold the row's `count` largest: those whose own largest are the largest. Only these are sorted.
    """
    size = values.shape[1] // DEEP
    if size <= 2 * count:
        return torch.topk(values, count, dim=1, sorted=False).indices
    tops = values[:, : size * DEEP].unflatten(1, (DEEP, size)).amax(1)
    columns = columns_of_largest(tops, count)
    layers = torch.arange(DEEP)[:, None] * size
    rest = torch.arange(size * DEEP, values.shape[1]).expand(len(values), -1)
    some = torch.cat([(columns[:, None] + layers).flatten(1), rest], dim=1)
    return some.gather(1, torch.topk(values.gather(1, some), count, dim=1, sorted=False).indices)


def products_at(rows: Tensor, others: Tensor, columns: Tensor) -> Tensor:
    """(n, k): of each row with the k others that `columns` (n, k), rising, names."""
    starts = torch.arange(0, columns.numel() + 1, columns.shape[1])
    with warnings.catch_warnings():  # torch calls its sparse matrices a beta
        warnings.simplefilter("ignore", UserWarning)
        asked = torch.sparse_csr_tensor(
            starts, columns.flatten(), torch.zeros(columns.numel()), (len(rows), len(others)), check_invariants=False
        )
        return torch.sparse.sampled_addmm(asked, rows, others.T).values().view_as(columns)
