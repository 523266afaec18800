"""What the years do to a print or plate: stains, folds, dust, scratches, grain (see augmentations.py for the rules)."""

import cv2
import numpy as np

from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import PAPER_WHITE, as_rgb, draw_noise, multiply, paint_over, unit_of


def age_paper(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is coarse paper (grain of ± 8 tones), edges browned by a third, a dozen foxing spots."""
    height, width = pixels.shape[:2]
    y, x = np.linspace(-1, 1, 160)[:, None], np.linspace(-1, 1, 160)
    edge = np.maximum(abs(x), abs(y)) ** 6 * (0.5 + draw_noise((160, 160), rng, size=25) / 255)
    spots = np.zeros((160, 160), np.uint8)
    for _ in range(round(12 * severity)):
        at = int(rng.integers(160)), int(rng.integers(160))
        cv2.circle(spots, at, int(rng.integers(1, 4)), int(rng.integers(60, 200)), -1)
    brown = 0.55 * edge + cv2.GaussianBlur(spots, (0, 0), 1.2) / 255
    stain = 255 * (1 - severity * brown[..., None] * np.array([0.25, 0.42, 0.62]))
    stain = cv2.resize(np.clip(stain, 0, 255).astype(np.uint8), (width, height))
    fibres = cv2.GaussianBlur(draw_noise(pixels.shape, rng), (0, 0), 0.9 * max(1, unit_of(pixels)))
    grain = cv2.convertScaleAbs(fibres, alpha=0.35 * severity, beta=255 - 63 * severity)
    return multiply(multiply(pixels, np.asarray(stain, np.uint8)), as_rgb(np.asarray(grain, np.uint8)))


def fold(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a crease right across with broken emulsion, 3 units wide, and a shadow of a third beside it."""
    height, width = pixels.shape[:2]
    tilt = rng.uniform(-0.12, 0.12) + rng.choice((0, np.pi / 2))
    across, down = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    x = np.arange(width, dtype=np.float32) - width * rng.uniform(0.3, 0.7)
    y = np.arange(height, dtype=np.float32) - height * rng.uniform(0.3, 0.7)
    distance = (across * x + down * y[:, None]) / np.float32(unit_of(pixels))
    wobble = draw_noise(pixels.shape, rng, size=max(2.0, 5 * unit_of(pixels))) / np.float32(255) - np.float32(0.5)
    distance += 2 * wobble
    valley = np.exp(-np.maximum(distance, 0) / 9) * (distance > -1)
    shade = (255 * (1 - 0.33 * severity * valley)).astype(np.uint8)
    crease = np.exp(-((distance / (0.6 + 0.9 * severity)) ** 2)) * np.minimum(1, 0.75 + wobble)
    return paint_over(multiply(pixels, as_rgb(shade)), (235 * severity * crease).astype(np.uint8), PAPER_WHITE)


def sprinkle_dust(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is 220 specks and 16 hairs, three in four of them light."""
    unit = unit_of(pixels)
    size = np.array(pixels.shape[1::-1])
    masks = [np.zeros(pixels.shape[:2], np.uint8) for _ in range(2)]
    fine = 16  # cv2 takes coordinates in 1/16 pixels (shift=4)
    for _ in range(round(220 * severity)):
        mask = masks[int(rng.random() < 0.25)]
        radius = unit * (0.35 + rng.exponential(0.55))
        at = (rng.random(2) * size * fine).astype(int)
        tone = int(rng.integers(90, 256))
        axes = (round(radius * fine), round(radius * rng.uniform(0.5, 1) * fine))
        cv2.ellipse(mask, at.tolist(), axes, rng.uniform(0, 180), 0, 360, tone, -1, cv2.LINE_AA, 4)
    for _ in range(round(16 * severity)):
        mask = masks[int(rng.random() < 0.25)]
        bearing = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0.15, 0.4, 12))
        steps = unit * rng.uniform(2, 5) * np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
        hair = (rng.random(2) * size + np.cumsum(steps, axis=0)) * fine
        cv2.polylines(mask, [hair.astype(np.int32)], False, int(rng.integers(90, 220)), 1, cv2.LINE_AA, 4)
    light, dark = masks
    return paint_over(paint_over(pixels, light, PAPER_WHITE), dark, (30, 26, 22))


def scratch(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is 14 scratches, 15 to 90 % of the long side, mostly along one direction."""
    length = max(pixels.shape[:2])
    size = np.array(pixels.shape[1::-1])
    mask = np.zeros(pixels.shape[:2], np.uint8)
    main = rng.choice((0, np.pi / 2)) + rng.normal(0, 0.08)
    for _ in range(round(14 * severity)):
        bearing = main + rng.normal(0, 0.05) if rng.random() < 0.8 else rng.uniform(0, np.pi)
        reach = np.linspace(-0.5, 0.5, 9)[:, None] * length * rng.uniform(0.15, 0.9)
        line = rng.random(2) * size + reach * np.array([np.cos(bearing), np.sin(bearing)])
        line += rng.normal(0, 0.4 * unit_of(pixels), line.shape)
        thick = max(1, round(unit_of(pixels) * rng.uniform(0.4, 1.2)))
        cv2.polylines(mask, [(line * 16).astype(np.int32)], False, int(rng.integers(120, 250)), thick, cv2.LINE_AA, 4)
    mask[draw_noise(pixels.shape, rng, size=9 * max(1, unit_of(pixels))) < 70] = 0  # a scratch skips
    return paint_over(pixels, mask, PAPER_WHITE if rng.random() < 0.75 else (22, 18, 16))


def add_grain(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is silver grain of ± 16 tones (standard deviation), about one unit wide."""
    grain = cv2.GaussianBlur(draw_noise(pixels.shape, rng), (0, 0), 0.6 * max(1.0, unit_of(pixels)))
    strength = 0.45 * severity
    grain = as_rgb(np.asarray(grain, np.uint8))
    return np.asarray(cv2.addWeighted(pixels, 1, grain, strength, -127 * strength), np.uint8)
