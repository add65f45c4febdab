"""Size, rotation and transparency of a picture from its first bytes, without decoding it.

Reads a few kilobytes per file, so that a hundred thousand pictures are measured in seconds. The kind is told by the
content, never by the name. A file that is cut off is found by its end: every PNG closes with IEND, every JPEG with EOI,
a WebP says its length. AVIF and JPEG XL are left to Pillow.

PNG: W3C PNG 3rd edition; JPEG: ITU T.81 annex B; WebP: RFC 9649.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kohya_like.data.orientation import (
    EXIF_MARK,
    MAX_SEGMENT,
    exif_orientation,
    orientation_behind_png,
    png_orientation,
    xmp_orientation,
)
from kohya_like.schema.errors import FormatError

MAX_PIXELS = 100_000_000  # more is refused before anything is decoded
HEAD, TAIL = 4096, 4096  # bytes
JPEG_TAIL = 65536  # some cameras and editors append something after the end mark
MAX_SEGMENTS = 4096
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

_FOREIGN = (
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", re.I | re.S), "an SVG drawing"),
    (re.compile(rb"\s*(<!DOCTYPE html|<html)", re.I), "a web page, not a picture"),
    (re.compile(rb"GIF8"), "a GIF"),
    (re.compile(rb"II\*\0|MM\0\*"), "a TIFF"),
    (re.compile(rb"8BPS"), "a Photoshop file"),
    (re.compile(rb"%PDF"), "a PDF"),
    (re.compile(rb"....ftyp(heic|heix|mif1|msf1)", re.S), "a HEIC photo"),
)


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What is known of a picture before it is decoded. `size` is (width, height) in pixels as seen, after rotation."""

    size: tuple[int, int]
    has_alpha: bool = False
    animated: bool = False


class _Bytes:
    """A file by offset; what was read at the start is not read again."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.head = os.read(descriptor, HEAD)

    def at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes."""
        if offset + count <= len(self.head):
            return self.head[offset : offset + count]
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, count)

    def exactly(self, offset: int, count: int) -> bytes:
        data = self.at(offset, count)
        if len(data) < count:
            _cut_off()
        return data

    def tail(self, count: int) -> bytes:
        return self.at(max(0, self.size - count), count)


def read_header(path: Path | str) -> PictureHeader:
    """Measure a picture.

    Raises:
        FormatError: not a picture we read, damaged in its header, or cut off; the text has no path.
        OSError: the file cannot be opened or read.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        data = _Bytes(descriptor)
        head = data.head
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(data)
        if head.startswith(b"BM") and len(head) >= 26:
            return _bmp(data)
    finally:
        os.close(descriptor)
    if re.match(rb"....ftyp(avif|avis)|\xff\x0a|\0\0\0\x0cJXL ", head, re.S):
        return _by_pillow(path)
    raise FormatError(_what_else(head))


def _cut_off() -> NoReturn:
    raise FormatError("the file is cut off")


def _what_else(head: bytes) -> str:
    if not head:
        return "the file is empty (0 bytes)"
    for pattern, kind in _FOREIGN:
        if pattern.match(head):
            return f"is {kind}"
    return "is no picture this program reads"


def _upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    if width < 1 or height < 1:
        raise FormatError(f"its header says {width}x{height} pixels")
    return (height, width) if 5 <= orientation <= 8 else (width, height)


def _png(data: _Bytes) -> PictureHeader:
    kind, body, _ = next(_png_chunks(data, 8), (b"", b"", 0))
    if not kind:
        _cut_off()
    if kind != b"IHDR" or len(body) < 10:
        raise FormatError("the file is damaged (no PNG header)")
    width, height, _, colour = struct.unpack_from(">IIBB", body)
    has_alpha, animated = colour in (4, 6), False
    orientation: int | None = None
    pixels_end = 0
    for kind, body, pixels_end in _png_chunks(data, 8):  # noqa: B007
        if kind in (b"IDAT", b"IEND"):
            break
        has_alpha |= kind == b"tRNS"
        animated |= kind == b"acTL"
        orientation = orientation or png_orientation(kind, body)
    tail = data.tail(TAIL)
    if tail[-8:-4] != b"IEND" and not any(kind == b"IEND" for kind, _, _ in _png_chunks(data, 8)):
        _cut_off()
    if orientation is None and pixels_end + 12 < data.size:  # metadata may stand behind the pixels
        orientation = orientation_behind_png(tail)
    return PictureHeader(_upright(width, height, orientation or 1), has_alpha, animated)


def _png_chunks(data: _Bytes, offset: int) -> Iterator[tuple[bytes, bytes, int]]:
    """(kind, content, end) of each chunk; pixels are skipped. Ends without an error where the file is cut off."""
    while len(header := data.at(offset, 8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        end = offset + 12 + length
        if end > data.size:
            return
        wanted = kind not in (b"IDAT", b"fdAT", b"iCCP") and length <= MAX_SEGMENT
        yield kind, data.at(offset + 8, length) if wanted else b"", end
        if kind == b"IEND":
            return
        offset = end


def _jpeg(data: _Bytes) -> PictureHeader:
    offset, orientation, by_xmp = 2, None, None
    for _ in range(MAX_SEGMENTS):
        marker = data.exactly(offset, 2)
        if marker[0] != 0xFF:
            raise FormatError("the file is damaged (broken JPEG header)")
        code = marker[1]
        if code == 0xFF:  # padding
            offset += 1
            continue
        if code == 0x01 or 0xD0 <= code <= 0xD8:  # marks without content
            offset += 2
            continue
        if code in (0xD9, 0xDA):
            raise FormatError("the file is damaged (a JPEG without a size)")
        length = int.from_bytes(data.exactly(offset + 2, 2), "big")
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data.exactly(offset + 5, 4))
            if not _jpeg_has_end(data, offset):
                _cut_off()
            return PictureHeader(_upright(width, height, orientation or by_xmp or 1))
        if code == 0xE1:
            body = data.exactly(offset + 4, max(0, length - 2))
            if body.startswith(EXIF_MARK) and orientation is None:
                orientation = exif_orientation(body.removeprefix(EXIF_MARK))
            elif body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
                by_xmp = xmp_orientation(body)
        offset += 2 + length
    raise FormatError("the file is damaged (a JPEG without a size)")


def _jpeg_has_end(data: _Bytes, after: int) -> bool:
    """Whether the end mark stands behind the header; a thumbnail in the EXIF block has one as well."""
    if data.tail(2) == b"\xff\xd9":
        return True
    at = data.tail(JPEG_TAIL).rfind(b"\xff\xd9")
    return at >= 0 and max(0, data.size - JPEG_TAIL) + at > after


def _webp(data: _Bytes) -> PictureHeader:
    length = int.from_bytes(data.head[4:8], "little")
    if 8 + length > data.size:
        _cut_off()
    kind, body = data.exactly(12, 4), data.exactly(20, 10)
    if kind == b"VP8 ":
        if body[3:6] != b"\x9d\x01\x2a":
            raise FormatError("the file is damaged (broken WebP header)")
        width, height = struct.unpack("<HH", body[6:10])
        return PictureHeader(_upright(width & 0x3FFF, height & 0x3FFF, 1))
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        size = _upright((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1)
        return PictureHeader(size, has_alpha=bool(bits >> 28 & 1))
    if kind != b"VP8X":
        raise FormatError("the file is damaged (broken WebP header)")
    flags = body[0]
    width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
    orientation = _webp_orientation(data, 8 + length) if flags & 0x0C else 1
    return PictureHeader(_upright(width, height, orientation), bool(flags & 0x10), bool(flags & 0x02))


def _webp_orientation(data: _Bytes, end: int) -> int:
    offset, by_xmp = 30, None
    for _ in range(MAX_SEGMENTS):
        header = data.at(offset, 8)
        if offset + 8 > end or len(header) < 8:
            break
        length = int.from_bytes(header[4:], "little")
        if header[:4] in (b"EXIF", b"XMP ") and length <= MAX_SEGMENT:
            body = data.at(offset + 8, length)
            if header[:4] == b"EXIF" and (found := exif_orientation(body.removeprefix(EXIF_MARK))):
                return found
            by_xmp = by_xmp or (xmp_orientation(body) if header[:4] == b"XMP " else None)
        offset += 8 + length + length % 2
    return by_xmp or 1


def _bmp(data: _Bytes) -> PictureHeader:
    head = data.head
    start, header_size = struct.unpack_from("<II", head, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
        packing = 0
    elif len(head) >= 34:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", head, 18)
    else:
        _cut_off()
    size = _upright(width, abs(height), 1)
    if packing in (0, 3) and start + (width * bits + 31) // 32 * 4 * size[1] > data.size:
        _cut_off()
    has_alpha = packing == 3 and bits == 32 and header_size >= 56 and head[66:70] != b"\0\0\0\0"
    return PictureHeader(size, has_alpha)


def _by_pillow(path: Path | str) -> PictureHeader:
    """AVIF and JPEG XL (with its plug-in). Pillow reads the whole file for these, but decodes nothing yet."""
    from PIL import Image

    formats = ["AVIF"]
    try:
        import pillow_jxl  # noqa: F401 - importing it registers the decoder

        formats.append("JXL")
    except ImportError:
        pass
    try:
        with Image.open(path, formats=formats) as image:
            orientation = int(image.getexif().get(0x0112, 1))
            animated = bool(getattr(image, "is_animated", False))
            return PictureHeader(_upright(*image.size, orientation), image.has_transparency_data, animated)
    except FormatError:
        raise
    except Exception as error:  # decoders raise anything on bad bytes
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError("is an AVIF or JPEG XL picture that cannot be read here") from None
