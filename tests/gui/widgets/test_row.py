"""A row: bound to its key, says what is changed, explained and wrong, and how to get back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.widgets.numbers import NumberBox
from gui.widgets.row import FieldRow
from tests.gui.desk import make_desk
from tests.gui.typing import line_of, put
from tests.gui.widgets.test_editors import field


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def shown(qtbot: QtBot, desk: Desk, key: str) -> FieldRow:
    """A row in a window that has the keyboard, beside another place for it."""
    window = QWidget()
    window.other = QWidget(window)  # type: ignore[attr-defined]
    window.other.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # type: ignore[attr-defined]
    row = FieldRow(desk, field(key), window)
    row.kept = window  # type: ignore[attr-defined]  # Qt's parents do not keep Python's objects
    window.resize(700, 200)
    row.resize(700, 150)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    return row


def test_the_bar_is_there_where_the_value_is_not_the_default(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new("[train]\ntrain_batch_size = 1\n")
    row = shown(qtbot, desk, "train.train_batch_size")
    assert row.bar.property("role") == "unchanged"  # written in the file, but nothing else than the default
    put(line_of(row.widget), "4")
    assert row.bar.property("role") == "changed" and "Changed" in row.focus_target.accessibleDescription()
    assert desk.document.text == "[train]\ntrain_batch_size = 4\n"
    desk.document.undo()
    assert row.bar.property("role") == "unchanged" and line_of(row.widget).text() == "1"


def test_an_emptied_box_shows_the_default_when_it_is_left(qtbot: QtBot, desk: Desk) -> None:
    row = shown(qtbot, desk, "network.dim")
    row.focus_target.setFocus()
    put(line_of(row.widget), "64")
    put(line_of(row.widget), "")
    assert not desk.document.is_set("network.dim") and line_of(row.widget).text() == ""
    row.window().other.setFocus()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: line_of(row.widget).text() == "16")


def test_the_help_is_read_while_the_row_has_the_keyboard(qtbot: QtBot, desk: Desk) -> None:
    row = shown(qtbot, desk, "network.dim")
    assert row.help.isHidden()
    row.focus_target.setFocus()
    qtbot.waitUntil(lambda: not row.help.isHidden())
    assert row.help.text() == f"{row.field.option.info.help} (1 – 4096)"
    assert row.help.text().startswith("Rank R: how much the network can hold; ")
    assert row.help.text() in row.focus_target.accessibleDescription()
    row.window().other.setFocus()  # type: ignore[attr-defined]
    qtbot.waitUntil(row.help.isHidden)
    row.info.click()
    assert not row.help.isHidden()
    assert "network_dim" in row.info.toolTip() and "network.dim" in row.label.toolTip()


def test_a_wrong_value_says_so_beneath_itself(qtbot: QtBot, desk: Desk) -> None:
    row = shown(qtbot, desk, "network.dim")
    put(line_of(row.widget), "0")
    assert row.faults.isVisible() and row.faults.text == "Error: got 0, must be at least 1"
    assert row.widget.property("state") == "error"
    assert row.faults.findChildren(QLabel)[0].pixmap().width() > 0  # an icon, not the colour alone
    assert "must be at least 1" in row.focus_target.accessibleDescription()
    desk.language.set("zh_CN")
    assert "Error" not in row.faults.text or "0" in row.faults.text
    desk.language.set("en")
    put(line_of(row.widget), "8")
    assert row.faults.isHidden() and row.widget.property("state") == ""


def test_what_the_service_found_is_added_once(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new("[network]\ndim = 0\n")
    row = shown(qtbot, desk, "network.dim")
    schema = {"text": "got 0, must be at least 1", "key": "network.dim", "mend": "", "severity": "error"}
    other = {"text": "is large for 20 pictures", "key": "network.dim", "mend": "take 32", "severity": "hint"}
    row.show_faults([schema, other, {"text": "not mine", "key": "network.alpha", "severity": "error"}])
    assert row.faults.text == "Error: got 0, must be at least 1\nHint: is large for 20 pictures (take 32)"
    assert row.faults.worst == "error"
    desk.document.set("network.dim", 8)
    assert row.faults.worst == "hint" and row.widget.property("state") == ""
    row.show_faults([])
    assert row.faults.isHidden()


def test_a_part_of_a_value_that_is_wrong_is_shown_at_its_row(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new('[sample]\nprompts = ["a", 5]\n')
    row = shown(qtbot, desk, "sample.prompts")
    assert "expects" in row.faults.text and row.widget.property("state") == "error"


def test_reset_and_copy_are_in_the_menu(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new("[optimizer]\nlearning_rate = 3e-4  # mine\n\n[train]\n")
    row = shown(qtbot, desk, "optimizer.learning_rate")
    reset, copy_key, copy_set = row.menu(QMenu(row)).actions()
    assert reset.text() == "Reset to default: 0.0001"
    copy_key.trigger()
    assert QGuiApplication.clipboard().text() == "optimizer.learning_rate"
    copy_set.trigger()
    assert QGuiApplication.clipboard().text() == "--set optimizer.learning_rate=0.0003"
    reset.trigger()
    assert desk.document.text == "[optimizer]\n\n[train]\n" and line_of(row.widget).text() == "1e-4"
    assert not row.menu(QMenu(row)).actions()[0].isEnabled()


def test_a_copied_text_is_quoted_for_a_shell(qtbot: QtBot, desk: Desk) -> None:
    desk.document.set("data.caption_prefix", "it's $(me)")
    row = shown(qtbot, desk, "data.caption_prefix")
    row.menu(QMenu(row)).actions()[2].trigger()
    import shlex

    assert shlex.split(QGuiApplication.clipboard().text()) == ["--set", 'data.caption_prefix="it\'s $(me)"']


@pytest.mark.parametrize("reason", [QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard])
def test_the_menu_opens_with_the_mouse_and_with_the_menu_key(
    qtbot: QtBot, desk: Desk, reason: QContextMenuEvent.Reason
) -> None:
    row = shown(qtbot, desk, "data.caption_prefix")
    for target in (row.focus_target, row):
        QApplication.sendEvent(target, QContextMenuEvent(reason, QPoint(5, 5), target.mapToGlobal(QPoint(5, 5))))
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        texts = [action.text() for action in menu.actions()]
        assert any(text.startswith("Reset") for text in texts)
        assert any("Paste" in text for text in texts) == (target is not row)  # a line keeps its own menu above ours
        menu.close()


def test_a_row_speaks_the_language_of_the_window(qtbot: QtBot, desk: Desk) -> None:
    row = shown(qtbot, desk, "data.resolution")
    english = row.label.text()
    desk.language.set("zh_CN")
    assert row.label.text() != english and any("\u4e00" <= letter <= "\u9fff" for letter in row.label.text())
    assert row.help.text().startswith("训练尺寸")
    desk.language.set("en")
    assert row.label.text() == english


@pytest.mark.parametrize(
    "key, words",
    [
        ("data.resolution", "the model's own"),
        ("data.min_bucket_reso", "256, or half the resolution where that is less"),
        ("objective.min_snr_gamma", "off"), ("schedule.lr_decay_steps", "20 %"), ("model.vae", "not set"),
        ("schedule.lr_scheduler_min_lr_ratio", "0.1"), ("data.subsets[].keep_tokens", "as for all folders"),
        ("data.subsets[].image_dir", "must be given"), ("network.dim", ""),
    ],
)  # fmt: skip
def test_an_empty_box_says_what_holds_then(qtbot: QtBot, desk: Desk, key: str, words: str) -> None:
    row = FieldRow(desk, field(key).at("data.subsets[0]"))
    qtbot.addWidget(row)
    assert words in row._empty_words(desk.language.texts.help(row.field.option))
    assert not words or words == row._empty_words(desk.language.texts.help(row.field.option))


def test_a_label_belongs_to_its_editor(qtbot: QtBot, desk: Desk) -> None:
    row = shown(qtbot, desk, "network.dim")
    assert row.label.buddy() is row.focus_target
    assert isinstance(row.widget, NumberBox) and row.widget.accessibleName() == row.label.text()


def test_a_preset_that_cannot_be_changed_there_says_why(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new("network = 5\n")
    row = shown(qtbot, desk, "network.dim")
    with qtbot.waitSignal(desk.document.failed) as failed:
        put(line_of(row.widget), "8")
    assert "holds a value here, not a table" in failed.args[0] and desk.document.text == "network = 5\n"
    QTest.keyClick(row.widget, Qt.Key.Key_Tab)
    QApplication.sendEvent(row.focus_target, QEvent(QEvent.Type.FocusOut))
