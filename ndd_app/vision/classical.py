"""The classical encoder's two halves: keypoints described by RootSIFT, and VLAD. Nothing here needs trained weights."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.descriptors import Whitening
from ndd_app.vision.encoders import EMBEDDING_SIZE, Embeddings, Features
from ndd_app.vision.images import Pixels

LONG_SIDE = 480
"""At 640 px many of the strongest keypoints sit in grain and texture: fewer prints are found, in twice the time."""
KEYPOINTS = 600
CONTRAST = 0.02  # half of OpenCV's default, for faded prints
FEWEST_KEYPOINTS = 20  # an empty mount or frame has some 8 to 17, all in its corners
OUTER = 0.2  # of either side: empty mounts, frames and scanner beds have up to 16 within, photos 34 and more
SHARPNESS = 80.0  # of the assignment to words, for distances between descriptors of length 1
POWER = 0.4
BLOCK = 256  # photos; their vectors take 8 MB

KEYPOINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("size", "<f2"), ("angle", "<f2")])
DESCRIPTOR_SIZE = 128

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class RootSift:
    """Features of a photo: (n ≤ KEYPOINTS, 140) uint8, a keypoint each, strongest first; n is 0 for a blank scan.

    The first 128 bytes are the SIFT descriptor, the others the KEYPOINT: read them with `root_descriptors` and
    `keypoints_of`. The same array therefore serves VLAD and the geometric check.
    """

    name: ClassVar[str] = "rootsift"

    @property
    def recipe(self) -> str:
        opencv = cv2.__version__.partition(".")[0]
        return f"rootsift 1, {KEYPOINTS} keypoints, contrast {CONTRAST}, {LONG_SIDE} px, OpenCV {opencv}"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
            return list(pool.map(describe_keypoints, images))


def sift() -> cv2.SIFT:
    return cv2.SIFT.create(KEYPOINTS, contrastThreshold=CONTRAST)


def describe_keypoints(pixels: Pixels, detector: cv2.Feature2D | None = None, most: int = KEYPOINTS) -> Features:
    """See RootSift; positions and sizes in pixels of `pixels`, x to the right, y down, angles in degrees."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    full = np.array(grey.shape[::-1])
    small = np.maximum(np.round(full * min(1.0, LONG_SIDE / full.max())), 1).astype(int)
    if (small < full).any():
        grey = cv2.resize(grey, small.tolist(), interpolation=cv2.INTER_AREA)
    found, descriptors = (detector or sift()).detectAndCompute(grey, None)
    strongest = sorted(range(len(found)), key=lambda i: -found[i].response)[:most]
    features = np.empty((len(strongest), DESCRIPTOR_SIZE + KEYPOINT.itemsize), np.uint8)
    if strongest:
        enlarged = full / small
        centres = (np.array([found[i].pt for i in strongest]) + 0.5) * enlarged - 0.5
        places = np.empty(len(strongest), KEYPOINT)
        places["x"], places["y"] = centres.T
        places["size"] = [found[i].size * enlarged.max() for i in strongest]
        places["angle"] = [found[i].angle for i in strongest]
        features[:, :DESCRIPTOR_SIZE] = descriptors[strongest]
        features[:, DESCRIPTOR_SIZE:] = places.view(np.uint8).reshape(len(places), -1)
    return features


def keypoints_of(features: Features) -> npt.NDArray[np.void]:
    """(n,) of KEYPOINT."""
    return np.ascontiguousarray(features[:, DESCRIPTOR_SIZE:]).view(KEYPOINT).reshape(-1)


def shows_nothing(features: Features, width: int, height: int) -> bool:
    """Whether what is to be seen lies along the edges only. width, height: of the picture the features are of."""
    keypoints = keypoints_of(features)
    places = np.stack([keypoints["x"] / width, keypoints["y"] / height], axis=1)
    inside = (abs(places - 0.5) < 0.5 - OUTER).all(axis=1).sum()
    small = min(1.0, max(width, height) / LONG_SIDE) ** 2  # fewer keypoints find room in it
    return bool(inside < FEWEST_KEYPOINTS * small)


def root_descriptors(features: Features) -> npt.NDArray[np.float32]:
    """(n, 128), rows of length 1: SIFT under the Hellinger kernel (Arandjelović & Zisserman 2012)."""
    descriptors = features[:, :DESCRIPTOR_SIZE].astype(np.float32)
    return np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1))


def nearness_to_words(descriptors: Values, words: Values) -> Values:
    """(n, words): half of 1 - squared distance, for unit descriptors (n, 128)."""
    return descriptors @ words.T - (words * words).sum(axis=1) / 2


@dataclass(frozen=True, eq=False)
class Vlad:
    """All keypoints of a photo in one vector, `aggregate`, then whitened: words (w, 128), turns (w, 128, a).

    A photo with fewer than FEWEST_KEYPOINTS keypoints gets a zero row: nothing can be said about it.
    """

    kind: ClassVar[str] = "vlad"
    words: Values
    turns: Values
    whitening: Whitening

    def apply(self, features: Sequence[Features]) -> Embeddings:
        embeddings = np.zeros((len(features), EMBEDDING_SIZE), np.float32)
        seen = [photo for photo, keypoints in enumerate(features) if len(keypoints) >= FEWEST_KEYPOINTS]
        for start in range(0, len(seen), BLOCK):
            block = seen[start : start + BLOCK]
            vectors = aggregate([features[photo] for photo in block], self.words, self.turns)
            embeddings[block] = self.whitening.apply(vectors)
        return embeddings

    def tensors(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"words": self.words, "turns": self.turns, **self.whitening.tensors()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        return cls(np.asarray(tensors["words"]), np.asarray(tensors["turns"]), Whitening.from_tensors(tensors))


def aggregate(features: Sequence[Features], words: Values, turns: Values) -> Values:
    """VLAD vectors (photos, w·a) of length 1; zero for a photo without keypoints.

    For each word the sum of the directions in which its keypoints lie from it (Jégou et al. 2010; residuals at length 1
    and turned onto the word's own axes: Delhumeau et al. 2013). A keypoint counts for the words around it, by a softmax
    of their nearness (Arandjelović et al. 2016). Powers of the values keep what repeats in a photo from outweighing the
    rest.
    """
    sums = np.zeros((len(words), len(features), DESCRIPTOR_SIZE), np.float32)
    for photo, keypoints in enumerate(features):
        if len(keypoints):
            descriptors = root_descriptors(keypoints)
            nearness = nearness_to_words(descriptors, words)
            shares = np.exp(SHARPNESS * (nearness - nearness.max(axis=1, keepdims=True)))
            shares /= shares.sum(axis=1, keepdims=True)
            shares /= np.sqrt(np.maximum(1 - 2 * nearness, 1e-6))
            sums[:, photo] = shares.T @ descriptors - shares.sum(axis=0)[:, None] * words
    turned = (sums @ turns).transpose(1, 0, 2).reshape(len(features), -1)
    vectors = np.sign(turned) * np.abs(turned) ** POWER
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
