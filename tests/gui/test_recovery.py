"""What was typed and not saved comes back after a crash; of what others do, nothing is touched unasked."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import rescued
from gui.background import wait_for_all
from gui.document import PresetDocument
from gui.recovery import Recovery
from gui.rescued import Owner, Rescued, Work, digest

TEXT = "# 幽\n[network]\ndim = 16\n"
EDITED = TEXT.replace("16", "4")
CHILD = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from gui.document import PresetDocument
from gui.recovery import Recovery
application = QCoreApplication([])
folder, path = Path(sys.argv[1]), Path(sys.argv[2])
document = PresetDocument()
recovery = Recovery(document, folder, 20)
document.opened.connect(lambda: document.set("network.dim", 4))
recovery._timer.timeout.connect(lambda: print("due", flush=True))
document.open(path)
application.exec()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "recovery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ghost.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def documents(qtbot: QtBot) -> Iterator[Callable[[], PresetDocument]]:
    made: list[PresetDocument] = []

    def make() -> PresetDocument:
        made.append(PresetDocument(poll_milliseconds=3_600_000))
        return made[-1]

    yield make
    wait_for_all()
    for document in made:
        document.deleteLater()


def opened(document: PresetDocument, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(document.opened):
        document.open(path)


def crashed(folder: Path, text: str, path: Path | None, base: str | None = TEXT, when: float = 1000.0) -> Path:
    """What a window of another boot left."""
    file = folder / f"{text.__hash__() & 0xFFFF:x}{when}.json"
    rescued.write(file, Work(str(path or ""), text, digest(base), when))
    body = json.loads(file.read_text()) | {"boot": "another"}
    file.write_text(json.dumps(body))
    return file


def bodies(folder: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def test_an_edit_is_kept_until_it_is_saved(
    documents: Callable[[], PresetDocument], folder: Path, path: Path, qtbot: QtBot
) -> None:
    document = documents()
    Recovery(document, folder, 5, clock=lambda: 77.0)
    opened(document, path, qtbot)
    document.set("network.dim", 4)
    qtbot.waitUntil(lambda: [body["text"] for body in bodies(folder)] == [EDITED])
    (file,), (body,) = list(folder.iterdir()), bodies(folder)
    assert (body["path"], body["time"], body["pid"], body["base"]) == (str(path), 77.0, os.getpid(), digest(TEXT))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    document.set("network.dim", 5)
    qtbot.waitUntil(lambda: "dim = 5" in str(bodies(folder)[0]["text"]))
    document.save()
    qtbot.waitUntil(lambda: bodies(folder) == [])


def test_undo_to_the_saved_text_clears_it(
    documents: Callable[[], PresetDocument], folder: Path, path: Path, qtbot: QtBot
) -> None:
    document = documents()
    Recovery(document, folder, 1)
    opened(document, path, qtbot)
    document.set("network.dim", 4)
    qtbot.waitUntil(lambda: len(bodies(folder)) == 1)
    document.undo()
    qtbot.waitUntil(lambda: bodies(folder) == [])


def test_windows_do_not_disturb_each_other_and_a_living_one_is_not_rescued(
    documents: Callable[[], PresetDocument], folder: Path, path: Path, qtbot: QtBot
) -> None:
    first, second = documents(), documents()
    recoveries = [Recovery(first, folder, 1), Recovery(second, folder, 1)]
    first.set("network.dim", 1)
    second.set("network.dim", 2)
    qtbot.waitUntil(lambda: len(bodies(folder)) == 2)
    assert recoveries[0].found() == [] and recoveries[1].found() == []
    recoveries[0].discard_own()
    wait_for_all()
    assert [body["text"] for body in bodies(folder)] == [second.text]
    first.set("network.dim", 3)
    assert not recoveries[0]._timer.isActive()


def test_a_killed_window_is_found_with_all_it_typed(folder: Path, path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(folder), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "due\n"
        while not bodies(folder):
            assert child.poll() is None
        assert rescued.found(folder) == []  # it lives
        child.send_signal(signal.SIGKILL)
    (one,) = rescued.found(folder)
    assert (one.path, one.text, one.changed_on_disk, path.read_text()) == (path, EDITED, False, TEXT)
    assert one.first_lines == "# 幽\n[network]\ndim = 4"


def test_what_is_newer_on_the_disk_is_said_and_what_is_the_same_is_cleared(folder: Path, path: Path) -> None:
    newer, same = crashed(folder, EDITED, path, "an older text"), crashed(folder, TEXT, path)
    gone = crashed(folder, EDITED, path.with_name("gone.toml"), when=500.0)
    nameless = crashed(folder, EDITED, None, None, when=400.0)
    found = rescued.found(folder)
    assert [(one.file, one.path and one.path.name, one.changed_on_disk) for one in found] == [
        (newer, "ghost.toml", True),
        (gone, "gone.toml", False),
        (nameless, None, False),
    ]
    assert not same.exists() and path.read_text() == TEXT


def test_a_clock_that_was_set_back_loses_nothing(folder: Path, path: Path) -> None:
    os.utime(path, (4e9, 4e9))
    crashed(folder, EDITED, path, when=5e9)
    crashed(folder, EDITED + "#", path, when=-5.0)
    assert [(one.time, one.changed_on_disk) for one in rescued.found(folder)] == [(5e9, False), (-5.0, False)]


def test_files_that_are_none_of_ours_are_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, text in {"a": "{", "b": "[]", "c": '{"pid": "x"}', "d": " " * 3_000_000, "e": '{"pid": 1}'}.items():
        (folder / f"{name}.json").write_text(text)
    (folder / "f.json").mkdir()
    assert rescued.found(folder) == [] and len(list(folder.iterdir())) == 6
    assert rescued.found(folder / "none") == []


def test_an_owner_is_told_from_a_later_process_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Owner.me()
    assert me.lives
    assert not Owner(me.pid, (me.start or 0) + 1, me.boot).lives and not Owner(me.pid, me.start, "b").lives
    assert Owner(me.pid, None, me.boot).lives and not Owner(2**22 + 7, None, me.boot).lives
    monkeypatch.setattr(os, "kill", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert Owner(1, None, me.boot).lives


def test_rescued_work_is_offered_one_by_one_and_goes_when_it_is_safe(
    documents: Callable[[], PresetDocument], folder: Path, path: Path, qtbot: QtBot
) -> None:
    first, second = crashed(folder, EDITED, path), crashed(folder, EDITED + "#\n", None, when=5.0)
    document = documents()
    recovery = Recovery(document, folder, 1)
    offers: list[tuple[str, Callable[[], None], Callable[[], None]]] = []
    recovery.look(lambda *offer: offers.append(offer))
    qtbot.waitUntil(lambda: [offer[0] for offer in offers] == ["ghost.toml"])
    offers[0][1]()
    assert first.exists() and [offer[0] for offer in offers] == ["ghost.toml", ""]
    qtbot.waitUntil(lambda: not first.exists())
    assert document.text == EDITED and document.modified and document.path == path
    mine = [body for body in bodies(folder) if body["pid"] == os.getpid() and body["boot"] != "another"]
    assert [body["text"] for body in mine] == [EDITED]
    offers[1][2]()
    qtbot.waitUntil(lambda: not second.exists())
    assert document.text == EDITED


def test_work_that_cannot_be_restored_stays_where_it_is(
    documents: Callable[[], PresetDocument], folder: Path, qtbot: QtBot
) -> None:
    file = crashed(folder, "[broken", None)
    document = documents()
    recovery = Recovery(document, folder, 1)
    with qtbot.waitSignal(document.failed):
        recovery.restore(Rescued(file, None, "[broken", 0.0, False))
    document.set("network.dim", 3)
    qtbot.waitUntil(lambda: len(bodies(folder)) == 2)
    assert file.exists()


def test_a_folder_that_cannot_be_written_is_said_once(
    documents: Callable[[], PresetDocument], tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "file").write_text("")
    document = documents()
    recovery = Recovery(document, tmp_path / "file" / "recovery", 1)
    said: list[str] = []
    recovery.failed.connect(said.append)
    for number in (1, 2):
        document.set("network.dim", number)
        qtbot.waitUntil(lambda: not recovery._timer.isActive() and not recovery._busy)
    assert said == ["Unsaved changes cannot be kept for the case of a crash: Not a directory"]


def test_half_characters_survive(documents: Callable[[], PresetDocument], folder: Path, qtbot: QtBot) -> None:
    document = documents()
    Recovery(document, folder, 1)
    document.set("save.output_name", "half \ud800")
    qtbot.waitUntil(lambda: [body["text"] for body in bodies(folder)] == [document.text])
