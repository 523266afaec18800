"""What a collection's own photos teach without labels: which directions of the features damage moves, and which not.

Each photo is drawn as prints and scanners might have left it (vision/augmentations.py, but for the gate family). How
far the features move is the scatter within a photo. Known duplicates add to it, since what differs between them must
not count either. The embeddings are the directions in which photos differ most for each unit of that scatter (linear
discriminant analysis, Fisher 1936): a closed form, no gradient. The backbone stays as it is.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt

from ndd_app.exceptions import NddError, TooFewPhotos
from ndd_app.vision.augmentations import DAMAGES, FAMILIES, GATE_FAMILY, damage
from ndd_app.vision.backbones import BATCH, Backbone
from ndd_app.vision.descriptors import NOISE, Whitening
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, Extractor
from ndd_app.vision.images import Pixels, resize_to_fit
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.training import READERS, Training

FEWEST_PHOTOS = 3
VIEWS = 8
"""Damaged views of each photo …"""
MOST_VIEWS = 12_000
"""… and of all: the scatter of more photos is no better known."""
SIDE = 512
"""Longer side of a photo before it is damaged, in pixels: enough for networks that see 224 to 336."""
MOST_DAMAGES = 3
MILDEST = 0.3
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

AHEAD = 2 * BATCH
"""Photos that are drawn while the network looks at others."""

TRAINING_DAMAGES = tuple(name for name in DAMAGES if name not in FAMILIES[GATE_FAMILY])

Rows = npt.NDArray[np.float64]
Drawn = tuple[int, list[Pixels]]


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    """Takes seconds for hundreds of photos, minutes for thousands. The groups that people know are heeded."""
    if not isinstance(extractor, Backbone):
        raise TypeError(f"the auto method takes a backbone, not {extractor.name}")
    numbers = np.random.default_rng(seed).permutation(len(photos))[: MOST_VIEWS // VIEWS]
    drawn = _draw(photos, np.sort(numbers), seed, training or Training())
    originals: dict[int, Rows] = {}
    within = np.zeros(())
    for number, rows in _with_features(drawn, extractor):
        originals[number] = rows[0]
        moved = rows[1:] - rows[0]
        within = within + moved.T @ moved
    if len(originals) < FEWEST_PHOTOS:
        raise TooFewPhotos(count=len(originals), minimum=FEWEST_PHOTOS)
    duplicates = _duplicates_apart(originals, photos.groups)
    every = np.stack(photos.features(extractor)).astype(np.float64)
    projection = discriminate(every, within, duplicates)
    parameters = {
        "views": VIEWS * len(originals),
        "duplicates": len(duplicates),
        "power": POWER,
        "shrinkage": SHRINKAGE,
        "axes": projection.axes.shape[1],
        "photos": len(every),
    }
    return Fitted(Encoder(extractor, projection), parameters)


def discriminate(every: Rows, within: Rows, duplicates: Rows) -> Whitening:
    """every (n, d): features of all photos; within (d, d): the scatter of their views, of any size.

    duplicates (m, d): differences between known duplicates; m may be 0.
    """
    mean, size = every.mean(axis=0), every.shape[1]
    believed = WEIGHT_OF_DUPLICATES * len(duplicates) / (len(duplicates) + FEW_DUPLICATES)
    within = _mixed(within, duplicates.T @ duplicates, believed)
    between = (every - mean).T @ (every - mean) / len(every)
    variances, directions = np.linalg.eigh(within + SHRINKAGE / size * np.eye(size))
    even = directions / np.sqrt(variances)
    scatter, axes = np.linalg.eigh(even.T @ between @ even)
    leading = np.argsort(-scatter)[: EMBEDDING_SIZE - 1]
    leading = leading[scatter[leading] > 1e-9 * scatter.max(initial=1e-9)]
    kept = scatter[leading]
    scales = (kept + DAMPED * kept.mean() if kept.size else kept) ** -POWER
    axes = even @ axes[:, leading] * scales
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


def _draw(photos: Photos, numbers: npt.NDArray[np.int64], seed: int, training: Training) -> Iterator[Drawn]:
    """Each readable photo's number, with its picture and VIEWS damaged ones."""

    def draw(number: int) -> Drawn | None:
        try:
            picture = resize_to_fit(photos.picture(number), SIDE)
        except NddError:  # its embedding will say so
            return None
        seeds = np.random.SeedSequence([seed, number]).generate_state(VIEWS)
        return number, [picture, *(draw_view(picture, int(one)) for one in seeds)]

    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[Drawn | None]] = deque()
        for number in training.track(numbers, "Drawing damaged views", len(numbers)):
            waiting.append(pool.submit(draw, int(number)))
            if len(waiting) > AHEAD and (found := waiting.popleft().result()):
                yield found
        yield from (found for one in waiting if (found := one.result()))


def draw_view(picture: Pixels, seed: int) -> Pixels:
    """One to MOST_DAMAGES damages, in the order in which a print meets them."""
    random = np.random.default_rng(seed)
    count = random.integers(1, MOST_DAMAGES + 1)
    chosen = np.sort(random.choice(len(TRAINING_DAMAGES), count, replace=False))
    steps = [(TRAINING_DAMAGES[which], float(random.uniform(MILDEST, 1))) for which in chosen]
    return damage(picture, steps, seed)


def _with_features(drawn: Iterable[Drawn], backbone: Backbone) -> Iterator[tuple[int, Rows]]:
    """(1 + VIEWS, d) of each photo, the undamaged one first. BATCH photos at once fill the network's batches."""
    drawn = iter(drawn)
    while some := list(islice(drawn, BATCH)):
        features = np.stack(backbone.extract([picture for _, pictures in some for picture in pictures]))
        rows = features.astype(np.float64).reshape(len(some), 1 + VIEWS, -1)
        yield from zip((number for number, _ in some), rows, strict=True)


def _duplicates_apart(originals: dict[int, Rows], groups: Sequence[str | None]) -> Rows:
    """(m, d): how far the photos of each group lie from its middle."""
    members: dict[str, list[Rows]] = {}
    for number, row in originals.items():
        if (group := groups[number]) is not None:
            members.setdefault(group, []).append(row)
    apart = [np.stack(rows) - np.mean(rows, axis=0) for rows in members.values() if len(rows) > 1]
    return np.concatenate(apart) if apart else np.empty((0, len(next(iter(originals.values())))))
