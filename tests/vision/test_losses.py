"""Every loss against a slow, obvious transcription of its formula."""

from math import exp, log

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ndd_app.vision.losses import UNKNOWN, info_nce, koleo, masked_mse, nt_xent, triplet


def random_rows(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow_nt_xent(first: Tensor, second: Tensor, temperature: float, groups: list[int]) -> float:
    """-log exp(s(i, j) / t) / Σ_k 1[k ≠ i, k no other known positive of i] exp(s(i, k) / t), mean over all views i."""
    views = [(photo, row) for rows in (first, second) for photo, row in enumerate(rows)]
    losses = []
    for i, (photo, row) in enumerate(views):
        similarity = [float(F.cosine_similarity(row, other, dim=0)) / temperature for _, other in views]
        denominator = 0.0
        for k, (other_photo, _) in enumerate(views):
            duplicate = other_photo != photo and groups[photo] == groups[other_photo] != UNKNOWN
            if k != i and not duplicate:
                denominator += exp(similarity[k])
        [j] = [k for k, (other_photo, _) in enumerate(views) if k != i and other_photo == photo]
        losses.append(-log(exp(similarity[j]) / denominator))
    return sum(losses) / len(losses)


def slow_triplet(rows: Tensor, groups: list[int], margin: float) -> float:
    losses = []
    for a, anchor in enumerate(rows):
        for p, positive in enumerate(rows):
            for n, negative in enumerate(rows):
                if a != p and groups[a] == groups[p] != groups[n]:
                    losses.append(max(0.0, float((anchor - positive).norm() - (anchor - negative).norm()) + margin))
    return sum(losses) / len(losses)


def slow_masked_mse(predicted: Tensor, patches: Tensor, masked: Tensor, normalise: bool) -> float:
    errors = []
    for photo in range(len(patches)):
        for patch in range(patches.shape[1]):
            if masked[photo, patch]:
                wanted = patches[photo, patch]
                if normalise:
                    wanted = (wanted - wanted.mean()) / (wanted.var() + 1e-6) ** 0.5
                errors.append(float(((predicted[photo, patch] - wanted) ** 2).mean()))
    return sum(errors) / len(errors)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize("groups", [[UNKNOWN] * 5, [0, 0, 1, UNKNOWN, UNKNOWN], [3, 3, 3, 3, 3]])
def test_nt_xent(temperature, groups):
    first, second = random_rows(5, 7), random_rows(5, 7, seed=1)
    fast = nt_xent(first, second, temperature, torch.tensor(groups))
    assert float(fast) == pytest.approx(slow_nt_xent(first, second, temperature, groups), rel=1e-5)


def test_nt_xent_without_groups_takes_everybody_else_for_a_stranger():
    first, second = random_rows(4, 3), random_rows(4, 3, seed=1)
    assert nt_xent(first, second, 0.2) == nt_xent(first, second, 0.2, torch.full((4,), UNKNOWN))


def test_known_duplicates_are_not_pushed_away():
    assert nt_xent(random_rows(3, 8), random_rows(3, 8, seed=1), 0.5, torch.tensor([5, 5, 5])) == 0


def test_triplet():
    rows, groups = F.normalize(random_rows(7, 4)), [0, 0, 1, 1, 1, 2, 2]
    fast = triplet(3 * rows, torch.tensor(groups), 0.4)
    assert float(fast) == pytest.approx(slow_triplet(rows, groups, 0.4), rel=1e-5)


def test_triplet_of_exact_copies_has_a_finite_slope():
    rows = random_rows(1, 4).repeat(4, 1).requires_grad_()
    loss = triplet(rows, torch.tensor([0, 0, 1, 1]), 0.2)
    loss.backward()
    assert loss.item() == pytest.approx(0.2)
    assert rows.grad.isfinite().all()


def test_no_triplet_no_loss():
    assert triplet(random_rows(3, 4), torch.tensor([0, 1, 2]), 0.2) == 0


@pytest.mark.parametrize("normalise", [False, True])
def test_masked_mse(normalise):
    predicted, patches = random_rows(2, 6, 12), 3 + 2 * random_rows(2, 6, 12, seed=1)
    masked = torch.tensor([[1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 1, 1]]).bool()
    fast = masked_mse(predicted, patches, masked, normalise=normalise)
    assert float(fast) == pytest.approx(slow_masked_mse(predicted, patches, masked, normalise), rel=1e-5)


def test_what_was_seen_costs_nothing():
    patches = random_rows(1, 4, 12)
    masked = torch.tensor([[True, False, False, False]])
    off = patches.clone()
    off[0, 1:] += 9
    assert masked_mse(off, patches, masked, normalise=False) == 0


def slow_info_nce(rows: Tensor, owners: list[int], temperature: float, left_out: Tensor) -> float:
    """log(1 + Σ_k exp(s(i, k) / t) / exp(s(i, j) / t)) over strangers k of i, mean over all pairs i, j of one owner."""
    losses = []
    for i, j in ((i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j and owners[i] == owners[j]):
        strangers = [k for k in range(len(rows)) if owners[k] != owners[i] and not left_out[i, k]]
        near = [exp(float(F.cosine_similarity(rows[i], rows[k], dim=0)) / temperature) for k in (j, *strangers)]
        losses.append(log(sum(near) / near[0]))
    return sum(losses) / len(losses)


def test_info_nce():
    rows, owners = random_rows(9, 5), [0, 0, 0, 1, 1, 1, 2, 2, 2]
    left_out = torch.zeros(9, 9, dtype=torch.bool)
    left_out[:3, 6:] = left_out[6:, :3] = True
    fast = info_nce(rows, torch.tensor(owners), 0.2, left_out)
    assert float(fast) == pytest.approx(slow_info_nce(rows, owners, 0.2, left_out), rel=1e-5)


def test_without_strangers_nothing_is_pushed_away():
    rows = random_rows(4, 5).requires_grad_()
    loss = info_nce(rows, torch.tensor([0, 0, 1, 1]), 0.1, torch.ones(4, 4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert rows.grad.isfinite().all()


def test_koleo():
    rows = F.normalize(random_rows(6, 4))
    left_out = torch.zeros(6, 6, dtype=torch.bool)
    left_out[0, 1] = left_out[1, 0] = True
    nearest = [
        min(float((rows[i] - rows[k]).norm()) for k in range(6) if k != i and not left_out[i, k]) for i in range(6)
    ]
    assert float(koleo(rows, left_out)) == pytest.approx(-sum(map(log, nearest)) / 6, rel=1e-5)


def test_koleo_of_exact_copies_has_a_finite_slope():
    rows = random_rows(1, 4).repeat(3, 1).requires_grad_()
    koleo(F.normalize(rows), torch.zeros(3, 3, dtype=torch.bool)).backward()
    assert rows.grad.isfinite().all()
