"""What contradicts in the optimizer's and the schedule's options, found before anything is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from kohya_like.optim.optimizers import OptimizerSpec, argument_faults, find_optimizer, name_fault
from kohya_like.optim.options import OptimizerOptions, ScheduleOptions
from kohya_like.optim.schedules import DECAY_SHARE, SHAPES, warmup_steps
from kohya_like.schema.errors import Fault, Severity

PARTS = ("unet", "text_encoder", "text_encoder_2")
RATE, TYPE, SCHEDULE, WARMUP = (
    "optimizer.learning_rate", "optimizer.optimizer_type", "schedule.lr_scheduler", "schedule.lr_warmup_steps",
)  # fmt: skip


def conflicts(optimizer: OptimizerOptions, schedule: ScheduleOptions, total_steps: int | None = None) -> list[Fault]:
    """All faults; only those of severity `error` prevent training. `total_steps`, where known, is used for warm-up."""
    faults: list[Fault] = []
    wrong = name_fault(optimizer.optimizer_type, optimizer.allow_import)
    if wrong is not None:
        faults.append(wrong)
    spec = find_optimizer(optimizer.optimizer_type)
    if spec is not None:
        faults += argument_faults(spec.name, optimizer.optimizer_args, spec.args)
        faults += _family_faults(spec, optimizer, schedule)
    elif optimizer.optimizer_type.lower().startswith("dadapt"):
        faults += _own_rate_faults("D-Adaptation", optimizer)
    if not any(optimizer.rate(part) for part in PARTS):
        faults.append(Fault("nothing would be trained: every learning rate is 0", RATE, mend="set it above 0",
                            code="nothing-trained"))  # fmt: skip
    faults += _schedule_faults(optimizer, schedule)
    if total_steps is not None:
        faults += _length_faults(schedule, total_steps)
    return faults


def _family_faults(spec: OptimizerSpec, optimizer: OptimizerOptions, schedule: ScheduleOptions) -> Iterator[Fault]:
    if spec.own_rate:
        yield from _own_rate_faults(spec.name, optimizer)
    if spec.schedule_free and not schedule.lr_scheduler.startswith("constant"):
        yield _note(f"{spec.name} needs no schedule and ignores {schedule.lr_scheduler!r}; only the warm-up counts",
                    SCHEDULE, 'set lr_scheduler to "constant"')  # fmt: skip
    if spec.name == "Adafactor":
        yield from _adafactor_faults(optimizer, schedule)


def _own_rate_faults(name: str, optimizer: OptimizerOptions) -> Iterator[Fault]:
    """Optimizers that estimate their rate take the learning rate as a factor, one for all."""
    rates = sorted({optimizer.rate(part) for part in PARTS} - {0.0})
    if len(rates) > 1:
        yield Fault(f"{name} finds one rate for all parts and cannot take different ones", RATE,
                    mend="leave unet_lr and text_encoder_lr empty", code="several-rates")  # fmt: skip
    elif rates and rates[0] != 1.0:
        much: Severity = "warning" if rates[0] < 0.1 else "hint"
        yield _note(f"{name} finds its own rate and multiplies it by this; {rates[0]:g} is unusual", RATE,
                    "set optimizer.learning_rate = 1", much, "own-rate")  # fmt: skip


def _adafactor_faults(optimizer: OptimizerOptions, schedule: ScheduleOptions) -> Iterator[Fault]:
    args = optimizer.optimizer_args
    if not args.get("relative_step"):
        if args.get("warmup_init"):
            yield Fault("needs relative_step, which is off", "optimizer.optimizer_args.warmup_init",
                        mend="set relative_step = true as well, or leave it out", code="warmup-init")  # fmt: skip
        return
    for name in ("unet_lr", "text_encoder_lr"):
        if getattr(optimizer, name):
            yield _note("relative_step makes Adafactor's own rate, so this one is not used", f"optimizer.{name}",
                        "leave it empty, or set relative_step = false")  # fmt: skip
    if schedule.lr_scheduler not in ("constant", "adafactor"):
        yield _note(f"relative_step makes Adafactor's own rate, so {schedule.lr_scheduler!r} is not used", SCHEDULE,
                    'set lr_scheduler to "adafactor", or relative_step = false')  # fmt: skip
    if warmup_steps(schedule.lr_warmup_steps, 10**9):
        yield _note("relative_step makes Adafactor's own rate, so the warm-up is not used", WARMUP,
                    "set optimizer_args.warmup_init = true for a slow start")  # fmt: skip


def _schedule_faults(optimizer: OptimizerOptions, schedule: ScheduleOptions) -> Iterator[Fault]:
    name = schedule.lr_scheduler
    relative = optimizer.optimizer_type.lower() == "adafactor" and optimizer.optimizer_args.get("relative_step")
    if name == "adafactor" and not relative:
        yield _note("without Adafactor's relative_step this schedule is constant", SCHEDULE,
                    'set lr_scheduler to "constant", or optimizer_args.relative_step = true')  # fmt: skip
    if name == "constant" and warmup_steps(schedule.lr_warmup_steps, 10**9):
        yield _note('"constant" with a warm-up is taken as "constant_with_warmup"', WARMUP,
                    severity="hint", code="constant-warmup")  # fmt: skip
    for option_name in sorted(schedule.model_fields_set - {"lr_scheduler", "lr_warmup_steps"}):
        default = type(schedule).model_fields[option_name].default
        if option_name not in SHAPES[name].uses and getattr(schedule, option_name) != default:
            users = [other for other, shape in SHAPES.items() if option_name in shape.uses]
            yield _note(f"{name!r} does not use this", f"schedule.{option_name}", f"it belongs to {', '.join(users)}",
                        "hint", "idle-option")  # fmt: skip


def _length_faults(schedule: ScheduleOptions, total: int) -> Iterator[Fault]:
    warmup = warmup_steps(schedule.lr_warmup_steps, total)
    if warmup and warmup >= total:
        yield _note(f"the warm-up of {warmup} steps takes all of the {total} steps: the full rate is never reached",
                    WARMUP, 'make it shorter, as in "5%"', code="warmup-too-long")  # fmt: skip
    decay = warmup_steps(DECAY_SHARE if schedule.lr_decay_steps is None else schedule.lr_decay_steps, total)
    if schedule.lr_scheduler == "warmup_stable_decay" and warmup < total < warmup + decay:
        yield _note(f"warm-up ({warmup}) and decay ({decay}) are longer than the {total} steps; the decay is shortened",
                    "schedule.lr_decay_steps", code="decay-too-long")  # fmt: skip


def _note(text: str, key: str, mend: str = "", severity: Severity = "warning", code: str = "no-effect") -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
