"""The last line of the window: the training that runs, why Start is off, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.footer import Footer
from gui.run_row import RunRow
from tests.gui.desk import StillService, fault, still_desk

LIVE = RunRow("/out/runs/cat & dog", "cat & dog", "running", 1.0, 1234, 5000, "", False)


@pytest.fixture
def footer(qtbot: QtBot, tmp_path: Path) -> Iterator[Footer]:
    footer = Footer(still_desk(tmp_path))
    qtbot.addWidget(footer)
    footer.resize(1200, 50)
    footer.show()
    yield footer
    footer._desk.language.set("en")


def service(footer: Footer) -> StillService:
    assert isinstance(footer._desk.service, StillService)
    return footer._desk.service


def test_the_training_that_runs_is_named_and_leads_to_its_page(footer: Footer, qtbot: QtBot) -> None:
    assert not footer.live.isVisible()
    footer._desk.runs._runs = (LIVE,)
    footer._desk.runs.changed.emit()
    assert footer.live.isVisible() and footer.live.text() == "Training: cat && dog, step 1,234 of 5,000"
    with qtbot.waitSignal(footer._desk.wishes.run_requested) as told:
        footer.live.click()
    assert told.args == [LIVE.path]
    footer._desk.runs._runs = ()
    footer._desk.runs.changed.emit()
    assert not footer.live.isVisible()
    with qtbot.assertNotEmitted(footer._desk.wishes.run_requested):
        footer._on_live_clicked()  # it ended between the look and the click


def test_every_edit_is_checked_with_its_folder(footer: Footer, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: service(footer).times("check") == 1)  # what is there at the start
    footer._desk.document.set("network.dim", 4)
    assert service(footer).asked[-1] == ("check", "[network]\ndim = 4\n", "", str(Path.cwd()))


def test_a_service_that_died_frees_start_and_is_said(footer: Footer) -> None:
    service(footer).answer()
    footer.start()
    assert not footer.start_button.isEnabled() and footer.said.text() == "Checking and starting ..."
    footer.start()
    assert service(footer).times("start") == 1 and footer.said.text() == "The training is being started."
    service(footer).died.emit("The service was killed (SIGKILL), 3 times in a row")
    assert footer.start_button.isEnabled() and footer.said.text().startswith("The service was killed")


def test_a_command_that_failed_is_said_in_the_language_of_the_moment(footer: Footer) -> None:
    footer._desk.runs.command_failed.emit("ghost: no training is running there")
    assert footer.said.text() == "ghost: no training is running there"
    footer._desk.language.set("zh_CN")
    assert footer.said.text() != "ghost: no training is running there" and "ghost" in footer.said.text()


def test_a_refusal_without_a_reason_is_still_one(footer: Footer) -> None:
    service(footer).answer()
    footer.start()
    service(footer).refused.emit([])
    assert footer.said.text() == "Not started:" and footer.start_button.isEnabled()


def test_a_preset_that_cannot_be_read_keeps_start_off(footer: Footer, qtbot: QtBot) -> None:
    service(footer).answer(fault("is not TOML"))
    assert not footer.start_button.isEnabled()
    assert footer.why.isVisible() and footer.why.text() == "Errors to mend first: 1"
    with qtbot.waitSignal(footer._desk.wishes.page_requested) as told:
        footer.why.click()
    assert told.args == ["train"], "there is no field to go to"
    service(footer).answer(fault("is wrong", "network.dim"))
    with qtbot.waitSignal(footer._desk.wishes.field_requested) as told:
        footer.why.click()
    assert told.args == ["network.dim"]
    service(footer).answer()
    assert not footer.why.isVisible() and footer.start_button.isEnabled()
