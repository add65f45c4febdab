"""The banners about the preset's file in a whole window: cut off, read-only, changed or removed by another program."""

from __future__ import annotations

import html
import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.compare import CompareDialog
from gui.main_window import MainWindow
from gui.pages.preset_bar import PresetBar
from gui.widgets.banner import Banner
from kohya_like.measured import measured_text
from kohya_like.recipes import RECIPES
from tests.gui.window import choose, entries, offered, open_preset, press, quick_desk, shown

MINE = "# mine\n[network]\ndim = 16\n"
THEIRS = "# theirs\n[network]\ndim = 99\n"
CHANGED = "Another program changed this file while it was open here."
DELETED = "The file was deleted or moved by another program. Your text is still here."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "presets" / "mine.toml"
    path.parent.mkdir()
    path.write_text(MINE)
    return path


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, path: Path) -> MainWindow:
    window = shown(qtbot, quick_desk(tmp_path / "desk"))
    open_preset(qtbot, window, path)
    return window


@pytest.fixture
def bar(window: MainWindow) -> PresetBar:
    bar = window.pages["train"].bar  # type: ignore[attr-defined]
    assert isinstance(bar, PresetBar)
    return bar


def said(qtbot: QtBot, banner: Banner) -> str:
    qtbot.waitUntil(banner.isVisible)
    return banner.message


def replace(path: Path, text: str) -> None:
    """As editors save: nobody sees half of it."""
    other = path.with_name("other")
    other.write_text(text)
    os.replace(other, path)


def saved(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.desk.document.saved):
        window.files.save()


def test_a_preset_that_was_cut_off_is_not_opened_and_the_open_one_stays(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot
) -> None:
    cut = path.with_name("cut.toml")
    cut.write_bytes(MINE.encode()[:-4])  # in the middle of "dim = 16"
    window.files.open(str(cut))
    assert said(qtbot, bar.banner).startswith(f"{cut}:3: is not TOML: ")
    assert "in the middle of an entry, as one that was cut off" in bar.banner.message
    assert offered(bar.banner) == [] and window.desk.document.path == path and window.desk.document.text == MINE
    window.desk.language.set("zh_CN")
    assert bar.banner.isVisible() and "is not TOML" not in bar.banner.message and str(cut) in bar.banner.message
    window.desk.language.set("en")
    open_preset(qtbot, window, path)
    assert not bar.banner.isVisible(), "what was wrong with the other file is over"


def test_a_read_only_preset_is_saved_under_another_name(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(0o444)
    window.desk.document.set("network.dim", 5)
    window.files.save()
    assert said(qtbot, bar.banner) == f"{path}: is read-only.\nUse Save as and choose another place."
    assert path.read_text() == MINE and window.desk.document.modified and offered(bar.banner) == ["Save as ..."]
    copy = path.with_name("copy.toml")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(copy), ""))
    with qtbot.waitSignal(window.desk.document.saved):
        press(bar.banner, "Save as ...")
    assert copy.read_text() == MINE.replace("16", "5") and path.read_text() == MINE
    assert not bar.banner.isVisible() and bar.file.text() == "copy.toml" and window.windowTitle().startswith("copy")


def test_changed_outside_mine_is_kept(window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot) -> None:
    replace(path, THEIRS)
    assert said(qtbot, bar.banner) == CHANGED
    assert offered(bar.banner) == ["Keep mine", "Take theirs", "Compare ..."]
    assert path.read_text() == THEIRS and window.desk.document.text == MINE, "nothing is done unasked"
    press(bar.banner, "Keep mine")
    assert not bar.banner.isVisible() and bar.file.text() == "* mine.toml"
    saved(qtbot, window)
    assert path.read_text() == MINE and bar.file.text() == "mine.toml"


def test_changed_outside_theirs_is_taken_and_undo_brings_mine_back(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot
) -> None:
    window.desk.document.set("train.seed", 1)
    mine = window.desk.document.text
    replace(path, THEIRS)
    said(qtbot, bar.banner)
    press(bar.banner, "Take theirs")
    assert window.desk.document.text == THEIRS and not bar.banner.isVisible() and bar.file.text() == "mine.toml"
    bar.buttons["undo"].click()
    assert window.desk.document.text == mine and bar.file.text() == "* mine.toml" and path.read_text() == THEIRS
    bar.buttons["redo"].click()
    assert window.desk.document.text == THEIRS


@pytest.mark.parametrize(
    "button, text, asks_on", [("mine", MINE, False), ("theirs", THEIRS, False), ("cancel", MINE, True)]
)
def test_changed_outside_both_are_compared(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot, button: str, text: str, asks_on: bool
) -> None:
    replace(path, THEIRS)
    said(qtbot, bar.banner)
    press(bar.banner, "Compare ...")
    (dialog,) = window.findChildren(CompareDialog)
    qtbot.waitUntil(lambda: "dim = 99" in dialog.view.toPlainText())
    assert dialog.isVisible() and "- dim = 16" in dialog.view.toPlainText()
    getattr(dialog, button).click()
    assert window.desk.document.text == text
    assert bar.banner.isVisible() == asks_on == bool(window.desk.document.conflict)
    if asks_on:
        assert bar.banner.message == CHANGED and "Take theirs" in offered(bar.banner)


def test_a_save_over_a_change_asks_first(window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot) -> None:
    """The banner was put away; the save does not write, and asks again."""
    window.desk.document.set("network.dim", 5)
    replace(path, THEIRS)
    said(qtbot, bar.banner)
    bar.banner._close.click()
    assert not bar.banner.isVisible()
    window.files.save()
    assert said(qtbot, bar.banner) == CHANGED and path.read_text() == THEIRS
    press(bar.banner, "Keep mine")
    saved(qtbot, window)
    assert "dim = 5" in path.read_text()


def test_theirs_that_is_cut_off_is_refused_and_asked_about_again(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot
) -> None:
    replace(path, "[network\n")
    said(qtbot, bar.banner)
    press(bar.banner, "Take theirs")
    assert "is not TOML" in bar.banner.message and window.desk.document.text == MINE
    window.files.save()
    qtbot.waitUntil(lambda: bar.banner.message == CHANGED)
    assert offered(bar.banner) == ["Keep mine", "Take theirs", "Compare ..."] and path.read_text() == "[network\n"


def test_taken_back_outside_asks_no_more(window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot) -> None:
    replace(path, THEIRS)
    said(qtbot, bar.banner)
    replace(path, MINE)
    qtbot.waitUntil(lambda: not bar.banner.isVisible())
    assert bar.file.text() == "mine.toml"


def test_a_deleted_file_is_saved_again(window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot) -> None:
    path.unlink()
    assert said(qtbot, bar.banner) == DELETED and offered(bar.banner) == ["Save it again"]
    assert bar.file.text() == "* mine.toml"
    with qtbot.waitSignal(window.desk.document.saved):
        press(bar.banner, "Save it again")
    assert path.read_text() == MINE and not bar.banner.isVisible() and bar.file.text() == "mine.toml"


def test_a_deleted_folder_is_said_and_another_place_is_offered(
    window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot
) -> None:
    os.rename(path.parent, path.parent.with_name("moved"))
    assert said(qtbot, bar.banner) == DELETED
    press(bar.banner, "Save it again")
    qtbot.waitUntil(lambda: bar.banner.isVisible() and bar.banner.message != DELETED)
    assert bar.banner.message.startswith(f"{path}: there is no folder {path.parent}.")
    assert offered(bar.banner) == ["Save as ..."] and window.desk.document.text == MINE


# the choosers and menus


def test_a_recipe_writes_what_it_needs_and_says_what_it_took_out(window: MainWindow, bar: PresetBar) -> None:
    document = window.desk.document
    document.set("network.rank_dropout", 0.5)
    names = [recipe.name for recipe in RECIPES]
    bar.recipe.activated.emit(names.index("hypernetwork"))
    assert document.value("network.name") == "hypernetwork" and not document.is_set("network.rank_dropout")
    assert bar.recipe.currentData() == "hypernetwork"
    assert "network.rank_dropout" in window.footer.said.text() and "Undo brings them back" in window.footer.said.text()
    document.undo()
    assert document.value("network.rank_dropout") == 0.5 and bar.recipe.currentData() == "lora"


def test_a_family_brings_its_resolution(window: MainWindow, bar: PresetBar) -> None:
    document = window.desk.document
    bar.family.activated.emit(bar.family.findData("sdxl"))
    assert document.value("model.family") == "sdxl" and document.value("data.resolution") == [1024, 1024]
    bar.family.activated.emit(bar.family.findData("auto"))
    assert not document.is_set("model.family") and not document.is_set("data.resolution")


def test_a_method_that_no_recipe_has_is_named_as_such(window: MainWindow, bar: PresetBar) -> None:
    window.desk.document.set("network.name", "of the future")
    assert bar.recipe.currentIndex() == -1 and bar.recipe.placeholderText() == "another method"


def test_the_chooser_quotes_what_was_measured(window: MainWindow, bar: PresetBar) -> None:
    def told(name: str) -> str:
        return html.unescape(str(bar.recipe.itemData(bar.recipe.findData(name), Qt.ItemDataRole.ToolTipRole)))

    for language in ("en", "zh_CN"):
        window.desk.language.set(language)
        assert measured_text("lora", language) and measured_text("lora", language) in told("lora")
        assert "None" not in told("oft") and not measured_text("oft", language), "a control: nobody measured it"


def test_recent_files_and_examples_are_in_a_menu(window: MainWindow, bar: PresetBar, path: Path, qtbot: QtBot) -> None:
    other = path.with_name("cat & dog.toml")
    other.write_text("")
    open_preset(qtbot, window, other)
    menu = bar.buttons["recent"].menu()
    first = f"cat && dog.toml   {path.parent}"
    assert entries(menu)[:2] == [first, f"mine.toml   {path.parent}"]
    assert "demo" in entries(menu)
    with qtbot.waitSignal(window.desk.document.opened):
        choose(menu, f"mine.toml   {path.parent}")
    assert window.desk.document.path == path
    with qtbot.waitSignal(window.desk.document.opened):
        choose(menu, "demo")
    assert window.desk.document.path is None and "sks ghost" in window.desk.document.text
    window.desk.settings.recent = []
    assert entries(menu)[0] == "No recent files"


def test_new_and_every_default_are_in_a_menu(window: MainWindow, bar: PresetBar, qtbot: QtBot) -> None:
    document, menu = window.desk.document, bar.buttons["reset"].menu()
    assert entries(menu) == ["New configuration", "Set every field to its default"]
    choose(menu, "Set every field to its default")
    assert document.text.startswith("# mine") and not document.is_set("network.dim")
    document.undo()
    entries(menu)
    choose(menu, "New configuration")
    assert (document.path, document.text) == (None, "") and bar.file.text() == "not saved yet"
    assert wait_for_all()
