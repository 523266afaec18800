"""Drawn sheets: forms and postcard backs that are printed alike and written on differently, pages, stamped cards."""

import cv2
import numpy as np

from ndd_app.vision.augmentations import damage
from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import draw_sheet, paint_over, write_line

TEXT = """
    letter front dated third may nineteen twelve sent train station river bridge old church mountain summer portrait
    family wedding soldier market square castle harbour ship snow winter garden school teacher children"""
WORDS = np.array(TEXT.split())
PRINT, INK = (70, 62, 60), (60, 50, 80)
STAMPS = ((150, 40, 50), (50, 50, 60), (40, 60, 130), (90, 50, 120))
STAINS = [("paper", 0.7), ("light", 0.4), ("jpeg", 0.3)]
WEAR = (
    [("fading", 0.4), ("rotation", 0.25), ("paper", 0.3), ("jpeg", 0.5), ("size", 0.1)],
    STAINS,
    [("crop", 0.6), ("cast", 0.4), ("jpeg", 0.5)],
    [("fold", 0.8)],
    [("blur", 0.6), ("jpeg", 0.8)],
    [("dust", 0.7), ("scratches", 0.5), ("fading", 0.3)],
)


KINDS, COPIES = 6, 8


def draw_sheets(kind: int) -> list[tuple[str, Pixels]]:
    """Each with the name of the sheet it is a scan of; all are scanned twice, the second time in WEAR's ways in turn.

    Forms of one print, pages of one hand, cards under one stamp, most of them stained, and backs of one sort.
    """
    sheets = []
    for copy, seed in enumerate(range(100 * kind, 100 * kind + COPIES)):
        card = draw_card(kind, seed)
        sheets += [
            (f"form {seed}", draw_form(kind, seed)),
            (f"page {seed}", draw_page(16 + 2 * kind, seed)),
            (f"card {seed}", damage(card, STAINS, seed) if copy % 3 else card),
            (f"back {seed}", draw_back(kind, seed)),
        ]
    return sheets + [(name, worn(pixels, way)) for way, (name, pixels) in enumerate(sheets, start=kind)]


def worn(pixels: Pixels, way: int) -> Pixels:
    return damage(pixels, WEAR[way % len(WEAR)], way)


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


def draw_card(kind: int, seed: int) -> Pixels:
    """A few notes, on ruled paper or on plain, under the round stamp that all cards of the kind bear somewhere."""
    printed, written = np.random.default_rng(1_000 + kind), np.random.default_rng(2_000 + seed)
    sheet = draw_sheet((560, 800), (228, 219, 200), written, relief=4)
    gap, words = int(printed.integers(40, 70)), " ".join(printed.choice(WORDS, 2)).upper()
    for row in range(180, 540, gap) if kind % 2 else ():
        cv2.line(sheet, (40, row), (760, row), (180, 172, 160), 1, cv2.LINE_AA)
    for row in range(180, 180 + int(written.integers(2, 6)) * gap, gap):
        write_line(sheet, " ".join(written.choice(WORDS, 3)), (360 + int(written.integers(-90, 90)), row - 12), 22, INK)
    stamp = np.zeros(sheet.shape[:2], np.uint8)
    cv2.ellipse(stamp, (400, 280), (int(printed.integers(80, 150)), 62), 0, 0, 360, 255, 3, cv2.LINE_AA)
    for line, text in enumerate((words, f"No {printed.integers(100, 999)}")):
        write_line(stamp, text, (400, 262 + 36 * line), 20, 255)
    turn = cv2.getRotationMatrix2D((400, 280), written.uniform(-12, 12), 1)
    turn[:, 2] += written.uniform((-220, -180), (220, 200))
    inked = cv2.warpAffine(stamp, turn, sheet.shape[1::-1]) * written.uniform(0.5, 0.9)
    return paint_over(sheet, inked.astype(np.uint8), STAMPS[kind % len(STAMPS)])


def draw_back(kind: int, seed: int) -> Pixels:
    """What is printed is alike on all of the kind; spots, and a letter on half of them, are each one's own."""
    printed, written = np.random.default_rng(3_000 + kind), np.random.default_rng(4_000 + seed)
    sheet = draw_sheet((540, 840), (228, 218, 196), written, relief=float(written.uniform(3, 7)))
    left = int(printed.integers(380, 460))
    cv2.line(sheet, (left, 110), (left, 510), PRINT, 2, cv2.LINE_AA)
    write_line(sheet, " ".join(printed.choice(WORDS, 2)).upper(), (420, 56), 40, PRINT)
    write_line(sheet, " ".join(printed.choice(WORDS, 5)), (420, 92), 16, PRINT)
    for row in range(300, 500, int(printed.integers(40, 60))):
        cv2.line(sheet, (left + 40, row), (790, row), PRINT, 1, cv2.LINE_AA)
    for _ in range(int(written.integers(5, 40))):
        spot = int(written.integers(840)), int(written.integers(540))
        cv2.circle(sheet, spot, int(written.integers(2, 12)), (206, 192, 164), cv2.FILLED, cv2.LINE_AA)
    for row in range(140, 500, 44) if seed % 4 > 1 else ():
        write_line(sheet, " ".join(written.choice(WORDS, 3)), (left // 2 + int(written.integers(10)), row), 24, INK)
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), 0.7), np.uint8)
