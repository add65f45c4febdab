"""Following a log: grown, torn, foreign, cut, replaced, deleted, huge; and what the window hears of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import run_reader
from gui.run_reader import BLOCK, EventFile, RunReader
from kohya_like.events import EVENTS, Warned, encode
from tests.gui.fake_trainer import line, step_line
from tests.gui.watch import io_of_main_thread

GO = threading.Event()  # never set: nobody asks the thread to stop


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / EVENTS


def steps_text(first: int, last: int) -> str:
    return "".join(step_line(n) for n in range(first, last + 1))


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def read(events: EventFile) -> list[int]:
    events.look(GO)
    return [int(step) for step in events.data.steps]


def test_whole_lines_only_and_the_torn_one_waits(log: Path) -> None:
    events = EventFile(log)
    assert read(events) == [] and not events.data.gone, "it has not been there yet"
    append(log, steps_text(1, 3) + step_line(4)[:40])
    assert read(events) == [1, 2, 3]
    append(log, step_line(4)[40:])
    assert read(events) == [1, 2, 3, 4]
    assert events.data.skipped == 0
    assert events.data.read == events.data.size == log.stat().st_size


@pytest.mark.parametrize("cut", range(1, 30, 3))
def test_a_letter_may_be_torn_in_its_middle(log: Path, cut: int) -> None:
    data = encode(Warned("猫猫猫猫猫\u2028\x85"), 1.0).encode()
    events = EventFile(log)
    append(log, data[: -cut - 1])
    read(events)
    append(log, data[-cut - 1 :])
    read(events)
    assert [w.text for w in events.data.warnings] == ["猫猫猫猫猫\u2028\x85"]


def test_foreign_bytes_are_stepped_over_and_counted(log: Path) -> None:
    append(log, step_line(1))
    append(log, b"\xff\xfe\x00\x80 not ours\n" + os.urandom(3000).replace(b"\n", b"") + b"\n")
    append(log, step_line(2))
    events = EventFile(log)
    assert read(events) == [1, 2]
    assert events.data.skipped == 2


def test_a_line_without_end_is_nobodys(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reader, "LONGEST_LINE", 3 * BLOCK)
    append(log, step_line(1) + "x" * (10 * BLOCK) + "\n" + step_line(2))
    events = EventFile(log)
    assert read(events) == [1, 2]
    assert events.data.skipped == 1


@pytest.mark.parametrize("how", ["cut", "replaced", "deleted and made again"])
def test_another_file_begins_anew(log: Path, how: str) -> None:
    append(log, steps_text(1, 5) + encode(Warned("old"), 1.0))
    events = EventFile(log)
    assert read(events) == [1, 2, 3, 4, 5]
    new = steps_text(1, 2) if how == "cut" else steps_text(1, 2) + encode(Warned("a longer one than before"), 1.0) * 9
    if how == "cut":
        log.write_text(new)
    elif how == "replaced":
        other = log.with_name("other")
        other.write_text(new)
        os.replace(other, log)
    else:
        log.unlink()
        read(events)
        assert events.data.gone and len(events.data.steps) == 5, "what was read stays to be looked at"
        log.write_text(new)
    assert read(events) == [1, 2]
    assert "old" not in [w.text for w in events.data.warnings]
    assert not events.data.gone


def test_what_is_no_file_is_not_opened(log: Path) -> None:
    os.mkfifo(log)  # opening it would wait for ever
    events = EventFile(log)
    assert read(events) == []
    log.unlink()
    log.mkdir()
    assert read(events) == []


def test_a_file_that_may_not_be_read_is_said_so(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    append(log, steps_text(1, 2))
    events = EventFile(log)
    with monkeypatch.context() as patch:
        patch.setattr("gui.follow.FileIO", refused)
        assert read(events) == []
        assert events.data.trouble == f"{log}: Permission denied"
    assert read(events) == [1, 2]
    assert events.data.trouble == ""


def test_the_middle_of_a_huge_log_is_thinned(log: Path) -> None:
    """Ten million lines in small: a lower threshold. The ends are whole, other events are never left out."""
    with log.open("w") as file:
        for n in range(1, 60_001):
            file.write(step_line(n, loss=n / 60_000))
            if n % 10_000 == 0:
                file.write(encode(Warned(str(n)), 1.0))
    size = log.stat().st_size
    events = EventFile(log, whole=size // 8, whole_end=size // 16)
    steps = read(events)
    assert events.data.thinned == 9
    assert 60_000 / 8 < len(steps) < 60_000 / 3
    ends = 60_000 // 16 - 2 * BLOCK // len(step_line(1))
    assert ends > 0 and steps[:ends] == list(range(1, ends + 1)), "the beginning"
    assert steps[-ends:] == list(range(60_001 - ends, 60_001)), "the end"
    assert steps == sorted(set(steps))
    assert [w.text for w in events.data.warnings] == [str(n) for n in range(10_000, 60_001, 10_000)]
    assert events.data.skipped == 0
    append(log, steps_text(60_001, 60_100))
    assert read(events)[-100:] == list(range(60_001, 60_101)), "what comes later is whole"


def test_ten_thousand_events_and_a_slow_reader_lose_none(log: Path) -> None:
    """Torn at every place: the writer stops in the middle of lines, the reader looks in between."""
    data = steps_text(1, 10_000).encode()
    events = EventFile(log)
    for begin in range(0, len(data), 7919):
        append(log, data[begin : begin + 7919])
        events.look(GO)
    assert read(events) == list(range(1, 10_001))
    assert events.data.skipped == 0


def test_the_thread_stops_in_the_middle_of_a_long_file(log: Path) -> None:
    append(log, steps_text(1, 5000))
    asked = threading.Event()
    events = EventFile(log)
    add = events.data.add

    def add_and_ask(parsed: object) -> None:
        add(parsed)  # type: ignore[arg-type]
        asked.set()

    events.data.add = add_and_ask  # type: ignore[method-assign,assignment]
    events.look(asked)
    assert 0 < len(events.data.steps) < 5000


def test_the_window_is_told_in_batches_and_reads_no_file_itself(log: Path, qtbot: QtBot) -> None:
    append(log, steps_text(1, 5000))
    told: list[int] = []
    with io_of_main_thread() as touched:
        reader = RunReader(log.parent)
        reader.batch_read.connect(lambda: told.append(len(reader.data.steps)))
        qtbot.waitUntil(lambda: told != [] and told[-1] == 5000)
        append_from_a_thread(log, steps_text(5001, 6000))
        qtbot.waitUntil(lambda: told[-1] == 6000)
        curve = reader.data.curve(500)
        reader.close()
    assert touched == []
    assert len(told) < 20
    assert max(curve.x) > 5900


def append_from_a_thread(log: Path, text: str) -> None:
    thread = threading.Thread(target=append, args=(log, text))
    thread.start()
    thread.join()


def test_attached_and_left_twenty_times(log: Path, qtbot: QtBot) -> None:
    append(log, steps_text(1, 300))
    append(log, line(1.0, "resumed", step=200) + steps_text(201, 300))
    threads = []
    for _ in range(20):
        reader = RunReader(log.parent)
        with qtbot.waitSignal(reader.batch_read):
            pass
        qtbot.waitUntil(lambda: len(reader.data.steps) == 300)  # noqa: B023
        assert list(reader.data.steps) == list(range(1, 301))
        reader.close()
        threads.append(reader._follower)
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in threads))


def test_a_deleted_reader_ends_its_thread(log: Path, qtbot: QtBot) -> None:
    reader = RunReader(log.parent)
    thread = reader._follower
    assert thread.is_alive()
    reader.deleteLater()
    qtbot.waitUntil(lambda: not thread.is_alive())
