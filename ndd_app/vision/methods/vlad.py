"""Vocabulary and projection of the classical encoder, learned on the photos themselves: it needs no weights."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ndd_app.exceptions import TooFewPhotos
from ndd_app.vision.classical import FEWEST_KEYPOINTS, Values, Vlad, aggregate, nearness_to_words, root_descriptors
from ndd_app.vision.descriptors import PrincipalAxes, Whitening, principal_axes
from ndd_app.vision.encoders import EMBEDDING_SIZE, Encoder, Extractor, Features
from ndd_app.vision.methods.fitting import Fitted, Photos
from ndd_app.vision.training import Training

FEWEST_PHOTOS = 2
WORDS = 128
KEYPOINTS_PER_WORD = 100
KEYPOINTS_LEARNED = 100_000
PHOTOS_LEARNED = 2_000
ROUNDS = 12
AXES_PER_WORD = 64
WHITENING_POWER = 0.5


def fit(photos: Photos, extractor: Extractor, *, seed: int, training: Training | None = None) -> Fitted:
    """Photos with too few keypoints to say anything are left out."""
    features = [keypoints for keypoints in photos.features(extractor) if len(keypoints) >= FEWEST_KEYPOINTS]
    if len(features) < FEWEST_PHOTOS:
        raise TooFewPhotos(count=len(features), minimum=FEWEST_PHOTOS)
    random = np.random.default_rng(seed)
    descriptors = sample_descriptors(features, random)
    words = learn_words(descriptors, seed)
    turns = learn_turns(descriptors, words)
    chosen = np.sort(random.permutation(len(features))[:PHOTOS_LEARNED])
    spread = spread_around_mean(aggregate([features[photo] for photo in chosen], words, turns))
    parameters = {
        "words": len(words),
        "keypoints": len(descriptors),
        "power": WHITENING_POWER,
        "axes": len(spread.variances),
        "photos": len(chosen),
    }
    return Fitted(Encoder(extractor, Vlad(words, turns, Whitening.of(spread, WHITENING_POWER))), parameters)


def sample_descriptors(features: Sequence[Features], random: np.random.Generator) -> Values:
    """An equal share of every photo's keypoints, KEYPOINTS_LEARNED in all, so that no photo rules the vocabulary."""
    share = -(-KEYPOINTS_LEARNED // len(features))
    chosen = [keypoints[random.permutation(len(keypoints))[:share]] for keypoints in features]
    return root_descriptors(np.concatenate(chosen)[:KEYPOINTS_LEARNED])


def learn_words(descriptors: Values, seed: int) -> Values:
    """(w, 128) by k-means; fewer words where there are too few keypoints for WORDS."""
    count = int(np.clip(len(descriptors) // KEYPOINTS_PER_WORD, 1, WORDS))
    rounds = (cv2.TERM_CRITERIA_MAX_ITER, ROUNDS, 0.0)
    cv2.setRNGSeed(seed)
    return cv2.kmeans(descriptors, count, None, rounds, 1, cv2.KMEANS_PP_CENTERS)[2]


def learn_turns(descriptors: Values, words: Values) -> Values:
    """(w, 128, AXES_PER_WORD): for each word the axes along which its keypoints spread most."""
    nearest = nearness_to_words(descriptors, words).argmax(axis=1)
    turns = np.empty((*words.shape, AXES_PER_WORD), np.float32)
    for index, word in enumerate(words):
        residuals = descriptors[nearest == index] - word
        turns[index] = np.linalg.eigh(residuals.T @ residuals)[1][:, : -AXES_PER_WORD - 1 : -1]
    return turns


def spread_around_mean(vectors: Values) -> PrincipalAxes:
    """The mean of a few photos is not taken off in full: of two it would be all that they have in common."""
    mean = vectors.sum(axis=0) / (len(vectors) + 4)
    return replace(principal_axes(vectors - mean, EMBEDDING_SIZE - 1, centre=False), mean=mean)
