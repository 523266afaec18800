"""From the values that files hold, deep or in other colour spaces, to 8-bit sRGB on white."""

import sys
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile, _Tile
from PIL.TiffImagePlugin import TiffImageFile

_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANES = 256, 257, 258, 262, 284
_MIN_IS_WHITE, _ONE_AFTER_THE_OTHER = 0, 2


def bits_per_sample(image: ImageFile) -> int:
    """Of an opened image; once it is loaded, most formats have forgotten it."""
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    return 16 if any(";16" in str(tile.args) for tile in image.tile) else 8


def read_planes_whole(image: TiffImageFile) -> None:
    """Where nothing is compressed Pillow reads TIFF without libtiff, and takes planes of 16 bits for planes of 8."""
    if image.tag_v2.get(_PLANES) == _ONE_AFTER_THE_OTHER and image.mode in ("RGB", "RGBA", "CMYK"):
        size = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
        image.tile = [_Tile("libtiff", (0, 0, *size), 0, (f"{image.mode};16N", False, image.tag_v2.offset))]
        image.use_load_libtiff = True


def scale_to_eight_bits(
    image: ImageFile, bits: int, notes: list[str], open_again: Callable[[], ImageFile]
) -> Image.Image:
    """Pillow would clip grey of 16 bits; of colours it keeps the upper 8, which is too little where those are empty."""
    if image.mode in ("I", "F"):
        notes.append("values outside the usual range stretched to 8 bits")
        return Image.fromarray(_stretch(np.asarray(image)))
    if image.mode.startswith("I;16"):
        values = _deep_greys(image)
    elif bits == 16 and image.mode == "RGB" and np.asarray(image).max() < 128:
        values = _deep_colours(image, open_again())
    else:
        notes += ["16 bit scaled to 8"] if bits == 16 else []
        return image
    used = max(8, int(values.max()).bit_length())
    notes.append("16 bit scaled to 8" if used == 16 else f"{used} of 16 bits used, scaled to 8")
    table = np.round(np.linspace(0, 255, 2**used)).astype(np.uint8)
    return Image.fromarray(table[values])


def _deep_greys(image: ImageFile) -> npt.NDArray[np.uint16]:
    values = np.asarray(image).astype(np.uint16)
    inverted = isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    return np.uint16(0xFFFF) - values if inverted else values


def _deep_colours(image: ImageFile, other: ImageFile) -> npt.NDArray[np.uint16]:
    """All 16 bits: read again with the bytes of each value the other way round, Pillow gives the lower 8."""
    other.tile = [tile._replace(args=_swap_bytes(tile.args)) for tile in other.tile]
    other.load()
    return np.asarray(image).astype(np.uint16) << 8 | np.asarray(other)


def _swap_bytes(args: Any) -> Any:
    """A decoder's arguments with another raw mode, which comes first: RGB;16B for RGB;16L or, on this machine, ;16N."""
    if isinstance(args, tuple):
        return _swap_bytes(args[0]), *args[1:]
    little = args.endswith("L") or (args.endswith("N") and sys.byteorder == "little")
    return args[:-1] + ("B" if little else "L")


def _stretch(values: np.ndarray) -> npt.NDArray[np.uint8]:
    values = np.nan_to_num(values.astype(np.float32))
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)


def convert_to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
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
    return image if image.mode == "RGB" else image.convert("RGB")


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
