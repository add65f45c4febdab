"""Thumbnails: made once, found again, bounded on disk and in memory, and never by guessing what a file is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage, QPixmap
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.captions import thumbnails as module
from gui.captions.thumbnail_store import NAME, ThumbnailStore
from gui.captions.thumbnails import Thumbnails, Unreadable
from tests.gui.captions.datasets import picture_bytes
from tests.gui.watch import io_of_main_thread


def picture(path: Path, colour: tuple[int, int, int] = (200, 30, 30)) -> str:
    path.write_bytes(picture_bytes(64, 32, colour))
    return str(path)


def plain(side: int, colour: str = "red", alpha: bool = False) -> QImage:
    image = QImage(side, side, QImage.Format.Format_ARGB32 if alpha else QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    return image


def test_a_thumbnail_is_read_in_a_thread_and_then_there(qtbot: QtBot, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
    arrived: list[str] = []
    thumbs.arrived.connect(arrived.append)
    with io_of_main_thread() as touched:
        assert thumbs.of(path) is None
        assert wait_for_all()
        there = thumbs.of(path)
    assert touched == [] and arrived == [path]
    assert isinstance(there, QPixmap) and (there.width(), there.height()) == (16, 8)


def test_the_second_window_finds_it_on_the_disk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "a.png")
    read: list[Path] = []
    real = module.read_picture

    def noted(path: Path, box: QSize) -> QImage:
        read.append(path)
        return real(path, box)

    monkeypatch.setattr(module, "read_picture", noted)
    for _ in range(2):
        thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
        thumbs.of(path)
        assert wait_for_all()
        assert isinstance(thumbs.of(path), QPixmap)
    assert len(read) == 1
    picture(tmp_path / "a.png", (1, 2, 250))
    os.utime(path, ns=(1, 1))
    thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
    thumbs.of(path)
    assert wait_for_all()
    there = thumbs.of(path)
    assert len(read) == 2, "another time of the file: another picture"
    assert isinstance(there, QPixmap) and there.toImage().pixelColor(3, 3).blue() > 200


def test_the_newest_wish_is_read_first_and_the_oldest_forgotten(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WISHES", 3)
    monkeypatch.setattr(module, "THREADS", 1)
    paths = [picture(tmp_path / f"{n}.png") for n in range(6)]
    thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
    thumbs._pool.setMaxThreadCount(1)
    arrived: list[str] = []
    thumbs.arrived.connect(arrived.append)
    monkeypatch.setattr(module, "later", lambda *a, **k: None)  # nothing is read before all are wished for
    for path in paths:
        thumbs.of(path)
    for _ in paths:
        thumbs._take(thumbs._read_next())
    assert arrived == [paths[5], paths[4], paths[3]]


@pytest.mark.parametrize(
    ("name", "raw", "gone"),
    [("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", False), ("b.jpg", b"", False), ("c.png", None, True)],
)
def test_why_there_is_none(qtbot: QtBot, tmp_path: Path, name: str, raw: bytes | None, gone: bool) -> None:
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
    thumbs.of(str(tmp_path / name))
    assert wait_for_all()
    found = thumbs.of(str(tmp_path / name))
    assert isinstance(found, Unreadable) and found.is_gone is gone and name in found.reason


def test_memory_is_bounded(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 3 * 16 * 8 * 4)
    thumbs = Thumbnails(ThumbnailStore(tmp_path / "cache"), side=16)
    paths = [picture(tmp_path / f"{n}.png") for n in range(6)]
    for path in paths:
        thumbs.of(path)
        assert wait_for_all()
    assert list(thumbs._kept) == paths[3:] and thumbs._kept_bytes == 3 * 16 * 8 * 4


def test_the_disk_is_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path, limit_bytes=20_000)
    for number in range(60):
        store.put(bytes([number]), plain(64, alpha=number % 2 == 1))
    store.shrink()
    kept = [number for number in range(60) if store.get(bytes([number])) is not None]
    assert kept and kept == list(range(60 - len(kept), 60)) and len(kept) < 60


def test_transparency_stays(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path)
    image = plain(8, "transparent", alpha=True)
    store.put(b"x", image)
    found = store.get(b"x")
    assert found is not None and found.pixelColor(0, 0).alpha() == 0


def test_a_damaged_store_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is no database " * 500)
    store = ThumbnailStore(tmp_path)
    store.put(b"x", plain(8))
    assert store.get(b"x") is not None


def test_a_store_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = ThumbnailStore(tmp_path / "file" / "below")
    store.put(b"x", plain(8))
    assert store.get(b"x") is None
