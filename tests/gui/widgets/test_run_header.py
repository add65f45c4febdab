"""The header: which buttons make sense, what was asked, and figures as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.run_data import RunData
from gui.run_events import parse
from gui.run_row import RunRow
from gui.widgets.run_header import RunHeader
from gui.widgets.run_orders import Orders, allowed
from gui.widgets.run_words import ICONS, RunWords
from kohya_like.events import Controlled, Event, Phase, Started, Step, encode
from tests.gui.desk import make_desk

BEGUN = Started(100, 10, 10, {"unet": 1e-4}, 7)


def row(status: str, can_resume: bool = False, name: str = "ghost", text: str = "") -> RunRow:
    return RunRow("/runs/ghost", name, status, 1000.0, 5, 100, text, can_resume)  # type: ignore[arg-type]


def data_of(*events: Event) -> RunData:
    data = RunData()
    data.add(parse([encode(event, 10.0 * n).strip() for n, event in enumerate(events, 1)]))
    return data


def step(number: int, seconds: float = 0.5) -> Step:
    return Step(number, 1 + number // 10, 0.1, {"unet": 1e-4}, seconds, 3 << 30, 1.0)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path)
    yield desk
    desk.service.close()


@pytest.fixture
def header(qtbot: QtBot, desk: Desk) -> RunHeader:
    header = RunHeader(desk)
    qtbot.addWidget(header)
    header.resize(900, 160)
    header.show()
    return header


def enabled(header: RunHeader) -> set[str]:
    return {verb for verb, button in header.buttons.items() if button.isEnabled() and button.isVisible()}


@pytest.mark.parametrize(
    "status, can_resume, events, buttons",
    [
        ("running", False, (BEGUN, step(5)), {"pause", "stop_after_epoch", "stop", "save", "sample"}),
        ("running", False, (Phase("load"),), {"pause", "stop"}),
        ("new", False, (), set()),
        ("finished", False, (BEGUN, step(100)), set()),
        ("failed", True, (BEGUN, step(5)), {"resume"}),
        ("failed", False, (), set()),
        ("interrupted", True, (BEGUN, step(5)), {"resume"}),
        ("stopped", True, (BEGUN, step(5)), {"resume"}),
        ("paused", True, (BEGUN, step(5)), {"resume"}),
    ],
)
def test_buttons_that_make_no_sense_are_off(
    header: RunHeader, status: str, can_resume: bool, events: tuple[Event, ...], buttons: set[str]
) -> None:
    header.show_run(row(status, can_resume), data_of(*events), Orders())
    assert enabled(header) == buttons
    assert header.status.text() in (status, "starting") and status in ICONS


def test_a_click_says_its_verb(header: RunHeader, qtbot: QtBot) -> None:
    header.show_run(row("running"), data_of(BEGUN, step(5)), Orders())
    for verb in sorted(enabled(header)):
        with qtbot.waitSignal(header.requested) as told:
            header.buttons[verb].click()
        assert told.args == [verb]


def test_what_was_asked_is_said_until_it_is_echoed(header: RunHeader) -> None:
    data, orders = data_of(BEGUN, step(5), Controlled("0", "save", 4)), Orders()
    orders.ask("save", data.controls)
    orders.look(data.controls, running=True)
    header.show_run(row("running"), data, orders)
    assert header.note.text() == "Save now: asked, waits for the end of the step"
    assert "save" not in enabled(header) and "stop" in enabled(header)
    data.controls.append(Controlled("1", "save", 6))
    orders.look(data.controls, running=True)
    header.show_run(row("running"), data, orders)
    assert header.note.text() == "" and "save" in enabled(header)


def test_an_order_to_end_stays_until_the_run_has_ended() -> None:
    orders = Orders()
    orders.ask("pause", [])
    orders.look([Controlled("1", "pause", 6)], running=True)
    assert orders.states == {"pause": "taken"}
    orders.look([Controlled("1", "pause", 6)], running=False)
    assert orders.states == {}
    orders.ask("stop", [])
    orders.drop("stop")
    assert orders.states == {} and allowed("paused", False, True) == frozenset()


def test_figures(header: RunHeader) -> None:
    events = [BEGUN, Phase("train", 0, 100), *(step(n, 0.2 + 0.6 * (n % 2)) for n in range(1, 41))]
    header.show_run(row("running"), data_of(*events), Orders())
    shown = {name: label.text() for name, label in header.figures.items()}
    assert shown == {
        "step": "40 / 100",
        "epoch": "5 / 10",
        "left": "30 s ± 3 s",
        "speed": "2.00 it/s",
        "elapsed": "6 min 50 s",
        "memory": "3.0 GB",
    }
    assert header.progress.value() == 400
    assert header.figures["step"].accessibleName() == "Step: 40 / 100"
    header.show_run(row("finished"), data_of(*events), Orders())
    assert header.figures["left"].text() == "-"


def test_a_phase_before_the_first_step_has_its_own_progress(header: RunHeader) -> None:
    header.show_run(row("running"), data_of(Phase("cache", 30, 120)), Orders())
    assert header.phase.text() == "Cache 30 / 120" and header.progress.value() == 250


def test_durations_and_speeds(desk: Desk) -> None:
    words = RunWords(desk)
    shown = [words.duration(seconds) for seconds in (0, 59, 61, 3661, 90_000, math.nan)]
    assert shown == ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h", "-"]
    assert [words.speed(n) for n in (2.5, 0.25, 0.0, math.nan)] == ["2.50 it/s", "4.00 s/it", "-", "-"]
    assert words.time_left(7200, 300) == "2 h 0 min ± 5 min" and words.time_left(60, 0.1) == "1 min 0 s"
    assert words.time_left(72_000, 10_000) == "20 h 0 min ± 3 h"


def test_every_word_is_plain_and_every_button_has_a_name(header: RunHeader) -> None:
    name = '<img src="file:///etc/hostname">'
    header.show_run(row("running", name=name), data_of(BEGUN), Orders())
    assert header.name.text() == name and header.name.textFormat() == Qt.TextFormat.PlainText
    assert all(button.accessibleName() and button.toolTip() for button in header.buttons.values())
    assert "frees the GPU" in header.buttons["pause"].toolTip()


def test_the_list_is_put_away_and_fetched(header: RunHeader, qtbot: QtBot) -> None:
    with qtbot.waitSignal(header.list_toggled) as told:
        header.list_button.click()
    assert told.args == [False]
