"""The panel beside the page, or over its edge: opened and closed with the mouse and the keyboard, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from gui.side_panel import SidePanel
from gui.widgets.drawer import Drawer
from tests.gui.desk import still_desk

WIDTH = 330


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(900, 600)
    page.show()
    return page


@pytest.fixture
def drawer(page: QWidget, tmp_path: Path) -> Iterator[Drawer]:
    desk = still_desk(tmp_path)
    drawer = Drawer(desk, SidePanel(desk), WIDTH, page)
    drawer.setGeometry(900 - WIDTH, 0, WIDTH, 600)
    drawer.show()
    yield drawer
    desk.language.set("en")


def fold(drawer: Drawer) -> None:
    drawer.set_folded(True)
    drawer.setGeometry(900 - drawer.width(), 0, drawer.width(), 600)


def test_beside_the_page_there_is_no_button(drawer: Drawer) -> None:
    assert drawer._panel.isVisible() and not drawer.button.isVisible() and drawer.width() == WIDTH
    drawer.button.toggle()
    assert drawer._panel.isVisible(), "the button has no say while the panel stands beside the page"


def test_folded_it_is_a_strip_and_the_panel_lies_over_the_page(drawer: Drawer, page: QWidget, qtbot: QtBot) -> None:
    fold(drawer)
    assert drawer.folded and drawer.width() < 100 and not drawer._panel.isVisible()
    qtbot.mouseClick(drawer.button, Qt.MouseButton.LeftButton)
    assert (
        drawer._panel.isVisible() and drawer._panel.width() == WIDTH and page.rect().contains(drawer._panel.geometry())
    )
    assert drawer._panel.geometry().right() < drawer.geometry().left() + 1, "the strip stays in reach"
    page.resize(900, 400)
    qtbot.waitUntil(lambda: drawer._panel.height() == 400)
    qtbot.mouseClick(drawer.button, Qt.MouseButton.LeftButton)
    assert not drawer._panel.isVisible()


def test_space_opens_and_escape_closes(drawer: Drawer, qtbot: QtBot) -> None:
    fold(drawer)
    drawer.button.setFocus()
    qtbot.keyClick(drawer.button, Qt.Key.Key_Space)
    assert drawer._panel.isVisible()
    qtbot.keyClick(drawer, Qt.Key.Key_Escape)
    assert not drawer._panel.isVisible() and not drawer.button.isChecked()
    drawer.set_folded(False)
    qtbot.keyClick(drawer, Qt.Key.Key_Escape)
    assert drawer._panel.isVisible()


def test_escape_closes_it_from_inside_the_panel_too(drawer: Drawer, page: QWidget, qtbot: QtBot) -> None:
    fold(drawer)
    inside = drawer._panel.findChildren(QAbstractButton)[0]
    for here in (drawer._panel, inside):
        drawer.button.setChecked(True)
        qtbot.keyClick(here, Qt.Key.Key_Escape)
        assert not drawer._panel.isVisible() and page.focusWidget() is drawer.button


def test_with_room_again_it_stands_beside_the_page_open_or_not(drawer: Drawer) -> None:
    for opened in (True, False):
        fold(drawer)
        drawer.button.setChecked(opened)
        drawer.set_folded(False)
        assert drawer._panel.isVisible() and drawer._panel.parentWidget() is drawer and drawer.width() == WIDTH
        assert not drawer.button.isVisible()


def test_the_button_has_a_name_in_each_language(drawer: Drawer) -> None:
    names = set()
    for language in ("en", "zh_CN"):
        drawer._desk.language.set(language)
        assert drawer.button.accessibleName() == drawer.button.toolTip() != ""
        names.add(drawer.button.accessibleName())
    assert len(names) == 2
