"""The network's own pooled feature (CLS, for most ViTs), compared by cosine: the row every other one must beat."""

import numpy as np

from ndd_app.exceptions import TooFewPhotos
from ndd_app.vision.backbones import Backbone
from ndd_app.vision.descriptors import PooledCosine, principal_axes
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, Extractor
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.training import Training


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    """Nothing is fitted, unless the feature has more than EMBEDDING_SIZE values: then its principal axes are kept."""
    if not isinstance(extractor, Backbone):
        raise TypeError(f"the cosine method takes a backbone, not {extractor.name}")
    size = extractor.pooled_size
    if size <= EMBEDDING_SIZE:
        return Fitted(Encoder(extractor, PooledCosine(size, None)), {"size": size})
    features = photos.features(extractor)
    if not features:
        raise TooFewPhotos(count=0, minimum=1)
    rows = np.stack(features).astype(np.float32)[:, :size]
    axes = principal_axes(rows, EMBEDDING_SIZE, centre=False).axes.astype(np.float32)
    note = f"{size} values were reduced to their {axes.shape[1]} principal axes."
    return Fitted(Encoder(extractor, PooledCosine(size, axes)), {"size": size, "axes": axes.shape[1]}, notes=(note,))
