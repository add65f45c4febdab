"""Lines of a log become columns and events; nothing in them is believed, whatever it says."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.run_events import Steps, Told, is_step, number, parse
from kohya_like.events import Failed, Finished, Sample, Saved, Started, Step, Warned, encode
from tests.gui.fake_trainer import line, step_line

pytestmark = pytest.mark.quick


def text(event: object) -> str:
    return encode(event, 5.0).rstrip("\n")  # type: ignore[arg-type]


def test_steps_become_columns_and_the_last_one_an_event() -> None:
    lines = [text(Step(n, 1, 0.5 / n, {"unet": 1e-4}, 0.25, 99, 2.0)) for n in (1, 2, 4)]
    (steps,) = parse(lines).items
    assert isinstance(steps, Steps)
    assert steps.steps == [1, 2, 4]
    assert steps.losses == [0.5, 0.25, 0.125]
    assert steps.seconds == [0.25] * 3
    assert steps.rates == [{"unet": 1e-4}] * 3
    assert steps.times == [5.0] * 3
    assert steps.last == Step(4, 1, 0.125, {"unet": 1e-4}, 0.25, 99, 2.0)


def test_other_events_keep_their_place_between_the_steps() -> None:
    lines = [text(Started(9, 1, 9, {"unet": 1e-4}, 3)), text(Step(1, 1, 0.5, {}, 0.1, 0, 1.0)), text(Warned("w"))]
    started, step, warned = parse(lines).items
    assert isinstance(started, Told) and started.event == Started(9, 1, 9, {"unet": 1e-4}, 3)
    assert isinstance(step, Steps) and isinstance(warned, Told)
    assert warned.time == 5.0


@pytest.mark.parametrize(
    "foreign",
    [
        "", "{", "[]", "3", "null", '"text"', "\ufffd\x00", "{} , {}", "1],[2", "[" * 100_000,
        '{"event": "step"}',
        '{"protocol": 2, "time": 1, "event": "warning", "text": "of a later protocol"}',
        '{"protocol": 1, "time": 1, "event": "unheard of"}',
        '{"protocol": 1, "time": 1, "event": ["warning"], "text": "t"}',
        '{"protocol": 1, "time": 1, "event": "warning"}',
        '{"protocol": 1, "time": 1, "event": "warning", "text": 7}',
        '{"protocol": 1, "time": 1, "event": "warning", "text": "t", "more": 1}',
        '{"protocol": 1, "time": 1, "event": "started", "total_steps": "9", "epochs": 1, "steps_per_epoch": 1, '
        '"groups": {}, "parameters": 1}',
        '{"protocol": 1, "time": 1, "event": "finished", "reason": "bored", "step": 1}',
        '{"protocol": 1, "time": 1, "event": "finished", "reason": "done\\", \\"stopped", "step": 1}',
        '{"protocol": 1, "time": 1, "event": "resumed", "step": true}',
        '{"protocol": 1, "time": 1, "event": "resumed", "step": 1e3}',
        '{"protocol": 1, "time": 1, "event": "step", "step": "7"}',
        '{"protocol": 1, "time": 1, "event": "step", "step": -1}',
        '{"protocol": 1, "time": 1, "event": "step", "step": 1' + "0" * 5000 + "}",
    ],
    ids=lambda text: text[:60],
)  # fmt: skip
def test_foreign_lines_are_counted_and_left_out(foreign: str) -> None:
    good = text(Warned("between"))
    parsed = parse([good, foreign, good])
    assert parsed.skipped == 1
    assert [item.event for item in parsed.items if isinstance(item, Told)] == [Warned("between")] * 2


def test_absurd_numbers_are_gaps() -> None:
    absurd = ["NaN", "Infinity", "1e308", "-1e308", '"0.5"', "null", "[]", "true", "1" + "0" * 400]
    for value in absurd:
        bad = step_line(1).replace("0.125", value)
        (steps,) = parse([bad]).items
        assert isinstance(steps, Steps)
        assert math.isnan(steps.losses[0]), value
    assert number(7) == 7.0


def test_odd_learning_rates_do_no_harm() -> None:
    for rates in ("7", '{"unet": "fast"}', "[]", json.dumps({str(i): 1.0 for i in range(1000)})):
        odd = json.dumps(json.loads(step_line(1)) | {"lr": json.loads(rates)})
        (steps,) = parse([odd]).items
        assert isinstance(steps, Steps) and steps.last is not None
        assert len(steps.last.lr) <= 16
        assert all(isinstance(rate, float) for rate in steps.last.lr.values())


def test_a_text_without_end_is_cut() -> None:
    (told,) = parse([text(Failed("x" * 1_000_000))]).items
    assert isinstance(told, Told) and isinstance(told.event, Failed)
    assert len(told.event.text) == 10_000


def test_no_prompt_passes_for_a_step() -> None:
    """The middle of a huge log is thinned by a look for these letters."""
    spoof = Sample(1, '{"event": "step"}, "event": "step"', 0, 1, "a.png")
    assert not is_step(text(spoof))
    assert is_step(step_line(1))
    (told,) = parse([text(spoof)]).items
    assert isinstance(told, Told) and told.event == spoof


def test_the_last_word_is_read() -> None:
    lines = [line(1, "finished", reason="paused", step=3).rstrip(), text(Saved(3, "s", "state"))]
    last, saved = parse(lines).items
    assert isinstance(last, Told) and last.event == Finished("paused", 3)
    assert isinstance(saved, Told) and saved.event == Saved(3, "s", "state")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("protocol", "time", "event", "step", "loss", "lr", "seconds", "text", "reason", "groups", "name", "epoch")
NEAR = st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from([1, "step", "warning", "resumed"]))


@settings(max_examples=150, deadline=None)
@given(st.lists(NEAR.map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=30), max_size=6))
def test_whatever_stands_there_is_read_or_counted(lines: list[str]) -> None:
    lines = [line.replace("\n", " ") for line in lines]
    parsed = parse(lines)
    told = sum(len(item.steps) if isinstance(item, Steps) else 1 for item in parsed.items)
    assert told + parsed.skipped == len(lines)
