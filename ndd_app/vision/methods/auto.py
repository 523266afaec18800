"""What a collection's own photos teach without labels: which directions of the features damage moves, and which not.

Each photo is drawn as prints and scanners might have left it (methods/drawing.py). How far the features move is the
scatter within a photo. Known duplicates add to it, since what differs between them must not count either. The
embeddings are the directions in which photos differ most for each unit of that scatter (linear discriminant analysis,
Fisher 1936): a closed form, no gradient.

On a CPU the backbone stays as it is. On a GPU it learns too (methods/adapter.py), and the closed form follows on its
new features. How far it goes from the old weights to the new ones is decided by photos that it has not learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from ndd_app.exceptions import MemoryExhausted, OutOfMemory, TooFewPhotos, TrainingDiverged, WrongWeights
from ndd_app.vision.backbones import Backbone, shrink_to_keep
from ndd_app.vision.descriptors import NOISE, Whitening
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, Extractor
from ndd_app.vision.images import Pixels
from ndd_app.vision.methods import adapter
from ndd_app.vision.methods.drawing import VIEWS, Seen, draw_damaged, look
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.retrieval import OUTSIDE, Questions, look_up
from ndd_app.vision.training import Training

FEWEST_PHOTOS = 3
MOST_VIEWS = 12_000
"""Damaged views of all photos: the scatter of more photos is no better known."""
SHRINKAGE = 0.1
"""Of the scatter within, in units of its mean variance."""
WEIGHT_OF_DUPLICATES = 0.5
"""Of the scatter between many known duplicates, against that of the views, both at one size …"""
FEW_DUPLICATES = 100
"""… and half of it for so many photos: the differences of a few are their own, and would make all embeddings worse."""
POWER = 0.25
"""How far the directions are brought to one scale: 0 is not at all, 0.5 fully."""
DAMPED = 3.0
"""In units of the mean scatter: only leading directions deserve to be damped (see Whitening.of)."""
SHARES = (0.5, 1.0)
"""How far from the old weights of the network to the learned ones; 0 is always tried."""
KEPT_OUT = 10
"""One photo in so many is not learned from by the network, and decides between them."""

Rows = npt.NDArray[np.float64]


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    """Takes seconds for hundreds of photos, minutes for thousands. The groups that people know are heeded."""
    if not isinstance(extractor, Backbone):
        raise TypeError(f"the auto method takes a backbone, not {extractor.name}")
    training = training or Training()
    numbers = np.sort(known_first(photos.groups, seed)[: MOST_VIEWS // VIEWS])
    drawn = draw_damaged(photos, numbers, seed, training)
    if not adapter.suits(extractor, len(numbers)):
        return _fit_encoder(photos, look(drawn, extractor))
    kept = {number: [shrink_to_keep(some, extractor.side) for some in pictures] for number, pictures in drawn}
    return _fit_with_adapters(photos, extractor, kept, seed, training)


def known_first(groups: Sequence[str | None], seed: int) -> npt.NDArray[np.int64]:
    """(n,): all photos in random order, but those of a known group before the others."""
    order = np.random.default_rng(seed).permutation(len(groups))
    unknown = np.array([group is None for group in groups], bool)
    return order[np.argsort(unknown[order], kind="stable")]


def _fit_with_adapters(
    photos: Photos, backbone: Backbone, drawn: Mapping[int, Sequence[Pixels]], seed: int, training: Training
) -> Fitted:
    judges = set(list(drawn)[::KEPT_OUT])
    seen = look(drawn.items(), backbone, judges)
    plain = _fit_encoder(photos, seen)
    pupils = {number: pictures for number, pictures in drawn.items() if number not in judges}
    fits, found = {0.0: plain}, {0.0: _found_again(plain.encoder, seen)}
    try:
        learned = adapter.learn(photos, plain.encoder, pupils, seen.originals, seed=seed, training=training)
        for share in SHARES:
            seen = look(drawn.items(), adapter.between(backbone, learned.backbone, share), judges)
            fits[share] = _fit_encoder(photos, seen)
            found[share] = _found_again(fits[share].encoder, seen)
    except (TrainingDiverged, OutOfMemory, MemoryExhausted, WrongWeights) as reason:
        return replace(plain, notes=(f"The network itself was left as it is. {reason}",))
    best = max(found, key=found.__getitem__)
    facts = {"share": best, **{f"found at share {share:g}": rate for share, rate in found.items()}}
    parameters = fits[best].parameters | learned.parameters | facts
    return Fitted(fits[best].encoder, parameters, learned.trained.curve, learned.trained.notes)


def _fit_encoder(photos: Photos, seen: Seen) -> Fitted:
    if len(seen.originals) < FEWEST_PHOTOS:
        raise TooFewPhotos(count=len(seen.originals), minimum=FEWEST_PHOTOS)
    duplicates = _duplicates_apart(seen.originals, photos.groups)
    every = np.stack(photos.features(seen.backbone)).astype(np.float64)
    projection = discriminate(every, seen.within, duplicates)
    parameters = {
        "views": VIEWS * len(seen.originals),
        "duplicates": len(duplicates),
        "power": POWER,
        "shrinkage": SHRINKAGE,
        "axes": projection.axes.shape[1],
        "photos": len(every),
    }
    return Fitted(Encoder(seen.backbone, projection), parameters)


def _found_again(encoder: Encoder, seen: Seen) -> float:
    """The mean reciprocal rank at which the kept views find their photo among all."""
    gallery = encoder.embed(list(seen.originals.values()))
    queries = encoder.embed([row for rows in seen.views.values() for row in rows])
    wanted = np.repeat(list(seen.views), VIEWS)
    questions = Questions(wanted, np.full(len(wanted), OUTSIDE), wanted)
    found = look_up(queries, gallery, np.array(list(seen.originals)), questions)
    return round(float(found.reciprocal.mean()), 4)


def discriminate(every: Rows, within: Rows, duplicates: Rows) -> Whitening:
    """every (n, d): features of all photos; within (d, d): the scatter of their views, of any size.

    duplicates (m, d): differences between known duplicates; m may be 0.
    """
    mean, size = every.mean(axis=0), every.shape[1]
    believed = WEIGHT_OF_DUPLICATES * len(duplicates) / (len(duplicates) + FEW_DUPLICATES)
    within = _mixed(within, duplicates.T @ duplicates, believed)
    between = (every - mean).T @ (every - mean) / len(every)
    largest = [max(0, size - EMBEDDING_SIZE + 1), size - 1]
    scatter, axes = eigh(between, within + SHRINKAGE / size * np.eye(size), subset_by_index=largest)
    leading = np.flatnonzero(scatter > 1e-9 * scatter.max(initial=1e-9))[::-1]
    kept = scatter[leading]
    scales = (kept + DAMPED * kept.mean() if kept.size else kept) ** -POWER
    axes = axes[:, leading] * scales
    # As far below the rest as Whitening.of has it: one direction for what nothing tells apart.
    bias = NOISE * float(np.linalg.norm(axes, axis=0).mean()) if kept.size else NOISE
    return Whitening(mean.astype(np.float32), axes.astype(np.float32), bias)


def _mixed(scatter: Rows, other: Rows, weight: float) -> Rows:
    """Both at trace 1, then mixed; one without any scatter has no say."""
    sizes = np.trace(scatter), np.trace(other)
    parts = [part / size for part, size in zip((scatter, other), sizes, strict=True) if size > 0]
    if len(parts) < 2:
        return parts[0] if parts else np.zeros_like(other)
    return (1 - weight) * parts[0] + weight * parts[1]


def _duplicates_apart(originals: dict[int, Rows], groups: Sequence[str | None]) -> Rows:
    """(m, d): how far the photos of each group lie from its middle."""
    members: dict[str, list[Rows]] = {}
    for number, row in originals.items():
        if (group := groups[number]) is not None:
            members.setdefault(group, []).append(row)
    apart = [np.stack(rows) - np.mean(rows, axis=0) for rows in members.values() if len(rows) > 1]
    return np.concatenate(apart) if apart else np.empty((0, len(next(iter(originals.values())))))
