"""The same photo looked at in other ways, for photos that have found no partner as they are.

Mirrored and inverted cost next to nothing: their keypoints follow from those that are there. Descreened costs one more
extraction by each encoder: blurred until the dots of a halftone are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ndd_app.vision.classical import DESCRIPTOR_SIZE
from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.geometry import Variant
from ndd_app.vision.images import Pixels

DESCREENING = 0.004
"""Standard deviation of the blur, in units of the longer side: 180 dots lie 0.0055 apart."""


def seen_as(features: Features, variant: Variant) -> Features:
    """The keypoints of RootSift as those of the mirrored or inverted photo, for VLAD; their places stay."""
    seen = features.copy()
    seen[:, :DESCRIPTOR_SIZE] = features[:, :DESCRIPTOR_SIZE][:, variant.order]
    return seen


@dataclass(frozen=True)
class Descreened:
    """An extractor that blurs before it looks."""

    extractor: Extractor

    @property
    def name(self) -> str:
        return f"{self.extractor.name}, descreened"

    @property
    def recipe(self) -> str:
        return f"{self.extractor.recipe} descreened {DESCREENING}"

    def extract(self, images: Sequence[Pixels]) -> list[Features]:
        return self.extractor.extract([descreen(pixels) for pixels in images])


def descreen(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), DESCREENING * max(pixels.shape)), np.uint8)
