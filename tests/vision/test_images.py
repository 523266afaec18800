import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from ndd_app.exceptions import (
    BrokenWorkingCopy,
    EmptyFile,
    ImageTooLarge,
    NotAnImage,
    TruncatedImage,
    UnreadableImage,
)
from ndd_app.vision.images import (
    Pixels,
    decode,
    encode_jpeg,
    pixel_hash,
    read_working_copy,
    resize_to_fit,
    thumbnail,
    working_copy,
)
from tests import pictures

PHOTO = pictures.draw_photo(1, 120, 80)
GREY = PHOTO[..., 1]


def planes(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(values, 2, 0))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize(
    ("data", "format", "allowed"),
    [
        (pictures.jpeg(PHOTO), "JPEG", 6),
        (pictures.jpeg(PHOTO, progressive=True), "JPEG", 6),
        (pictures.png(PHOTO), "PNG", 0),
        (pictures.webp(PHOTO, lossless=True), "WEBP", 0),
        (pictures.tiff(PHOTO), "TIFF", 0),
        (pictures.tiff(PHOTO, compression="zlib", bigtiff=True), "TIFF", 0),
        (pictures.gif(PHOTO), "GIF", 10),
    ],
)
def test_every_format_gives_the_same_picture(data: bytes, format: str, allowed: float) -> None:
    decoded = decode(data)
    assert (decoded.format, decoded.width, decoded.height, decoded.notes) == (format, 120, 80, ())
    assert decoded.pixels.shape == (80, 120, 3)
    assert decoded.pixels.flags.writeable
    assert difference(decoded.pixels, PHOTO) <= allowed


@pytest.mark.parametrize(
    "data",
    [
        pictures.png16(pictures.deepen(GREY)),
        pictures.tiff(pictures.deepen(GREY)),
        pictures.tiff(pictures.deepen(GREY), byteorder=">", compression="zlib", predictor=True),
        pictures.tiff(65535 - pictures.deepen(GREY), photometric="miniswhite"),
    ],
)
def test_grey_of_16_bits_is_scaled_not_clipped(data: bytes) -> None:
    decoded = decode(data)
    assert difference(decoded.pixels[..., 0], GREY) <= 1
    assert decoded.notes == ("16 bit scaled to 8",)


@pytest.mark.parametrize(
    "data",
    [
        pictures.png16(pictures.deepen(PHOTO)),
        pictures.tiff(pictures.deepen(PHOTO), photometric="rgb"),
        pictures.tiff(pictures.deepen(PHOTO), photometric="rgb", byteorder=">", compression="zlib", predictor=True),
        pictures.tiff(planes(pictures.deepen(PHOTO)), photometric="rgb", planarconfig="separate"),
        pictures.tiff(planes(pictures.deepen(PHOTO)), photometric="rgb", planarconfig="separate", compression="zlib"),
    ],
)
def test_colour_of_16_bits_keeps_its_channels(data: bytes) -> None:
    decoded = decode(data)
    assert difference(decoded.pixels, PHOTO) <= 1
    assert decoded.notes == ("16 bit scaled to 8",)


@pytest.mark.parametrize(
    ("values", "data"),
    [
        (GREY, pictures.png16(pictures.deepen(GREY, bits=12))),
        (PHOTO, pictures.png16(pictures.deepen(PHOTO, bits=12))),
        (PHOTO, pictures.tiff(pictures.deepen(PHOTO, bits=12), photometric="rgb", byteorder=">")),
        (PHOTO, pictures.tiff(pictures.deepen(PHOTO, bits=12), photometric="rgb", compression="zlib")),
    ],
)
def test_12_bits_in_16_do_not_come_out_black(values: np.ndarray, data: bytes) -> None:
    decoded = decode(data)
    assert difference(decoded.pixels, np.broadcast_to(values.reshape(80, 120, -1), (80, 120, 3))) < 1
    assert decoded.notes == ("12 of 16 bits used, scaled to 8",)


def test_floating_point_values_are_stretched() -> None:
    decoded = decode(pictures.tiff((GREY / 255).astype(np.float32)))
    assert decoded.pixels.min() == 0
    assert decoded.pixels.max() == 255


def test_transparency_is_laid_on_white() -> None:
    half = np.dstack([PHOTO, np.full(GREY.shape, 255, np.uint8)])
    half[:, :60, 3] = 0
    for data in (pictures.png(half), pictures.webp(half, lossless=True), pictures.png16(pictures.deepen(half))):
        pixels = decode(data).pixels
        assert (pixels[:, :60] == 255).all()
        assert difference(pixels[:, 60:], PHOTO[:, 60:]) <= 1


def test_palette_with_a_transparent_colour() -> None:
    palette = Image.fromarray(PHOTO).quantize(8)
    background = palette.getpixel((0, 0))
    pixels = decode(pictures.png(palette, transparency=background)).pixels
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    assert pixels.min() < 128


def test_cmyk_is_converted_and_said() -> None:
    for data in (pictures.cmyk_jpeg(PHOTO), pictures.tiff(cmyk_values(), photometric="separated")):
        decoded = decode(data)
        assert difference(decoded.pixels, PHOTO) < 12
        assert "CMYK" in decoded.notes[0]


def cmyk_values() -> np.ndarray:
    return np.dstack([255 - PHOTO, np.zeros_like(GREY)])


def test_first_page_of_many() -> None:
    other = pictures.draw_photo(2, 120, 80)
    decoded = decode(pictures.tiff(np.stack([PHOTO, other, other]), photometric="rgb"))
    assert (decoded.pixels == PHOTO).all()
    assert decoded.notes == ("first of 3 pages",)


def test_first_frame_of_an_animation() -> None:
    decoded = decode(pictures.gif(PHOTO, pictures.draw_photo(2, 120, 80)))
    assert difference(decoded.pixels, PHOTO) < 10
    assert decoded.notes == ("first of 2 frames",)


def lying(orientation: int) -> Pixels:
    """The photo as a camera held another way stores it."""
    turned = {1: PHOTO, 3: PHOTO[::-1, ::-1], 6: np.rot90(PHOTO, 1), 8: np.rot90(PHOTO, -1), 2: PHOTO[:, ::-1]}
    return np.ascontiguousarray(turned[orientation])


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_orientation_is_applied_once(orientation: int) -> None:
    for data in (
        pictures.jpeg(lying(orientation), orientation=orientation, quality=98, subsampling=0),
        pictures.png(lying(orientation), exif=pictures.exif(orientation)),
        pictures.webp(lying(orientation), exif=pictures.exif(orientation), lossless=True),
        pictures.tiff(lying(orientation), orientation=orientation),
        pictures.tiff(pictures.deepen(lying(orientation)[..., 1]), orientation=orientation),
        pictures.tiff(pictures.deepen(lying(orientation)), photometric="rgb", orientation=orientation),
    ):
        decoded = decode(data)
        assert (decoded.width, decoded.height, decoded.orientation) == (120, 80, orientation)
        assert difference(decoded.pixels[..., 1], GREY) < 4


def test_colour_profile_is_used() -> None:
    assert difference(decode(pictures.png(PHOTO, icc_profile=pictures.colour_profile())).pixels, PHOTO) < 1
    swapped = decode(pictures.png(PHOTO, icc_profile=pictures.colour_profile("swapped")))
    assert difference(swapped.pixels, PHOTO[..., ::-1]) < 8
    assert swapped.notes == ()


def test_colour_profile_on_a_grey_picture() -> None:
    decoded = decode(pictures.png(GREY, icc_profile=pictures.colour_profile()))
    assert difference(decoded.pixels[..., 0], GREY) < 1
    assert decoded.notes == ()


@pytest.mark.parametrize("profile", [b"no profile", pictures.colour_profile()[:200]], ids=["none", "cut off"])
def test_broken_colour_profile_is_noted(profile: bytes) -> None:
    decoded = decode(pictures.png(PHOTO, icc_profile=profile))
    assert (decoded.pixels == PHOTO).all()
    assert "profile ignored" in decoded.notes[0]


def test_colour_profile_of_another_kind_of_image_is_noted() -> None:
    decoded = decode(pictures.tiff(cmyk_values(), photometric="separated", iccprofile=pictures.colour_profile()))
    assert "profile ignored" in decoded.notes[0]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_no_harm() -> None:
    decoded = decode(pictures.jpeg(PHOTO, exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(4)))
    assert decoded.orientation == 1


def test_wrong_ending_is_noted_and_the_picture_is_in() -> None:
    assert decode(pictures.png(PHOTO), name="box/1.JPG").notes == ("named .JPG, but is PNG",)
    assert decode(pictures.png(PHOTO), name="box/1.png").notes == ()
    assert decode(pictures.png(PHOTO), name="box/1").notes == ()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyFile),
        (pictures.TEXT, NotAnImage),
        (b"\xff\xd8\xff", TruncatedImage),
        (pictures.truncated_jpeg(), TruncatedImage),
        (pictures.png(PHOTO)[:2000], TruncatedImage),
        (pictures.webp(PHOTO)[:500], TruncatedImage),
        (pictures.gif(PHOTO)[:5000], TruncatedImage),
        (pictures.tiff(PHOTO)[:5000], TruncatedImage),
        (pictures.corrupt_png(), UnreadableImage),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), UnreadableImage),
        (b"GIF89a" + bytes(500), UnreadableImage),
    ],
)
def test_broken_files_say_what_is_wrong(data: bytes, error: type[UnreadableImage]) -> None:
    with pytest.raises(UnreadableImage) as raised:
        decode(data)
    assert type(raised.value) is error
    assert raised.value.reason
    assert raised.value.advice


def test_no_codec_error_escapes_from_random_damage() -> None:
    random = np.random.default_rng(5)
    for whole in (pictures.jpeg(PHOTO), pictures.png(PHOTO), pictures.webp(PHOTO), pictures.gif(PHOTO)):
        for _ in range(25):
            data = bytearray(whole)
            data[random.integers(20, len(data))] ^= int(random.integers(1, 256))
            with contextlib.suppress(UnreadableImage):
                decode(bytes(data[: random.integers(20, len(data) + 1)]))


def test_size_is_checked_before_pixels_are_decoded() -> None:
    with pytest.raises(ImageTooLarge, match="50000 × 50000"):
        decode(pictures.png_header_claiming(50_000, 50_000))


def test_the_limit_is_the_callers() -> None:
    large = np.zeros((1200, 1000, 3), np.uint8)
    with pytest.raises(ImageTooLarge, match="more than the limit of 1 million"):
        decode(pictures.jpeg(large), max_megapixels=1)
    assert decode(pictures.jpeg(large), max_megapixels=2).width == 1000


def test_pillows_own_limit_does_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for data in (pictures.tiff(PHOTO), pictures.webp(PHOTO), pictures.gif(PHOTO)):
        assert decode(data).width == 120


def test_decoding_in_threads_gives_the_same_pixels() -> None:
    files = [pictures.jpeg(PHOTO), pictures.png(PHOTO), pictures.truncated_jpeg(), pictures.tiff(PHOTO)] * 10

    def read(data: bytes) -> str:
        try:
            return pixel_hash(decode(data).pixels)
        except TruncatedImage:
            return "truncated"

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(read, files)) == [read(data) for data in files[:4]] * 10


def test_resizing_keeps_proportions_and_never_enlarges() -> None:
    assert resize_to_fit(PHOTO, 60).shape == (40, 60, 3)
    assert resize_to_fit(PHOTO, 500) is PHOTO
    assert resize_to_fit(np.zeros((3000, 1, 3), np.uint8), 300).shape == (300, 1, 3)


def test_working_copy_and_thumbnail() -> None:
    large = pictures.draw_photo(3, 1500, 1000)
    copy = read_working_copy(working_copy(large))
    assert copy.shape == (683, 1024, 3)
    assert difference(copy, resize_to_fit(large, 1024)) < 8
    assert decode(thumbnail(large)).width == 320
    assert working_copy(large) == working_copy(large.copy())


@pytest.mark.parametrize("data", [b"", b"no jpeg"])
def test_broken_working_copy(data: bytes) -> None:
    with pytest.raises(BrokenWorkingCopy):
        read_working_copy(data)


def test_a_side_too_long_for_jpeg_is_an_error_of_ours() -> None:
    with pytest.raises(UnreadableImage, match="70000 × 1"):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8))


def test_pixel_hash_sees_pixels_and_shape_only() -> None:
    assert pixel_hash(decode(pictures.png(PHOTO)).pixels) == pixel_hash(decode(pictures.tiff(PHOTO)).pixels)
    changed = PHOTO.copy()
    changed[0, 0, 0] ^= 1
    assert len({pixel_hash(PHOTO), pixel_hash(changed), pixel_hash(PHOTO.reshape(40, 240, 3))}) == 3
