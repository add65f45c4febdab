"""The section and its conflicts: sentences, severities, and that no torch is needed for any of it."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from kohya_like.objective.options import ObjectiveOptions, conflicts
from kohya_like.schema.option import describe

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("settings", "prediction", "code", "severity"),
    [
        ({"min_timestep": 500, "max_timestep": 100}, "epsilon", "empty-timestep-range", "error"),
        ({"scale_v_pred_loss_like_noise_pred": True}, "epsilon", "needs-v-prediction", "error"),
        ({"v_pred_like_loss": 1.0}, "v_prediction", "needs-epsilon", "error"),
        ({"debiased_estimation_loss": True}, "sample", "needs-epsilon-or-v", "error"),
        ({"zero_terminal_snr": True}, "epsilon", "zero-snr-epsilon", "warning"),
        ({"zero_terminal_snr": True, "min_snr_gamma": 5}, "v_prediction", "min-snr-zero-snr", "hint"),
        ({"adaptive_noise_scale": 0.1}, "epsilon", "no-effect", "warning"),
        ({"ip_noise_gamma_random_strength": True}, "epsilon", "no-effect", "warning"),
        ({"loss_type": "huber", "huber_scale": 2.0}, "epsilon", "no-effect", "hint"),
    ],
)
def test_conflicts(settings: dict[str, object], prediction: str, code: str, severity: str) -> None:
    found = conflicts(ObjectiveOptions(**settings), prediction)  # type: ignore[arg-type]
    assert [(fault.code, fault.severity) for fault in found] == [(code, severity)]
    assert found[0].key.startswith("objective.") and found[0].mend


@pytest.mark.parametrize(
    ("settings", "prediction"),
    [
        ({}, "epsilon"),
        ({"min_snr_gamma": 5, "noise_offset": 0.05, "adaptive_noise_scale": 0.01}, "epsilon"),
        ({"v_pred_like_loss": 1.0, "debiased_estimation_loss": True}, "epsilon"),
        ({"scale_v_pred_loss_like_noise_pred": True, "zero_terminal_snr": True}, "v_prediction"),
        ({"v_pred_like_loss": 0.0, "min_snr_gamma": 0}, "v_prediction"),
        ({"min_timestep": 300, "max_timestep": 300}, "epsilon"),
        ({"loss_type": "huber", "huber_schedule": "constant", "huber_scale": 2.0}, "epsilon"),
    ],
)
def test_no_conflict(settings: dict[str, object], prediction: str) -> None:
    assert conflicts(ObjectiveOptions(**settings), prediction) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [{"loss_type": "L3"}, {"noise_ofset": 0.1}, {"huber_c": 0}, {"max_timestep": 1001}, {"noise_offset": -1}],
)
def test_bad_values_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ObjectiveOptions(**settings)


def test_every_option_says_what_it_does() -> None:
    described = list(describe(ObjectiveOptions, "objective."))
    assert len(described) == len(ObjectiveOptions.model_fields) and all(d.info.help and d.info.group for d in described)
    names = {d.key.removeprefix("objective.") for d in described}
    for option in described:
        assert not option.info.shown_if or option.info.shown_if.split("=")[0] in names


def test_options_import_without_torch() -> None:
    code = "import sys, kohya_like.objective.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", code.replace("options", "schedule")], check=False).returncode == 1
