"""Figures 6 and 7: for some queries the first photos that each method finds; right ones have a green frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ndd_app.vision.images import Pixels
from ndd_app.vision.reproduction.photos import Collection

SIDE, FRAME, GAP, TITLE = 112, 5, 6, 22
RIGHT, WRONG, QUERY = (40, 140, 60), (190, 50, 40), (120, 120, 120)


def draw_strips(
    folder: Path,
    name: str,
    gallery: Collection,
    shown: Mapping[str, Mapping[str, Sequence[int]]],
) -> list[Path]:
    """One PNG a query, one strip a method. shown: by the method's name and the query's number, the numbers found."""
    folder.mkdir(parents=True, exist_ok=True)
    queries = list(dict.fromkeys(query for found in shown.values() for query in found))
    files = []
    for place, query in enumerate(queries, start=1):
        strips = [_strip(method, int(query), found[query], gallery) for method, found in shown.items()]
        width = max(strip.shape[1] for strip in strips)
        sheet = np.concatenate([_widen(strip, width) for strip in strips])
        files.append(folder / f"{name}-{place}.png")
        files[-1].write_bytes(cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes())
    return files


def _strip(method: str, query: int, found: Sequence[int], gallery: Collection) -> Pixels:
    numbers = np.array([number for number in found if number >= 0], np.int64)
    right = gallery.relevance.contains(np.full(len(numbers), query), numbers)
    tiles = [_tile(gallery.photos.picture(query), QUERY)]
    tiles += [
        _tile(gallery.photos.picture(int(n)), RIGHT if good else WRONG) for n, good in zip(numbers, right, strict=True)
    ]
    row = np.concatenate(tiles, axis=1)
    title = np.full((TITLE, row.shape[1], 3), 255, np.uint8)
    cv2.putText(title, method, (2, TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    return np.concatenate([title, row])


def _tile(pixels: Pixels, colour: tuple[int, int, int]) -> Pixels:
    tile = np.full((SIDE + 2 * FRAME + GAP, SIDE + 2 * FRAME + GAP, 3), 255, np.uint8)
    tile[: SIDE + 2 * FRAME, : SIDE + 2 * FRAME] = colour
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    top, left = FRAME + (SIDE - size[1]) // 2, FRAME + (SIDE - size[0]) // 2
    tile[FRAME : FRAME + SIDE, FRAME : FRAME + SIDE] = 255
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def _widen(strip: Pixels, width: int) -> Pixels:
    return np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), constant_values=255)
