"""Where a picture file keeps the text that tells how it was drawn. No torch.

A PNG has it in a chunk named `parameters`; JPEG, WebP and AVIF in EXIF's UserComment, whose first eight bytes name its
letters. A1111 writes both kinds.
"""

from __future__ import annotations

import struct
from pathlib import Path

from PIL import Image

from kohya_like.schema.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")
_EXIF, _USER_COMMENT = 0x8769, 0x9286
_CODE = 8  # bytes
_UNREADABLE = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, struct.error, Image.DecompressionBombError,
)  # fmt: skip


def picture_comment(path: Path) -> str:
    """The text, "" where there is none. Raises UserError where it is no picture of these formats, or damaged."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "PNG":
                image.load()  # the chunk may stand behind the pixels
            if isinstance(text := image.info.get("parameters"), str) and text.strip():
                return text
            return _decoded(image.getexif().get_ifd(_EXIF).get(_USER_COMMENT, b""))
    except _UNREADABLE as error:
        raise UserError(f"{path}: this picture cannot be read: {error}") from None


def _decoded(comment: object) -> str:
    if isinstance(comment, str):
        return comment
    if not isinstance(comment, bytes):
        return ""
    code, text = comment[:_CODE], comment[_CODE:]
    if code == b"UNICODE\0":
        return text.decode(_order(text), errors="replace").removeprefix("\ufeff").rstrip("\0")
    if code in (b"ASCII\0\0\0", bytes(_CODE)):
        return text.decode("utf-8", errors="replace").rstrip("\0")
    return comment.decode("utf-8", errors="ignore").rstrip("\0")


def _order(text: bytes) -> str:
    """A1111 puts the high byte first; others follow the byte order of the file. Of plain letters the high byte is 0."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16-le" if text[:2] == b"\xff\xfe" else "utf-16-be"
    return "utf-16-le" if text[1::2].count(0) > text[::2].count(0) else "utf-16-be"
