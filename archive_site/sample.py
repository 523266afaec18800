"""The sample collection: photographs that ship with scikit-image, made into prints, plates, cuttings and rescans.

sample.csv is the plan, one row for each file, with these columns before those of the description:

- scene: files of one scene are near-duplicates of each other; empty where there is nothing to compare
- picture: a file of scikit-image, or a part of it (left, top, right, bottom in hundredths), a verso or a text
- side: how long the longer side of the print is, in pixels, before cards and borders are added
- damage: what happened to it, as in augmentations.DAMAGES, each with its severity
- stored: grey, 16 bit, EXIF n (lies turned in the file, as some scanners leave it), cut short, or copy of …
"""

import csv
import io
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage
from PIL import Image

from ndd_app.vision.augmentations import damage
from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import draw_sheet, paint_over, write_line

Row = dict[str, str]

PLAN = Path(__file__).with_name("sample.csv")
PICTURES = Path(skimage.__file__).parent / "data"  # those that come with the package; others would be downloaded
FIELDS = ("identifier", "title", "creator", "date", "place", "subjects", "description", "rights", "source", "notes")
QUARTERS_BACK = {"EXIF 3": 2, "EXIF 6": 1, "EXIF 8": 3}  # how the pixels lie, in quarter turns to the left
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 88}),
    ".png": ("PNG", {"compress_level": 3}),
    ".webp": ("WEBP", {"quality": 85, "method": 2}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
}
STAMP_INK, PENCIL = (96, 84, 132), (92, 88, 86)


def write_sample(folder: Path) -> Path:
    """Write the photos, manifest.csv and the true groups.csv; return the manifest. Nothing is done twice.

    The manifest comes last: without it, or with a file missing, the sample counts as unfinished and is written anew.
    """
    plan = read_plan()
    manifest = folder / "manifest.csv"
    contents = _table(("file", *FIELDS), plan.values())
    files = [folder / "groups.csv", *(folder / name for name in plan)]
    if manifest.is_file() and manifest.read_text("utf-8") == contents and all(file.is_file() for file in files):
        return manifest
    manifest.unlink(missing_ok=True)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        for name, data in zip(plan, pool.map(partial(make_file, plan=plan), plan), strict=True):
            (folder / name).write_bytes(data)
    groups = [{"file": name, "group": row["scene"]} for name, row in plan.items() if row["scene"]]
    (folder / "groups.csv").write_text(_table(("file", "group"), groups), "utf-8")
    manifest.write_text(contents, "utf-8")
    return manifest


def read_plan() -> dict[str, Row]:
    with PLAN.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row for row in csv.DictReader(lines)}


def _table(columns: Sequence[str], rows: Iterable[Row]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def make_file(name: str, plan: dict[str, Row]) -> bytes:
    row, stored = plan[name], plan[name]["stored"]
    if stored.startswith("copy of "):
        return make_file(stored.removeprefix("copy of "), plan)
    kind, _, text = row["picture"].partition(": ")
    if kind == "text":
        return text.encode()
    seed = zlib.crc32(name.encode())
    pixels = draw_verso(text) if kind == "verso" else take_picture(row["picture"])
    scale = int(row["side"]) / max(pixels.shape[:2])
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    enlarged = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return encode(damage(enlarged, _steps(row["damage"]), seed), Path(name).suffix, stored)


def _steps(damages: str) -> list[tuple[str, float]]:
    return [(step.split()[0], float(step.split()[1])) for step in damages.split(", ") if step]


def take_picture(picture: str) -> Pixels:
    """A picture of scikit-image ("moon.png"), or a part of it ("moon.png 0 0 50 100")."""
    name, *part = picture.split()
    pixels = np.array(Image.open(PICTURES / name).convert("RGB"))
    height, width = pixels.shape[:2]
    left, top, right, bottom = (int(hundredths) / 100 for hundredths in part or ("0", "0", "100", "100"))
    return pixels[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def draw_verso(text: str) -> Pixels:
    """The back of a print, 840 × 600: a printed form with a cataloguer's notes and the archive's stamp."""
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    sheet = draw_sheet((600, 840), (226, 217, 196), rng, relief=4)
    for row in range(230, 560, 52):
        cv2.line(sheet, (60, row), (780, row), (176, 166, 150), 1, cv2.LINE_AA)
    for row, line in zip(range(216, 560, 52), text.split(" / "), strict=False):
        write_line(sheet, line, (380 + int(rng.integers(-60, 60)), row - 8), 24, PENCIL)
    stamp = np.zeros_like(sheet)
    cv2.rectangle(stamp, (500, 50), (800, 150), (255, 255, 255), 3, cv2.LINE_AA)
    write_line(stamp, "NDD ARCHIVE", (650, 78), 26, (255, 255, 255))
    write_line(stamp, "reproduction only with permission", (650, 124), 14, (255, 255, 255))
    turn = cv2.getRotationMatrix2D((650, 100), rng.uniform(-6, 6), 1)
    ink = cv2.warpAffine(stamp[..., 0], turn, (840, 600)) * rng.uniform(0.6, 0.9)
    return paint_over(sheet, ink.astype(np.uint8), STAMP_INK)


def encode(pixels: Pixels, suffix: str, stored: str) -> bytes:
    format, options = FORMATS[suffix]
    image = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, QUARTERS_BACK.get(stored, 0))))
    if stored == "grey":
        image = image.convert("L")
    elif stored == "16 bit":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif stored in QUARTERS_BACK:
        image.getexif()[0x0112] = int(stored.removeprefix("EXIF "))
        options = options | {"exif": image.getexif()}
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()[: 20_000 if stored == "cut short" else None]
