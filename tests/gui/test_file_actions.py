"""New, open and save as a person does them: questions about unsaved work, names, and paths that keep their meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.file_actions import EXAMPLES, FileActions, as_new, moved_paths
from kohya_like.schema.toml import Document
from tests.gui.desk import still_desk

CHOICES = QMessageBox.StandardButton
TEXT = """# mine
[model]
base = "owner/name"
vae = "vae.safetensors"
[data]
train_data_dir = "pictures"
reg_data_dir = "/reg"
[[data.subsets]]
image_dir = "cats"
[save]
output_dir = "~/out"
output_name = "ghost"
"""


class Person:
    """File actions, a person who answers their questions, and what was said."""

    def __init__(self, desk: Desk, window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.files = desk, FileActions(desk, window)
        self.name, self.answer = "", CHOICES.Cancel
        self.asked: list[str] = []
        self.said: list[str] = []
        self.failed: list[str] = []
        desk.wishes.said.connect(self.said.append)
        desk.document.failed.connect(lambda sentence, _: self.failed.append(sentence))
        for dialog in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, dialog, self._dialog)
        monkeypatch.setattr(QMessageBox, "exec", self._question)

    def _dialog(self, _window: QWidget, title: str, start: str, _filter: str) -> tuple[str, str]:
        self.asked.append(f"{title}: {start}")
        return self.name, ""

    def _question(self) -> int:
        self.asked.append("unsaved")
        return int(self.answer.value)


@pytest.fixture
def person(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    window = QWidget()
    qtbot.addWidget(window)
    return Person(still_desk(tmp_path / "desk"), window, monkeypatch)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    preset = tmp_path / "here" / "mine.toml"
    preset.parent.mkdir()
    preset.write_text(TEXT)
    return preset


def settle() -> None:
    for _ in range(3):
        assert wait_for_all()


def test_open_asks_where_and_remembers_the_file(person: Person, preset: Path) -> None:
    person.files.open_dialog()  # cancelled
    assert person.desk.document.path is None
    person.name = str(preset)
    person.files.open_dialog()
    settle()
    assert person.desk.document.path == preset and person.desk.settings.recent == [str(preset)]
    assert person.asked[0] == f"Open a configuration file: {person.desk.document.folder.cwd()}"


@pytest.mark.parametrize("answer", [CHOICES.Cancel, CHOICES.Discard, CHOICES.Save])
@pytest.mark.parametrize("act", ["new", "open", "example", "close"])
def test_unsaved_work_is_asked_about(person: Person, preset: Path, answer: CHOICES, act: str) -> None:
    other = preset.with_name("other.toml")
    other.write_text("# other\n")
    person.files.open(str(preset))
    settle()
    person.desk.document.set("network.dim", 4)
    person.answer, closed = answer, list[bool]()
    calls = {
        "new": person.files.new,
        "open": lambda: person.files.open(str(other)),
        "example": lambda: person.files.open_example(str(other)),
        "close": lambda: person.files.before_closing(lambda: closed.append(True)),
    }
    calls[act]()
    settle()
    assert person.asked == ["unsaved"]
    assert ("dim = 4" in preset.read_text()) == (answer == CHOICES.Save)
    went_on = answer != CHOICES.Cancel
    assert closed == ([True] if went_on and act == "close" else [])
    wanted = {"new": "", "open": "# other\n", "example": "# other\n"}.get(act)
    assert (person.desk.document.text == wanted) == (went_on and act != "close")


def test_what_was_to_follow_a_save_that_failed_does_not(person: Person, preset: Path) -> None:
    person.files.open(str(preset))
    settle()
    person.desk.document.set("network.dim", 4)
    preset.chmod(0o444)
    person.answer = CHOICES.Save
    person.files.new()
    settle()
    assert person.failed == [f"{preset}: is read-only."] and person.desk.document.value("network.dim") == 4
    preset.chmod(0o644)
    person.files.save()
    settle()
    assert person.desk.document.path == preset, "the wish of before is not carried out later"


def test_what_follows_a_save_waits_until_nothing_is_unsaved(person: Person, preset: Path) -> None:
    person.files.open(str(preset))
    assert wait_for_all()
    person.desk.document.set("network.dim", 4)
    person.answer = CHOICES.Save
    followed: list[str] = []
    person.files.before_closing(lambda: followed.append("closed"))
    person.desk.document.set("network.dim", 5)  # while the save is on its way
    assert wait_for_all()
    assert followed == [] and person.desk.document.modified
    person.files.save()
    assert wait_for_all()
    assert followed == ["closed"] and not person.desk.document.modified


def test_a_save_without_a_file_asks_for_a_name_and_a_cancelled_one_ends_there(person: Person, tmp_path: Path) -> None:
    person.desk.document.new(TEXT)
    person.desk.document.set("network.dim", 4)
    person.answer, closed = CHOICES.Save, list[bool]()
    person.files.before_closing(lambda: closed.append(True))  # asks, then for a name, which is not given
    settle()
    assert person.asked[1].endswith("/ghost.toml") and closed == [] and person.desk.document.modified
    person.name = str(tmp_path / "named")
    person.files.save()
    settle()
    assert (tmp_path / "named.toml").is_file() and closed == []
    assert person.desk.document.path == tmp_path / "named.toml" and not person.desk.document.modified
    assert person.said[-1] == f"Saved {tmp_path / 'named.toml'}"


def test_saved_elsewhere_relative_paths_point_to_where_they_did(person: Person, preset: Path, tmp_path: Path) -> None:
    person.files.open(str(preset))
    settle()
    there = tmp_path / "there"
    there.mkdir()
    person.name = str(there / "copy.toml")
    person.files.save_as()
    settle()
    saved = Document((there / "copy.toml").read_text())
    here = preset.parent
    assert saved.get("data.train_data_dir") == str(here / "pictures")
    assert saved.get("data.subsets[0].image_dir") == str(here / "cats")
    assert saved.get("model.vae") == str(here / "vae.safetensors")
    assert (saved.get("model.base"), saved.get("data.reg_data_dir")) == ("owner/name", "/reg")
    assert saved.get("save.output_dir") == "~/out" and saved.text().startswith("# mine\n")
    assert "3 relative paths are absolute now, because the file moved" in person.said
    assert preset.read_text() == TEXT


def test_in_the_same_folder_nothing_moves(preset: Path) -> None:
    values = Document(TEXT).values()
    assert moved_paths(values, preset.parent, preset.parent) == {}
    (preset.parent / "owner" / "name").mkdir(parents=True)
    moved = moved_paths(values, preset.parent, None)
    assert moved["model.base"] == str(preset.parent / "owner/name"), "a folder of that name is no name on the hub"


@pytest.mark.parametrize("raw", ["[data]\nsubsets = 3\ntrain_data_dir = 5\n", "data = 3\n", "[data]\nsubsets = [1]\n"])
def test_wrong_kinds_of_values_are_left_alone(raw: str, tmp_path: Path) -> None:
    assert moved_paths(Document(raw).values(), tmp_path, None) == {}


def test_every_example_means_the_same_without_its_place(person: Person, qtbot: QtBot) -> None:
    with qtbot.waitSignal(person.files.examples_found) as told:
        person.files.look_for_examples()
    assert told.args is not None and [Path(path).name for path in told.args[0]] == sorted(
        p.name for p in EXAMPLES.glob("*.toml")
    )
    demo = as_new(EXAMPLES / "demo.toml")
    root = EXAMPLES.parent
    assert f'base = "{root}/kohya_like/demo/base"' in demo and "# a tiny Stable Diffusion" in demo
    person.files.open_example(told.args[0][0])
    settle()
    assert person.desk.document.path is None and not person.desk.document.modified


def test_an_example_that_cannot_be_read_is_a_sentence(person: Person, tmp_path: Path) -> None:
    for name in ("gone.toml", "bad.toml"):
        (tmp_path / "bad.toml").write_text("[no")
        person.files.open_example(str(tmp_path / name))
        settle()
        assert len(person.failed) == 1 and name in person.failed.pop()
    assert person.desk.document.text == ""
