"""How a picture was held: the orientation that cameras and editors write into EXIF or XMP.

1 is upright; 5 to 8 swap width and height. EXIF comes first, as in Pillow; XMP counts where EXIF says nothing. What
cannot be read is None: a broken block only loses the rotation. EXIF: CIPA DC-008, tag 0x0112.
"""

from __future__ import annotations

import re
import struct
import zlib

MAX_SEGMENT = 1 << 20  # bytes
EXIF_MARK = b"Exif\0\0"
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def exif_orientation(tiff: bytes) -> int | None:
    """1..8, or None where there is none or it cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for i in range(count):
            tag, kind, n = struct.unpack_from(f"{order}HHI", tiff, directory + 2 + 12 * i)
            if tag == 0x0112:
                code = {1: "B", 3: "H", 4: "I"}.get(kind)
                value = struct.unpack_from(f"{order}{code}", tiff, directory + 10 + 12 * i)[0] if code and n == 1 else 1
                return int(value)
    except struct.error:
        pass
    return None


def xmp_orientation(xmp: bytes) -> int | None:
    """From an XMP packet, which is XML."""
    found = _XMP_ORIENTATION.search(xmp)
    return int(found[1]) if found else None


def png_orientation(kind: bytes, body: bytes) -> int | None:
    """From a PNG chunk: eXIf, XMP in an iTXt, or the text that ImageMagick wrote before eXIf existed."""
    if kind == b"eXIf":
        return exif_orientation(body)
    keyword, _, rest = body.partition(b"\0")
    if kind == b"iTXt" and keyword == b"XML:com.adobe.xmp":
        text = rest[2:].split(b"\0", 2)[-1]  # behind flag, method, language and translated keyword
        return xmp_orientation(_inflated(text) if rest[:1] == b"\1" else text)
    if kind in (b"zTXt", b"tEXt") and keyword == b"Raw profile type exif":
        text = _inflated(rest[1:]) if kind == b"zTXt" else rest
        digits = b"".join(text.split(b"\n")[3:])
        try:
            return exif_orientation(bytes.fromhex(digits.decode("ascii")).removeprefix(EXIF_MARK))
        except ValueError:
            return None
    return None


def orientation_behind_png(tail: bytes) -> int | None:
    """From the last bytes of a PNG: metadata may stand behind the pixels."""
    for kind in (b"eXIf", b"iTXt", b"zTXt", b"tEXt"):
        at = tail.rfind(kind)
        if at >= 4:
            length = int.from_bytes(tail[at - 4 : at], "big")
            body = tail[at + 4 : at + 4 + length]
            if len(body) == length and (found := png_orientation(kind, body)):
                return found
    return None


def _inflated(packed: bytes) -> bytes:
    """Decompressed, at most MAX_SEGMENT bytes."""
    try:
        return zlib.decompressobj().decompress(packed, MAX_SEGMENT)
    except zlib.error:
        return b""
