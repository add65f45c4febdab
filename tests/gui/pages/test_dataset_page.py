"""The Dataset page: concepts with their counts, what is wrong with each, and single folders in the preset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.concepts import KEY
from gui.desk import Desk
from gui.pages.dataset import DatasetPage
from gui.widgets.concept_table import CAPTIONS, IMAGES, KIND, LEFT_OUT, MISSING, NAME, REPEATS, SAMPLES, WORDS
from kohya_like.schema.errors import Fault
from tests.gui.desk import make_desk
from tests.gui.reports import FEW, HOSTILE, PROBE, WRONG, answer, concept
from tests.gui.watch import io_of_main_thread

CAT = concept()
REG = concept("1_cat", "/reg/1_cat", is_reg=True, class_tokens="cat", repeats=1, samples=200, images=50,
              captions={}, missing_captions=50)  # fmt: skip
BAD = concept("5_dog", "/pictures/5_dog", unreadable=1, too_small=2, too_large=3, empty_captions=4)
PRESET = '# mine\n[data]\ntrain_data_dir = "/pictures"\n\n[[data.subsets]]\nimage_dir = "/pictures/5_dog"\n'


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    made.document.new(PRESET)
    yield made
    made.service.close()
    wait_for_all()


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> DatasetPage:
    made = DatasetPage(desk)
    qtbot.addWidget(made)
    made.resize(1100, 680)
    made.show()
    return made


def cells(page: DatasetPage, column: int) -> list[str]:
    model = page.table.concepts
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def all_text(page: DatasetPage) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisibleTo(page))


def test_a_line_for_each_concept_and_the_totals(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT, REG, BAD)))
    assert cells(page, NAME) == ["10_sks cat", "1_cat", "5_dog", "Total"]
    assert cells(page, REPEATS) == ["10", "1", "10", ""]
    assert cells(page, WORDS) == ["sks cat", "cat", "sks cat", ""]
    assert cells(page, IMAGES) == ["20", "50", "20", "90"]
    assert cells(page, SAMPLES) == ["200", "200", "200", "600"]
    assert cells(page, CAPTIONS) == ["20 .txt", "none", "20 .txt", ""]
    assert cells(page, MISSING) == ["0", "50", "0", "50"]
    assert cells(page, LEFT_OUT) == ["0", "0", "6", "6"]
    assert cells(page, KIND) == ["training", "regularisation", "training", ""]
    assert page.chart.buckets[0]["width"] == 512


def test_a_page_built_late_shows_the_newest_answer(desk: Desk, qtbot: QtBot) -> None:
    desk.service.latest = answer(concepts=(CAT,))
    late = DatasetPage(desk)
    qtbot.addWidget(late)
    assert cells(late, NAME) == ["10_sks cat", "5_dog", "Total"]
    assert cells(late, IMAGES)[1] == "not found", "named in the preset, but nothing was counted there"


def test_an_empty_page_teaches(desk: Desk, page: DatasetPage, qtbot: QtBot) -> None:
    desk.document.new("")
    empty = DatasetPage(desk)
    qtbot.addWidget(empty)
    empty.show()
    assert empty.lesson.is_open and not empty.empty.isHidden() and empty.table.isHidden()
    text = all_text(empty)
    assert "steps = images x repeats x epochs / batch" in text and "repeat_stylename" in text
    assert "10_sks cat" in text and "never moved, renamed or changed" in text
    desk.document.new(PRESET)
    desk.service.checked.emit(answer())
    assert empty.empty.isHidden() and not empty.table.isHidden()


def test_the_chosen_concept_shows_its_own_problems(desk: Desk, page: DatasetPage) -> None:
    own = Fault("1 picture left out, cannot be read: a.png", "", "/pictures/5_dog", severity="warning")
    desk.service.checked.emit(answer([own, FEW, WRONG], concepts=(CAT, BAD)))
    assert page.details.heading.text() == "Problems of the pictures"
    shown = [row.sentence.text() for row in page.details.problems.rows()]
    assert shown == [own.text, "12 pictures are few"], "what is wrong in a folder is a problem of the pictures too"
    page.table.choose(1)
    assert page.details.heading.text() == "5_dog" and page.details.folder.text() == "/pictures/5_dog"
    assert [row.sentence.text() for row in page.details.problems.rows()] == [own.text]
    facts = dict(page.details.facts.rows())
    assert facts["Left out: cannot be read"] == "1" and facts["Captions without a word"] == "4"
    page.table.choose(0)
    assert page.details.problems.rows() == []


def test_the_choice_stays_when_the_numbers_change(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT, BAD)))
    page.table.choose(1)
    form = page.form
    desk.service.checked.emit(answer(concepts=(REG, CAT, concept("5_dog", "/pictures/5_dog", images=9))))
    assert page.table.chosen is not None and page.table.chosen.name == "5_dog"
    assert page.form is form, "what is being edited is not taken away"


def test_a_folder_that_was_found_cannot_be_removed_and_it_says_why(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT, BAD)))
    page.table.choose(0)
    assert not page.remove.isEnabled() and page.own.isEnabled()
    assert "take the number off the front" in page.details.origin.text()
    page.table.choose(1)
    assert page.remove.isEnabled() and not page.own.isEnabled()
    assert "nothing on the disk is touched" in page.details.origin.text()


def test_remove_takes_the_item_out_of_the_preset_and_undo_brings_it_back(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT, BAD)))
    page.table.choose(1)
    page.remove.click()
    assert "subsets" not in desk.document.text and "# mine" in desk.document.text
    assert page.form is None
    desk.document.undo()
    assert desk.document.text == PRESET


def test_a_folder_is_added_and_its_options_are_edited(
    desk: Desk, page: DatasetPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = "gui.pages.dataset.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(choose, lambda *_: "")
    page.add.click()
    assert desk.document.text == PRESET, "the person cancelled"
    monkeypatch.setattr(choose, lambda *_: "/more/7_bird")
    page.add.click()
    assert desk.document.value(KEY) == [{"image_dir": "/pictures/5_dog"}, {"image_dir": "/more/7_bird"}]
    assert page.table.chosen is not None and page.table.chosen.name == "7_bird"
    assert "Options of 7_bird alone" in all_text(page)
    qtbot.waitUntil(lambda: page.form is not None and page.form.row(f"{KEY}[1].num_repeats") is not None)
    assert page.form is not None and page.form.row(f"{KEY}[0].num_repeats") is None
    desk.document.set(f"{KEY}[1].num_repeats", 3)
    assert desk.document.value(KEY) == [
        {"image_dir": "/pictures/5_dog"},
        {"image_dir": "/more/7_bird", "num_repeats": 3},
    ]


def test_options_of_its_own_for_a_folder_that_was_found(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT,)))
    page.table.choose(0)
    page.own.click()
    assert desk.document.value(f"{KEY}[1].image_dir") == "/pictures/10_sks cat"
    assert page.table.chosen is not None and (page.table.chosen.name, page.table.chosen.item) == ("10_sks cat", 1)
    assert cells(page, NAME).count("10_sks cat") == 1


def test_a_field_of_an_item_is_found(desk: Desk, page: DatasetPage, qtbot: QtBot) -> None:
    page.show_field(f"{KEY}[0].num_repeats")
    assert page.table.chosen is not None and page.table.chosen.item == 0
    qtbot.waitUntil(lambda: page.form is not None and page.form.row(f"{KEY}[0].num_repeats") is not None)
    page.show_field("network.dim")
    assert page.table.chosen.item == 0


def test_open_asks_the_desktop_only_for_local_folders_that_are_there(
    desk: Desk, page: DatasetPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("gui.pages.dataset.QDesktopServices.openUrl", lambda url: opened.append(url.toLocalFile()))
    share = concept("2_x", "//server/share/2_x")
    desk.service.checked.emit(answer(concepts=(concept(folder=str(tmp_path)), CAT, share)))
    page.table.choose(0)
    page.open.click()
    qtbot.waitUntil(lambda: opened == [str(tmp_path)])
    page.table.choose(1)
    with qtbot.waitSignal(desk.wishes.said) as said:
        page.open.click()
    assert "is not there" in said.args[0] and len(opened) == 1
    page.table.choose(2)
    assert not page.open.isEnabled(), "a server learns nothing of us"


def test_another_preset_shows_nothing_of_the_one_before(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer([FEW], concepts=(CAT,)))
    desk.document.new("")
    assert page.table.concepts.lines == [] and page.chart.buckets == []
    assert page.details.problems.rows() == []


def test_foreign_names_stay_text_and_open_nothing(desk: Desk, page: DatasetPage, qtbot: QtBot) -> None:
    rows = [concept(text, f"/pictures/{text}"[:2000], class_tokens=text, captions={text: 1}) for text in HOSTILE]
    faults = [Fault(text, "data.train_data_dir", text) for text in HOSTILE]
    with io_of_main_thread() as touched:
        desk.service.checked.emit(answer(faults, concepts=tuple(rows)))
        page.table.choose(0)
        page.grab()
        tip = page.table.concepts.index(0, NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert not [one for one in touched if "PROBE" in one or not one.startswith("open ")], touched
    assert "<img" not in tip and "&lt;img" in tip
    assert PROBE in all_text(page)
    assert {label.textFormat() for label in page.findChildren(QLabel) if label.text()} == {Qt.TextFormat.PlainText}
    shown = [str(page.table.concepts.index(r, c).data()) for r in range(3) for c in range(11)]
    assert max(map(len, shown)) < 300 and not any("\u202e" in text for text in shown)


def test_two_thousand_concepts_are_shown_without_widgets_for_each(desk: Desk, page: DatasetPage) -> None:
    desk.service.checked.emit(answer(concepts=(CAT,)))
    before = len(page.findChildren(QLabel))
    many = tuple(concept(f"{n}_c", f"/pictures/{n}_c") for n in range(2000))
    desk.service.checked.emit(answer(concepts=many))
    assert page.table.concepts.rowCount() == 2002 and len(page.findChildren(QLabel)) == before
    assert page.table.height() < 400


def test_both_languages_and_themes_and_a_name_for_everything(desk: Desk, page: DatasetPage, qtbot: QtBot) -> None:
    desk.service.checked.emit(answer([WRONG], concepts=(CAT, BAD)))
    page.table.choose(1)
    qtbot.waitUntil(lambda: page.form is not None and page.form.complete)
    own = [page.add, page.own, page.remove, page.open, page.lesson.heading]
    assert all(button.accessibleName() for button in own) and page.table.accessibleName() == "Concepts"
    before = page.grab().toImage()
    desk.theme.set("dark")
    desk.language.set("zh_CN")
    assert page.grab().toImage() != before
    QApplication.processEvents()  # the layout makes room for the new words
    for button in page.findChildren(QAbstractButton):
        if button.isVisible() and button.text():
            assert button.width() >= button.sizeHint().width(), button.text()
    desk.language.set("en")
    assert page.table.mapTo(page, QPoint(0, 0)).x() >= 0 and page.title.text() == "Dataset"
