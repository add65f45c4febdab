"""Path fields: typed, dropped, browsed, remembered; the disk is asked in the background."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.widgets.paths import PathField, dropped_path, look, nearest_folder
from tests.gui.desk import make_desk
from tests.gui.typing import put
from tests.gui.watch import io_of_main_thread
from tests.gui.widgets.test_editors import field


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    desk = make_desk(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "mine.toml").write_text("# mine\n")
    (tmp_path / "presets" / "pictures").mkdir()
    (tmp_path / "model.safetensors").write_text("")
    with qtbot.waitSignal(desk.document.opened):
        desk.document.open(tmp_path / "presets" / "mine.toml")
    return desk


def path_field(qtbot: QtBot, desk: Desk, key: str = "data.train_data_dir") -> tuple[PathField, list[object]]:
    box = PathField(desk, field(key))
    qtbot.addWidget(box)
    box.set_words("Folder", "not set")
    said: list[object] = []
    box.edited.connect(said.append)
    return box, said


@pytest.mark.parametrize(
    "key, text, found, words",
    [
        ("data.train_data_dir", "pictures", "folder", "Exists"),
        ("data.train_data_dir", "../model.safetensors", "file", "A file; a folder is wanted"),
        ("data.train_data_dir", "nowhere", "missing", "There is no such path"),
        ("network.weights", "pictures", "folder", "A folder; a file is wanted"),
        ("model.base", "pictures", "folder", "Exists"),
        ("save.output_dir", "new", "missing", "Will be made"),
        ("data.train_data_dir", "~", "folder", "Exists"),
        ("data.train_data_dir", "a\0b", "missing", "There is no such path"),
    ],
)
def test_the_mark_says_what_is_there(qtbot: QtBot, desk: Desk, key: str, text: str, found: str, words: str) -> None:
    box, _ = path_field(qtbot, desk, key)
    box.set_value(text)
    qtbot.waitUntil(lambda: box.found == found)
    assert box.mark.isVisible() and box.mark.toolTip() == words
    box.set_value(None)
    qtbot.waitUntil(lambda: not box.mark.isVisible())


def test_only_the_newest_answer_counts(qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list = []
    monkeypatch.setattr("gui.widgets.paths.later", lambda work, done, owner: answers.append(done))
    box, _ = path_field(qtbot, desk)
    for path in ("one", "two"):
        box.set_value(path)
        box._look()
    answers[1]("folder")
    answers[0]("missing")
    assert box.found == "folder"


def test_the_ui_thread_touches_no_file(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    with io_of_main_thread() as seen:
        box, _ = path_field(qtbot, desk)
        put(box.line, str(tmp_path))
        qtbot.waitUntil(lambda: box.found == "folder")
        box._fill_history()
    assert [what for what in seen if "icons" not in what] == []
    with io_of_main_thread() as seen:  # the control: such a look in this thread is seen
        list(tmp_path.iterdir())
    assert seen


def drop(box: PathField, data: QMimeData) -> None:
    middle, copy = box.line.rect().center(), Qt.DropAction.CopyAction
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(box.line, QDragEnterEvent(QPoint(middle), copy, data, button, keys))
    QApplication.sendEvent(box.line, QDropEvent(QPointF(middle), copy, data, button, keys))


@pytest.mark.parametrize(
    "present, dropped, written",
    [
        ("", "presets/pictures", "{home}/presets/pictures"),  # nothing there: the whole path
        ("old", "presets/pictures", "pictures"),  # relative stays relative below the preset's folder
        ("old", "model.safetensors", "{home}/model.safetensors"),  # and is whole elsewhere
        ("/old", "presets/pictures", "{home}/presets/pictures"),
        ("~/old", "presets/pictures", "{home}/presets/pictures"),
    ],
)
def test_a_drop_becomes_a_path(
    qtbot: QtBot, desk: Desk, tmp_path: Path, present: str, dropped: str, written: str
) -> None:
    box, said = path_field(qtbot, desk)
    box.set_value(present or None)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / dropped))])
    drop(box, data)
    assert said == [written.format(home=tmp_path)] and box.line.text() == said[0]


def test_only_local_files_are_taken_from_a_drop() -> None:
    data = QMimeData()
    data.setText("file:///pictures/a%20b")
    assert dropped_path(data) == "/pictures/a b"
    for other in ("https://example.org/a", "plain words", "file://server/share", ""):
        data.setText(other)
        assert dropped_path(data) == ""


def test_paths_that_were_chosen_and_exist_are_offered_again(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    box, said = path_field(qtbot, desk)
    put(box.line, str(tmp_path))  # typed, but not finished
    qtbot.waitUntil(lambda: box.found == "folder")
    assert desk.settings.path_history("data.train_data_dir") == []
    box.take(str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: box.found == "missing")
    box.take(str(tmp_path / "presets"))
    qtbot.waitUntil(lambda: desk.settings.path_history("data.train_data_dir") == [str(tmp_path / "presets")])
    box.take("elsewhere")
    box._fill_history()
    box._menu.actions()[0].trigger()
    assert said[-1] == str(tmp_path / "presets")


def test_browse_opens_in_the_nearest_folder_and_takes_what_is_chosen(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    box, said = path_field(qtbot, desk)
    box.set_value("pictures/10_cat/gone")
    box.browse.click()
    qtbot.waitUntil(lambda: bool(box.findChildren(QFileDialog)))
    (dialog,) = box.findChildren(QFileDialog)
    assert dialog.fileMode() == QFileDialog.FileMode.Directory
    assert Path(dialog.directory().path()) == tmp_path / "presets" / "pictures"
    dialog.fileSelected.emit(str(tmp_path))
    dialog.reject()
    assert said == [str(tmp_path)]
    assert wait_for_all()


def test_a_model_may_be_a_file_or_a_folder(qtbot: QtBot, desk: Desk) -> None:
    box, _ = path_field(qtbot, desk, "model.base")
    assert [action.text() for action in box.browse.menu().actions()] == ["File...", "Folder..."]
    box.browse.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: bool(box.findChildren(QFileDialog)))
    assert box.findChildren(QFileDialog)[0].fileMode() == QFileDialog.FileMode.ExistingFile
    box.findChildren(QFileDialog)[0].reject()


def test_looking_never_fails(tmp_path: Path) -> None:
    assert look("", tmp_path) == "" and look("x" * 5000, tmp_path) == "missing"
    assert nearest_folder("a/b/c", tmp_path) == str(tmp_path)
    assert nearest_folder("\0", tmp_path) == str(tmp_path)
