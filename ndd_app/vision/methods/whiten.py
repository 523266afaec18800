"""Centring and whitening on the collection's own photos, without gradients and without labels (transductive)."""

import numpy as np

from ndd_app.exceptions import TooFewPhotos
from ndd_app.vision.descriptors import SHRINKAGE, Rows, Whitening, agreement_by_power, principal_axes
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, Extractor
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.training import Training

FEWEST_PHOTOS = 3
MOST_PHOTOS = 10_000  # bounds memory; far more than the axes need


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    features = photos.features(extractor)
    if len(features) < FEWEST_PHOTOS:
        raise TooFewPhotos(count=len(features), minimum=FEWEST_PHOTOS)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(features))[:MOST_PHOTOS])
    return fit_rows(np.stack([features[photo] for photo in chosen]).astype(np.float32), extractor, seed=seed)


def fit_rows(rows: Rows, extractor: Extractor, *, seed: int) -> Fitted:
    """On features (n, d) that are there already; columns of zeros get no say in the embeddings."""
    agreement = agreement_by_power(rows, seed=seed)
    power = max(agreement, key=agreement.__getitem__)  # of equals the first, the mildest
    spread = principal_axes(rows, EMBEDDING_SIZE - 1)
    parameters = {
        "power": power,
        "agreement": {str(power): round(share, 4) for power, share in agreement.items()},
        "shrinkage": SHRINKAGE,
        "axes": len(spread.variances),
        "photos": len(rows),
    }
    return Fitted(Encoder(extractor, Whitening.of(spread, power)), parameters)
