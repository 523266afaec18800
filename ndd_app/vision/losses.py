"""The losses of all methods. Each is tested against a slow transcription of its formula.

Two formulas are printed wrong in the paper (Net et al. 2023) and right here: the sum of Eq. (1) leaves out k = i, not
k = 1; and the triplet loss is max(0, …).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1
"""The group of a photo of which nobody said where it belongs."""
NEVER = -1e4
"""The logit of what does not count; with an infinite one, a row without strangers would have no slope."""
FARTHEST = 4.0
"""The squared distance of opposite points of the unit sphere."""


def nt_xent(first: Tensor, second: Tensor, temperature: float, groups: Tensor | None = None) -> Tensor:
    """Chen et al. 2020: each view shall find the other view of its photo among all others.

    first, second (n, d): one view each of the same n photos, of any length. groups (n,): photos of one group, but for
    UNKNOWN, are known duplicates: they are no strangers, and are left out of each other's denominators.
    """
    rows = F.normalize(torch.cat([first, second]).float())
    count = len(first)
    left_out = torch.eye(2 * count, dtype=torch.bool, device=rows.device)
    if groups is not None:
        left_out = left_out | _known_duplicates(groups).repeat(2, 2)
    logits = (rows @ rows.T / temperature).masked_fill(left_out, -torch.inf)
    other_view = torch.arange(2 * count, device=rows.device).roll(count)
    return F.cross_entropy(logits, other_view)


def info_nce(rows: Tensor, owners: Tensor, temperature: float, left_out: Tensor) -> Tensor:
    """van den Oord et al. 2018: each row shall lie nearer to each other row of its owner than to all strangers.

    rows (n, d), of any length; owners (n,): rows of one owner show one photo. left_out (n, n): what may be duplicates,
    though nobody knows, is neither drawn together nor pushed apart. The mean over all pairs of one owner.
    """
    rows = F.normalize(rows.float())
    logits = rows @ rows.T / temperature
    same = owners[:, None] == owners
    strangers = logits.masked_fill(same | left_out, NEVER).logsumexp(dim=1, keepdim=True)
    positive = same & ~torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    return (F.softplus(strangers - logits) * positive).sum() / positive.sum().clamp(min=1)


def koleo(rows: Tensor, left_out: Tensor) -> Tensor:
    """Sablayrolles et al. 2019: the mean of -log of the distance to the nearest other row, so that rows spread evenly.

    rows (n, d) on the unit sphere; left_out (n, n): rows that may lie near each other.
    """
    squared = (2 - 2 * rows @ rows.T).clamp(min=1e-8)
    near = left_out | torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    return -squared.masked_fill(near, FARTHEST).amin(dim=1).log().mean() / 2


def triplet(embeddings: Tensor, groups: Tensor, margin: float) -> Tensor:
    """The mean of max(0, |a - p| - |a - n| + margin) over all triplets of the batch, on the unit sphere.

    embeddings (n, d); groups (n,): p is another photo of a's group, n one of another group. 0 without any triplet.
    """
    rows = F.normalize(embeddings.float())
    # Rows on the unit sphere: |a - b|² = 2 - 2ab. The root has no slope at 0, where a photo meets its exact copy.
    distances = (2 - 2 * rows @ rows.T).clamp(min=1e-8).sqrt()
    same = groups[:, None] == groups
    positive = same & ~torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    triplets = positive[:, :, None] & ~same[:, None, :]
    losses = F.relu(distances[:, :, None] - distances[:, None, :] + margin)
    return (losses * triplets).sum() / triplets.sum().clamp(min=1)


def masked_mse(predicted: Tensor, patches: Tensor, masked: Tensor, *, normalise: bool) -> Tensor:
    """He et al. 2022: the squared error of the masked patches, each patch at its own mean and variance if `normalise`.

    predicted, patches (n, p, values of a patch); masked (n, p), True where the encoder did not see the patch.
    """
    patches = patches.float()
    if normalise:
        variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
        patches = (patches - mean) / (variance + 1e-6).sqrt()
    errors = (predicted.float() - patches).square().mean(dim=-1)
    return (errors * masked).sum() / masked.sum()


def _known_duplicates(groups: Tensor) -> Tensor:
    """(n, n), True for two different photos of one known group."""
    same = (groups[:, None] == groups) & (groups != UNKNOWN)
    return same.fill_diagonal_(False)
