"""Drawn photographs, the same ones damaged, and files and archives broken in every way that ingest must survive."""

import io
import stat
import struct
import zipfile
import zlib
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

from ndd_app.vision.images import Pixels


def draw_photo(seed: int, width: int = 320, height: int = 240) -> Pixels:
    """A scene of shapes before a cloudy sky, grainy like a scan: the same for the same seed, unlike for any other."""
    random = np.random.default_rng(seed)
    clouds = random.integers(60, 200, (5, 6, 1)) + random.integers(-25, 26, (5, 6, 3))
    scene = cv2.resize(clouds.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        colour = tuple(map(int, (random.integers(20, 236) + random.integers(-40, 41, 3)).clip(0, 255)))
        x, y = (int(random.integers(0, side)) for side in (width, height))
        across, tall = (int(random.integers(side // 40 + 1, side // 5 + 2)) for side in (width, height))
        match random.integers(3):
            case 0:
                cv2.rectangle(scene, (x, y), (x + across, y + tall), colour, -1)
            case 1:
                cv2.ellipse(scene, (x, y), (across, tall), float(random.integers(180)), 0, 360, colour, -1)
            case _:
                cv2.line(scene, (x, y), (x + 2 * across, y - tall), colour, 1 + across // 8, cv2.LINE_AA)
    grain = random.normal(0, 4, (height, width, 1))
    return np.clip(scene + grain, 0, 255).astype(np.uint8)


# --- the same photograph, scanned again or damaged ------------------------------------------------------------------


def captioned(pixels: Pixels) -> Pixels:
    """As all scans of one archive are."""
    strip = np.full((40, pixels.shape[1], 3), 240, np.uint8)
    cv2.putText(strip, "City archive, only with permission", (8, 26), 0, 0.7, (20, 20, 20), 1, cv2.LINE_AA)
    return np.vstack([pixels, strip])


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def cropped(pixels: Pixels, kept: float = 0.8) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = round(height * (1 - kept) / 2), round(width * (1 - kept) / 2)
    return pixels[top : height - top, left : width - left].copy()


def mirrored(pixels: Pixels) -> Pixels:
    return pixels[:, ::-1].copy()


def negative(pixels: Pixels) -> Pixels:
    return 255 - pixels


def faded(pixels: Pixels) -> Pixels:
    return (90 + pixels * 0.5).astype(np.uint8)


# --- files ----------------------------------------------------------------------------------------------------------


def exif(orientation: int) -> bytes:
    data = Image.Exif()
    data[274] = orientation
    return data.tobytes() if orientation != 1 else b""


def jpeg(pixels: Pixels, *, orientation: int = 1, **how: Any) -> bytes:
    return _saved(Image.fromarray(pixels), "JPEG", **{"quality": 92, "exif": exif(orientation)} | how)


def png(pixels: Pixels | Image.Image, **how: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    return _saved(image, "PNG", compress_level=1, **how)


def webp(pixels: Pixels, **how: Any) -> bytes:
    return _saved(Image.fromarray(pixels), "WEBP", **how)


def gif(*frames: Pixels) -> bytes:
    first, *others = (Image.fromarray(frame) for frame in frames)
    return _saved(first, "GIF", save_all=True, append_images=others)


def tiff(values: np.ndarray, *, orientation: int = 1, **how: Any) -> bytes:
    """Of any shape and depth that tifffile writes; (pages, height, width, 3) gives a page for each."""
    file = io.BytesIO()
    tifffile.imwrite(file, values, extratags=[(274, "H", 1, orientation, True)], metadata=None, **how)
    return file.getvalue()


def png16(values: np.ndarray) -> bytes:
    """Grey, RGB or RGBA values of 16 bits."""
    order = values[..., [2, 1, 0, 3][: values.shape[2]]] if values.ndim == 3 else values
    return cv2.imencode(".png", order)[1].tobytes()


def deepen(values: np.ndarray, bits: int = 16) -> np.ndarray:
    """The same picture in 16-bit values, of which `bits` are used."""
    return np.round(values * ((2**bits - 1) / 255)).astype(np.uint16)


def cmyk_jpeg(pixels: Pixels) -> bytes:
    return _saved(Image.fromarray(pixels).convert("CMYK"), "JPEG", quality=95)


def colour_profile(kind: str = "sRGB") -> bytes:
    """A real ICC profile: 'sRGB', or 'swapped' (sRGB with red and blue exchanged, so that its use can be seen)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if kind == "swapped":
        red, blue = (profile.index(tag, 128) for tag in (b"rXYZ", b"bXYZ"))
        profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def _saved(image: Image.Image, format: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **how)
    return file.getvalue()


# --- broken files ---------------------------------------------------------------------------------------------------


def truncated_jpeg(seed: int = 1) -> bytes:
    whole = jpeg(draw_photo(seed))
    return whole[: len(whole) // 2]


def corrupt_png(seed: int = 1) -> bytes:
    data = bytearray(png(draw_photo(seed)))
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    return bytes(data)


def png_header_claiming(width: int, height: int) -> bytes:
    """A small file that promises a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


TEXT = b"Box 12, shelf 3: not a picture.\n"


# --- archives, sound and broken -------------------------------------------------------------------------------------


def zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def zip_with_link(name: str, target: str) -> bytes:
    file, link = io.BytesIO(), zipfile.ZipInfo(name)
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, target)
    return file.getvalue()


def zip_encrypted(name: str, data: bytes) -> bytes:
    """A member marked as encrypted, in its own header and in the archive's directory."""
    archive = bytearray(zip_of({name: data}))
    archive[6] |= 1
    archive[archive.index(b"PK\1\2") + 8] |= 1
    return bytes(archive)


def zip_with_wrong_checksum(name: str, data: bytes) -> bytes:
    archive = bytearray(zip_of({name: data}))
    archive[30 + len(name.encode()) + len(data) // 2] ^= 0xFF
    return bytes(archive)


def zip_bomb(name: str, size: int = 20_000_000) -> bytes:
    return zip_of({name: bytes(size)}, zipfile.ZIP_DEFLATED)


def zip_lying_about_size(name: str, size: int = 20_000_000, claimed: int = 1000) -> bytes:
    archive = bytearray(zip_bomb(name, size))
    for signature, field in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = archive.index(signature) + field
        archive[at : at + 4] = struct.pack("<I", claimed)
    return bytes(archive)
