"""Pictures of strangers: the right size, the right decoder, and no file opened because a picture names it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPixmap
from pytestqt.qtbot import QtBot

from gui.pictures import read_picture

BOX = QSize(80, 80)
RED = (255, 0, 0)


@pytest.mark.parametrize(
    "suffix, kind",
    [(".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".bmp", "BMP"), (".avif", "AVIF"), (".png", "JPEG")],
)
def test_every_kind_is_read_in_the_size_asked_for(qtbot: QtBot, tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (400, 200), RED).save(path, kind)
    image = read_picture(path, BOX)
    assert (image.width(), image.height()) == (80, 40)
    seen = image.pixelColor(40, 20)
    assert seen.red() > 240 and seen.green() < 15 and seen.blue() < 15


def test_small_pictures_are_not_enlarged(qtbot: QtBot, tmp_path: Path) -> None:
    Image.new("RGB", (16, 8), RED).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", BOX).size() == QSize(16, 8)


def test_a_turned_photo_is_upright(qtbot: QtBot, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200), RED).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg", BOX).size() == QSize(40, 80)


def test_a_drawing_that_calls_itself_png_is_refused_and_opens_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), RED).save(secret)
    path = tmp_path / "fake.png"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="8" height="8">'
        f'<image width="8" height="8" xlink:href="{secret}"/></svg>'
    )
    fooled = QPixmap(str(path)).toImage()  # the control: Qt's own guess draws the file that the drawing names
    assert fooled.pixelColor(4, 4) == QColor(*RED)
    with pytest.raises(ValueError, match=r"fake\.png: is an SVG drawing"):
        read_picture(path, BOX)


def test_a_bomb_is_refused_before_it_is_decoded(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ValueError, match=r"bomb\.png: .*pixels"):
        read_picture(path, BOX)


def test_damage_inside_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "torn.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 20, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", b"not deflated at all")
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ValueError, match=r"torn\.png: "):
        read_picture(path, BOX)


def test_what_is_missing_or_foreign_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"a\.png: the file is not there any more"):
        read_picture(tmp_path / "a.png", BOX)
    (tmp_path / "a.svg").write_text("<svg/>")
    with pytest.raises(ValueError, match="are shown"):
        read_picture(tmp_path / "a.svg", BOX)
    (tmp_path / "b.avif").write_bytes(b"\0\0\0\x18ftypavif" + bytes(40))
    with pytest.raises(ValueError, match=r"b\.avif: "):
        read_picture(tmp_path / "b.avif", BOX)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
