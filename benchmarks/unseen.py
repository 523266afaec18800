"""Damages drawn otherwise than what trainings, receipts and priors draw, and some of sorts that none of them knows."""

from collections.abc import Callable

import cv2
import numpy as np

from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import as_grey

Harm = Callable[[Pixels, np.random.Generator], Pixels]


def harm(pixels: Pixels, kind: str, seed: int) -> Pixels:
    """One of UNSEEN."""
    return np.ascontiguousarray(UNSEEN[kind](pixels, np.random.default_rng(seed)))


def photograph_at_a_slant(pixels: Pixels, random: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = 0.8 * corners + (0.1 + random.uniform(-0.13, 0.13, (4, 2))) * (width, height)
    slant = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return np.asarray(cv2.warpPerspective(pixels, slant, (width, height), borderValue=(90, 70, 50)))


def cover_with_a_label(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A fifth of the picture."""
    height, width = pixels.shape[:2]
    across, down = int(0.45 * width), int(0.42 * height)
    left, top = int(random.integers(width - across)), int(random.integers(height - down))
    covered = pixels.copy()
    covered[top : top + down, left : left + across] = (238, 232, 215)
    number = f"Inv. {random.integers(9999)}"
    cv2.putText(covered, number, (left + 8, top + down // 2), 0, width / 500, (40, 40, 60), 2, cv2.LINE_AA)
    return covered


def keep_a_thumbnail(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """160 pixels, enlarged again."""
    size = pixels.shape[1::-1]
    share = 160 / max(size)
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))


def photocopy(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Black and white, each part by the tones around it."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(float)
    around = cv2.GaussianBlur(grey, (0, 0), grey.shape[1] / 20)
    ink = 255 / (1 + np.exp((0.95 * around - grey) / 6)) + random.normal(0, 18, grey.shape)
    return np.asarray(cv2.cvtColor(np.clip(ink, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB))


def curl(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """In waves of 1 to 3 % of the width."""
    height, width = pixels.shape[:2]
    down, across = np.indices((height, width), np.float32)
    high, one, other = random.uniform(0.012, 0.025) * width, random.uniform(1, 2), random.uniform(1, 2.5)
    column = across + high * np.sin(one * np.pi * down / height)
    row = down + high * np.sin(other * np.pi * across / width)
    lies = np.stack([column, row], axis=2).astype(np.float32)
    return np.asarray(cv2.remap(pixels, lies, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def cut_in_half(pixels: Pixels, random: np.random.Generator) -> Pixels:
    middle = pixels.shape[1] // 2
    return pixels[:, :middle] if random.random() < 0.5 else pixels[:, middle:]


def colour_by_hand(pixels: Pixels, random: np.random.Generator) -> Pixels:
    coloured, (height, width) = as_grey(pixels).astype(float), pixels.shape[:2]
    for _ in range(6):
        spot = np.zeros((height, width), np.float32)
        place = int(random.integers(width)), int(random.integers(height))
        cv2.circle(spot, place, int(random.uniform(0.1, 0.3) * width), 1, cv2.FILLED)
        spot = cv2.GaussianBlur(spot, (0, 0), width / 30)
        coloured *= 1 + spot[..., None] * (random.uniform(0.5, 1.3, 3) - 1)
    return np.clip(coloured, 0, 255).astype(np.uint8)


def tear_and_stain(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A corner is gone, and something wet stood on it."""
    torn, (height, width) = pixels.copy(), pixels.shape[:2]
    corner = np.array(((0, 0), (0, height), (width, 0), (width, height))[int(random.integers(4))])
    steps = np.array([(0, 0), (0.55, 0), random.uniform(0.2, 0.4, 2), (0, 0.6)]) * (width, height)
    cv2.fillPoly(torn, [np.abs(corner - steps).astype(np.int32)], (245, 245, 245))
    wet = np.zeros((height, width), np.float32)
    place, size = (int(random.integers(width)), int(random.integers(height))), (int(0.3 * width), int(0.25 * height))
    cv2.ellipse(wet, place, size, float(random.uniform(0, 180)), 0, 360, 1, cv2.FILLED)
    soft = cv2.GaussianBlur(wet, (0, 0), 4)
    edge = np.clip(2 * np.abs(soft - cv2.GaussianBlur(wet, (0, 0), 9)), 0, 0.5)
    stained = torn * (1 - 0.25 * soft[..., None] * [0.6, 0.8, 1.2]) * (1 - edge[..., None])
    return np.clip(stained, 0, 255).astype(np.uint8)


def lay_askew(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """By 20° to 35°."""
    height, width = pixels.shape[:2]
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), random.choice([-1, 1]) * random.uniform(20, 35), 0.85)
    return np.asarray(cv2.warpAffine(pixels, turned, (width, height), borderValue=(20, 20, 20)))


def put_on_a_screen(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A picture of the web page on which it stands, with lines of text that differ in a number."""
    height, width = pixels.shape[:2]
    screen = np.full((int(1.9 * height), int(1.7 * width), 3), (235, 238, 242), np.uint8)
    screen[:40] = (50, 60, 80)
    top, left = int(0.4 * height), int(0.15 * width)
    screen[top : top + height, left : left + width] = pixels
    for line in range(6):
        text, place = f"The archive of the town, page {random.integers(99)}", (left, top + height + 30 + 28 * line)
        cv2.putText(screen, text, place, 0, 0.7, (60, 60, 60), 1, cv2.LINE_AA)
    return screen


UNSEEN: dict[str, Harm] = {
    "at a slant": photograph_at_a_slant,
    "label": cover_with_a_label,
    "thumbnail": keep_a_thumbnail,
    "photocopy": photocopy,
    "curled": curl,
    "half": cut_in_half,
    "hand-coloured": colour_by_hand,
    "torn, stained": tear_and_stain,
    "askew": lay_askew,
    "on a screen": put_on_a_screen,
}
