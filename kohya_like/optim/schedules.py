"""The learning rate over time: `factor(step)` multiplies each group's own rate. Imports no torch.

Names and shapes are those of transformers' schedules, which kohya's trainer uses; step 0 is the first optimizer step.
With W warm-up steps of T, and p = (step - W) / (T - W) the part of the rest that is done:

    constant               1
    linear                 1 - p
    cosine                 (1 + cos πp) / 2
    cosine_with_restarts   (1 + cos π(np mod 1)) / 2                        n cycles
    cosine_with_min_lr     m + (1 - m)(1 + cos πnp) / 2                     m the lowest ratio
    polynomial             m + (1 - m)(1 - p)^k
    inverse_sqrt           √(S / (step - W + S))                            S the time scale
    warmup_stable_decay    1, then in the last D steps as cosine_with_min_lr
    adafactor              1: Adafactor's relative step makes its own rate
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kohya_like.schema.errors import UserError
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch.optim import Optimizer

Amount = int | float | str  # 100 steps, 0.05 or "5%" of the whole
Factor = Callable[[int], float]

DECAY_SHARE = 0.2  # of warmup_stable_decay, where nothing is said
COSINE_FLOOR = 0.1  # of cosine_with_min_lr, where nothing is said
TIMESCALE = 10_000  # of inverse_sqrt without warm-up


def warmup_steps(amount: Amount, total: int) -> int:
    """Steps in an amount: 100 or 100.0 or "100" are steps, 0.05 and "5%" a part of `total`, rounded down.

    Raises UserError where it is none of these.
    """
    number, whole = _amount(amount)
    return int(number) if whole else math.floor(number * total + 1e-9)  # 0.29 * 100 is a hair below 29


def _amount(amount: Amount) -> tuple[float, bool]:
    """The number, and whether it counts steps (else it is a part of 1)."""
    wanted = 'steps as in 100, or a part as in 0.05 or "5%"'
    text = str(amount).strip()
    percent = text.endswith("%")
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise UserError(f"{amount!r} is not a number of steps; wanted are {wanted}.") from None
    if not math.isfinite(number) or number < 0 or isinstance(amount, bool):
        raise UserError(f"{amount!r} is not a number of steps; wanted are {wanted}.")
    if percent and number > 100:
        raise UserError(f"{amount!r} is more than the whole training; wanted are {wanted}.")
    if not percent and number >= 1 and number != int(number):
        raise UserError(f"{amount!r} is neither whole steps nor a part of the training; wanted are {wanted}.")
    return (number / 100, False) if percent else (number, number >= 1 or number == 0)


@dataclass(frozen=True)
class Span:
    """What a schedule's shape may depend on. `total` and `warmup` in optimizer steps; None: the shape's own default."""

    total: int
    warmup: int = 0
    decay: Amount | None = None
    cycles: float = 1
    power: float = 1.0
    floor: float | None = None
    timescale: int | None = None

    def part(self, step: int) -> float:
        """How much of the steps after warm-up is done, 0..1; it stays 1 afterwards."""
        return min(1.0, max(0.0, (step - self.warmup) / max(1, self.total - self.warmup)))


@dataclass(frozen=True)
class Shape:
    """A schedule after its warm-up. `uses` are the options besides warm-up that it looks at; the rest are idle."""

    label: str
    after_warmup: Callable[[Span, int], float]
    uses: tuple[str, ...] = ()
    warmup_floor: Callable[[Span], float] = field(default=lambda span: 0.0)

    def factor(self, span: Span) -> Factor:
        """The pure function of the step."""

        def at(step: int) -> float:
            if step < span.warmup:
                low = self.warmup_floor(span)
                return low + (1 - low) * step / span.warmup
            return self.after_warmup(span, step)

        return at


def _wave(part: float, cycles: float, floor: float) -> float:
    """Half a cosine per cycle, from 1 down to `floor`."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * cycles * part))


def _restarts(span: Span, step: int) -> float:
    part = span.part(step)
    return 0.0 if part >= 1 else _wave(span.cycles * part % 1, 1, 0.0)


def _polynomial(span: Span, step: int) -> float:
    floor = span.floor or 0.0
    return floor + (1 - floor) * (1 - span.part(step)) ** span.power


def _inverse_sqrt(span: Span, step: int) -> float:
    scale = span.timescale or span.warmup or TIMESCALE
    return math.sqrt(scale / (step - span.warmup + scale))


def _stable_decay(span: Span, step: int) -> float:
    amount = DECAY_SHARE if span.decay is None else span.decay
    decay = min(warmup_steps(amount, span.total), span.total - span.warmup)
    start = span.total - decay
    if step < start or decay <= 0:
        return 1.0
    return _wave(min(1.0, (step - start) / decay), span.cycles, span.floor or 0.0)


def _min_lr(span: Span, step: int) -> float:
    return _wave(span.part(step), span.cycles, COSINE_FLOOR if span.floor is None else span.floor)


def _constant(span: Span, step: int) -> float:
    return 1.0


SHAPES: dict[str, Shape] = {
    "constant": Shape("constant", _constant),
    "constant_with_warmup": Shape("constant after a warm-up", _constant),
    "linear": Shape("linear down to 0", lambda span, step: 1 - span.part(step)),
    "cosine": Shape("cosine down to 0", lambda span, step: _wave(span.part(step), 1, 0.0)),
    "cosine_with_restarts": Shape("cosine, starting again n times", _restarts, ("lr_scheduler_num_cycles",)),
    "cosine_with_min_lr": Shape(
        "cosine down to a lowest rate", _min_lr, ("lr_scheduler_num_cycles", "lr_scheduler_min_lr_ratio")
    ),
    "polynomial": Shape("a power of what is left", _polynomial, ("lr_scheduler_power", "lr_scheduler_min_lr_ratio")),
    "inverse_sqrt": Shape("1 / square root of the step", _inverse_sqrt, ("lr_scheduler_timescale",)),
    "warmup_stable_decay": Shape(
        "constant, then a cosine at the end", _stable_decay,
        ("lr_decay_steps", "lr_scheduler_num_cycles", "lr_scheduler_min_lr_ratio"),
        warmup_floor=lambda span: span.floor or 0.0,
    ),
    "adafactor": Shape("left to Adafactor's relative step", _constant),
}  # fmt: skip
for _name, _shape in SHAPES.items():
    register("schedule", _name, _shape)


class RateSchedule:
    """Sets each group's rate to its own base rate times `factor(step)`; used as torch's LambdaLR is.

    Call `step()` once after each optimizer step. The state is the step number alone, so a resume in any order of
    loading, with the optimizer before or after, gives the same rates. The base rate of a group is kept in the group as
    `initial_lr`, as torch's schedulers do.
    """

    def __init__(self, optimizer: Optimizer, factor: Factor) -> None:
        self.optimizer, self.factor = optimizer, factor
        self.last_step = 0
        self.base_rates = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
        self._apply()

    def step(self) -> None:
        self.last_step += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, int]:
        return {"step": self.last_step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last_step = int(state["step"])
        self._apply()

    def _apply(self) -> None:
        factor = self.factor(self.last_step)
        for group, base in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = base * factor


def build_schedule(
    optimizer: Optimizer, name: str, total_steps: int, warmup: Amount = 0, *, decay: Amount | None = None,
    cycles: int = 1, power: float = 1.0, floor: float | None = None, timescale: int | None = None,
) -> RateSchedule:  # fmt: skip
    """The schedule of a training of `total_steps`. A warm-up longer than the training is cut to it.

    Schedule-free optimizers keep the warm-up and are otherwise constant. Raises UserError for an unknown name.
    """
    from kohya_like.optim.optimizers import switches_mode

    if name not in SHAPES:
        raise UserError(f"{name!r} is no learning-rate schedule; there are {', '.join(SHAPES)}.")
    shape = SHAPES["constant" if switches_mode(optimizer) else name]
    steps = min(warmup_steps(warmup, total_steps), total_steps)
    return RateSchedule(optimizer, shape.factor(Span(total_steps, steps, decay, cycles, power, floor, timescale)))
