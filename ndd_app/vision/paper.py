"""Paper, ink and shadow: what the scan augmentations are drawn with.

A `Mask` says where in a picture something lies. One unit is a pixel at a long side of 640, so that a speck of dust
covers as much of a large scan as of a small one.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.images import Pixels

Mask = npt.NDArray[np.uint8]  # (h, w): 0 nowhere … 255 fully
Colour = tuple[int, int, int]  # RGB
PAPER_WHITE: Colour = (243, 239, 226)


def unit_of(pixels: Pixels) -> float:
    return max(pixels.shape[:2]) / 640


def draw_noise(shape: tuple[int, ...], rng: np.random.Generator, size: float = 1.0) -> Mask:
    """Even noise, 0 … 255 around 128, in soft blotches of about `size` pixels; of the shape only (h, w) counts."""
    height, width = shape[:2]
    rows, columns = int(height / size) + 2, int(width / size) + 2
    noise = np.frombuffer(rng.bytes(rows * columns), np.uint8).reshape(rows, columns)
    if size <= 1:
        return noise[:height, :width]
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def map_tones(pixels: Pixels, curve: npt.NDArray[np.floating]) -> Pixels:
    """Replace the tones 0 … 255 by a curve of shape (256, 3), or (256, 1) for all channels alike."""
    table = np.rint(np.clip(np.broadcast_to(curve, (256, 3)), 0, 255)).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table.reshape(1, 256, 3)), np.uint8)


def stretch_tones(pixels: Pixels, black: Sequence[float], white: Sequence[float]) -> Pixels:
    ramp = np.linspace(0, 1, 256)[:, None]
    return map_tones(pixels, np.asarray(black) * (1 - ramp) + np.asarray(white) * ramp)


def as_rgb(mask: Mask) -> Pixels:
    return np.asarray(cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), np.uint8)


def as_grey(pixels: Pixels) -> Pixels:
    return as_rgb(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))


def multiply(pixels: Pixels, light: Pixels) -> Pixels:
    return np.asarray(cv2.multiply(pixels, light, scale=1 / 255), np.uint8)


def mix(first: Pixels, second: Pixels, share: float) -> Pixels:
    return np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)


def put_over(ground: Pixels, picture: Pixels, mask: Mask) -> Pixels:
    """The picture (as large as the ground) where the mask is, the ground elsewhere."""
    return np.asarray(cv2.add(multiply(ground, as_rgb(~mask)), multiply(picture, as_rgb(mask))), np.uint8)


def paint_over(pixels: Pixels, mask: Mask, colour: Colour) -> Pixels:
    return put_over(pixels, np.full_like(pixels, colour), mask)


def draw_sheet(shape: tuple[int, ...], colour: Colour, rng: np.random.Generator, relief: float) -> Pixels:
    """A sheet of board or paper: fine grain and wide clouds, mostly within ± relief tones of its colour."""
    grain = cv2.GaussianBlur(draw_noise(shape, rng), (0, 0), 0.8)
    clouds = draw_noise(shape, rng, size=max(shape[:2]) / 9)
    texture = np.asarray(cv2.addWeighted(grain, 0.7, clouds, 0.3, 0), np.uint8)
    return stretch_tones(as_rgb(texture), [c - 4 * relief for c in colour], [c + 4 * relief for c in colour])


def lay_down(picture: Pixels, mask: Mask, ground: Pixels, depth: float) -> Pixels:
    """Lay a picture on a ground of its size; where the mask ends its edge casts a soft shadow, depth pixels wide."""
    drop = round(depth)
    height, width = mask.shape
    shadow = np.zeros_like(mask)
    shadow[drop:, drop:] = mask[: height - drop, : width - drop]
    softness = (4 * drop + 1, 4 * drop + 1)
    shadow = np.asarray(cv2.blur(cv2.blur(shadow, softness), softness), np.uint8)
    light = np.asarray(cv2.convertScaleAbs(shadow, alpha=-0.45, beta=255), np.uint8)
    return put_over(multiply(ground, as_rgb(light)), picture, mask)


def write_line(sheet: Pixels, text: str, centre: tuple[int, int], height: float, ink: Colour) -> None:
    """Write a centred line of letters of about this height (pixels) into the sheet."""
    font, scale = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, height / 22
    (width, _), _ = cv2.getTextSize(text, font, scale, 1)
    origin = (round(centre[0] - width / 2), round(centre[1] + height / 2))
    cv2.putText(sheet, text, origin, font, scale, ink, 1, cv2.LINE_AA)
