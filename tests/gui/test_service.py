"""The service behind the form: the newest answer only, a child that hangs or crashes is replaced, one start."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from gui.service import Service
from kohya_like import supervise
from kohya_like.events import send

FAKE = str(Path(__file__).with_name("fake_child.py"))
ROOT = Path(__file__).parent.parent.parent
DEMO = (ROOT / "presets/demo.toml").read_text(encoding="utf-8")
PATIENCE = 20_000
Fault = dict[str, Any]


class Listened:
    """A service, and everything it said, in order."""

    def __init__(self, qtbot: QtBot, **how: Any) -> None:
        self.qtbot = qtbot
        self.service = Service(**{"debounce_ms": 0, **how})
        self.said: list[tuple[Any, ...]] = []
        for name in ("checked", "checking", "started", "refused", "looked_up", "look_up_failed", "died"):
            getattr(self.service, name).connect(self._noting(name))

    def _noting(self, name: str) -> Callable[..., None]:
        return lambda *values: self.said.append((name, *values))

    def all(self, name: str) -> list[Any]:
        return [row[1] for row in self.said if row[0] == name]

    def wait(self, name: str, count: int = 1) -> Any:
        self.qtbot.waitUntil(lambda: len(self.all(name)) >= count, timeout=PATIENCE)
        return self.all(name)[-1]

    def check(self, text: str, folder: Path = ROOT / "presets") -> None:
        self.service.check(text, "my.toml", str(folder))

    def answer_to(self, text: str, folder: Path = ROOT / "presets") -> dict[str, Any]:
        count = len(self.all("checked"))
        self.check(text, folder)
        found: dict[str, Any] = self.wait("checked", count + 1)
        return found


@pytest.fixture
def made(qtbot: QtBot) -> Iterator[Callable[..., Listened]]:
    services: list[Service] = []

    def make(**how: Any) -> Listened:
        listened = Listened(qtbot, **how)
        services.append(listened.service)
        return listened

    yield make
    for service in services:
        service.close(5000)


@pytest.fixture
def fake(made: Callable[..., Listened], tmp_path: Path) -> Callable[..., Listened]:
    """A service whose child is the fake one; it writes a diary."""

    def make(mode: str = "fast", **how: Any) -> Listened:
        return made(command=(sys.executable, FAKE, mode, str(tmp_path / "diary")), **how)

    return make


def diary(tmp_path: Path) -> list[str]:
    return (tmp_path / "diary").read_text(encoding="utf-8").splitlines()


def test_it_starts_no_process_before_the_first_request(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    assert not listened.service._child.is_running
    assert listened.answer_to("a")["report"] == {"text": "a"}
    assert diary(tmp_path) == ["ready", "check a"]
    assert listened.all("checking") == [True, False]


def test_typing_is_one_request(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake(debounce_ms=50)
    for text in ("a", "ab", "abc"):
        listened.check(text)
    assert listened.wait("checked")["report"] == {"text": "abc"}
    assert diary(tmp_path) == ["ready", "check abc"]


def test_only_the_newest_answer_is_given(fake: Callable[..., Listened], qtbot: QtBot) -> None:
    listened = fake()
    listened.answer_to("first")
    for text in ("old", "new"):
        listened.service._send("check", {"text": text, "source": "", "folder": ""})
    listened.wait("checked", 2)
    assert [answer["report"]["text"] for answer in listened.all("checked")] == ["first", "new"]


def test_an_answer_is_dropped_while_newer_text_waits(fake: Callable[..., Listened]) -> None:
    listened = fake(debounce_ms=200)
    listened.service._send("check", {"text": "old", "source": "", "folder": ""})
    listened.check("new")
    listened.wait("checked")
    assert [answer["report"]["text"] for answer in listened.all("checked")] == ["new"]
    assert listened.all("checking") == [True, False]


def test_a_second_answer_to_the_newest_check_is_given_as_well(fake: Callable[..., Listened]) -> None:
    listened = fake()
    listened.check("twice")
    assert listened.wait("checked", 2) == {"id": 1, "ok": True, "report": {"text": "twice again"}, "faults": [],
                                           "refreshed": True}  # fmt: skip


def test_a_check_that_hangs_is_killed_when_a_newer_one_waits(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake(patience_ms=150)
    listened.answer_to("a")
    listened.check("hang")
    listened.qtbot.waitUntil(lambda: "check hang" in diary(tmp_path), timeout=PATIENCE)
    assert listened.answer_to("b")["report"] == {"text": "b"}
    assert diary(tmp_path) == ["ready", "check a", "check hang", "ready", "check b"]
    assert listened.all("died") == []


def test_typing_on_gives_a_check_that_hangs_no_more_time(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake(patience_ms=200)
    listened.check("hang")
    listened.qtbot.waitUntil(lambda: (tmp_path / "diary").exists() and "check hang" in diary(tmp_path))
    typed = 0

    def type_on() -> bool:
        nonlocal typed
        typed += 1
        listened.service._send("check", {"text": f"text {typed}", "source": "", "folder": ""})
        return diary(tmp_path).count("ready") == 2

    listened.qtbot.waitUntil(type_on, timeout=PATIENCE)  # a new letter every 10 ms or so
    listened.wait("checked")
    assert listened.all("died") == []


def test_a_start_behind_a_check_that_hangs_is_made_once(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake(patience_ms=150)
    listened.check("hang")
    listened.qtbot.waitUntil(lambda: (tmp_path / "diary").exists() and "check hang" in diary(tmp_path))
    listened.check("b")
    listened.qtbot.waitUntil(lambda: listened.service._wanted is None)
    listened.service.start("mine", "", "")
    assert listened.wait("started") == "run of mine"
    assert [line for line in diary(tmp_path) if line.startswith("start")] == ["start mine"]


def test_the_newest_check_may_take_its_time(fake: Callable[..., Listened], tmp_path: Path, qtbot: QtBot) -> None:
    listened = fake("slow", patience_ms=50)
    listened.service.start("mine", "", "")  # takes longer than that, and the check waits behind it
    listened.check("b")
    listened.wait("checked")
    assert listened.all("started") == ["run of mine"]
    assert diary(tmp_path) == ["ready", "start mine", "start mine done", "check b"]


def test_a_crash_is_followed_by_a_new_child_and_the_newest_request(
    fake: Callable[..., Listened], tmp_path: Path
) -> None:
    listened = fake()
    listened.check("crash once")
    assert listened.wait("checked")["report"] == {"text": "crash once"}
    assert diary(tmp_path) == ["ready", "check crash once"] * 2


def test_a_child_killed_while_idle_is_missed_at_the_next_request(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    listened.answer_to("a")
    os.kill(listened.service._child.pid, signal.SIGKILL)
    listened.qtbot.waitUntil(lambda: not listened.service._child.is_running, timeout=PATIENCE)
    assert diary(tmp_path).count("ready") == 1
    assert listened.answer_to("b")["report"] == {"text": "b"}


def test_three_crashes_in_a_row_are_told(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    listened.check("crash")
    said = listened.wait("died")
    assert said == (
        "The service was killed (SIGKILL): most often the machine ran out of memory, 3 times in a row: "
        "the disk is on fire"
    )
    assert listened.all("checking") == [True, False] and diary(tmp_path).count("ready") == 3
    assert listened.answer_to("fine")["report"] == {"text": "fine"}  # it tries again


def test_an_answer_in_between_makes_the_crashes_no_row(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    for number in range(4):
        listened.answer_to(f"a {number}")
        os.kill(listened.service._child.pid, signal.SIGKILL)
        listened.qtbot.waitUntil(lambda: not listened.service._child.is_running, timeout=PATIENCE)
    assert listened.all("died") == []


def test_a_start_that_crashes_is_not_repeated(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    listened.service.start("crash", "", "")
    (fault,) = listened.wait("refused")
    assert (
        fault["text"].startswith("The service was killed") and "while the training was being started" in fault["text"]
    )
    assert fault["mend"] == "look whether it is among the runs, then try again"
    assert [line for line in diary(tmp_path) if line.startswith("start")] == ["start crash"]


def test_a_program_that_is_not_there(made: Callable[..., Listened]) -> None:
    listened = made(command=("/nowhere/python",))
    listened.service.look_up("a/b")
    listened.check("a")
    said = listened.wait("died")
    assert said == "The service could not be started: python: No such file or directory, 3 times in a row"
    assert listened.all("look_up_failed") == ["The service could not be started: python: No such file or directory"]


def test_start_pressed_twice_starts_once(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake("slow")
    listened.service.start("one", "", "")
    listened.service.start("two", "", "")
    listened.wait("started")
    listened.service.start("three", "", "")
    listened.wait("started", 2)
    assert listened.all("started") == ["run of one", "run of three"]


def test_resume_and_look_up(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake("slow")
    listened.service.resume("folder")
    listened.service.resume("folder")
    listened.service.look_up("owner/model")
    listened.service.forget()
    assert listened.wait("looked_up")["name"] == "owner/model"
    listened.answer_to("a")
    assert diary(tmp_path) == ["ready", "resume folder", "look_up ", "forget ", "check a"]


def test_it_ends_politely_and_says_nothing_more(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake()
    listened.answer_to("a")
    pid = listened.service._child.pid
    listened.service.check("b", "", "")
    listened.service.close(PATIENCE)
    count = len(listened.said)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    listened.service.check("c", "", "")
    listened.qtbot.waitUntil(lambda: not listened.service._debounce.isActive())
    assert not listened.service._child.is_running
    assert [row for row in listened.said[count:] if row[0] != "checking"] == [] and diary(tmp_path)[-1] == "check a"


def test_the_real_child_checks_the_demo(made: Callable[..., Listened]) -> None:
    listened = made()
    answer = listened.answer_to(DEMO)
    assert answer["ok"] and answer["report"]["ok"] and answer["report"]["steps"]["total"] == 250
    assert answer["report"]["partial"] is False
    answer = listened.answer_to(DEMO.replace("train_batch_size", "train_batch_sice"))
    assert answer["report"]["partial"] and answer["report"]["steps"]["total"] == 250
    (fault,) = [fault for fault in answer["faults"] if fault["severity"] == "error"]
    assert fault["key"] == "train.train_batch_sice" and fault["where"] == "my.toml:31"
    assert fault["fix"]["renames"] == {"train.train_batch_sice": "train.train_batch_size"}
    answer = listened.answer_to("[model\n")
    assert answer["report"] is None and answer["faults"][0]["code"] == "not-toml"
    listened.service.look_up("owner/model")
    assert listened.wait("look_up_failed") == "HF_HUB_OFFLINE is set, so nothing is downloaded"


def test_a_run_outlives_the_service_and_is_refused_with_faults(made: Callable[..., Listened], tmp_path: Path) -> None:
    listened = made()
    text = DEMO.replace('"../runs/demo"', json.dumps(str(tmp_path / "out")))
    listened.service.start(text.replace("dim = 8", "dim = 0"), "", str(ROOT / "presets"))
    (fault,) = listened.wait("refused")
    assert fault["key"] == "network.dim" and fault["fix"]["label"] == "Set network.dim to 1"
    assert not (tmp_path / "out").exists()
    listened.service.start(text, "", str(ROOT / "presets"))
    run = Path(listened.wait("started"))
    os.kill(listened.service._child.pid, signal.SIGKILL)
    listened.qtbot.waitUntil(lambda: not listened.service._child.is_running, timeout=PATIENCE)
    listened.qtbot.waitUntil(lambda: supervise.status(run) == "running", timeout=PATIENCE)
    body = json.loads((run / "run.json").read_text(encoding="utf-8"))
    supervisor = body["supervisor"]["pid"]
    assert os.getsid(supervisor) == supervisor != os.getsid(0)
    listened.service.resume(str(run))
    (fault,) = listened.wait("refused", 2)
    assert fault["text"] == f"{run} is still running"
    send(run, "stop")
    os.kill(body["trainer"]["pid"], signal.SIGKILL)
    listened.qtbot.waitUntil(lambda: supervise.status(run) == "interrupted", timeout=PATIENCE)


def test_a_window_closed_right_after_start_leaves_a_whole_run(fake: Callable[..., Listened], tmp_path: Path) -> None:
    listened = fake("slow")
    listened.answer_to("a")
    listened.service.start("mine", "", "")
    listened.service.close(1)  # a child that answers nothing else would be killed after this
    assert diary(tmp_path)[-1] == "start mine done" and listened.all("started") == []
