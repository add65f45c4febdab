"""Contradictions of optimizer and schedule: which ones, how grave, in what words."""

from typing import Any

import pytest

from kohya_like.optim.checks import conflicts
from kohya_like.optim.options import OptimizerOptions, ScheduleOptions

pytestmark = pytest.mark.quick


def found(optimizer: dict[str, Any], schedule: dict[str, Any], total: int | None = None) -> list[tuple[str, str, str]]:
    faults = conflicts(OptimizerOptions(**optimizer), ScheduleOptions(**schedule), total)
    return [(fault.severity, fault.key.partition(".")[2], fault.text) for fault in faults]


RELATIVE = {"optimizer_type": "Adafactor", "optimizer_args": {"relative_step": True}}


@pytest.mark.parametrize(
    ("optimizer", "schedule", "total", "severity", "key", "words"),
    [
        ({"optimizer_type": "AdamX"}, {}, None, "error", "optimizer_type", "there is no optimizer 'AdamX'"),
        ({"optimizer_type": "a.B"}, {}, None, "error", "optimizer_type", "runs that package's code"),
        ({"optimizer_type": "no_such.B", "allow_import": True}, {}, None, "error", "optimizer_type", "no installed"),
        ({"optimizer_args": {"wd": 0.1}}, {}, None, "error", "optimizer_args.wd", "has no argument 'wd'"),
        ({"optimizer_args": {"eps": "a"}}, {}, None, "error", "optimizer_args.eps", "'a' is not a number"),
        ({"learning_rate": 0}, {}, None, "error", "learning_rate", "every learning rate is 0"),
        ({"optimizer_type": "prodigy"}, {}, None, "warning", "learning_rate", "0.0001 is unusual"),
        ({"optimizer_type": "Prodigy", "learning_rate": 0.5}, {}, None, "hint", "learning_rate", "finds its own rate"),
        ({"optimizer_type": "Prodigy", "learning_rate": 1, "unet_lr": 0.5}, {}, None, "error", "learning_rate",
         "cannot take different ones"),
        ({"optimizer_type": "AdamWScheduleFree"}, {"lr_scheduler": "cosine"}, None, "warning", "lr_scheduler",
         "AdamWScheduleFree needs no schedule"),
        (RELATIVE | {"unet_lr": 1e-3}, {}, None, "warning", "unet_lr", "not used"),
        (RELATIVE, {"lr_scheduler": "cosine"}, None, "warning", "lr_scheduler", "'cosine' is not used"),
        (RELATIVE, {"lr_scheduler": "adafactor", "lr_warmup_steps": 5}, None, "warning", "lr_warmup_steps",
         "the warm-up is not used"),
        ({"optimizer_type": "Adafactor", "optimizer_args": {"warmup_init": True}}, {}, None, "error",
         "optimizer_args.warmup_init", "relative_step, which is off"),
        ({}, {"lr_scheduler": "adafactor"}, None, "warning", "lr_scheduler", "this schedule is constant"),
        ({}, {"lr_warmup_steps": 10}, None, "hint", "lr_warmup_steps", "taken as"),
        ({}, {"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 3}, None, "hint", "lr_scheduler_num_cycles",
         "'cosine' does not use this"),
        ({}, {"lr_scheduler": "cosine", "lr_warmup_steps": 50}, 50, "warning", "lr_warmup_steps", "never reached"),
        ({}, {"lr_scheduler": "cosine", "lr_warmup_steps": "100%"}, 50, "warning", "lr_warmup_steps", "never reached"),
        ({}, {"lr_scheduler": "warmup_stable_decay", "lr_warmup_steps": 30, "lr_decay_steps": 30}, 50, "warning",
         "lr_decay_steps", "longer than the 50 steps"),
    ],
)  # fmt: skip
def test_conflicts(
    optimizer: dict[str, Any], schedule: dict[str, Any], total: int | None, severity: str, key: str, words: str
) -> None:
    ((found_severity, found_key, text),) = found(optimizer, schedule, total)
    assert (found_severity, found_key) == (severity, key) and words in text


@pytest.mark.parametrize(
    ("optimizer", "schedule", "total"),
    [
        ({}, {}, 100),
        ({"unet_lr": 1e-4, "text_encoder_lr": [5e-5, 0]}, {"lr_scheduler": "cosine", "lr_warmup_steps": "5%"}, 100),
        ({"optimizer_type": "Prodigy", "learning_rate": 1, "text_encoder_lr": 0}, {"lr_scheduler": "cosine"}, 100),
        ({"optimizer_type": "RAdamScheduleFree"}, {"lr_scheduler": "constant_with_warmup", "lr_warmup_steps": 9}, 100),
        (RELATIVE, {"lr_scheduler": "adafactor"}, 100),
        (RELATIVE | {"text_encoder_lr": 0}, {}, 100),
        ({"optimizer_type": "Adafactor", "unet_lr": 1e-3}, {"lr_scheduler": "cosine", "lr_warmup_steps": 5}, 100),
        ({}, {"lr_scheduler": "cosine", "lr_warmup_steps": 100}, None),
        ({}, {"lr_scheduler": "cosine", "lr_warmup_steps": 0}, 0),
        ({}, {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3}, 100),
        ({}, {"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 1}, 100),
        ({"optimizer_type": "torch.optim.RMSprop", "allow_import": True}, {}, 100),
    ],
)  # fmt: skip
def test_no_conflict(optimizer: dict[str, Any], schedule: dict[str, Any], total: int | None) -> None:
    assert found(optimizer, schedule, total) == []


def test_dadaptation_by_its_class_is_told_about_the_rate() -> None:
    faults = conflicts(
        OptimizerOptions(optimizer_type="dadaptation.DAdaptAdam", allow_import=True), ScheduleOptions()
    )  # fmt: skip
    assert any("finds its own rate" in fault.text for fault in faults)


def test_all_at_once() -> None:
    faults = found(
        {"optimizer_type": "Prodigy", "optimizer_args": {"d": 1, "d0": "x"}, "unet_lr": 2, "learning_rate": 1},
        {"lr_warmup_steps": 10, "lr_scheduler_power": 2.0}, 10,
    )  # fmt: skip
    assert [severity for severity, _, _ in faults] == ["error", "error", "error", "hint", "hint", "warning"]
