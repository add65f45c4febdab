"""Columns, curves, speed and settled histories."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Sequence
from unittest.mock import Mock

import pytest

from gui import run_data
from gui.extremes import BLOCKS, Extremes, extremes, outline
from gui.run_data import RunData
from gui.run_events import parse
from kohya_like.events import Controlled, Failed, Finished, Phase, Resumed, Sample, Saved, Started, Step, Warned
from kohya_like.events import encode as encoded

pytestmark = pytest.mark.quick


def lines_of(events: Iterable[object], time: float = 1.0) -> list[str]:
    return [encoded(event, time).rstrip("\n") for event in events]  # type: ignore[arg-type]


def step(number: int, loss: float = 0.5, seconds: float = 0.1, **rates: float) -> Step:
    return Step(number, 1, loss, rates or {"unet": 1e-4}, seconds, 0, 1.0)


def told(*events: object, time: float = 1.0) -> RunData:
    data = RunData()
    data.add(parse(lines_of(events, time)))
    return data


def with_losses(losses: Sequence[float]) -> RunData:
    return told(*(step(n, loss) for n, loss in enumerate(losses, 1)))


def test_every_column_has_one_entry_a_step() -> None:
    data = told(Started(9, 1, 9, {"unet": 1.0}, 3), step(1, unet=1.0), step(2, unet=0.5, text_encoder=0.25))
    data.add(parse(lines_of([step(3, unet=0.125)])))
    assert list(data.steps) == [1, 2, 3]
    assert list(data.rates["unet"]) == [1.0, 0.5, 0.125]
    assert [x for x in data.rates["text_encoder"] if x == x] == [0.25]
    assert len(data.rates["text_encoder"]) == len(data.smooth) == len(data.seconds) == 3
    assert data.last == step(3, unet=0.125)
    assert data.total == 9


def test_a_resumed_run_has_no_step_twice() -> None:
    picture, file = Sample(4, "p", 0, 1, "4.png"), Saved(4, "s", "state")
    data = told(*(step(n, n) for n in range(1, 6)), picture, file)
    data.add(parse(lines_of([Resumed(3), step(4, 40.0), step(5, 50.0), Resumed(4), step(5, 500.0)])))
    assert list(data.steps) == [1, 2, 3, 4, 5]
    assert list(data.loss) == [1, 2, 3, 40, 500]
    assert data.samples == [] and data.saved == []
    assert data.resumed == Resumed(4)
    assert list(data.curve(100).y) == [1, 2, 3, 40, 500]


@pytest.mark.parametrize("seed", range(3))
def test_resuming_equals_never_having_gone_further(seed: int) -> None:
    """Smoothed loss, extremes and all columns: in pieces and with detours the same as straight on."""
    chance = random.Random(seed)
    losses = [chance.random() for _ in range(6000)]
    straight = with_losses(losses)
    detour = RunData()
    at = 0
    while at < len(losses):
        ahead = min(len(losses), at + chance.randrange(1, 900))
        detour.add(parse(lines_of(step(n + 1, losses[n]) for n in range(at, ahead))))
        wrong = [step(n + 1, 99.0) for n in range(ahead, ahead + chance.randrange(50))]
        detour.add(parse(lines_of([*wrong, Resumed(ahead)])))
        at = ahead
    for name in ("steps", "loss", "smooth", "seconds"):
        assert getattr(detour, name) == getattr(straight, name), name
    assert detour.curve(300).smooth == straight.curve(300).smooth
    low, high = min(losses), max(losses)
    assert (min(detour.curve(300).y), max(detour.curve(300).y)) == (low, high), "99.0 is not drawn"


def test_a_repeated_or_impossible_step_is_nobodys() -> None:
    data = told(Started(5, 1, 5, {}, 3), step(1), step(2), step(2), step(1), step(999), step(3))
    assert list(data.steps) == [1, 2, 3]
    assert data.skipped == 3
    assert len(data.rates["unet"]) == 3
    data.add(parse(lines_of([step(3)])))
    assert data.skipped == 4 and data.last == step(3)


def test_a_gap_stays_a_gap_and_does_not_spoil_the_smoothed_loss() -> None:
    data = with_losses([math.nan, 1.0, math.nan, 1.0])
    assert [loss != loss for loss in data.loss] == [True, False, True, False]
    assert math.isnan(data.smooth[0]) and list(data.smooth)[1:] == [1.0, 1.0, 1.0]


def test_the_smoothed_loss_follows_slowly() -> None:
    data = with_losses([1.0] * 200 + [0.0] * 50)
    assert data.smooth[199] == 1.0
    assert data.smooth[-1] == pytest.approx((1 - run_data.SMOOTHING) ** 50)


@pytest.mark.parametrize("rows", [1, 7, 500, 5_000, 30_000])
def test_a_curve_has_few_points_and_every_extreme(rows: int) -> None:
    chance = random.Random(rows)
    losses = [chance.random() for _ in range(rows)]
    losses[rows // 2] = 9.0
    losses[rows // 3] = -9.0 if rows > 1 else 9.0
    curve = with_losses(losses).curve(400)
    assert len(curve.x) == len(curve.y) <= 2 * 400 + 2
    assert len(curve.smooth_x) == len(curve.smooth) == len(curve.rates["unet"]) <= 400
    assert (min(curve.y), max(curve.y)) == (min(losses), max(losses))
    assert list(curve.x) == sorted(curve.x)
    at_peak = curve.x[list(curve.y).index(9.0)]
    assert abs(at_peak - (rows // 2 + 1)) <= rows / 100 + 1


def test_a_part_of_the_curve_is_drawn_finer() -> None:
    data = with_losses([n % 10 for n in range(30_000)])
    part = data.curve(100, 1000, 1049)
    assert list(part.x) == list(range(1000, 1050))
    assert list(part.y) == [(n - 1) % 10 for n in range(1000, 1050)]
    assert len(data.curve(100, 50_000).x) == 0
    wide = data.curve(100, 2_000, 28_000)
    assert 1_900 <= wide.x[0] <= 2_000 and 27_000 < wide.x[-1] <= 28_000


def test_a_curve_costs_no_more_when_the_run_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[int] = []
    real = extremes

    def counting(values: Sequence[float]) -> tuple[float, float]:
        touched.append(len(values))
        return real(values)

    monkeypatch.setattr("gui.extremes.extremes", counting)
    work = []
    for rows in (30_000, 60_000):
        data = with_losses([0.5] * rows)
        touched.clear()
        data.curve(500)
        work.append(sum(touched))
    assert work[1] <= work[0] * 1.5 and work[0] <= 2 * BLOCKS * 2


def test_nothing_to_draw() -> None:
    curve = RunData().curve(100)
    assert len(curve.x) == len(curve.smooth) == 0
    assert math.isnan(RunData().speed().left)
    assert RunData().row_at(5) == -1


def test_the_nearest_row() -> None:
    data = told(step(10), step(20), step(30))
    assert [data.row_at(at) for at in (-5, 10, 14, 16, 99)] == [0, 0, 0, 1, 2]


def test_speed_and_time_left() -> None:
    data = told(Started(1100, 1, 1, {}, 1), *(step(n, seconds=0.5) for n in range(1, 101)))
    assert data.speed().steps_per_second == pytest.approx(2.0)
    assert data.speed().left == pytest.approx(500)
    assert data.speed().spread == pytest.approx(0)
    data.add(parse(lines_of(step(n, seconds=0.25 + (n % 2) * 0.5) for n in range(101, 201))))
    assert data.speed().left == pytest.approx(450)
    assert data.speed().spread == pytest.approx(900 * 0.0251, rel=0.01)
    slow = told(step(1, seconds=-3), step(2, seconds=math.nan), step(3, seconds=2.0))
    assert slow.speed().steps_per_second == pytest.approx(0.5), "impossible durations do not count"
    assert math.isnan(slow.speed().left), "nobody knows how long it is"


def test_time_worked_leaves_out_pauses_and_a_clock_that_was_set() -> None:
    data = RunData()
    for now, event in [
        (100.0, Phase("load")), (110.0, Started(9, 1, 9, {}, 1)), (120.0, step(1)), (121.0, Finished("paused", 1)),
        (9000.0, Phase("load")), (9005.0, step(2)), (300.0, step(3)), (301.0, step(4)),
        (1e12, step(5)), (1e12, step(6)),
    ]:  # fmt: skip
        data.add(parse(lines_of([event], now)))
    assert data.elapsed == pytest.approx(21 + 5 + 1)


def test_what_ended_a_process_is_forgotten_by_the_next() -> None:
    data = told(Phase("load"), step(1), Failed("no memory", "hint"))
    assert data.failed == Failed("no memory", "hint")
    data.add(parse(lines_of([Phase("load")])))
    assert data.failed is None and data.phase == Phase("load")
    data.add(parse(lines_of([Controlled("7", "stop", 1), Finished("stopped", 1), Warned("late")])))
    assert data.finished == Finished("stopped", 1)
    assert data.controls == [Controlled("7", "stop", 1)] and data.warnings == [Warned("late")]


def test_very_many_warnings_are_cut_in_the_middle() -> None:
    data = told(*(Warned(str(n)) for n in range(6000)))
    assert len(data.warnings) == 5000
    assert (data.warnings[0].text, data.warnings[-1].text) == ("0", "5999")


def test_too_many_rows_are_thinned_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_data, "MOST_ROWS", 1000)
    monkeypatch.setattr(run_data, "KEPT_ENDS", 100)
    data = RunData()
    for begin in range(1, 5001, 50):
        data.add(parse(lines_of(step(n, 7.0 if n == 2601 else 0.5) for n in range(begin, begin + 50))))
    assert len(data.steps) <= 1000 and data.thinned > 1
    assert list(data.steps[:100]) == list(range(1, 101))
    assert list(data.steps[-100:]) == list(range(4901, 5001))
    assert list(data.steps) == sorted(set(data.steps))
    assert len(data.loss) == len(data.smooth) == len(data.seconds) == len(data.rates["unet"]) == len(data.steps)
    data.add(parse(lines_of([Resumed(3000), step(3001)])))
    assert data.steps[-1] == 3001


def test_a_replaced_log_begins_anew() -> None:
    data = told(Started(9, 1, 9, {}, 1), step(1), Warned("w"))
    lock = data.lock
    data.clear()
    assert (data.steps, data.started, data.last, data.warnings, data.elapsed) == (RunData().steps, None, None, [], 0)
    assert len(data.curve(10).x) == 0
    assert data.lock is lock, "who waits for it waits for the same one"


@pytest.mark.parametrize("values", [[1.0], [math.nan, 2.0, -1.0], [3.0, math.nan]])
def test_extremes_leave_out_gaps(values: list[float]) -> None:
    real = [v for v in values if v == v]
    assert extremes(values) == (min(real), max(real))


def test_extremes_of_gaps_alone_are_a_gap() -> None:
    assert all(math.isnan(value) for value in extremes([math.nan, math.nan]))


@pytest.mark.parametrize("piece", [1, 3, 1000, 100_000])
def test_blocks_do_not_depend_on_the_pieces_they_came_in(piece: int) -> None:
    chance = random.Random(1)
    values = [chance.random() for _ in range(10_000)]
    steps = list(range(1, 10_001))
    once, pieces = Extremes(), Extremes()
    once.extend(steps, values)
    for i in range(0, len(values), piece):
        pieces.extend(steps[i : i + piece], values[i : i + piece])
    assert vars(once) == vars(pieces)
    assert len(once.first) <= BLOCKS
    x, y = outline(once.first, once.low, once.high, 10)
    assert len(x) <= 20 and (min(y), max(y)) == (min(values), max(values))


def test_a_step_becomes_no_object_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a hundred thousand steps open in a third of a second: one event and one reading per block."""
    lines = lines_of(step(n) for n in range(1, 20_001))
    made, read = Mock(wraps=Step), Mock(wraps=json.loads)
    monkeypatch.setattr("gui.run_events.Step", made)
    monkeypatch.setattr("gui.run_events.json.loads", read)
    data = RunData()
    for i in range(0, len(lines), 1000):
        data.add(parse(lines[i : i + 1000]))
    assert len(data.steps) == 20_000
    assert made.call_count == read.call_count == 20
