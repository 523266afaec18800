"""Drawn sheets: forms that are printed alike with different writing on them, pages of print and of writing."""

import numpy as np

from ndd_app.vision.augmentations import damage
from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import draw_sheet, write_line

TEXT = """
    letter front dated third may nineteen twelve sent train station river bridge old church mountain summer portrait
    family wedding soldier market square castle harbour ship snow winter garden school teacher children"""
WORDS = np.array(TEXT.split())
PRINT, INK = (70, 62, 60), (60, 50, 80)
WEAR = [("fading", 0.4), ("rotation", 0.25), ("paper", 0.3), ("jpeg", 0.5), ("size", 0.1)]


def draw_sheets() -> list[tuple[str, Pixels]]:
    """Each with the name of the sheet it is a scan of: forms in 6 kinds of 8, pages of 2 kinds, some scanned twice."""
    sheets = [(f"form {kind} {copy}", draw_form(kind, 100 * kind + copy)) for kind in range(6) for copy in range(8)]
    sheets += [(f"page {size} {copy}", draw_page(size, copy)) for size in (16, 26) for copy in range(12)]
    again = [(name, damage(pixels, WEAR, seed)) for seed, (name, pixels) in enumerate(sheets) if seed % 2]
    return sheets + again


def draw_form(kind: int, seed: int) -> Pixels:
    printed, written = np.random.default_rng(kind), np.random.default_rng(seed)
    sheet = draw_sheet((600, 840), (226, 217, 196), written, relief=4)
    write_line(sheet, " ".join(printed.choice(WORDS, 3)).upper(), (420, 50), 34, PRINT)
    for row in range(120, 560, 60):
        sheet[row : row + 2, 60:790] = PRINT
        if kind % 2:
            write_line(sheet, str(printed.choice(WORDS)), (110, row - 8), 20, PRINT)
        write_line(sheet, " ".join(written.choice(WORDS, 4)), (470 + int(written.integers(-40, 40)), row - 10), 26, INK)
    return sheet


def draw_page(size: int, seed: int) -> Pixels:
    written = np.random.default_rng(1_000 * size + seed)
    sheet = draw_sheet((840, 600), (230, 222, 204), written, relief=3)
    for row in range(60, 800, round(1.6 * size)):
        write_line(sheet, " ".join(written.choice(WORDS, 130 // size)), (300, row), size, PRINT)
    return sheet
