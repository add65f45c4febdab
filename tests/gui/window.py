"""A whole window for a test, and its banners: what they say, and a press of what they offer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QMenu, QPushButton
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.document import PresetDocument
from gui.main_window import MainWindow
from gui.widgets.banner import Banner
from tests.gui.desk import still_desk


def quick_desk(folder: Path) -> Desk:
    """As `still_desk`; its document looks at its file a hundred times a second."""
    desk = still_desk(folder)
    desk.document = PresetDocument(poll_milliseconds=10)
    return desk


def shown(qtbot: QtBot, desk: Desk) -> MainWindow:
    """A window on the screen that asks nothing when it is closed."""
    window = MainWindow(desk)
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w, "_may_close", True))
    window.show()
    assert wait_for_all()
    return window


def open_preset(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    with qtbot.waitSignal(window.desk.document.opened):
        window.files.open(str(path))


def offered(banner: Banner) -> list[str]:
    """The words on the buttons of a banner that is shown."""
    return [b.text() for b in banner.findChildren(QPushButton) if b.isVisible()] if banner.isVisible() else []


def press(banner: Banner, words: str) -> None:
    (button,) = [b for b in banner.findChildren(QPushButton) if b.isVisible() and b.text() == words]
    button.click()


def entries(menu: QMenu) -> list[str]:
    """What a menu shows when it is opened."""
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def choose(menu: QMenu, words: str) -> None:
    (action,) = [one for one in menu.actions() if one.text() == words]
    action.trigger()
