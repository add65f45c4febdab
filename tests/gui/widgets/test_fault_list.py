"""The list of faults: order, filters, Jump, Fix with undo, and no more rows than anyone reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.widgets import fault_list
from gui.widgets.fault_list import FaultList
from gui.widgets.fault_row import words_of_fix
from kohya_like.schema.errors import Fault
from tests.gui.desk import make_desk
from tests.gui.reports import FEW, ODD, WRONG, with_fix

PRESET = "[network]\nname = 'lora'\ndmi = 8\n"
UNKNOWN = with_fix(
    Fault("no such option (did you mean 'dim'?)", "network.dmi", code="unknown-key"),
    "rename it to dim", {}, {"network.dmi": "network.dim"},
)  # fmt: skip


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.service.close()


@pytest.fixture
def faults(qtbot: QtBot, desk: Desk) -> FaultList:
    made = FaultList(desk)
    qtbot.addWidget(made)
    made.show()
    return made


def plain(*found: Fault) -> list[dict[str, object]]:
    return [{**fault.as_dict(), "fix": None} for fault in found]


def test_errors_come_first_and_each_says_what_and_how(faults: FaultList) -> None:
    faults.show_faults(plain(FEW, WRONG, ODD))
    rows = faults.rows()
    assert [row.severity.text() for row in rows] == ["Error", "Warning", "Hint"]
    assert rows[0].sentence.text() == "must be more than 0" and rows[0].mend.text() == "take 8"
    assert rows[0].place.isHidden() and rows[0].line.text().startswith("line "), "the preset is open: no path"
    assert rows[0].fix.isHidden() and not rows[0].jump.isHidden()
    assert faults.all_well.isHidden()


def test_the_folder_a_fault_speaks_of_is_shown(faults: FaultList) -> None:
    faults.show_faults(plain(Fault("holds no pictures", where="/pictures/10_cat")))
    row = faults.rows()[0]
    assert row.place.text() == "/pictures/10_cat" and not row.place.isHidden()
    assert row.jump.isHidden(), "without a key there is nowhere to go"


def test_the_open_preset_is_not_named_again(faults: FaultList, desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text("", encoding="utf-8")
    with qtbot.waitSignal(desk.document.opened):
        desk.document.open(preset)
    faults.show_faults(plain(Fault("no pictures", where=str(preset)), Fault("odd", where=str(tmp_path / "other.toml"))))
    own, other = faults.rows()
    assert own.place.isHidden() and not own.line.text()
    assert other.place.text() == str(tmp_path / "other.toml") and not other.place.isHidden()


def test_jump_asks_for_the_field(faults: FaultList, desk: Desk, qtbot: QtBot) -> None:
    faults.show_faults(plain(WRONG))
    with qtbot.waitSignal(desk.wishes.field_requested) as asked:
        faults.rows()[0].jump.click()
    assert asked.args == ["network.dim"]


def test_fix_edits_the_preset_and_undo_takes_it_back(faults: FaultList, desk: Desk, qtbot: QtBot) -> None:
    desk.document.new(PRESET)
    faults.show_faults([UNKNOWN])
    row = faults.rows()[0]
    assert row.mend.text() == "Fix: rename it to dim" and row.fix.accessibleName() == "Fix: rename it to dim"
    with qtbot.waitSignal(desk.wishes.said) as said:
        row.fix.click()
    assert "dim = 8" in desk.document.text and "dmi" not in desk.document.text
    assert said.args == ["Done: rename it to dim. Undo takes it back."]
    desk.document.undo()
    assert desk.document.text == PRESET


def test_chips_count_and_choose(faults: FaultList) -> None:
    faults.show_faults(plain(WRONG, ODD, FEW, Fault("also wrong", "train.seed")))
    assert faults.chips["error"].text() == "Errors: 2" and faults.chips["hint"].text() == "Hints: 1"
    faults.chips["error"].click()
    assert [row.severity.text() for row in faults.rows()] == ["Warning", "Hint"]
    faults.chips["error"].click()
    assert [row.severity.text() for row in faults.rows()] == ["Error", "Error", "Warning", "Hint"]
    faults.show_faults([])
    assert all(chip.isHidden() for chip in faults.chips.values())
    assert faults.all_well.text() == "Nothing to mend." and not faults.all_well.isHidden()


def test_rows_of_faults_that_stay_are_kept(faults: FaultList, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    original = fault_list.FaultRow

    def counted(desk: Desk, fault: dict[str, str]) -> object:
        made.append(fault["text"])
        return original(desk, fault)

    monkeypatch.setattr(fault_list, "FaultRow", counted)
    faults.show_faults(plain(WRONG, FEW))
    kept = faults.rows()[1]
    faults.show_faults(plain(WRONG, FEW))
    assert len(made) == 2, "the same faults build nothing"
    faults.show_faults(plain(ODD, FEW))
    assert made[2:] == ["is unusual"]
    assert faults.rows()[1] is kept and [row.severity.text() for row in faults.rows()] == ["Warning", "Hint"]


def test_ten_thousand_faults_make_two_hundred_rows_bit_by_bit(faults: FaultList, qtbot: QtBot) -> None:
    many = plain(*(Fault(f"fault {number}", "train.seed") for number in range(10_000)), FEW)
    faults.show_faults(many)
    assert len(faults.rows()) == fault_list.AT_ONCE, "the window answers in between"
    qtbot.waitUntil(lambda: len(faults.rows()) == fault_list.SHOWN)
    assert [row.sentence.text() for row in faults.rows()] == [f"fault {number}" for number in range(200)]
    assert faults.more.text() == "and 9,801 more" and not faults.more.isHidden()
    faults.chips["error"].click()
    assert [row.severity.text() for row in faults.rows()] == ["Hint"] and faults.more.isHidden()


def test_rows_that_are_gone_hear_of_nothing_more(faults: FaultList, desk: Desk, qtbot: QtBot) -> None:
    faults.show_faults(plain(WRONG, FEW))
    gone = faults.rows()[0]
    with qtbot.waitSignal(gone.destroyed):
        faults.show_faults(plain(FEW))
    desk.theme.set("dark")
    desk.language.set("zh_CN")
    assert faults.rows()[0].jump.text() == desk.language.texts.label_of("data.train_data_dir")
    desk.language.set("en")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Set Network Alpha to 4; Take out data.foo"),
        ("zh_CN", "把“网络 Alpha”设为 4；去掉“data.foo”"),
    ],
)
def test_a_fix_speaks_of_fields_by_their_names(
    faults: FaultList, desk: Desk, qtbot: QtBot, language: str, said: str
) -> None:
    label = "Set network.alpha to 4; Take out data.foo"
    desk.language.set(language)
    faults.show_faults([with_fix(ODD, label, {"network.alpha": 4, "data.foo": None}, {})])
    row = faults.rows()[0]
    assert said in row.mend.text() and said in row.fix.accessibleName()
    with qtbot.waitSignal(desk.wishes.said) as told:
        row.fix.click()
    assert said in told.args[0]
    desk.language.set("en")


def test_a_key_that_holds_another_key_is_left_alone(desk: Desk) -> None:
    fix = {"label": "Set network.alpha_two to 4", "edits": {"network.alpha": 4}}
    assert words_of_fix(desk, fix) == "Set network.alpha_two to 4"


def test_before_an_answer_nothing_is_called_well(desk: Desk, qtbot: QtBot) -> None:
    shown = FaultList(desk)
    qtbot.addWidget(shown)
    assert shown.all_well.isHidden()
    shown.show_faults([])
    assert not shown.all_well.isHidden()
    shown.forget()
    desk.language.set("zh_CN")
    assert shown.all_well.isHidden()
