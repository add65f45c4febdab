"""The event log and the control file: whole lines, torn lines, resumed histories, stale commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kohya_like.events import (
    CONTROL,
    EVENTS,
    KINDS,
    RUN,
    ControlFile,
    Event,
    Failed,
    Finished,
    Phase,
    Reporter,
    Resumed,
    Sample,
    Saved,
    Step,
    decode,
    encode,
    read_events,
    send,
    settled,
)

pytestmark = pytest.mark.quick


def step(number: int, loss: float = 0.5) -> Step:
    return Step(number, 1, loss, {"unet": 1e-4}, 0.1, 1000, 1.0)


def steps(records: list) -> list[int]:
    return [r.event.step for r in records if isinstance(r.event, Step)]


def test_every_kind_survives_the_trip() -> None:
    samples = {
        "started": dict(total_steps=1, epochs=1, steps_per_epoch=1, groups={"unet": 1.0}, parameters=3),
        "phase": dict(name="load"),
        "step": dict(step=1, epoch=1, loss=0.1, lr={}, seconds=0.1, memory_bytes=1, gradient_norm=0.1),
        "validation": dict(step=1, epoch=1, loss=0.1),
        "sample": dict(step=1, prompt="猫 \n", index=0, seed=1, path="a.png"),
        "saved": dict(step=1, path="a", what="state"),
        "warning": dict(text="t"),
        "resumed": dict(step=1),
        "control": dict(id="1", verb="stop", step=1),
        "failed": dict(text="t"),
        "finished": dict(reason="done", step=1),
    }
    assert samples.keys() == KINDS.keys()
    for kind, values in samples.items():
        event = KINDS[kind](**values)
        line = encode(event, 12.0)
        assert line.count("\n") == 1
        record = decode(line)
        assert record is not None and record.event == event and record.time == 12.0


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", '{"event": "step"}', '{"protocol": 2, "time": 1, "event": "phase", "name": "x"}',
     '{"protocol": 1, "time": 1, "event": "phase", "nome": "x"}', "\x00\xff", "[" * 100_000],
)  # fmt: skip
def test_foreign_lines_are_no_events(line: str) -> None:
    assert decode(line) is None


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    whole, half = encode(step(1), 0), encode(step(2), 0)
    path.write_text(whole + half[:20], encoding="utf-8")
    records, offset = read_events(path)
    assert steps(records) == [1]
    with path.open("a", encoding="utf-8") as file:
        file.write(half[20:])
    records, offset = read_events(path, offset)
    assert steps(records) == [2]
    assert read_events(path, offset) == ([], offset)


def test_a_killed_writers_half_line_spoils_no_later_event(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.write_bytes(encode(step(1), 0).encode() + b'{"protocol": 1, "ti')
    reporter = Reporter(path)
    reporter.emit(step(2))
    reporter.close()
    assert steps(read_events(path)[0]) == [1, 2]


def test_a_line_separator_in_a_prompt_is_no_end_of_line(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    prompt = "a\u2028b\u2029c\x85d"
    path.write_text(encode(Sample(1, prompt, 0, 1, "a.png"), 1.0), encoding="utf-8")
    records, _ = read_events(path)
    assert [record.event for record in records] == [Sample(1, prompt, 0, 1, "a.png")]


def test_resumed_history_has_no_step_twice(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    reporter = Reporter(path)
    for event in (step(1), step(2), Saved(2, "s", "state"), step(3, 9.0), Resumed(2), step(3), Finished("done", 3)):
        reporter.emit(event)
    reporter.close()
    history = settled(read_events(path)[0])
    assert steps(history) == [1, 2, 3]
    assert [r.event.loss for r in history if isinstance(r.event, Step)] == [0.5, 0.5, 0.5]
    assert steps(read_events(path)[0]) == [1, 2, 3, 3], "the file itself keeps everything"


def test_listeners_get_what_the_log_gets(tmp_path: Path) -> None:
    heard: list[Event] = []
    reporter = Reporter(tmp_path / EVENTS, [heard.append])
    reporter.emit(Phase("load"))
    reporter.emit(Failed("no", "yes"))
    assert [r.event for r in read_events(tmp_path / EVENTS)[0]] == heard


def test_a_full_disk_does_not_stop_the_reporter() -> None:
    reporter = Reporter(Path("/dev/full"))
    reporter.emit(Phase("load"))
    reporter.emit(Saved(1, "x", "network"))


def test_ten_thousand_events_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    path.write_text("".join(encode(step(i), 0) for i in range(10_000)), encoding="utf-8")
    assert steps(read_events(path)[0]) == list(range(10_000))


class TestControl:
    def test_a_command_arrives_once(self, tmp_path: Path) -> None:
        (tmp_path / RUN).write_text('{"token": "me"}', encoding="utf-8")
        control = ControlFile(tmp_path / CONTROL, "me")
        assert list(control.poll()) == []
        sent = send(tmp_path, "save")
        assert list(control.poll()) == [sent]
        assert list(control.poll()) == []

    def test_commands_for_an_earlier_process_are_ignored(self, tmp_path: Path) -> None:
        (tmp_path / RUN).write_text('{"token": "old"}', encoding="utf-8")
        send(tmp_path, "stop")
        control = ControlFile(tmp_path / CONTROL, "new")
        assert list(control.poll()) == []
        (tmp_path / RUN).write_text('{"token": "new"}', encoding="utf-8")
        sent = send(tmp_path, "pause")
        assert list(control.poll()) == [sent]

    @pytest.mark.parametrize("line", ['{"verb": "rm", "process": "me"}', "{}", "junk", '{"verb": "stop"}'])
    def test_junk_is_no_command(self, tmp_path: Path, line: str) -> None:
        (tmp_path / CONTROL).write_text(line + "\n", encoding="utf-8")
        assert list(ControlFile(tmp_path / CONTROL, "me").poll()) == []

    def test_half_a_line_waits(self, tmp_path: Path) -> None:
        (tmp_path / RUN).write_text('{"token": "me"}', encoding="utf-8")
        control = ControlFile(tmp_path / CONTROL, "me")
        line = json.dumps({"verb": "save", "process": "me", "id": "7"}) + "\n"
        (tmp_path / CONTROL).write_text(line[:9], encoding="utf-8")
        assert list(control.poll()) == []
        (tmp_path / CONTROL).write_text(line, encoding="utf-8")
        assert [c.id for c in control.poll()] == ["7"]

    def test_a_signal_handler_can_ask(self) -> None:
        control = ControlFile(None, "")
        control.ask("stop")
        assert [c.verb for c in control.poll()] == ["stop"]
