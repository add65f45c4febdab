"""Captions and names that strangers wrote, in the right pane: text is text, short enough to draw, never turned."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMenu
from pytestqt.qtbot import QtBot

from gui.captions.caption_panel import CaptionPanel
from gui.captions.tag_dialogs import EverywhereDialog, TranslationDialog
from gui.captions.tag_menu import TagMenu
from gui.widgets.text import LIMIT
from tests.gui.captions.opened import open_captions, settle, until
from tests.gui.hostile import MARKS, texts_of

MARK = "<img src='file:///probe.png'>\u202egpj.exe\u2066"
NAME = "<img src=probe.png>\u202egnp"
CAPTIONS = {NAME: f"{MARK}, &tag, <b>bold</b>", "long": "x" * 900_000, "line": f"{MARK} {'word ' * 9_000}"}


def shown(panel: CaptionPanel) -> list[str]:
    found = [label.text() for label in panel.findChildren(QLabel)]
    for view in (panel.chips, panel.all_tags.view):
        found += texts_of(view)
        model = view.model()
        rows = range(model.rowCount())
        found += [str(model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole)) for row in rows]
    return found


def test_nothing_lies_and_nothing_blocks(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, CAPTIONS)
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.resize(320, 640)
    panel.show()
    until(qtbot, lambda: len(panel.all_tags.tag_model.rows) == 5)
    for tag in (MARK, "x" * 900_000):
        panel.tag_actions.set_favourite(1, tag)
        for as_text in (False, True):
            panel.show_as_text(as_text)
            for number in desk.shown.ids:
                started = time.thread_time()
                desk.select([number])
                panel.grab()
                assert time.thread_time() - started < 0.1
                settle()
                texts = shown(panel)
                assert max(map(len, texts)) <= 2 * LIMIT
                assert not [text for text in texts if any(mark in text for mark in MARKS)]
    assert {label.textFormat() for label in panel.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    desk.close()
    settle()


def test_menus_and_dialogs(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, CAPTIONS)
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.tag_actions.set_favourite(2, MARK)
    menu = TagMenu(desk, panel.tag_actions, [MARK], panel)
    menu.open_at(panel.mapToGlobal(panel.rect().center()))
    texts = [text for one in (menu, *menu.findChildren(QMenu)) for text in texts_of(one)]
    menu.close()
    for dialog in (EverywhereDialog(desk, [MARK, "x" * 900_000], False), TranslationDialog(desk, MARK)):
        qtbot.addWidget(dialog)
        dialog.show()
        settle()
        assert {label.textFormat() for label in dialog.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
        texts += [label.text() for label in dialog.findChildren(QLabel)]
    assert any("<img" in text for text in texts)
    assert not [text for text in texts if len(text) > 2 * LIMIT or any(mark in text for mark in MARKS)]
    desk.close()
    settle()
