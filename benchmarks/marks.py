"""What archives put on their scans or beside them, alike on all: it matches exactly, and makes no two photos a pair."""

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.sheets import WORDS
from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import Colour, mix

WHITE, BLACK = (240, 240, 236), (18, 18, 20)
PLAIN, SERIF = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX

Mark = Callable[[Pixels, np.random.Generator], Pixels]


def mark(pixels: Pixels, kind: str, seed: int) -> Pixels:
    """One of MARKS, with the words, colours and sizes of that seed."""
    return MARKS[kind](pixels, np.random.default_rng(seed))


def add_caption(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A line of text below."""
    height, width = int(random.integers(30, 70)), pixels.shape[1]
    strip = np.full((height, width, 3), WHITE if random.random() < 0.5 else BLACK, np.uint8)
    ink = BLACK if strip[0, 0, 0] == WHITE[0] else WHITE
    _write(strip, _words(random, 9), (12, height // 2 + 6), random.uniform(0.4, 0.8), ink)
    return np.vstack([pixels, strip])


def add_film_edges(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The perforated margins of a strip of film, with its name."""
    edge, step = int(random.integers(30, 50)), int(random.integers(36, 60))
    strip = np.full((edge, pixels.shape[1], 3), BLACK, np.uint8)
    for left in range(int(random.integers(step)), strip.shape[1], step):
        cv2.rectangle(strip, (left, edge // 4), (left + step // 2, edge - edge // 4), WHITE, -1)
    named = strip.copy()
    _write(named, f"{_words(random, 2)} {random.integers(1000, 9999)}", (step, edge - 3), 0.5, (220, 180, 60))
    return np.vstack([strip, pixels, named])


def add_colour_chart(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Patches of colour and a ruler, at the side."""
    strip = np.full((80, pixels.shape[0], 3), int(random.integers(90, 180)), np.uint8)
    for number, colour in enumerate(random.integers(0, 255, (int(random.integers(6, 14)), 3)).tolist()):
        cv2.rectangle(strip, (16 + 34 * number, 24), (44 + 34 * number, 60), colour, -1)
    for number in range(48):
        cv2.line(strip, (16 + 9 * number, 4), (16 + 9 * number, 10 if number % 5 else 18), BLACK, 1)
    _write(strip, _words(random, 3), (16, 76), 0.45, BLACK)
    return np.hstack([np.rot90(strip), pixels])


def add_stamp(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Of the owner, in the lower left corner."""
    stamped, bottom = pixels.copy(), pixels.shape[0]
    ink = tuple(int(value) for value in random.integers(0, 160, 3))
    cv2.ellipse(stamped, (80, bottom - 50), (70, 40), 0, 0, 360, ink, 2, cv2.LINE_AA)
    for line in range(3):
        _write(stamped, _words(random, 1), (32, bottom - 66 + 20 * line), 0.5, ink)
    return mix(pixels, stamped, 0.8)


def add_watermark(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The same words again and again."""
    written, words = pixels.copy(), _words(random, 2)
    size, down, across = random.uniform(0.5, 1.0), int(random.integers(45, 90)), int(random.integers(180, 300))
    for row, top in enumerate(range(24, pixels.shape[0], down)):
        for left in range(-across // 2 * (row % 2), pixels.shape[1], across):
            _write(written, words, (left, top), size, WHITE, 2)
    return mix(pixels, written, random.uniform(0.4, 0.7))


def add_lettering(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The owner's name across the middle, as large as the picture."""
    written, (height, width) = pixels.copy(), pixels.shape[:2]
    name = _words(random, 2).upper()
    (length, _), _ = cv2.getTextSize(name, SERIF, 1.0, 4)
    size = 0.8 * width / length
    _write(written, name, (int(0.1 * width), height // 2), size, WHITE, 4, SERIF)
    _write(written, f"www.{name.lower().replace(' ', '-')}.org", (int(0.25 * width), int(0.62 * height)), 0.8, WHITE, 2)
    return mix(pixels, written, 0.5)


MARKS: dict[str, Mark] = {
    "caption": add_caption,
    "film edges": add_film_edges,
    "colour chart": add_colour_chart,
    "stamp": add_stamp,
    "watermark": add_watermark,
    "lettering": add_lettering,
}


def _words(random: np.random.Generator, number: int) -> str:
    return " ".join(random.choice(WORDS, number)).capitalize()


def _write(
    pixels: Pixels,
    words: str,
    origin: tuple[int, int],
    size: float,
    ink: Colour | tuple[int, ...],
    thickness: int = 1,
    font: int = PLAIN,
) -> None:
    cv2.putText(pixels, words, origin, font, size, ink, thickness, cv2.LINE_AA)
