"""The console log's tail: bars, escapes, bytes of any kind, rotation, gigabytes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import log_tail
from gui.log_tail import LONGEST, MOST_BYTES, MOST_LINES, LogLines, LogTail, shown
from kohya_like.supervise import CappedLog
from tests.gui.watch import io_of_main_thread

GO = threading.Event()
GIGABYTE = 1 << 30


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "console.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def read(lines: LogLines) -> list[str]:
    while lines.look(GO):
        pass
    return list(lines.kept)


@pytest.mark.parametrize(
    "raw, text",
    [
        (b"plain", "plain"),
        ("猫 with\ttab".encode(), "猫 with\ttab"),
        (b"windows\r", "windows"),
        (b" 10%|#   |\r 50%|##  |\r100%|####|", "100%|####|"),
        (b"100%|####| done\r          \r", "100%|####| done"),
        (b"100%\r\x1b[K", "100%"),
        (b"\x1b[1;31merror\x1b[0m: \x1b]0;title\x07no \x1b[38;2;1;2;3mmemory\x1b[2K\x1b[A", "error: no memory"),
        (b"\x1b]8;;file:///etc/passwd\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"bell\x07 null\x00 back\x08 del\x7f \xc2\x9b31m", "bell null back del 31m"),
        ("paragraph\u2029 and line\u2028".encode(), "paragraph and line"),
        (b"\xff\xfe bytes", "\ufffd\ufffd bytes"),
        (b"cut escape \x1b", "cut escape "),
        (b'<img src="file:///etc/hostname"> <b>text</b>', '<img src="file:///etc/hostname"> <b>text</b>'),
        (b"", ""),
    ],
)
def test_what_is_shown_of_a_line(raw: bytes, text: str) -> None:
    assert shown(raw) == text


def test_a_long_line_is_cut() -> None:
    for raw in (b"x" * 1_000_000, "猫".encode() * 500_000, b"x" * (LONGEST + 1)):
        text = shown(raw)
        assert len(text) == LONGEST and text.endswith("…")
    assert shown(b"x" * LONGEST) == "x" * LONGEST


def test_lines_come_when_they_are_whole(log: Path) -> None:
    lines = LogLines(log)
    assert read(lines) == []
    append(log, b"one\ntwo\nthr")
    assert read(lines) == ["one", "two"]
    assert lines.unfinished == "thr"
    append(log, b"ee\n 10%\r 20%")
    assert read(lines) == ["one", "two", "three"]
    assert lines.unfinished == " 20%"
    append(log, b"\r100%\n")
    assert read(lines)[-1] == "100%" and lines.unfinished == ""


def test_a_letter_in_two_pieces(log: Path) -> None:
    lines = LogLines(log)
    data = "猫\n".encode()
    append(log, data[:2])
    read(lines)
    append(log, data[2:])
    assert read(lines) == ["猫"]


def test_no_more_is_read_than_can_be_shown(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte that is there already: the last 2 MB of it. The file has a hole, so that it costs no disk."""
    with log.open("wb") as file:
        file.truncate(GIGABYTE)
    append(log, b"\nlast words\n")
    asked: list[int] = []
    whole = log_tail.FollowedFile.read

    def noted(file: log_tail.FollowedFile, limit: int) -> bytes:
        asked.append(limit)
        return whole(file, limit)

    monkeypatch.setattr(log_tail.FollowedFile, "read", noted)
    lines = LogLines(log)
    lines.look(GO)
    assert list(lines.kept)[-1] == "last words"
    assert sum(asked) <= MOST_BYTES
    assert not any("skipped" in line for line in lines.kept), "at the beginning nothing was missed"


def test_what_comes_too_fast_is_skipped_with_a_word(log: Path) -> None:
    append(log, b"first\n")
    lines = LogLines(log)
    read(lines)
    with log.open("r+b") as file:
        file.truncate(GIGABYTE)
    append(log, b"\nlast words\n")
    kept = read(lines)
    assert kept[0] == "first"
    assert kept[1] == "... 1022 MB skipped"
    assert kept[-1] == "last words"


def test_so_many_lines_and_no_more(log: Path) -> None:
    lines = LogLines(log)
    append(log, b"begin\n")
    read(lines)
    assert lines.take() == ["begin"]
    append(log, b"".join(b"%d\n" % n for n in range(200_000)))
    kept = read(lines)
    assert len(kept) == MOST_LINES and kept[-1] == "199999"
    taken = lines.take()
    assert taken[:2] == ["... 190000 lines skipped", "190000"]
    assert len(taken) <= log_tail.TOLD_LINES + 1
    while more := lines.take():
        taken += more
    assert taken[-1] == "199999" and len(taken) == MOST_LINES + 1


def test_long_lines_are_few(log: Path) -> None:
    append(log, (b"x" * 9_000 + b"\n") * 1000)
    lines = LogLines(log)
    kept = read(lines)
    assert 0 < sum(map(len, kept)) <= MOST_BYTES
    assert sum(map(len, lines.take())) <= log_tail.TOLD_CHARACTERS + LONGEST


def test_a_line_without_end_takes_no_memory(log: Path) -> None:
    lines = LogLines(log)
    for _ in range(4):
        append(log, b"x" * MOST_BYTES)
        read(lines)
        assert len(lines._rest) <= 2 * log_tail.LONGEST_BYTES
    append(log, b"\nnext\n")
    kept = read(lines)
    assert kept[0].startswith("xxx") and len(kept[0]) == LONGEST and kept[1:] == ["next"]


def test_a_bar_without_end_shows_its_newest_state(log: Path) -> None:
    lines = LogLines(log)
    append(log, b"".join(b"%6d/100000 [#####     ]\r" % n for n in range(1, 50_001)))
    read(lines)
    assert lines.unfinished == " 50000/100000 [#####     ]"


def test_rotation_loses_no_line(log: Path) -> None:
    """The supervisor's own log, a small one: each look sees at most one rotation."""
    out = CappedLog(log, cap=40_000)
    lines = LogLines(log)
    for begin in range(0, 5000, 100):
        for n in range(begin, begin + 100):
            out.write(b"line %05d\n" % n)
        read(lines)
    assert list(lines.kept) == [f"line {n:05d}" for n in range(5000)]


def test_after_a_rotation_the_older_half_is_shown_as_well(log: Path) -> None:
    append(log.with_name("console.log.1"), b"older\nto")
    append(log, b"rn\nnewer\n")
    assert read(LogLines(log)) == ["older", "torn", "newer"]


def test_a_log_that_is_cut_deleted_or_no_file(log: Path) -> None:
    lines = LogLines(log)
    append(log, b"one\ntwo\n")
    read(lines)
    log.write_bytes(b"new\n")
    assert read(lines) == ["one", "two", "new"]
    log.unlink()
    assert read(lines) == ["one", "two", "new"]
    os.mkfifo(log)
    assert LogLines(log).look(GO) is False


def test_the_window_gets_lines_and_reads_no_file_itself(log: Path, qtbot: QtBot) -> None:
    append(log, b"one\n")
    got: list[str] = []
    bars: list[str] = []
    with io_of_main_thread() as touched:
        tail = LogTail(log)
        tail.lines_added.connect(got.extend)
        tail.unfinished_changed.connect(bars.append)
        qtbot.waitUntil(lambda: got == ["one"])
        writer = threading.Thread(target=append, args=(log, b"two\n 50%"))
        writer.start()
        qtbot.waitUntil(lambda: got == ["one", "two"] and bars == [" 50%"])
        tail.close()
    writer.join()
    assert touched == []
    assert tail.lines == ["one", "two"] and tail.unfinished == " 50%"


def test_a_deleted_tail_ends_its_thread(log: Path, qtbot: QtBot) -> None:
    tail = LogTail(log)
    thread = tail._follower
    assert thread.is_alive()
    tail.deleteLater()
    qtbot.waitUntil(lambda: not thread.is_alive())
