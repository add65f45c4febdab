"""All tags with their counts: sorted, looked for, filtered by, renamed and removed everywhere after a look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from dataset_tools.translations import read_translations
from gui.captions.all_tags_model import Wanted, rows_of
from gui.captions.caption_panel import CaptionPanel
from gui.captions.desk import CaptionDesk
from gui.captions.tag_dialogs import EverywhereDialog, TranslationDialog
from gui.captions.tag_sources import TagSources
from tests.gui.captions.opened import choose, open_captions, settle, text, until


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[CaptionDesk]:
    desk = open_captions(qtbot, tmp_path)
    yield desk
    desk.close()
    settle()


@pytest.fixture
def panel(qtbot: QtBot, desk: CaptionDesk) -> CaptionPanel:
    panel = CaptionPanel(desk)
    qtbot.addWidget(panel)
    panel.resize(320, 640)
    panel.show()
    until(qtbot, lambda: len(panel.all_tags.tag_model.rows) == 6)
    return panel


def pick(panel: CaptionPanel, tag: str) -> None:
    model = panel.all_tags.tag_model
    row = [one for one, _ in model.rows].index(tag)
    panel.all_tags.view.setCurrentIndex(model.index(row))


def test_counts_follow_the_edits_and_what_is_chosen_stays(panel: CaptionPanel, desk: CaptionDesk) -> None:
    rows = panel.all_tags.tag_model.rows
    assert rows[:2] == [("cat", 2), ("long hair", 2)] and panel.all_tags.heading.text() == "All tags (6)"
    pick(panel, "hat")
    choose(desk, "a")
    panel.tag_actions.add("hat, new")
    TagSources.of(desk).count()
    settle()
    assert ("hat", 2) in panel.all_tags.tag_model.rows and ("new", 1) in panel.all_tags.tag_model.rows
    assert panel.all_tags.chosen() == ["hat"]


def test_orders_and_what_is_looked_for() -> None:
    counts = {"long hair": 5, "Hat": 1, "hair": 9, "长发": 2}
    assert [tag for tag, _ in rows_of(counts, Wanted(), None)] == ["hair", "long hair", "长发", "Hat"]
    assert rows_of(counts, Wanted("", "rare"), None)[0] == ("Hat", 1)
    assert [tag for tag, _ in rows_of(counts, Wanted("", "name"), None)] == ["hair", "Hat", "long hair", "长发"]
    assert [tag for tag, _ in rows_of(counts, Wanted("HA", "length"), None)] == ["Hat", "hair", "long hair"]
    assert [tag for tag, _ in rows_of(counts, Wanted("长发"), read_translations())] == ["long hair", "长发"]


def test_enter_asks_for_the_pictures(qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk) -> None:
    panel.filter_requested.connect(desk.set_filter)
    pick(panel, "<img src=probe>")
    QTest.keyClick(panel.all_tags.view, Qt.Key.Key_Return)
    settle()
    until(qtbot, lambda: len(desk.shown.ids) == 1)
    assert desk.filter_text == 'tag:"<img src=probe>"'
    panel.tag_actions.filter_by(["cat", "hat"], without=True)
    settle()
    assert desk.filter_text == 'NOT tag:"cat" AND NOT tag:"hat"'


def test_a_tag_is_renamed_everywhere_after_its_changes_were_shown(
    qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk
) -> None:
    dialog = EverywhereDialog(desk, ["cat"], renames=True)
    qtbot.addWidget(dialog)
    assert dialog.line is not None and not dialog.apply.isEnabled()
    dialog.line.setText("kitten")
    until(qtbot, dialog.apply.isEnabled)
    assert dialog.said.text().endswith(": 2") and "kitten" in dialog.diff.toPlainText()
    assert text(desk, "a").startswith("cat"), "nothing before the button"
    dialog.accept()
    settle()
    assert (text(desk, "a"), text(desk, "b")) == ("kitten, long hair, solo\n", "kitten, hat\r\nsecond line\r\n")
    assert len(desk.history) == 1


def test_tags_are_removed_everywhere_also_those_that_the_filter_hides(
    qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk
) -> None:
    desk.set_filter("tag:dog")
    settle()
    pick(panel, "long hair")
    panel.all_tags.open_everywhere(renames=False)
    dialog = panel.all_tags.findChild(EverywhereDialog)
    assert isinstance(dialog, EverywhereDialog)
    until(qtbot, dialog.apply.isEnabled)
    dialog.accept()
    settle()
    assert text(desk, "a") == "cat, solo\n" and text(desk, "c") == "dog, <img src=probe>"


def test_a_translation_of_ones_own(qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk) -> None:
    sources = TagSources.of(desk)
    until(qtbot, lambda: sources.translation("cat") == "猫")
    dialog = TranslationDialog(desk, "cat")
    dialog.line.setText("小猫")
    dialog.accept()
    settle()
    until(qtbot, lambda: sources.translation("cat") == "小猫")
    assert sources.table.read_text(encoding="utf-8") == "cat\t小猫\n"


def test_a_tag_list_is_read_in_a_thread_and_a_bad_one_is_said(
    qtbot: QtBot, panel: CaptionPanel, desk: CaptionDesk, tmp_path: Path
) -> None:
    sources = TagSources.of(desk)
    said: list[str] = []
    desk.said.connect(said.append)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text('zebra_crossing,0,5,"斑马线"\n', encoding="utf-8")
    bad.write_bytes("斑马,0,5".encode("gbk"))
    sources.use_list(str(good))
    settle()
    assert [one.tag for one in sources.suggest("斑马")] == ["zebra crossing"]
    sources.use_list(str(bad))
    settle()
    assert "UTF-8" in sources.list_problem and said == [sources.list_problem]
    sources.use_list("")
    assert sources.list_problem == "" and sources.completion.vocabulary is None


def test_a_hundred_thousand_tags_do_not_block(panel: CaptionPanel) -> None:
    rows = [(f"tag number {i}", i) for i in range(100_000)]
    widget = panel.all_tags
    started = time.thread_time()
    widget._show(widget._asked, rows)
    widget.grab()
    widget.view.selectAll()
    assert len(widget.chosen()) == 200
    assert time.thread_time() - started < 0.05
