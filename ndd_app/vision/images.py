"""Files to pixels and back. Every codec's error is translated here; nothing else in ndd meets one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import PurePosixPath
from typing import TypeGuard

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile, _Tile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ndd_app.exceptions import (
    BrokenWorkingCopy,
    EmptyFile,
    ImageTooLarge,
    NddError,
    NotAnImage,
    TruncatedImage,
    UnreadableImage,
)
from ndd_app.vision.formats import format_named, format_of

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), RGB, upright

WORKING_COPY_SIDE = 1024
THUMBNAIL_SIDE = 320
MAX_MEGAPIXELS = 400

# Opened by their classes: Image.open would also try every other format that Pillow knows.
_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
}
_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _PLANES = 256, 257, 258, 262, 274, 284
_MIN_IS_WHITE, _ONE_AFTER_THE_OTHER = 0, 2
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    pixels: Pixels
    format: str
    width: int
    height: int
    orientation: int  # EXIF 1–8, as the file had it; the pixels are upright
    notes: tuple[str, ...]


def decode(data: bytes, *, name: str = "", max_megapixels: int = MAX_MEGAPIXELS) -> Decoded:
    """The first picture of an image file as upright sRGB pixels; what was done to it stands in the notes.

    The format is found in the bytes; the name only serves to note that its ending says otherwise.
    Safe in threads. Raises a kind of UnreadableImage.
    """
    if not data:
        raise EmptyFile
    format = format_of(data[:12])
    if format is None:
        raise NotAnImage
    try:
        return _decode_as(format, data, name, max_megapixels * 1_000_000)
    except NddError:
        raise
    except MemoryError as error:
        raise UnreadableImage(detail="there is not enough memory for its pixels") from error
    except Exception as error:  # a codec met with broken bytes raises anything: OSError, SyntaxError, ValueError, …
        if _is_cut_short(format, data, error):
            raise TruncatedImage from error
        raise UnreadableImage(detail=str(error) or type(error).__name__) from error


def _decode_as(format: str, data: bytes, name: str, max_pixels: int) -> Decoded:
    _raise_limit_of_pillow(max_pixels)
    image = _READERS[format](BytesIO(data))
    if image.width * image.height > max_pixels:
        raise ImageTooLarge(width=image.width, height=image.height, limit=max_pixels // 1_000_000)
    notes = [*_note_wrong_name(name, format), *_note_more_pages(format, data)]
    bits = _bits_per_sample(image)
    orientation = image.tag_v2.get(_ORIENTATION, 1) if isinstance(image, TiffImageFile) else 1
    if bits == 16 and _has_planes(image):
        _read_by_libtiff(image)
    image.load()
    eight_bits = _scale_to_eight_bits(image, bits, data, notes)
    upright = _convert_to_srgb(eight_bits, image.info.get("icc_profile"), notes)
    if not isinstance(image, TiffImageFile):  # for TIFF, Pillow and OpenCV have turned the pixels already
        orientation = _read_orientation(image, notes)
        if orientation in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[orientation])
    return Decoded(
        pixels=np.array(upright),  # a copy: torch warns of arrays that it may not write to
        format=format,
        width=upright.width,
        height=upright.height,
        orientation=orientation if orientation in _UPRIGHT else 1,
        notes=tuple(notes),
    )


def _raise_limit_of_pillow(max_pixels: int) -> None:
    # Pillow's own limit holds for the whole process, so it is only ever raised, never set back: threads share it.
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels


def _is_cut_short(format: str, data: bytes, error: Exception) -> bool:
    if "truncated" in str(error).lower():
        return True
    if format == "WEBP":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    if format == "TIFF":
        return len(data) <= int.from_bytes(data[4:8], "little" if data.startswith(b"II") else "big")
    return len(data) < 100


def _note_wrong_name(name: str, format: str) -> list[str]:
    named = format_named(name)
    return [f"named {PurePosixPath(name).suffix}, but is {format}"] if named not in (None, format) else []


def _note_more_pages(format: str, data: bytes) -> list[str]:
    if format == "JPEG":
        return []
    try:  # in a reader of its own, which counting leaves standing on some later page
        count = getattr(_READERS[format](BytesIO(data)), "n_frames", 1)
    except Exception:  # a later page is broken; the first is what counts
        return ["later pages cannot be read"]
    return [f"first of {count} {'pages' if format == 'TIFF' else 'frames'}"] if count > 1 else []


def _bits_per_sample(image: ImageFile) -> int:
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    return 16 if any(";16" in str(tile.args) for tile in image.tile) else 8


def _has_planes(image: ImageFile) -> TypeGuard[TiffImageFile]:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_PLANES) == _ONE_AFTER_THE_OTHER


def _read_by_libtiff(image: TiffImageFile) -> None:
    # Where nothing is compressed Pillow reads TIFF itself, and takes planes of 16 bits for planes of 8.
    size = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
    image.tile = [_Tile("libtiff", (0, 0, *size), 0, (f"{image.mode};16N", False, image.tag_v2.offset))]
    image.use_load_libtiff = True


def _scale_to_eight_bits(image: ImageFile, bits: int, data: bytes, notes: list[str]) -> Image.Image:
    """Pillow clips grey of 16 bits, and of deep colours it keeps the upper 8 bits even if only the lower are used."""
    if image.mode in ("I", "F"):
        notes.append("values outside the usual range stretched to 8 bits")
        return Image.fromarray(_stretch(np.asarray(image)))
    values = _read_deep_values(image, data) if bits > 8 or image.mode.startswith("I;16") else None
    if values is None:
        notes += ["16 bit scaled to 8"] if bits == 16 else []
        return image
    used = max(8, int(values.max()).bit_length())
    notes.append("16 bit scaled to 8" if used == 16 else f"{used} of 16 bits used, scaled to 8")
    table = np.round(np.linspace(0, 255, 2**used)).astype(np.uint8)
    return Image.fromarray(table[values])


def _read_deep_values(image: ImageFile, data: bytes) -> np.ndarray | None:
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        inverted = isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE
        return np.uint16(0xFFFF) - values if inverted else values
    if _has_planes(image):  # of which OpenCV makes noise
        return None
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None or read.dtype != np.uint16 or read.ndim != 3:  # such as CMYK
        return None
    return read[..., [2, 1, 0, 3][: read.shape[2]]]


def _stretch(values: np.ndarray) -> Pixels:
    values = np.nan_to_num(values.astype(np.float32))
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)


def _convert_to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    if image.has_transparency_data:
        image = _lay_on_white(image.convert("RGBA"))
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if profile:
        if image.mode == "L" and profile[16:20] == b"RGB ":  # grey scans often carry their scanner's colour profile
            image = image.convert("RGB")
        try:
            return image if image.mode == "RGB" and _is_srgb(profile) else _apply_profile(image, profile)
        except Exception:  # broken, or made for another kind of image
            notes.append("colour profile ignored: it is broken or does not fit")
    elif image.mode == "CMYK":
        notes.append("CMYK without a colour profile: colours are approximate")
    return image.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile changes no colour by more than 2 of 255: most do not, and applying one is slow."""
    shades = np.linspace(0, 255, 6).astype(np.uint8)
    colours = np.stack(np.meshgrid(shades, shades, shades), axis=-1).reshape(36, 6, 3)
    applied = np.asarray(_apply_profile(Image.fromarray(colours), profile))
    return bool(np.abs(applied.astype(int) - colours).max() <= 2)


def _lay_on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _read_orientation(image: ImageFile, notes: list[str]) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # also a Warning, where the caller has made warnings errors
        notes.append("EXIF data ignored: they are broken")
        return 1


def resize_to_fit(pixels: Pixels, long_side: int) -> Pixels:
    """The picture with its longer side at most `long_side`; never enlarged."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def encode_jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise UnreadableImage(detail=f"{pixels.shape[1]} × {pixels.shape[0]} pixels do not fit into a JPEG")
    return buffer.tobytes()


def working_copy(pixels: Pixels) -> bytes:
    return encode_jpeg(resize_to_fit(pixels, WORKING_COPY_SIDE))


def thumbnail(pixels: Pixels) -> bytes:
    """Of the master or, faster for large ones, of the pixels of its working copy."""
    return encode_jpeg(resize_to_fit(pixels, THUMBNAIL_SIDE), quality=85)


def read_working_copy(data: bytes) -> Pixels:
    """The pixels of a JPEG that `working_copy` made; raises BrokenWorkingCopy."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # no bytes at all
        pixels = None
    if pixels is None:
        raise BrokenWorkingCopy
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels).astype(np.uint8, copy=False)


def pixel_hash(pixels: Pixels) -> str:
    """SHA-256 of the picture itself: equal for two files with the same pixels, whatever their format and metadata."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
