"""The Train page: what the chooser above the tabs decides is not asked again among the basic options."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.fields import fields
from gui.main_window import MainWindow
from gui.pages.train import CHOSEN_ABOVE, SUB_TABS, TABS, TrainPage, fields_of
from tests.gui.desk import still_desk


@pytest.fixture
def page(qtbot: QtBot, tmp_path: Path) -> TrainPage:
    window = MainWindow(still_desk(tmp_path))
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w, "_may_close", True))
    window.show()
    window.activateWindow()
    assert wait_for_all()
    page = window.pages["train"]
    assert isinstance(page, TrainPage)
    return page


def shown(page: TrainPage, key: str) -> bool:
    row = page.forms["basic"].row(key)
    return row is not None and not row.isHidden()


def test_every_field_stands_on_one_tab() -> None:
    every = fields()
    placed = [field.key for tab in (*TABS, *SUB_TABS) for field in fields_of(tab, every)]
    assert sorted(placed) == sorted(field.key for field in every)


@pytest.mark.parametrize("key", CHOSEN_ABOVE)
def test_what_is_chosen_above_is_no_basic_row_and_is_found_above(page: TrainPage, key: str, qtbot: QtBot) -> None:
    page.open_tab("basic")
    form = page.forms["basic"]
    qtbot.waitUntil(lambda: form.complete)
    assert not shown(page, key) and shown(page, "network.dim")
    page.show_field(key)
    assert page.window().focusWidget() is page.bar.recipe and form.level == "basic"
    page.set_level("all")
    qtbot.waitUntil(lambda: form.complete)
    assert shown(page, key)


def test_a_wrong_method_is_shown_where_it_can_be_mended(page: TrainPage, qtbot: QtBot) -> None:
    page.open_tab("basic")
    page._desk.document.new("[method]\nname = 'drembooth'\n")
    qtbot.waitUntil(lambda: shown(page, "method.name"))
    page.show_field("method.name")
    row = page.forms["basic"].row("method.name")
    assert row is not None
    qtbot.waitUntil(lambda: page.window().focusWidget() is row.focus_target)


def test_open_and_save_have_words_where_there_is_room(page: TrainPage) -> None:
    def widths() -> list[int]:
        return [page.bar.buttons[name].sizeHint().width() for name in ("open", "save", "undo")]

    page.bar.resize(1200, 45)
    wide = widths()
    page.bar.resize(900, 45)
    narrow = widths()
    assert wide[0] > narrow[0] and wide[1] > narrow[1] and wide[2] == narrow[2]
    assert page.bar.buttons["open"].text() == "Open"
