"""Which files are images: by their first bytes, and by their names."""

from pathlib import PurePosixPath

EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
}
# Images all the same, but not read: a folder must not lose them without a word. The first picture inside a camera's
# raw file is a thumbnail that a TIFF decoder would take for the photograph, so the name decides here, not the bytes.
UNREAD_EXTENSIONS = {
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpf", ".bmp", ".psd", ".psb", ".pdf"),
    *(".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf", ".pef"),
}
_FORMATS = {extension: name for name, extensions in EXTENSIONS.items() for extension in extensions}


def format_of(head: bytes) -> str | None:
    """The format that a file's first 12 bytes announce, None where it is none of those that ndd reads."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return None


def format_named(name: str) -> str | None:
    return _FORMATS.get(PurePosixPath(name).suffix.lower())


def is_named_like_an_unread_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in UNREAD_EXTENSIONS
