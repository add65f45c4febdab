"""Embeddings inside pictures, as AUTOMATIC1111's webui shares them: in a PNG's text, and in the pixels at both sides.

    [low nibbles][black column][picture][black column][high nibbles]

    data = zlib(JSON); tensors are {"TORCHTENSOR": nested lists}. A pixel's channel holds four bits of data in its low
    nibble, scrambled by a pseudo-random stream, and a pattern of dots in its high nibble, which only decorates.

Only a picture that keeps every bit carries it: a JPEG does not. Source: webui's image_embedding.py.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import warnings
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import numpy.typing
import torch
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from kohya_like.formats.atomic import atomic_write
from kohya_like.schema.errors import FormatError, UserError

TEXT_KEY = "sd-ti-embedding"
FORMATS = {".png": "PNG", ".webp": "WEBP", ".avif": "AVIF", ".jxl": "JXL"}
_READABLE = ("PNG", "WEBP", "AVIF", "JXL", "JPEG")
_MAX_PIXELS = 50_000_000
_MAX_JSON_BYTES = 128 << 20
_MULTIPLIER, _INCREMENT, _RANGE = 1664525, 1013904223, 255
_LOSSLESS: dict[str, dict[str, Any]] = {
    ".png": {}, ".webp": {"lossless": True, "exact": True}, ".avif": {"quality": 100, "subsampling": "4:4:4"},
    ".jxl": {"lossless": True},
}  # fmt: skip
_Pixels = numpy.typing.NDArray[numpy.uint8]


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
    if image.format != "PNG" or packed is not None:
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


def save_picture(path: Path, picture: Path | None, name: str, table: Mapping[str, object], overwrite: bool) -> None:
    """Put `table` into a picture at `path`, whole or not at all: in its pixels, and in the text of a PNG.

    Args:
        picture: what is seen; None: a card with `name`.
        table: {"string_to_param": {"*": [N, D]}, ...} or {"clip_l", "clip_g"}.
    Raises:
        UserError: a format that this installation cannot write without loss; a picture that cannot be read.
    """
    kind = FORMATS[path.suffix]
    if not is_lossless(path.suffix):
        raise UserError(
            f"{path.suffix}: the installed Pillow cannot write this format without loss: the embedding would be gone",
            "choose png or webp",
        )
    text = packed_text(table)
    image = _with_payload(_card(name) if picture is None else _opened(picture).convert("RGB"), text, table)
    options = dict(_LOSSLESS[path.suffix])
    if kind == "PNG":
        chunk = PngInfo()
        chunk.add_text(TEXT_KEY, base64.b64encode(text).decode("ascii"))
        options["pnginfo"] = chunk
    atomic_write(path, lambda file: image.save(file, format=kind, **options), overwrite=overwrite)


@cache
def is_lossless(suffix: str) -> bool:
    """Whether the installed Pillow keeps every bit of a picture in this format: found out by trying."""
    noise = numpy.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=numpy.uint8)
    written = io.BytesIO()
    try:
        Image.fromarray(noise).save(written, format=FORMATS[suffix], **_LOSSLESS[suffix])
        with Image.open(io.BytesIO(written.getvalue())) as image:
            return bool((numpy.asarray(image.convert("RGB")) == noise).all())
    except (KeyError, OSError, ValueError):  # Pillow without a codec for it
        return False


def _card(name: str) -> Image.Image:
    image = Image.new("RGB", (512, 512), (232, 228, 220))
    ImageDraw.Draw(image).text((32, 32), name, fill=(60, 60, 60), font=ImageFont.load_default(32))
    return image


def _with_payload(image: Image.Image, text: bytes, table: Mapping[str, object]) -> Image.Image:
    """The picture between its two blocks of data, each behind a black column."""
    data = numpy.frombuffer(zlib.compress(text, 9), numpy.uint8)
    height = image.height
    shades = _shades(table)
    low = _block(data & numpy.uint8(0x0F), height, shades)
    high = _block(data >> numpy.uint8(4), height, shades[::-1])
    black = numpy.zeros((height, 1, 3), numpy.uint8)
    return Image.fromarray(numpy.hstack([low, black, numpy.asarray(image), black, high]))


def _block(nibbles: _Pixels, height: int, shades: _Pixels) -> _Pixels:
    """Data as pixels [H, W, 3]: repeated until the columns are full, decorated, scrambled."""
    size = len(nibbles) + height - len(nibbles) % height
    size += 3 * height - size % (3 * height)
    block = numpy.resize(nibbles, size).reshape(height, -1, 3)
    return _scrambled(block ^ _dots(block.shape[1], height, shades))


def _dots(width: int, height: int, shades: _Pixels) -> _Pixels:
    """webui's pattern of dots, in the high nibbles; the greys are those of the first vector's numbers."""
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    number = 0
    for x in range(-6, width, 8):
        for row, y in enumerate(range(-6, height, 8)):
            left = x + (4 if row % 2 == 0 else 0)
            shade = int(shades[number % len(shades)])
            pen.ellipse((left, y, left + 6, y + 6), fill=(shade, shade, shade))
            number += 1
    return numpy.asarray(image) & numpy.uint8(0xF0)


def _shades(table: Mapping[str, object]) -> _Pixels:
    parameters = table.get("string_to_param", table)
    assert isinstance(parameters, Mapping)
    rows = next(iter(parameters.values()))
    sizes = rows[0][:1024].abs().double().numpy()
    return (sizes / max(float(sizes.max()), 1e-12) * 255).astype(numpy.uint8)


def _payload(pixels: _Pixels) -> bytes | None:
    """The bytes in pixels [H, W, 3], or None where there are no two blocks with black columns beside them."""
    bright = numpy.asarray((pixels > 0).all(axis=2))  # webui's rule for a black border
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
    """seed <- 1664525·seed + 1013904223 mod 2^32 from 0; (seed mod 255) & 15 of each: a sum of powers, all at once."""
    factors = numpy.full(count, _MULTIPLIER, numpy.uint32)
    factors[:1] = 1
    powers = numpy.multiply.accumulate(factors, dtype=numpy.uint32)  # wraps at 2^32, as the sum does
    seeds = numpy.add.accumulate(powers, dtype=numpy.uint32) * numpy.uint32(_INCREMENT)
    return (seeds % _RANGE & 0x0F).astype(numpy.uint8)


def packed_text(table: Mapping[str, object]) -> bytes:
    """The JSON that stands in a picture."""

    def plain(value: object) -> object:
        if isinstance(value, Tensor):
            return {"TORCHTENSOR": value.detach().float().cpu().tolist()}
        raise TypeError(f"{type(value).__name__} does not go into a picture")

    return json.dumps(table, default=plain).encode("utf-8")
