"""A child process in each of its endings, with a real child Python."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import process
from gui.process import AlreadyRunning, Child, Outcome

FAKE = str(Path(__file__).with_name("fake_child.py"))


class Watched:
    """A child, what it said and how it ended."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.child = Child("The child")
        self.lines: list[str] = []
        self.outcomes: list[Outcome] = []
        self.child.line_received.connect(self.lines.append)
        self.child.ended.connect(self.outcomes.append)

    def start(self, mode: str) -> None:
        self.child.start(sys.executable, [FAKE, mode])

    def end(self) -> Outcome:
        self.qtbot.waitUntil(lambda: bool(self.outcomes), timeout=20_000)
        (outcome,) = self.outcomes
        assert not self.child.is_running
        return outcome

    def run(self, mode: str) -> Outcome:
        self.start(mode)
        return self.end()


@pytest.fixture
def watched(qtbot: QtBot) -> Iterator[Watched]:
    made = Watched(qtbot)
    yield made
    made.child.kill()
    made.child.wait(5000)


def test_it_ends_in_order(watched: Watched) -> None:
    outcome = watched.run("lines")
    assert watched.lines == ["one", "two", "汉字"]
    assert outcome.is_good and str(outcome) == "The child ended in order"


def test_it_ends_with_a_code(watched: Watched) -> None:
    outcome = watched.run("code")
    assert (outcome.state, outcome.code, outcome.is_good) == ("failed", 3, False)
    assert str(outcome) == "The child ended with code 3" and outcome.last_words == "no such thing"


def test_it_is_killed_by_somebody_else(watched: Watched) -> None:
    outcome = watched.run("killed")
    assert (outcome.state, outcome.signal) == ("killed", 9)
    assert str(outcome) == "The child was killed (SIGKILL): most often the machine ran out of memory"


def test_it_crashes(watched: Watched) -> None:
    assert str(watched.run("crash")) == "The child crashed (SIGABRT)"
    assert str(Outcome("It", "killed", signal=77)) == "It crashed (signal 77)"


def test_it_cannot_be_started_and_may_be_tried_again_at_once(watched: Watched) -> None:
    watched.child.ended.connect(lambda outcome: None if outcome.is_good else watched.start("lines"))
    watched.child.start("/nowhere/program", [])
    watched.qtbot.waitUntil(lambda: len(watched.outcomes) == 2, timeout=20_000)
    assert str(watched.outcomes[0]) == "The child could not be started: program: No such file or directory"
    assert watched.outcomes[1].is_good and watched.lines[0] == "one"


def test_bad_bytes_are_replaced(watched: Watched) -> None:
    assert watched.run("bytes").is_good
    assert watched.lines == ["good \ufffd\ufffd bad"]


def test_a_flood_comes_in_pieces_between_which_the_window_lives(watched: Watched) -> None:
    watched.child.line_received.disconnect()
    count, beats = 0, 0

    def on_line(line: str) -> None:
        nonlocal count
        count += 1

    def beat() -> None:
        nonlocal beats
        beats += 1

    watched.child.line_received.connect(on_line)
    timer = process.QTimer()
    timer.timeout.connect(beat)
    timer.start(0)
    assert watched.run("flood").is_good
    assert count == 500 * 1048  # 50 MB
    assert beats > 50  # a child that is read to its end in one go would leave none


def test_a_line_of_five_megabytes_is_one_line(watched: Watched) -> None:
    assert watched.run("long line").is_good
    assert [len(line) for line in watched.lines] == [5 << 20, 5]


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LONGEST_LINE", 1000)
    assert watched.run("long line").is_good
    assert watched.lines == ["z" * 1000, "after"]


def test_the_last_line_needs_no_end(watched: Watched) -> None:
    assert watched.run("no end").is_good
    assert watched.lines == ["first", "last without end"]


def test_a_second_start_is_refused_while_it_runs(watched: Watched) -> None:
    watched.start("reads")
    with pytest.raises(AlreadyRunning, match="The child is running already"):
        watched.start("lines")
    watched.child.send("hello 汉字")
    watched.qtbot.waitUntil(lambda: watched.lines == ["HELLO 汉字"], timeout=20_000)
    watched.child.close_input()
    assert watched.end().is_good
    watched.outcomes.clear()
    assert watched.run("lines").is_good  # and after its end it may be started again


def test_it_is_stopped_and_killed_when_it_does_not_listen(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE_MS", 100)
    watched.start("deaf")
    watched.qtbot.waitUntil(lambda: watched.lines == ["here"], timeout=20_000)
    pid = watched.child.pid
    watched.child.stop()
    assert str(watched.end()) == "The child was stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_without_a_child_nothing_happens(watched: Watched) -> None:
    watched.child.send("x")
    watched.child.stop()
    watched.child.kill()
    assert watched.child.wait(1) and watched.child.pid == 0 and watched.outcomes == []


def test_waiting_for_it(watched: Watched) -> None:
    watched.start("deaf")
    before = time.monotonic()
    assert not watched.child.wait(50) and time.monotonic() - before >= 0.04


def test_what_a_verb_said_is_told_from_what_a_library_printed() -> None:
    words = "warning: old\nerror: first\nTraceback\nerror: it is not there\n  choose another"
    assert Outcome("x", "failed", 1, last_words=words).sentences == ["it is not there", "  choose another"]
    assert Outcome("x", "failed", 1, last_words="a\nb").sentences == ["b"]
    assert Outcome("The tool", "failed", 1).sentences == ["The tool ended with code 1"]
