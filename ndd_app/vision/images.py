"""Files to pixels and back. Every codec's error is translated here; nothing else in ndd meets one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
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
from ndd_app.vision.colours import bits_per_sample, convert_to_srgb, read_planes_whole, scale_to_eight_bits
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
_ORIENTATION = 274
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
    image = _open(format, data)
    if image.width * image.height > max_pixels:
        raise ImageTooLarge(width=image.width, height=image.height, limit=max_pixels // 1_000_000)
    notes = [*_note_wrong_name(name, format), *_note_more_pages(format, data)]
    bits = bits_per_sample(image)
    orientation = image.tag_v2.get(_ORIENTATION, 1) if isinstance(image, TiffImageFile) else 1
    image.load()
    eight_bits = scale_to_eight_bits(image, bits, notes, open_again=lambda: _open(format, data))
    upright = convert_to_srgb(eight_bits, image.info.get("icc_profile"), notes)
    if not isinstance(image, TiffImageFile):  # Pillow has turned a TIFF already
        orientation = _read_orientation(image, notes)
        if orientation in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[orientation])
    return Decoded(
        pixels=_copy_pixels(upright),
        format=format,
        width=upright.width,
        height=upright.height,
        orientation=orientation if orientation in _UPRIGHT else 1,
        notes=tuple(notes),
    )


def _open(format: str, data: bytes) -> ImageFile:
    image = _READERS[format](BytesIO(data))
    if isinstance(image, TiffImageFile) and bits_per_sample(image) == 16:
        read_planes_whole(image)
    return image


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


def _read_orientation(image: ImageFile, notes: list[str]) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # also a Warning, where the caller has made warnings errors
        notes.append("EXIF data ignored: they are broken")
        return 1


def _copy_pixels(image: Image.Image) -> Pixels:
    """In bands: at once, Pillow would hold the picture twice more. And torch warns of arrays it may not write to."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, 256):
        bottom = min(top + 256, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


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
