"""Pictures of strangers for the screen: decoded by a fixed decoder, never by one that a file chooses.

Qt guesses the format from the content, and an SVG that calls itself .png opens the files it names. Here the header is
measured first (`kohya_like.data.picture_header`), only four of Qt's decoders and Pillow's AVIF are ever used, and what
is too large is refused before it is decoded. For threads only: `gui.background.later`.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

from kohya_like.data.picture_header import MAX_PIXELS, read_header
from kohya_like.schema.errors import FormatError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".avif")
MAX_MEBIBYTES = 400  # of one decoded picture: 100 megapixels of 4 bytes


def read_picture(path: Path, box: QSize) -> QImage:
    """The picture, upright, no larger than `box` and in its own proportions; never enlarged.

    Raises:
        OSError: the file is not there or cannot be read.
        ValueError: it is no picture we show; the text says why.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name}: only {', '.join(SUFFIXES)} are shown")
    try:
        width, height = read_header(path).size  # refuses what is foreign or cut off
        with path.open("rb") as file:
            head = file.read(12)
    except FormatError as error:
        raise ValueError(f"{path.name}: {error.text}") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path.name}: the file is not there any more") from error
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{path.name}: {width}x{height} pixels are more than the {MAX_PIXELS // 10**6} million allowed"
        )
    decoder = _decoder(head)
    return _by_qt(path, decoder, box) if decoder else _by_pillow(path, box)


def _decoder(head: bytes) -> bytes:
    """Which of the four decoders; a JPEG named .png is an everyday thing. Empty for AVIF."""
    if head.startswith(b"\x89PNG"):
        return b"png"
    if head.startswith(b"\xff\xd8\xff"):
        return b"jpeg"
    if head.startswith(b"RIFF"):
        return b"webp"
    return b"bmp" if head.startswith(b"BM") else b""


def _by_qt(path: Path, decoder: bytes, box: QSize) -> QImage:
    QImageReader.setAllocationLimit(MAX_MEBIBYTES)
    reader = QImageReader(str(path))
    reader.setAutoDetectImageFormat(False)
    reader.setDecideFormatFromContent(False)
    reader.setFormat(decoder)
    reader.setAutoTransform(True)
    turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
    reader.setScaledSize(_inside(reader.size(), box.transposed() if turned else box))
    image = reader.read()
    if image.isNull():
        raise ValueError(f"{path.name}: {reader.errorString()}")
    return image


def _by_pillow(path: Path, box: QSize) -> QImage:
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=("AVIF",)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path.name}: cannot be read") from error
    picture.thumbnail((box.width(), box.height()))
    stride = picture.width * 4
    return QImage(picture.tobytes(), picture.width, picture.height, stride, QImage.Format.Format_RGBA8888).copy()


def _inside(size: QSize, box: QSize) -> QSize:
    if size.width() <= box.width() and size.height() <= box.height():
        return size
    return size.scaled(box, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
