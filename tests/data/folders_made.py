"""Dataset folders for tests: real picture files of any size, written in microseconds."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from kohya_like.data.options import DataOptions
from kohya_like.data.records import Dataset
from kohya_like.data.scan import scan


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 64, height: int = 64, alpha: bool = False, pixels: bool = True) -> bytes:
    """A black PNG. Without `pixels` only its header is true, which is all that a scan reads."""
    colour = 6 if alpha else 2
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    rows = bytes((1 + width * (4 if alpha else 3)) * height) if pixels else b""
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows, 1)) + png_chunk(b"IEND", b"")


def jpeg(size: tuple[int, int] = (40, 24), orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG", exif=tags)
    return buffer.getvalue()


def make(root: Path, files: Mapping[str, str | bytes | tuple[int, int]]) -> Path:
    """Write files below `root`: text, bytes, or a picture given by its size. A name ending in / is a folder."""
    for name, content in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            content = png(*content, pixels=False)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def scanned(root: Path | str, smallest: int = 8, **options: object) -> Dataset:
    return scan(DataOptions.model_validate({"train_data_dir": str(root), **options}), smallest)


def said(dataset: Dataset, code: str) -> str:
    """The one fault of that code, as the person sees it."""
    (fault,) = [fault for fault in dataset.faults if fault.code == code]
    return str(fault)


def codes(dataset: Dataset) -> set[str]:
    return {fault.code for fault in dataset.faults}
