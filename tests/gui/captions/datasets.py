"""Small datasets, and a CaptionDesk that has opened one."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.captions.desk import CaptionDesk
from tests.gui.desk import still_desk


def picture_bytes(width: int = 24, height: int = 16, colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(made, "PNG")
    return made.getvalue()


PICTURE = picture_bytes()


def make_folder(folder: Path, captions: Mapping[str, str | bytes | None]) -> Path:
    """A picture for each stem, with a caption file where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, caption in captions.items():
        (folder / f"{stem}.png").write_bytes(PICTURE)
        if caption is not None:
            raw = caption if isinstance(caption, bytes) else caption.encode()
            (folder / f"{stem}.txt").write_bytes(raw)
    return folder


def many(folder: Path, count: int) -> Path:
    """Pictures p0000 ... with two or three tags each, one of them `even` or `odd`."""
    names = {f"p{n:05d}": f"{'even' if n % 2 == 0 else 'odd'}, cat, tag {n % 7}" for n in range(count)}
    return make_folder(folder, names)


def open_desk(qtbot: QtBot, folder: Path, *folders: Path) -> CaptionDesk:
    """Everything is read; the settings lie in `folder`."""
    desk = CaptionDesk(still_desk(folder))
    desk.open([str(one) for one in folders])
    settle(qtbot, desk)
    return desk


def settle(qtbot: QtBot, desk: CaptionDesk) -> None:
    """Until all captions are read and nothing is under way."""
    qtbot.waitUntil(lambda: desk.session is not None, timeout=20_000)
    assert wait_for_all()


def names(desk: CaptionDesk) -> list[str]:
    """Stems of the listed pictures, in order."""
    return [picture.name.removesuffix(".png") for n in desk.shown.ids if (picture := desk.picture(n)) is not None]


def number(desk: CaptionDesk, stem: str) -> int:
    """The id of a picture."""
    assert desk.library is not None
    return next(n for n in desk.library.ids() if desk.library.picture(n).name == f"{stem}.png")


def text(desk: CaptionDesk, stem: str) -> str:
    assert desk.library is not None
    return desk.library.text(number(desk, stem))
