"""Views of a photo for training: parts of it, with SimCLR's augmentations or crop and flip alone, and damaged ones.

Functions of the pixels and a random generator, in numpy and OpenCV: safe in threads, the same for the same generator.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.augmentations import DAMAGES, FAMILIES, GATE_FAMILY, damage
from ndd_app.vision.backbones import cut_margin, resize_to_square
from ndd_app.vision.images import Pixels

MAE_CROP, SIMCLR_CROP = 0.2, 0.08  # the smallest part of the picture's area
RATIOS = 3 / 4, 4 / 3
JITTER, HUE = 0.8, 0.2
TRAINING_DAMAGES = tuple(name for name in DAMAGES if name not in FAMILIES[GATE_FAMILY])
SIDE = 512
"""Longer side of a photo before it is damaged, in pixels: enough for networks that see 224 to 336."""
MOST_DAMAGES = 3
MILDEST = 0.3
Tones = npt.NDArray[np.float32]


def plain_view(pixels: Pixels, side: int, random: np.random.Generator) -> Pixels:
    """(side, side, 3): a random part, every other time mirrored; as He et al. 2022 train MAE."""
    return _flip(_crop(pixels, side, MAE_CROP, random), random)


def simclr_view(pixels: Pixels, side: int, random: np.random.Generator) -> Pixels:
    """(side, side, 3): crop, flip, colour jitter, greyscale and blur, as strong and as often as in Chen et al. 2020."""
    view = _flip(_crop(pixels, side, SIMCLR_CROP, random), random)
    if random.random() < 0.8:
        view = _jitter(view, random)
    if random.random() < 0.2:
        view = np.rint(_grey(view.astype(np.float32))).repeat(3, axis=2).astype(np.uint8)
    if random.random() < 0.5:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), random.uniform(0.1, 2.0) * side / 224), np.uint8)
    return view


def damaged_view(pixels: Pixels, seed: int) -> Pixels:
    """One to MOST_DAMAGES damages, in the order in which a print meets them; none of the gate family."""
    random = np.random.default_rng(seed)
    count = random.integers(1, MOST_DAMAGES + 1)
    chosen = np.sort(random.choice(len(TRAINING_DAMAGES), count, replace=False))
    steps = [(TRAINING_DAMAGES[which], float(random.uniform(MILDEST, 1))) for which in chosen]
    return damage(pixels, steps, seed)


def _crop(pixels: Pixels, side: int, smallest: float, random: np.random.Generator) -> Pixels:
    """A part of a random share of the area and a random shape, squeezed to a square; all of it where none fits."""
    inner = cut_margin(pixels)
    height, width = inner.shape[:2]
    for _ in range(10):
        area = height * width * random.uniform(smallest, 1)
        ratio = math.exp(random.uniform(math.log(RATIOS[0]), math.log(RATIOS[1])))
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            top, left = random.integers(height - down + 1), random.integers(width - across + 1)
            return resize_to_square(inner[top : top + down, left : left + across], side, "bicubic")
    return resize_to_square(inner, side, "bicubic")


def _flip(view: Pixels, random: np.random.Generator) -> Pixels:
    return view[:, ::-1].copy() if random.random() < 0.5 else view


def _jitter(view: Pixels, random: np.random.Generator) -> Pixels:
    """Brightness, contrast, saturation and hue, each by a random amount, in random order."""
    tones = view.astype(np.float32)
    for change in random.permutation(["brightness", "contrast", "saturation", "hue"]):
        by = random.uniform(1 - JITTER, 1 + JITTER)
        match change:
            case "brightness":
                tones = tones * by
            case "contrast":
                grey = _grey(tones).mean()
                tones = grey + by * (tones - grey)
            case "saturation":
                grey = _grey(tones)
                tones = grey + by * (tones - grey)
            case "hue":
                tones = _turn_hue(tones, random.uniform(-HUE, HUE))
        tones = np.clip(tones, 0, 255).astype(np.float32)
    return np.rint(tones).astype(np.uint8)


def _grey(tones: Tones) -> Tones:
    return np.asarray(tones @ np.array([[0.299], [0.587], [0.114]], np.float32), np.float32)


def _turn_hue(tones: Tones, by: float) -> Tones:
    """by: a share of the colour circle."""
    colours = np.asarray(cv2.cvtColor(tones / 255, cv2.COLOR_RGB2HSV))
    colours[..., 0] = (colours[..., 0] + 360 * by) % 360
    return np.asarray(255 * cv2.cvtColor(colours, cv2.COLOR_HSV2RGB), np.float32)
