"""The Settings page: each choice holds at once and is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.pages.settings import SettingsPage
from kohya_like import __version__
from tests.gui.desk import make_desk
from tests.gui.reports import PROBE


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("KOHYA_LIKE_CONFIG_DIR", str(tmp_path / "config"))
    made = make_desk(tmp_path)
    yield made
    made.language.set("en")
    made.service.close()
    made.runs.close()
    wait_for_all()


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> SettingsPage:
    made = SettingsPage(desk)
    qtbot.addWidget(made)
    made.resize(1000, 900)
    made.show()
    return made


def test_language_is_switched_at_once_and_remembered(desk: Desk, page: SettingsPage, tmp_path: Path) -> None:
    assert page.languages.buttons["system"].isChecked()
    page.languages.buttons["zh_CN"].click()
    assert desk.language.name == "zh_CN" and desk.settings.language == "zh_CN"
    desk.settings.write()
    assert wait_for_all()
    assert json.loads((tmp_path / "settings.json").read_text())["language"] == "zh_CN"
    page.languages.buttons["en"].click()
    assert desk.language.name == "en" and page.title.text() == "Settings"


def test_the_languages_are_named_in_themselves(page: SettingsPage) -> None:
    names = [button.text() for button in page.languages.buttons.values()]
    assert names[1] == "English"
    assert len(names[2]) == 4 and all("\u4e00" <= sign <= "\u9fff" for sign in names[2])


def test_theme_is_switched_at_once_and_remembered(desk: Desk, page: SettingsPage) -> None:
    page.themes.buttons["dark"].click()
    assert desk.theme.name == "dark" and desk.settings.theme == "dark"
    page.themes.buttons["light"].click()
    assert desk.theme.name == "light" and desk.settings.theme == "light"


def test_what_the_start_shows_is_remembered(desk: Desk, page: SettingsPage) -> None:
    assert page.starts.buttons["last"].isChecked()
    page.starts.buttons["empty"].click()
    assert desk.settings.get("start", "last") == "empty"


def test_a_setting_changed_elsewhere_is_shown_and_not_written_again(desk: Desk, page: SettingsPage) -> None:
    desk.settings.theme = "dark"
    assert page.themes.buttons["dark"].isChecked() and desk.theme.name == "light"
    desk.settings.set("theme", "purple")
    assert page.themes.buttons["dark"].isChecked(), "an unknown value chooses nothing"


def test_folders_of_runs_come_and_go(
    desk: Desk, page: SettingsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []
    monkeypatch.setattr(desk.runs, "add_root", added.append)
    choose = "gui.pages.settings.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(choose, lambda *_: "")
    page.add.click()
    assert desk.settings.run_roots == []
    monkeypatch.setattr(choose, lambda *_: "/data/output")
    page.add.click()
    page.add_root(PROBE)
    assert added == ["/data/output", PROBE] and desk.settings.run_roots == added
    assert [page.roots.item(row).text() for row in range(2)] == added
    assert not page.remove.isEnabled()
    page.roots.setCurrentRow(0)
    page.remove.click()
    assert desk.settings.run_roots == [PROBE] and page.roots.count() == 1


def test_the_folder_of_settings_is_shown_and_opened_if_it_is_there(
    desk: Desk, page: SettingsPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("gui.pages.settings.QDesktopServices.openUrl", lambda url: opened.append(url.toLocalFile()))
    assert page.config.text() == str(tmp_path / "config")
    with qtbot.waitSignal(desk.wishes.said) as said:
        page.open.click()
    assert said.args == ["Nothing has been stored there yet."] and opened == []
    (tmp_path / "config").mkdir()
    page.open.click()
    qtbot.waitUntil(lambda: opened == [str(tmp_path / "config")])


def test_what_the_program_is_and_does_not_do(page: SettingsPage) -> None:
    about = page.about.text()
    assert __version__ in about and "Apache" in about and "No telemetry" in about
    assert dict(page.shortcuts.rows())["Start training"] == "F5"


def test_every_control_has_a_name_all_text_is_plain_and_nothing_is_cut(desk: Desk, page: SettingsPage) -> None:
    for language in ("en", "zh_CN"):
        desk.language.set(language)
        for button in page.findChildren(QAbstractButton):
            assert button.accessibleName() or button.text()
            assert button.width() >= button.sizeHint().width(), button.text()
    assert {label.textFormat() for label in page.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
