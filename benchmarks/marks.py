"""What archives put on their scans or beside them, alike on all: it matches exactly, and makes no two photos a pair."""

import zlib
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
    """A few lines of text below."""
    lines, width = int(random.integers(1, 4)), pixels.shape[1]
    paper, ink = (WHITE, BLACK) if random.random() < 0.5 else (BLACK, WHITE)
    strip = np.full((26 * lines + int(random.integers(10, 40)), width, 3), paper, np.uint8)
    for line in range(lines):
        _write(strip, _words(random, 9), (12, 26 * (line + 1)), random.uniform(0.4, 0.8), ink)
    return np.vstack([pixels, strip])


def add_film_edges(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The perforated margins of a strip of film, with its name."""
    edge, step = int(random.integers(30, 60)), int(random.integers(30, 60))
    strip = np.full((edge, pixels.shape[1], 3), BLACK, np.uint8)
    for left in range(int(random.integers(step)), strip.shape[1], step):
        cv2.rectangle(strip, (left, edge // 4), (left + step // 2, edge - edge // 4), WHITE, -1)
    named = strip.copy()
    _write(named, f"{_words(random, 2)} {random.integers(1000, 9999)}", (step, edge - 3), 0.5, (220, 180, 60))
    return np.vstack([strip, pixels, named])


def add_colour_chart(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Rows of patches of colour and a ruler with its numbers, at the side."""
    rows, patch, tick = int(random.integers(1, 4)), int(random.integers(20, 40)), int(random.integers(6, 14))
    length = pixels.shape[0]
    strip = np.full((64 + patch * rows, length, 3), int(random.integers(90, 180)), np.uint8)
    for row in range(rows):
        for left in range(16, length, patch):
            corner, colour = (left, 40 + patch * row), random.integers(0, 255, 3).tolist()
            cv2.rectangle(strip, corner, (left + patch - 6, corner[1] + patch - 6), colour, -1)
    for number, left in enumerate(range(16, length, tick)):
        cv2.line(strip, (left, 4), (left, 12 if number % 5 else 18), BLACK, 1)
        if number % 10 == 0:
            _write(strip, str(number // 10), (left, 34), 0.45, BLACK)
    _write(strip, _words(random, 3), (16, strip.shape[0] - 6), 0.45, BLACK)
    return np.hstack([np.rot90(strip), pixels])


def add_stamp(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Of the owner, in the lower left corner."""
    stamped, bottom, lines = pixels.copy(), pixels.shape[0], int(random.integers(2, 6))
    ink = tuple(int(value) for value in random.integers(0, 160, 3))
    width, height = int(random.integers(70, 120)), 14 * (lines + 1)
    cv2.ellipse(stamped, (width + 10, bottom - height - 10), (width, height), 0, 0, 360, ink, 2, cv2.LINE_AA)
    for line in range(lines):
        words = _words(random, 1 if width < 90 else 2)
        _write(stamped, words, (width // 2, bottom - 2 * height + 14 + 22 * line), 0.5, ink)
    return mix(pixels, stamped, 0.8)


def add_watermark(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The same words again and again, level or at a slant."""
    written, words = np.zeros_like(pixels), _words(random, 2)
    size, down, across = random.uniform(0.5, 1.0), int(random.integers(45, 90)), int(random.integers(180, 300))
    for row, top in enumerate(range(24, pixels.shape[0], down)):
        for left in range(-across // 2 * (row % 2), pixels.shape[1], across):
            _write(written, words, (left, top), size, WHITE, 2)
    slant = float(random.choice([0, 0, 20, 30, 45]))
    if slant:
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), slant, 1.0)
        written = cv2.warpAffine(written, turn, (width, height), borderMode=cv2.BORDER_WRAP)
    return _lighten(pixels, written, random.uniform(0.4, 0.7))


def add_lettering(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """The owner's name across the middle, as large as the picture, and the address."""
    written, (height, width) = np.zeros_like(pixels), pixels.shape[:2]
    name = _words(random, int(random.integers(1, 3))).upper()
    (length, _), _ = cv2.getTextSize(name, SERIF, 1.0, 4)
    size = random.uniform(0.5, 0.85) * width / length
    font, thickness = (SERIF, 4) if random.random() < 0.5 else (PLAIN, int(random.integers(3, 10)))
    _write(written, name, (int(0.1 * width), height // 2), size, WHITE, thickness, font)
    address = f"www.{name.lower().replace(' ', '-')}.org"
    _write(written, address, (int(0.2 * width), int(0.62 * height)), random.uniform(0.6, 1.1), WHITE, 2)
    return _lighten(pixels, written, random.uniform(0.4, 0.7))


def add_card(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Glued on a card: a printed frame and the name of the studio or of the catalogue, with lines to write on."""
    height, width = pixels.shape[:2]
    paper = random.integers(150, 245) - random.integers(0, 40, 3)
    ink = tuple(int(value) for value in random.integers(20, 110, 3))
    beside, above, below = (_between(random, *of) for of in ((20, 0.5 * width), (20, 90), (110, 0.7 * height)))
    card = np.full((above + height + below, width + 2 * beside, 3), paper, np.uint8)
    cv2.rectangle(card, (8, 8), (card.shape[1] - 9, card.shape[0] - 9), ink, int(random.integers(1, 4)))
    top = above + height + int(random.integers(34, 60))
    _write(card, _words(random, 2).upper(), (beside, top), random.uniform(0.7, 1.3), ink, 2, SERIF)
    for line in range(int(random.integers(0, 5))):
        _write(card, f"{_words(random, 1)} ............................", (beside, top + 28 * (line + 1)), 0.5, ink)
    card[above : above + height, beside : beside + width] = pixels
    return card


def add_web_page(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """On the page of a catalogue: a bar with its name above, its menu at the side, a few lines of text below."""
    height, width = pixels.shape[:2]
    ground, bar = (int(random.integers(low, high)) for low, high in ((215, 256), (20, 140)))
    left, below = _between(random, 40, 0.6 * width), _between(random, 60, 0.8 * height)
    top = int(random.integers(50, 130))
    page = np.full((top + 30 + height + below, left + width + int(random.integers(20, 200)), 3), ground, np.uint8)
    page[: top - 20] = np.clip(bar + random.integers(-20, 60, 3), 0, 255)
    _write(page, _words(random, 3), (20, top // 2 + 8), random.uniform(0.6, 1.0), WHITE, 2)
    for row in range(top + 30, page.shape[0] - 20, 34) if left > 150 else ():
        _write(page, _words(random, 1), (20, row), 0.55, BLACK)
    for row in range(top + height + 30, top + height + below, 26):
        _write(page, _words(random, int(random.integers(3, 8))), (left, row), 0.5, (70, 70, 70))
    page[top : top + height, left : left + width] = pixels
    return page


def add_label(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Of the archive, glued over a part of the picture: printed alike, with a number and in a place of its own."""
    own = np.random.default_rng(zlib.crc32(pixels.tobytes()))
    labelled, (height, width) = pixels.copy(), pixels.shape[:2]
    across, down = int(random.uniform(0.25, 0.55) * width), int(random.uniform(0.2, 0.45) * height)
    left, top = int(own.integers(width - across)), int(own.integers(height - down))
    label = np.full((down, across, 3), random.integers(200, 250) - random.integers(0, 40, 3), np.uint8)
    cv2.rectangle(label, (4, 4), (across - 5, down - 5), BLACK, 1)
    _write(label, _words(random, 2), (12, down // 2 - 6), random.uniform(0.5, 0.9), BLACK)
    _write(label, f"No {own.integers(10_000)}", (12, down // 2 + 24), 0.7, (40, 40, 120), 2)
    labelled[top : top + down, left : left + across] = label
    return labelled


MARKS: dict[str, Mark] = {
    "caption": add_caption,
    "film edges": add_film_edges,
    "colour chart": add_colour_chart,
    "stamp": add_stamp,
    "watermark": add_watermark,
    "lettering": add_lettering,
    "card": add_card,
    "web page": add_web_page,
    "label": add_label,
}


def _lighten(pixels: Pixels, written: Pixels, share: float) -> Pixels:
    """White where something is written, by its share; pixels alike in shape."""
    ink = written.astype(np.float32) / WHITE[0] * share
    return np.asarray(pixels + (255.0 - pixels) * np.clip(ink, 0, 1), np.uint8)


def _between(random: np.random.Generator, least: float, most: float) -> int:
    return int(random.uniform(least, max(least, most)))


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
