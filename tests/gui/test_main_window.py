"""The window as a whole: pages, shortcuts, Start, words and colours that switch, and the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.main_window import PAGES, MainWindow
from gui.pages.train import tab_of
from gui.recovery import Recovery
from tests.gui import run_folders
from tests.gui.desk import StillService, fault, still_desk
from tests.gui.reports import answer
from tests.gui.watch import io_of_main_thread

NOT_MARKUP = '<img src="file:///etc/hostname"> <b>bold</b>'


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> MainWindow:
    window = MainWindow(still_desk(tmp_path))
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w, "_may_close", True))
    window.show()
    window.activateWindow()
    assert wait_for_all()
    return window


def press(window: MainWindow, key: str) -> None:
    """A shortcut of the window, also where no desktop gives it the focus. It must be there exactly once."""
    (shortcut,) = [one for one in window.findChildren(QShortcut) if one.key().toString() == key]
    shortcut.activated.emit()


def service(window: MainWindow) -> StillService:
    assert isinstance(window.desk.service, StillService)
    return window.desk.service


def test_a_page_is_made_at_its_first_visit_and_kept(window: MainWindow, qtbot: QtBot) -> None:
    assert list(window.pages) == ["train"]
    for number, name in enumerate(PAGES, 1):
        press(window, f"Ctrl+{number}")
        assert window.stack.currentWidget() is window.pages[name]
        assert window.buttons[name].isChecked()
    train = window.pages["train"]
    window.buttons["train"].click()
    assert window.pages["train"] is train and window.stack.currentWidget() is train


def test_start_is_off_while_there_is_an_error_and_says_why(window: MainWindow, qtbot: QtBot) -> None:
    start = window.footer.start_button
    service(window).answer(fault("must be given", "model.base"), fault("x", severity="hint"))
    why = window.footer.why
    assert not start.isEnabled() and "mend first: 1" in start.toolTip()
    assert why.isVisible() and why.text().endswith("mend first: 1"), "seen without a tooltip"
    press(window, "F5")
    assert service(window).times("start") == 0 and "mend first: 1" in window.footer.said.text()
    with qtbot.waitSignal(window.desk.wishes.field_requested) as asked:
        qtbot.mouseClick(why, Qt.MouseButton.LeftButton)
    assert asked.args == ["model.base"]
    service(window).answer()
    assert start.isEnabled() and not why.isVisible()
    window.desk.document.set("network.dmi", 3)  # the schema's own faults count at once
    assert not start.isEnabled()
    window.desk.document.undo()
    assert start.isEnabled()


def test_start_pressed_twice_starts_once_and_then_shows_the_run(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    service(window).answer()
    window.desk.document.set("save.output_name", "mine")
    service(window).answer()
    qtbot.mouseClick(window.footer.start_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.footer.start_button, Qt.MouseButton.LeftButton)
    press(window, "F5")
    assert service(window).times("start") == 1
    assert "mine" in service(window).asked[-1][1]
    run = tmp_path / "out" / "runs" / "mine-1"
    run.mkdir(parents=True)
    service(window).started.emit(str(run))
    assert window.stack.currentWidget() is window.pages["runs"]
    assert window.footer.said.text() == "Started: mine-1", "its name; the path is the run page's"
    assert window.desk.settings.run_roots == [str(tmp_path / "out")]
    assert window.footer.start_button.isEnabled()


def test_the_runs_of_the_presets_output_folder_are_listed(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    run = run_folders.make(tmp_path / "out", trainer=run_folders.DEAD)
    answered = answer()
    answered["report"]["files"]["folder"] = str(tmp_path / "out")
    window.desk.service.checked.emit(answered)
    qtbot.waitUntil(lambda: [row.path for row in window.desk.runs.runs] == [str(run)])


def test_a_refused_start_names_the_first_fault(window: MainWindow) -> None:
    service(window).answer()
    window.footer.start()
    service(window).refused.emit([fault("no such folder", "data.train_data_dir")])
    assert "Not started" in window.footer.said.text() and "no such folder" in window.footer.said.text()
    assert window.footer.start_button.isEnabled()


def test_search_and_fields_are_reached_from_any_page(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("settings")
    press(window, "Ctrl+F")
    train = window.pages["train"]
    assert window.stack.currentWidget() is train
    qtbot.waitUntil(lambda: window.focusWidget() is train.search)  # type: ignore[attr-defined]
    for key in (
        "network.dim",
        "model.base",
        "data.train_data_dir",
        "sample.steps",
        "objective.huber_c",
        "save.keep_states",
    ):
        window.show_page("settings")
        window.desk.wishes.field_requested.emit(key)
        assert window.stack.currentWidget() is train
        form = train.forms[tab_of(key)]  # type: ignore[attr-defined]
        qtbot.waitUntil(lambda form=form, key=key: form.row(key).isAncestorOf(window.focusWidget()))
        qtbot.waitUntil(form.isVisible)
        assert not window.pages["settings"].isVisible()
    window.desk.document.add_item("data.subsets", {"image_dir": "x"})
    window.desk.wishes.field_requested.emit("data.subsets[0].num_repeats")
    assert window.stack.currentWidget() is window.pages["dataset"]


def test_title_and_bar_tell_the_file_and_whether_it_is_saved(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    preset = tmp_path / "cat & dog.toml"
    preset.write_text("# mine\n")
    window.files.open(str(preset))
    assert wait_for_all()
    assert window.windowTitle() == "cat & dog.toml - kohya-like"
    window.desk.document.set("network.dim", 4)
    assert window.windowTitle().startswith("* ")
    press(window, "Ctrl+S")
    qtbot.waitUntil(lambda: not window.desk.document.modified)
    assert preset.read_text() == "# mine\n\n[network]\ndim = 4\n"
    assert not window.windowTitle().startswith("* ") and "Saved" in window.footer.said.text()


def test_language_and_theme_switch_while_everything_is_open(window: MainWindow) -> None:
    for name in PAGES:
        window.show_page(name)
    window.desk.language.set("zh_CN")
    texts = [label.text() for label in window.findChildren(QLabel) if label.isVisibleTo(window)]
    texts += [button.text() for button in window.findChildren(QAbstractButton) if button.isVisibleTo(window)]
    english = {text for text in texts if text.isascii() and len(text.split()) > 2 and "Ctrl+" not in text}
    assert window.buttons["train"].text() != "Train"
    assert english == set()
    window.desk.theme.set("dark")
    assert window.palette().window().color() == window.desk.theme.color("window")
    window.desk.language.set("en")
    window.desk.theme.set("light")
    assert window.buttons["train"].text() == "Train"


def test_what_was_said_before_the_language_changed_is_said_anew(window: MainWindow, tmp_path: Path) -> None:
    bar = window.pages["train"].bar  # type: ignore[attr-defined]
    window._offer_rescued("mine.toml", lambda: None, lambda: None)
    window.desk.document.failed.emit("x.toml: is a folder", "Use Save as and choose another place")
    service(window).refused.emit([fault("must be given", "model.base")])
    banners = (window.notice, bar.banner)
    for language, words in (
        ("zh_CN", ("找回了上次", "是文件夹", "未能启动")),
        ("en", ("rescued", "is a folder", "Not started")),
    ):
        window.desk.language.set(language)
        shown = [*(banner.message for banner in banners), window.footer.said.text()]
        assert [word in text for word, text in zip(words, shown)] == [True] * 3, shown
    window.desk.wishes.said.emit("Saved x")
    window.desk.language.set("zh_CN")
    assert window.footer.said.text() == "", "nobody knows what it was in another language"
    window.desk.language.set("en")


def test_every_control_has_a_name_and_every_label_is_plain(window: MainWindow) -> None:
    for name in PAGES:
        window.show_page(name)
    assert wait_for_all()
    formats = {label.textFormat() for label in window.findChildren(QLabel) if label.text()}
    assert formats == {Qt.TextFormat.PlainText}
    nameless = [
        f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
        for kind in (QAbstractButton, QLineEdit, QPlainTextEdit)
        for widget in window.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)()) and not _is_qts_own(widget)
    ]
    assert nameless == []


def _is_qts_own(widget: QWidget) -> bool:
    """Parts that Qt makes inside its own widgets: the line of a combo box, the clear button of a line."""
    return isinstance(widget.parentWidget(), QComboBox | QLineEdit | QTabBar) or widget.objectName().startswith("qt_")


def test_foreign_text_is_shown_as_text(window: MainWindow, tmp_path: Path) -> None:
    window.footer.said.setText(NOT_MARKUP)
    window.notice.show_message(NOT_MARKUP, [(NOT_MARKUP, lambda: None)])
    assert window.footer.said.text() == NOT_MARKUP and window.notice.message == NOT_MARKUP
    assert "&lt;img" in window.footer.said.toolTip()


def test_the_rail_folds_to_icons(window: MainWindow, qtbot: QtBot) -> None:
    wide = window.buttons["train"].width()
    press(window, "Ctrl+B")
    assert window.buttons["train"].width() < wide
    assert window.buttons["train"].toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    press(window, "Ctrl+B")
    assert window.buttons["train"].width() == wide


def test_below_1280_pixels_the_side_panel_is_a_drawer(window: MainWindow, qtbot: QtBot) -> None:
    train = window.pages["train"]
    window.resize(1280, 720)
    assert not train.drawer.folded and train.panel.isVisible()  # type: ignore[attr-defined]
    window.resize(1100, 720)
    assert train.drawer.folded and not train.panel.isVisible()  # type: ignore[attr-defined]
    qtbot.mouseClick(train.drawer.button, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    assert train.panel.isVisible() and train.panel.width() > 300  # type: ignore[attr-defined]
    assert train.rect().contains(train.panel.geometry())  # type: ignore[attr-defined]
    window.resize(1280, 720)
    assert train.panel.isVisible() and not train.drawer.folded  # type: ignore[attr-defined]


def test_pages_and_edits_touch_no_file_in_the_ui_thread(window: MainWindow, qtbot: QtBot) -> None:
    for name in PAGES:
        window.show_page(name)
    assert wait_for_all()
    with io_of_main_thread() as touched:
        for name in PAGES:
            window.show_page(name)
            QApplication.processEvents()
        window.desk.document.set("network.dim", 12)
        window.desk.document.set("model.base", "/nowhere/model.safetensors")
        QApplication.processEvents()
        window.desk.document.undo()
        QApplication.processEvents()
    assert touched == []


@pytest.mark.parametrize(
    "answer, closed, saved",
    [
        (QMessageBox.StandardButton.Cancel, False, False),
        (QMessageBox.StandardButton.Discard, True, False),
        (QMessageBox.StandardButton.Save, True, True),
    ],
)
def test_closing_asks_about_unsaved_changes(
    window: MainWindow,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: QMessageBox.StandardButton,
    closed: bool,
    saved: bool,
) -> None:
    preset = tmp_path / "a.toml"
    preset.write_text("")
    window.files.open(str(preset))
    assert wait_for_all()
    window.desk.document.set("network.dim", 4)
    monkeypatch.setattr(QMessageBox, "exec", lambda _: answer)
    window.close()
    assert wait_for_all()
    for _ in range(5):
        QApplication.processEvents()
    assert window.isVisible() != closed
    assert ("dim = 4" in preset.read_text()) == saved


def test_work_of_a_crashed_window_is_offered(qtbot: QtBot, tmp_path: Path) -> None:
    desk = still_desk(tmp_path)
    recovery = Recovery(desk.document, tmp_path / "rescued")
    taken: list[str] = []
    recovery.look = lambda offer: offer("mine.toml", lambda: taken.append("taken"), lambda: None)  # type: ignore[method-assign]
    window = MainWindow(desk, recovery)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(window.notice.isVisible)
    assert "mine.toml" in window.notice.message
    next(b for b in window.notice.findChildren(QAbstractButton) if b.text() == "Open them").click()
    assert taken == ["taken"] and not window.notice.isVisible()
