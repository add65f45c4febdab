"""The compare dialog: plain text, signs and colours, and a decision that is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gui import compare
from gui.compare import CompareDialog
from gui.desk import Desk
from gui.differences import MOST_SHOWN, Differences
from gui.i18n.language import Language
from gui.theme import Theme

MINE, THEIRS = "# a\n[network]\ndim = 16\n", "# a\n[network]\ndim = 32\nalpha = 8.0\n"


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return cast(Desk, SimpleNamespace(theme=Theme("light"), language=Language("en")))


@pytest.fixture
def make(desk: Desk, qtbot: QtBot) -> Callable[..., CompareDialog]:
    def made(mine: str = MINE, theirs: str = THEIRS) -> CompareDialog:
        dialog = CompareDialog(desk, mine, theirs)
        qtbot.addWidget(dialog)
        assert dialog.counts.text() == "Comparing ..."
        qtbot.waitUntil(lambda: dialog.counts.text() != "Comparing ...")
        return dialog

    return made


def test_lines_carry_signs_and_colours(make: Callable[..., CompareDialog], desk: Desk) -> None:
    dialog = make()
    assert dialog.view.toPlainText() == "  # a\n  [network]\n- dim = 16\n+ dim = 32\n+ alpha = 8.0\n  "
    assert dialog.counts.text() == "Lines only here: 1; only in the file: 2"
    assert dialog.view.isReadOnly()

    def colours() -> list[str]:
        document = dialog.view.document()
        blocks = [document.findBlockByNumber(at) for at in range(document.blockCount())]
        return [one.format.foreground().color().name() for block in blocks for one in block.layout().formats()]

    for theme in ("light", "dark"):
        desk.theme.set(theme)
        error, success = (desk.theme.color(token).name() for token in ("error", "success"))
        assert colours() == [error, success, success]


@pytest.mark.parametrize("button, wanted", [("mine", ["mine"]), ("theirs", ["theirs"]), ("cancel", ["no"])])
def test_the_choice_is_told_and_the_dialog_closes(
    make: Callable[..., CompareDialog], button: str, wanted: list[str], qtbot: QtBot
) -> None:
    dialog, said = make(), list[str]()
    dialog.mine_chosen.connect(lambda: said.append("mine"))
    dialog.theirs_chosen.connect(lambda: said.append("theirs"))
    dialog.rejected.connect(lambda: said.append("no"))
    dialog.show()
    qtbot.mouseClick(getattr(dialog, button), Qt.MouseButton.LeftButton)
    assert said == wanted and not dialog.isVisible()


def test_enter_and_escape_decide_nothing(make: Callable[..., CompareDialog], qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        dialog = make()
        dialog.show()
        with (
            qtbot.assertNotEmitted(dialog.mine_chosen),
            qtbot.assertNotEmitted(dialog.theirs_chosen),
            qtbot.waitSignal(dialog.rejected),
        ):
            qtbot.keyClick(dialog, key)


def test_foreign_text_stays_text(make: Callable[..., CompareDialog]) -> None:
    nasty = '<img src="x">\u202egnp\u2028b\u2029\tc' + "z" * 20_000
    dialog = make(nasty, "")
    assert dialog.view.toPlainText().startswith('- <img src="x">\ufffdgnp\u240ab\u240a    c')
    assert dialog.view.document().blockCount() == 2
    assert len(dialog.view.toPlainText()) < 10_100


def test_texts_without_differing_lines_say_so(make: Callable[..., CompareDialog]) -> None:
    assert make(MINE, MINE).counts.text() == "Both are the same."
    assert "line ends" in make(MINE, MINE.replace("\n", "\r\n")).counts.text()


def test_what_is_too_much_to_show_is_counted(make: Callable[..., CompareDialog]) -> None:
    dialog = make("a\n" * 9000, "")
    assert dialog.view.document().blockCount() == MOST_SHOWN
    assert dialog.counts.text().endswith("Lines not shown: 5001")


def test_the_comparison_runs_outside_the_ui_thread(
    make: Callable[..., CompareDialog], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, real = set[int](), compare.differences

    def noted(mine: str, theirs: str) -> Differences:
        threads.add(threading.get_ident())
        return real(mine, theirs)

    monkeypatch.setattr(compare, "differences", noted)
    make()
    assert threads and threading.get_ident() not in threads


def test_every_control_has_a_name_in_the_language_of_the_moment(
    make: Callable[..., CompareDialog], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = make()
    monkeypatch.setattr(CompareDialog, "tr", lambda self, text: f"~{text}")
    desk.language.changed.emit()
    for button in dialog.findChildren(QPushButton):
        assert button.accessibleName() == button.text() and button.text().startswith("~")
    assert dialog.view.accessibleName() == "~Lines that differ" and dialog.windowTitle() == "~Compare"
    assert dialog.counts.text().startswith("~Lines only here: 1") and dialog.heading.text().startswith("~")
