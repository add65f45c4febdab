"""A model from a small hub on this machine, through the real service and the real download."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.desk import Desk
from gui.fetch import bytes_in, choices_in, is_hub_name, path_in
from gui.fetch_bar import FetchBar
from gui.fetch_dialog import FetchDialog
from kohya_like.schema.errors import Fault
from tests.gui.desk import make_desk
from tests.gui.reports import PROBE, answer
from tests.verbs.test_fetch import NAME, WEIGHTS, Hub

PATIENCE = 20_000  # milliseconds until a child has answered
MISSING = Fault("no such file or folder", "model.base", code="base-model")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    made.settings.set("models_folder", str(tmp_path / "models"))
    made.document.new(f'[model]\nbase = "{NAME}"\n')
    yield made
    made.service.close(5000)
    wait_for_all()


@pytest.fixture
def dialog(qtbot: QtBot, desk: Desk) -> FetchDialog:
    made = FetchDialog(desk, NAME)
    qtbot.addWidget(made)
    made.show()
    return made


def look_up(dialog: FetchDialog, qtbot: QtBot) -> None:
    dialog.look.click()
    assert not dialog.look.isEnabled() and dialog.said.text() == "Asking the hub ..."
    qtbot.waitUntil(lambda: dialog.said.text() != "Asking the hub ...", timeout=PATIENCE)


def rows_of(dialog: FetchDialog) -> list[tuple[str, str]]:
    items = [dialog.files.topLevelItem(row) for row in range(dialog.files.topLevelItemCount())]
    return [(item.text(0), item.text(1)) for item in items if item is not None]


def test_asked_shown_agreed_fetched_and_written_into_the_preset(
    hub: Hub, dialog: FetchDialog, desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    assert hub.requests == [] and dialog.go.isHidden() and dialog.facts.isHidden()
    look_up(dialog, qtbot)
    assert dict(dialog.facts.rows()) == {
        "From": hub.address, "Licence": "openrail", "Revision": "a" * 12, "Files": "1", "Size in all": "1.0 MB",
    }  # fmt: skip
    assert rows_of(dialog) == [("model.safetensors", "1.0 MB")]
    assert dialog.folder.text() == str(tmp_path / "models")
    assert all(path.startswith("/api/") for path, _ in hub.requests) and not (tmp_path / "models").exists()
    dialog.go.click()
    assert not dialog.go.isEnabled() and dialog.close_button.text() == "Cancel" and not dialog.bar.isHidden()
    qtbot.waitUntil(lambda: "It is there" in dialog.said.text(), timeout=PATIENCE)
    path = tmp_path / "models" / "someone--tiny-model" / "model.safetensors"
    assert path.read_bytes() == WEIGHTS
    assert desk.document.value("model.base") == str(path)
    assert dialog.go.isHidden() and dialog.close_button.text() == "Close"
    desk.document.undo()
    assert desk.document.value("model.base") == NAME


def test_of_several_files_one_is_chosen(
    hub: Hub, dialog: FetchDialog, desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    hub.files = {"small.safetensors": b"s" * 200_000, "large.safetensors": WEIGHTS}
    look_up(dialog, qtbot)
    assert "several files" in dialog.said.text()
    assert [name for name, _ in rows_of(dialog)] == ["small.safetensors", "large.safetensors"]
    assert not dialog.go.isEnabled(), "none is chosen yet"
    first = dialog.files.topLevelItem(0)
    assert first is not None
    dialog.files.setCurrentItem(first)
    dialog.go.click()
    qtbot.waitUntil(lambda: "It is there" in dialog.said.text(), timeout=PATIENCE)
    assert str(desk.document.value("model.base")).endswith("small.safetensors")
    assert [one.name for one in (tmp_path / "models" / "someone--tiny-model").iterdir()] == ["small.safetensors"]


def test_a_refusal_is_a_sentence_and_can_be_tried_again(hub: Hub, dialog: FetchDialog, qtbot: QtBot) -> None:
    hub.status = 404
    look_up(dialog, qtbot)
    assert f"has no {NAME}" in dialog.said.text() and "part of its address" in dialog.said.text()
    assert dialog.look.isEnabled() and dialog.go.isHidden()
    hub.status = 200
    look_up(dialog, qtbot)
    assert not dialog.go.isHidden()


def test_offline_is_a_sentence(dialog: FetchDialog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    look_up(dialog, qtbot)
    assert "HF_HUB_OFFLINE is set" in dialog.said.text()


def test_a_download_that_fails_says_why(hub: Hub, dialog: FetchDialog, desk: Desk, qtbot: QtBot) -> None:
    look_up(dialog, qtbot)
    hub.served = {"model.safetensors": bytes(len(WEIGHTS))}
    dialog.go.click()
    qtbot.waitUntil(lambda: "checksum" in dialog.said.text(), timeout=PATIENCE)
    assert desk.document.value("model.base") == NAME
    assert dialog.go.isEnabled(), "it may be tried again"


def test_cancel_keeps_what_has_arrived_and_closing_waits(
    hub: Hub, dialog: FetchDialog, desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    look_up(dialog, qtbot)
    hub.cuts = {"model.safetensors": [400_000, *[0] * 20]}  # the line then stays dead, and the child waits
    dialog.go.click()
    folder = tmp_path / "models" / "someone--tiny-model"
    qtbot.waitUntil(lambda: bytes_in(str(folder)) == 400_000, timeout=PATIENCE)
    qtbot.waitUntil(lambda: dialog.said.text() == "0.4 MB of 1.0 MB", timeout=PATIENCE)
    assert 380 <= dialog.bar.value() <= 382
    dialog.close_button.click()
    qtbot.waitUntil(lambda: "Cancelled" in dialog.said.text(), timeout=PATIENCE)
    assert "is kept" in dialog.said.text() and bytes_in(str(folder)) == 400_000
    assert desk.document.value("model.base") == NAME and dialog.isVisible()
    dialog.go.click()
    dialog.reject()
    assert dialog.isVisible(), "first the child ends"
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=PATIENCE)
    assert not dialog.fetch.is_running


def test_what_a_hub_says_stays_text(dialog: FetchDialog, desk: Desk) -> None:
    dialog.look.click()
    found = {"name": NAME, "endpoint": PROBE, "licence": PROBE, "revision": PROBE, "total": 1,
             "files": [{"name": PROBE + "x" * 1_000_000, "size": 1}] * 1000}  # fmt: skip
    desk.service.looked_up.emit(found)
    assert {label.textFormat() for label in dialog.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    assert not [label for label in dialog.findChildren(QLabel) if "<img" in label.toolTip()]
    assert len(rows_of(dialog)) == 300 and max(len(name) for name, _ in rows_of(dialog)) < 400
    assert all(b.accessibleName() or b.text() for b in dialog.findChildren(QAbstractButton) if b.isVisible())


def test_the_bar_appears_for_a_name_that_is_no_file(desk: Desk, qtbot: QtBot) -> None:
    bar = FetchBar(desk)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    desk.service.checked.emit(answer([MISSING]))
    assert not bar.isHidden() and "nothing is downloaded until you ask" in bar.words.text()
    desk.document.set("train.seed", 3)
    assert not bar.isHidden()
    desk.document.set("model.base", "/models/there.safetensors")
    assert bar.isHidden()
    desk.service.checked.emit(answer([MISSING]))
    assert bar.isHidden(), "a path is no name of the hub"
    desk.document.set("model.base", NAME)
    desk.service.checked.emit(answer())
    assert bar.isHidden(), "a folder of that name is there"


def test_the_bar_opens_the_dialog_and_asks_nobody(hub: Hub, desk: Desk, qtbot: QtBot) -> None:
    desk.service.latest = answer([MISSING])
    bar = FetchBar(desk)
    qtbot.addWidget(bar)
    assert not bar.isHidden()
    bar.button.click()
    dialogs = bar.findChildren(FetchDialog)
    assert [one.name for one in dialogs] == [NAME] and hub.requests == []
    dialogs[0].reject()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", True), ("models/base.safetensors", False), ("base", False),
        ("/abs/path", False), ("a/b/c", False), ("a/b\n", False), (None, False), ("x" * 200 + "/y", False),
    ],
)  # fmt: skip
def test_names_of_a_hub(text: object, expected: bool) -> None:
    assert is_hub_name(text) is expected


def test_what_a_child_printed_is_read_with_care(tmp_path: Path) -> None:
    assert path_in('{"folder": "/m/a--b", "files": [{"local": "x.ckpt"}]}') == "/m/a--b/x.ckpt"
    assert path_in('{"folder": "/m/a--b", "files": [{"local": "x"}, {"local": "y"}]}') == "/m/a--b"
    for broken in ("", "[]", "{}", '{"folder": 3, "files": [{}]}', '{"folder": "/m", "files": []}'):
        assert path_in(broken) == ""
    assert choices_in("has several; say which:\n  --file a b.ckpt   2.0 MB\n  --file c.ckpt   1 kB") == [
        ("a b.ckpt", "2.0 MB"), ("c.ckpt", "1 kB"),
    ]  # fmt: skip
    assert bytes_in(str(tmp_path / "nowhere")) == 0


def test_another_folder_for_models_is_remembered(
    dialog: FetchDialog, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = "gui.fetch_dialog.QFileDialog.getExistingDirectory"
    before = dialog.folder.text()
    monkeypatch.setattr(choose, lambda *_: "")
    dialog.choose.click()
    assert dialog.folder.text() == before
    monkeypatch.setattr(choose, lambda *_: "/big/disk")
    dialog.choose.click()
    assert dialog.folder.text() == "/big/disk" and desk.settings.get("models_folder") == "/big/disk"
