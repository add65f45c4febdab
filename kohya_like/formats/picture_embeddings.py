"""Embeddings inside pictures, as AUTOMATIC1111's webui shares them: in a PNG's text, and in the pixels at both sides.

    [low nibbles][black column][picture][black column][high nibbles]

    data = zlib(JSON); tensors are {"TORCHTENSOR": nested lists}. A pixel's channel holds four bits of data in its low
    nibble, scrambled by a pseudo-random stream, and a pattern of dots in its high nibble, which only decorates.

Only a picture that keeps every bit carries it: a JPEG does not. Source: webui's image_embedding.py.
"""

from __future__ import annotations

import base64
import binascii
import json
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy
import numpy.typing
import torch
from PIL import Image
from torch import Tensor

from kohya_like.formats.opening import open_regular
from kohya_like.schema.errors import FormatError

TEXT_KEY = "sd-ti-embedding"
FORMATS = {".png": "PNG", ".webp": "WEBP", ".avif": "AVIF", ".jxl": "JXL"}
_READABLE = ("PNG", "WEBP", "AVIF", "JXL", "JPEG")
_MAX_PIXELS = 50_000_000
_MAX_JSON_BYTES = 128 << 20
_MULTIPLIER, _INCREMENT, _MODULUS, _RANGE = 1664525, 1013904223, 2**32, 255
_Pixels = numpy.typing.NDArray[numpy.uint8]


def is_picture(path: Path) -> bool:
    """Whether the file begins like a picture of a format that may carry an embedding, or like a JPEG."""
    with open_regular(Path(path)) as file:
        start = file.read(16)
    jxl = start.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL "))
    return start.startswith((b"\x89PNG", b"\xff\xd8")) or start[8:12] == b"WEBP" or start[4:8] == b"ftyp" or jxl


def read_picture(path: Path) -> dict[object, object]:
    """The table inside a picture: webui's, with tensors float32.

    Raises:
        FormatError: no picture, none inside, or one that a lossy format has destroyed.
    """
    image = _opened(Path(path))
    text = image.info.get(TEXT_KEY)
    if isinstance(text, str | bytes):
        try:
            return _table(path, base64.b64decode(text, validate=True))
        except binascii.Error:
            raise FormatError(f"{path}: its text {TEXT_KEY} is damaged.") from None
    packed = _payload(numpy.asarray(image.convert("RGB"), dtype=numpy.uint8))
    if packed is not None:
        unpacker = zlib.decompressobj()
        try:
            return _table(path, unpacker.decompress(packed, _MAX_JSON_BYTES))
        except zlib.error:
            pass
    if image.format == "JPEG" or packed is not None:
        raise FormatError(
            f"{path}: carries no embedding that can be read: it was saved with loss (JPEG and the like), edited or "
            "scaled, and the vectors in its pixels are gone.",
            "get the original picture, as PNG or lossless WebP",
        )
    raise FormatError(f"{path}: is a picture without an embedding inside.")


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=[name for name in _READABLE if name in _known_formats()])
            if image.width * image.height > _MAX_PIXELS:
                raise FormatError(f"{path}: is larger than {_MAX_PIXELS // 10**6} megapixels.")
            image.load()
            return image
    except FormatError:
        raise
    # Pillow's decoders raise whatever they like at foreign bytes
    except Exception as error:
        raise FormatError(f"{path}: cannot be read as a picture ({str(error)[:200]}).") from None


def _known_formats() -> set[str]:
    Image.init()
    return set(Image.OPEN)


def _table(path: Path, text: bytes) -> dict[object, object]:
    try:
        value = json.loads(text.decode("utf-8"), object_hook=_tensor)
    except (ValueError, RecursionError, TypeError):
        raise FormatError(f"{path}: the embedding inside is damaged.") from None
    if not isinstance(value, dict):
        raise FormatError(f"{path}: the embedding inside is damaged.")
    return value


def _tensor(table: dict[str, object]) -> object:
    return torch.tensor(table["TORCHTENSOR"], dtype=torch.float32) if "TORCHTENSOR" in table else table


def _payload(pixels: _Pixels) -> bytes | None:
    """The bytes in pixels [H, W, 3], or None where there are no two blocks with black columns beside them."""
    bright = pixels.max(axis=2) > 0
    rows, columns = numpy.flatnonzero(bright.any(axis=1)), numpy.flatnonzero(bright.any(axis=0))
    if len(rows) == 0:
        return None
    inner = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] & numpy.uint8(0x0F)
    black = numpy.flatnonzero((inner == 0).all(axis=(0, 2)))
    if len(black) < 2 or black[0] == 0 or black[-1] == inner.shape[1] - 1:
        return None
    low, high = _scrambled(inner[:, : black[0]]), _scrambled(inner[:, black[-1] + 1 :])
    if low.size != high.size:
        return None
    return ((high.reshape(-1) << 4) | low.reshape(-1)).tobytes()


def _scrambled(block: _Pixels) -> _Pixels:
    """The block xor webui's pseudo-random nibbles: does and undoes it."""
    return block ^ _stream(block.size).reshape(block.shape)


def _stream(count: int) -> _Pixels:
    values = numpy.empty(count, dtype=numpy.uint8)
    seed = 0
    for i in range(count):
        seed = (_MULTIPLIER * seed + _INCREMENT) % _MODULUS
        values[i] = seed % _RANGE & 0x0F
    return values


def packed_text(table: Mapping[str, object]) -> bytes:
    """The JSON that stands in a picture."""

    def plain(value: object) -> object:
        if isinstance(value, Tensor):
            return {"TORCHTENSOR": value.detach().float().cpu().tolist()}
        raise TypeError(f"{type(value).__name__} does not go into a picture")

    return json.dumps(table, default=plain).encode("utf-8")
