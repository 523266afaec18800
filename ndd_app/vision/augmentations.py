"""What prints and scanners do to a photograph, drawn with numpy and OpenCV.

Every damage is a pure function of the pixels, a random generator (where it falls) and a severity (how strong it is):
0 changes next to nothing, 1 is the worst that is usual in archives, values between are steps on the way. The
docstrings say in numbers what 1 means. Sizes grow with the picture: one unit is a pixel at a long side of 640.

Mirror, quarter turn and negative either happen or not: any severity above 0 applies them.
"""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import numpy.typing as npt

from ndd_app.vision.images import Pixels, encode_jpeg, read_working_copy
from ndd_app.vision.paper import (
    PAPER_WHITE,
    Colour,
    Mask,
    as_grey,
    as_rgb,
    draw_noise,
    draw_sheet,
    lay_down,
    map_tones,
    mix,
    multiply,
    stretch_tones,
    unit_of,
    write_line,
)
from ndd_app.vision.wear import add_grain, age_paper, fold, scratch, sprinkle_dust

Damage = Callable[[Pixels, np.random.Generator, float], Pixels]

SCANNER_BEDS: tuple[Colour, ...] = ((236, 236, 232), (214, 214, 212), (24, 24, 26))
CARDS: tuple[tuple[Colour, Colour], ...] = (  # the card, its ink
    ((222, 209, 180), (92, 72, 50)),
    ((202, 192, 172), (70, 60, 50)),
    ((148, 143, 132), (52, 48, 44)),
    ((74, 82, 70), (196, 176, 118)),
    ((48, 42, 39), (204, 180, 124)),
)
IMPRINTS = (
    ("Atelier H. Lindqvist", "Storgatan 12"),
    ("Foto-Kabinett Brandt & Sohn", "Vergrösserungen nach jedem Bilde"),
    ("Studio Moreau", "Les clichés sont conservés"),
    ("J. Whitcombe, Photographer", "Negatives kept"),
    ("Phot. Archive", "Not to be reproduced"),
)


def _lay_on_scanner(picture: Pixels, mask: Mask, depth: float, rng: np.random.Generator) -> Pixels:
    bed = draw_sheet(mask.shape, SCANNER_BEDS[rng.integers(len(SCANNER_BEDS))], rng, relief=1.5)
    return lay_down(picture, mask, bed, depth)


# --- where the picture lies and how much of it is there -------------------------------------------------------------


def crop_to_part(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 keeps 60 % of the width and of the height, anywhere in the picture."""
    height, width = pixels.shape[:2]
    kept = 1 - 0.4 * severity
    rows, columns = max(1, round(height * kept)), max(1, round(width * kept))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    return pixels[top : top + rows, left : left + columns].copy()


def rotate_on_scanner(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 lies 10° askew, to either side; the scanner's bed shows in the corners."""
    height, width = pixels.shape[:2]
    angle = np.deg2rad(10 * severity * rng.choice((-1, 1)))
    cos, sin = np.cos(angle), np.sin(angle)
    wide, high = round(width * cos + height * abs(sin)), round(height * cos + width * abs(sin))
    around = np.array([[cos, sin, 0], [-sin, cos, 0]])
    around[:, 2] = np.array([wide - 1, high - 1]) / 2 - around[:, :2] @ np.array([width - 1, height - 1]) / 2
    turned = cv2.warpAffine(pixels, around, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(np.full((height, width), 255, np.uint8), around, (wide, high))
    depth = 3 * severity * unit_of(pixels)
    return _lay_on_scanner(np.asarray(turned, np.uint8), np.asarray(mask, np.uint8), depth, rng)


def turn_by_quarters(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """Turned by 90°, 180° or 270°."""
    return np.rot90(pixels, int(rng.integers(1, 4)) if severity else 0).copy()


def mirror(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """Left for right: a plate or slide that was scanned from its back."""
    return pixels[:, ::-1].copy() if severity else pixels.copy()


def reduce_size(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a quarter of the width and height."""
    height, width = pixels.shape[:2]
    size = max(1, round(width * (1 - 0.75 * severity))), max(1, round(height * (1 - 0.75 * severity)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


# --- tones and colours ----------------------------------------------------------------------------------------------


def fade(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 leaves about half of the contrast: brownish grey instead of black, yellowed paper instead of white."""
    tired = rng.uniform(0.9, 1.1)
    black = severity * tired * np.array([112, 94, 80])
    white = 255 - severity * tired * np.array([10, 24, 58])
    return stretch_tones(pixels, black.tolist(), white.tolist())


def change_contrast(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a slope of 2.2 (hard paper) or 0.45 (soft paper), up to a stop too light or too dark."""
    slope = 1 + 1.2 * severity if rng.random() < 0.5 else 1 - 0.55 * severity
    exposed = np.linspace(0, 1, 256) ** (2 ** (severity * rng.uniform(-1, 1)))
    return map_tones(pixels, 255 * (0.5 + slope * (exposed[:, None] - 0.5)))


def cast_colour(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 takes 40 % from one channel, a part of it from another and nothing from the third."""
    loss = rng.permutation([0.0, rng.random(), 1.0])
    return stretch_tones(pixels, (0, 0, 0), (255 * (1 - 0.4 * severity * loss)).tolist())


def tone_sepia(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a print in one warm brown."""
    warmth = rng.uniform(0.8, 1.2)
    white = (246, 250 - 20 * warmth, 246 - 48 * warmth)
    return mix(pixels, stretch_tones(as_grey(pixels), (44, 28, 18), white), severity)


def drop_colour(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is black and white."""
    return mix(pixels, as_grey(pixels), severity)


def make_negative(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """A negative: near 0 on clear base (glass), 1 on the orange base of colour film."""
    if not severity:
        return pixels.copy()
    return stretch_tones(pixels, (255 - severity * np.array([4, 70, 140])).tolist(), (0, 0, 0))


def light_unevenly(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 loses 65 % of the light in the corners, and a quarter from one side to the other."""
    y, x = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 24), indexing="ij")
    bearing = rng.uniform(0, 2 * np.pi)
    corners = 0.65 * (x**2 + y**2) / 2
    slope = 0.125 * (1 + x * np.cos(bearing) + y * np.sin(bearing))
    light = np.rint(255 * np.clip(1 - severity * (corners**1.3 + slope), 0, 1)).astype(np.uint8)
    field = np.asarray(cv2.resize(light, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
    return multiply(pixels, as_rgb(field))


# --- paper and board ------------------------------------------------------------------------------------------------


def mount_on_card(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a card that adds 14 % of the long side left, right and above, 22 % below, with the studio's imprint."""
    height, width = pixels.shape[:2]
    margin, foot = round(0.14 * severity * max(height, width)), round(0.22 * severity * max(height, width))
    card, ink = CARDS[rng.integers(len(CARDS))]
    sheet = draw_sheet((height + margin + foot, width + 2 * margin), card, rng, relief=5)
    picture, mask = np.zeros_like(sheet), np.zeros(sheet.shape[:2], np.uint8)
    picture[margin : margin + height, margin : margin + width] = pixels
    mask[margin : margin + height, margin : margin + width] = 255
    if margin >= 8:
        gap = margin // 4
        corner = (margin + width + gap, margin + height + gap)
        cv2.rectangle(sheet, (margin - gap, margin - gap), corner, ink, max(1, margin // 40), cv2.LINE_AA)
        name, line = IMPRINTS[rng.integers(len(IMPRINTS))]
        middle, below = sheet.shape[1] // 2, margin + height
        write_line(sheet, name, (middle, below + round(0.52 * foot)), 0.19 * foot, ink)
        write_line(sheet, line, (middle, below + round(0.76 * foot)), 0.11 * foot, ink)
    return lay_down(picture, mask, sheet, depth=3 * severity * unit_of(pixels))


def add_border(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a white edge of 6 % of the long side with a deckled cut, lying on the scanner's bed."""
    height, width = pixels.shape[:2]
    edge = round(0.06 * severity * max(height, width))
    bed_edge = edge // 3
    paper = draw_sheet((height + 2 * edge, width + 2 * edge), PAPER_WHITE, rng, relief=2)
    paper[edge : edge + height, edge : edge + width] = pixels
    picture = cv2.copyMakeBorder(paper, bed_edge, bed_edge, bed_edge, bed_edge, cv2.BORDER_REPLICATE)
    high, wide = picture.shape[:2]
    depths = []
    for length in (wide, wide, high, high):  # how far each cut runs inside the outer line: above, below, left, right
        wave = draw_noise((1, length), rng, size=max(1.5, 6 * unit_of(pixels)))[0] / 255
        depths.append(bed_edge * (0.75 + 0.5 * wave))
    rows, columns = np.arange(high)[:, None], np.arange(wide)
    inside = (rows >= depths[0]) & (high - 1 - rows >= depths[1])
    inside &= (columns >= depths[2][:, None]) & (wide - 1 - columns >= depths[3][:, None])
    return _lay_on_scanner(np.asarray(picture, np.uint8), 255 * inside.astype(np.uint8), bed_edge / 4, rng)


# --- printing and saving --------------------------------------------------------------------------------------------


def print_halftone(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is nothing but ink dots, 180 to the long side (a newspaper); colour has three screens, grey has one."""
    coloured = bool(np.any(np.ptp(pixels[::7, ::7].astype(np.int16), axis=2) > 12))
    angles = (15, 75, 45) if coloured else (45,)
    inks = pixels if coloured else as_grey(pixels)[..., :1]
    pitch = max(2.5, 3.5 * unit_of(pixels))  # below 2.5 pixels no dots would be left, only moiré
    printed = np.empty_like(pixels)
    for ink, angle in enumerate(angles):
        screen = 127.5 + 64 * _wave(pixels.shape, pitch, angle, rng)  # the tone at which a dot begins
        dots = 127.5 + 4 * (inks[..., ink] - screen)  # not all or nothing: ink spreads
        printed[..., ink] = np.clip(dots, 0, 255)
    printed[..., len(angles) :] = printed[..., :1]
    return mix(pixels, stretch_tones(printed, (34, 31, 32), PAPER_WHITE), severity)


def _wave(shape: tuple[int, ...], period: float, angle: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """cos u + cos v (height, width), u and v at right angles, turned by angle degrees, period in pixels.

    As u and v are linear in x and y, cos u is made of outer products of rows and columns: no cosine per pixel.
    """
    wave = np.zeros(shape[:2], np.float32)
    for bearing in np.deg2rad((angle, angle + 90)):
        along = 2 * np.pi / period * np.array([np.cos(bearing), np.sin(bearing)])
        columns = np.exp(1j * (along[0] * np.arange(shape[1]) + rng.uniform(0, 2 * np.pi))).astype(np.complex64)
        rows = np.exp(1j * along[1] * np.arange(shape[0])).astype(np.complex64)
        wave += np.outer(rows.real, columns.real) - np.outer(rows.imag, columns.imag)
    return wave


def blur(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """1 is a Gaussian of 2.5 units."""
    if not severity:
        return pixels.copy()
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.5 * severity * unit_of(pixels)), np.uint8)


def compress(pixels: Pixels, rng: np.random.Generator, severity: float) -> Pixels:
    """0 is JPEG quality 95, 1 is quality 15."""
    return read_working_copy(encode_jpeg(pixels, quality=round(95 - 80 * severity)))


DAMAGES: dict[str, Damage] = {
    "crop": crop_to_part,
    "rotation": rotate_on_scanner,
    "turn": turn_by_quarters,
    "mirror": mirror,
    "size": reduce_size,
    "fading": fade,
    "contrast": change_contrast,
    "cast": cast_colour,
    "sepia": tone_sepia,
    "grey": drop_colour,
    "negative": make_negative,
    "light": light_unevenly,
    "mount": mount_on_card,
    "border": add_border,
    "paper": age_paper,
    "fold": fold,
    "dust": sprinkle_dust,
    "scratches": scratch,
    "grain": add_grain,
    "halftone": print_halftone,
    "blur": blur,
    "jpeg": compress,
}


FAMILIES: dict[str, tuple[str, ...]] = {
    "frame": ("crop", "rotation", "turn", "mirror", "size"),
    "tone": ("fading", "contrast", "cast", "sepia", "grey", "negative", "light"),
    "board": ("mount", "border", "paper"),
    "wear": ("fold", "dust", "scratches", "grain"),
    "print": ("halftone", "blur", "jpeg"),
}
"""Damages that come about in one way."""
GATE_FAMILY = "wear"
"""No training may draw from this family: the receipt judges every encoder by it."""


def damage(pixels: Pixels, steps: Iterable[tuple[str, float]], seed: int) -> Pixels:
    """Apply damages in order: damage(pixels, [("sepia", 0.7), ("mount", 1.0)], seed=4)."""
    rng = np.random.default_rng(seed)
    for name, severity in steps:
        pixels = DAMAGES[name](pixels, rng, severity)
    return pixels
