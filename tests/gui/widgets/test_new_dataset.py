"""The dialog for a new dataset: first the plan, then the making, and the preset names what was made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.widgets.new_dataset import NewDatasetDialog
from tests.dataset_tools.made_pictures import put, scene
from tests.gui.desk import still_desk

PATIENCE = 30_000


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path) -> NewDatasetDialog:
    for number in range(4):
        put(tmp_path / "loose", f"{number}.png", scene(number, (64, 64)), "a cat")
    desk = still_desk(tmp_path)
    desk.document.set("train.max_train_epochs", 10)
    dialog = NewDatasetDialog(desk)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def fill(dialog: NewDatasetDialog, tmp_path: Path, words: str = "sks cat") -> None:
    dialog.folder.setText(str(tmp_path / "set"))
    dialog.rows[0].words.setText(words)
    dialog.rows[0].source.setText(str(tmp_path / "loose"))


def press(qtbot: QtBot, dialog: NewDatasetDialog, button: object) -> None:
    with qtbot.waitSignal(dialog.child.ended, timeout=PATIENCE):
        button.click()  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", [0, 1])
def test_plan_make_and_train_it(qtbot: QtBot, dialog: NewDatasetDialog, tmp_path: Path, how: int) -> None:
    assert not dialog.plan.isEnabled() and not dialog.make.isEnabled()
    fill(dialog, tmp_path)
    dialog.how.setCurrentIndex(how)
    assert dialog.plan.isEnabled() and not dialog.make.isEnabled(), "the plan comes first"
    press(qtbot, dialog, dialog.plan)
    assert f"{tmp_path / 'set' / '100_sks cat'}: 4 pictures" in dialog.shown.toPlainText()
    assert not (tmp_path / "set").exists() and dialog.make.isEnabled()
    press(qtbot, dialog, dialog.make)
    made = tmp_path / "set" / "100_sks cat"
    assert sorted(path.name for path in made.glob("*.png")) == [f"{number}.png" for number in range(4)]
    assert os.path.samefile(made / "0.png", tmp_path / "loose" / "0.png") == bool(how)
    dialog.use.click()
    assert dialog._desk.document.value("data.train_data_dir") == str(tmp_path / "set")


def test_a_plan_holds_for_what_was_asked_alone(qtbot: QtBot, dialog: NewDatasetDialog, tmp_path: Path) -> None:
    fill(dialog, tmp_path)
    press(qtbot, dialog, dialog.plan)
    dialog.rows[0].repeats.setValue(3)
    assert not dialog.make.isEnabled()
    dialog.add_concept()
    assert not dialog.plan.isEnabled(), "a line without a folder"
    dialog.rows[1].remove.click()
    assert len(dialog.rows) == 1 and dialog.plan.isEnabled() and not dialog.rows[0].remove.isEnabled()


def test_what_cannot_be_is_a_sentence(qtbot: QtBot, dialog: NewDatasetDialog, tmp_path: Path) -> None:
    fill(dialog, tmp_path, "a/b")
    press(qtbot, dialog, dialog.plan)
    assert "cannot be the name of a folder everywhere" in dialog.said.text() and not dialog.make.isEnabled()
    dialog._desk.language.set("zh_CN")
    press(qtbot, dialog, dialog.plan)
    assert "不能" in dialog.said.text()
