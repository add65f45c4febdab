"""Both sections: rates by part, refused values, and that no torch is needed."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from kohya_like.optim.options import OptimizerOptions, ScheduleOptions
from kohya_like.schema.option import describe

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({}, (1e-4, 1e-4, 1e-4)),
        ({"learning_rate": 1.0}, (1.0, 1.0, 1.0)),
        ({"unet_lr": 2e-4}, (2e-4, 1e-4, 1e-4)),
        ({"text_encoder_lr": 5e-5}, (1e-4, 5e-5, 5e-5)),
        ({"text_encoder_lr": [5e-5]}, (1e-4, 5e-5, 5e-5)),
        ({"text_encoder_lr": [5e-5, 1e-5]}, (1e-4, 5e-5, 1e-5)),
        ({"unet_lr": 0, "text_encoder_lr": 0}, (0.0, 0.0, 0.0)),
        ({"text_encoder_lr": [5e-5, 0]}, (1e-4, 5e-5, 0.0)),
    ],
)
def test_rates_by_part(settings: dict[str, Any], rates: tuple[float, ...]) -> None:
    options = OptimizerOptions(**settings)
    assert tuple(options.rate(part) for part in ("unet", "text_encoder", "text_encoder_2")) == rates
    assert options.rate("embedding") == options.learning_rate


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": -1}, {"unet_lr": -1}, {"text_encoder_lr": -1}, {"text_encoder_lr": [1, 2, 3]},
        {"text_encoder_lr": []}, {"text_encoder_lr": [1e-4, -1]}, {"optimizer_args": ["weight_decay=0.01"]},
        {"lr": 1}, {"max_grad_norm": -1},
    ],
)  # fmt: skip
def test_bad_optimizer_values(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OptimizerOptions(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"lr_scheduler": "cosin"}, {"lr_warmup_steps": "x"}, {"lr_warmup_steps": -5}, {"lr_decay_steps": 1.5},
     {"lr_scheduler_num_cycles": 0}, {"lr_scheduler_min_lr_ratio": 2}],
)  # fmt: skip
def test_bad_schedule_values(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScheduleOptions(**settings)


def test_arguments_keep_their_types() -> None:
    args = {"weight_decay": 0.01, "betas": [0.9, 0.99], "fused": True, "slice_p": 11}
    kept = OptimizerOptions(optimizer_args=args).optimizer_args  # type: ignore[arg-type]
    assert kept == args | {"betas": (0.9, 0.99)} and kept["fused"] is True and type(kept["slice_p"]) is int


@pytest.mark.parametrize("amount", [100, 100.0, 0.05, "5%", "100"])
def test_warmup_in_every_spelling(amount: Any) -> None:
    assert ScheduleOptions(lr_warmup_steps=amount).lr_warmup_steps == amount


@pytest.mark.parametrize("section", [OptimizerOptions, ScheduleOptions])
def test_every_option_says_what_it_does(section: Any) -> None:
    described = list(describe(section))
    assert len(described) == len(section.model_fields) and all(d.info.help and d.info.group for d in described)


def test_options_and_lists_import_without_torch() -> None:
    code = (
        "import sys, kohya_like.optim.checks; from kohya_like.schema.registry import plugins;"
        "assert plugins('optimizer') and plugins('schedule'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
