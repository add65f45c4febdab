"""A CaptionDesk over a few pictures of a test's own folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.captions.desk import CaptionDesk
from tests.gui.captions import datasets

CAPTIONS: dict[str, str | bytes | None] = {
    "a": "cat, long hair, solo\n",
    "b": b"cat, hat\r\nsecond line\r\n",
    "c": "dog, long hair, <img src=probe>",
}


def open_captions(qtbot: QtBot, tmp_path: Path, captions: Mapping[str, str | bytes | None] = CAPTIONS) -> CaptionDesk:
    """All captions are read."""
    return datasets.open_desk(qtbot, tmp_path, datasets.make_folder(tmp_path / "set", captions))


def settle() -> None:
    assert wait_for_all()


def until(qtbot: QtBot, is_so: Callable[[], bool]) -> None:
    qtbot.waitUntil(is_so, timeout=10_000)


def choose(desk: CaptionDesk, *stems: str) -> None:
    desk.select([datasets.number(desk, stem) for stem in stems])


def text(desk: CaptionDesk, stem: str) -> str:
    return datasets.text(desk, stem)


def written(desk: CaptionDesk, tmp_path: Path, stem: str) -> bytes:
    """What the caption file holds once everything is saved."""
    desk.flush()
    settle()
    return (tmp_path / "set" / f"{stem}.txt").read_bytes()
