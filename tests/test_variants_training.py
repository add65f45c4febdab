"""Variants of LoRA in whole small runs: what is logged, what the file says, and that a resume is exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kohya_like.events import Resumed, Started, Step
from kohya_like.formats.tensors import open_tensors
from tests.tiny_runs import Run

VARIANTS: dict[str, dict[str, Any]] = {
    "dora": {"network__dora_wd": True, "network__use_scalar": True, "network__scale_weight_norms": 0.05},
    "dora_output": {"network__dora_wd": True, "network__dora_axis": "output", "network__rs_lora": True},
    "plus": {"network__loraplus_lr_ratio": 16.0, "network__dropout": 0.2},
    "dylora": {"network__name": "dylora", "network__unit": 2},
    "lora_fa": {"network__name": "lora_fa", "network__use_scalar": True},
    "boft": {"network__name": "boft", "network__dim": 16, "network__alpha": None},
    "oft": {"network__name": "oft", "network__dim": 4, "network__alpha": None, "network__rescaled": True},
}
LONG: dict[str, Any] = {"train__max_train_steps": 4, "save__save_precision": "fp32", "train__ema_decay": 0.5}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_resume_ends_with_the_bits_of_an_unbroken_run(tmp_path: Path, name: str) -> None:
    options = {**LONG, **VARIANTS[name]}
    whole = Run(tmp_path / "whole", **options).train()
    broken = Run(tmp_path / "broken", **options, save__save_state_every_n_steps=2)
    trainer = broken.build()
    batches = trainer.batches(0)
    for _ in range(2):
        trainer.one_whole_step(batches)
    broken.train(resume=True)
    assert broken.all(Resumed)[-1].step == 2
    found, wanted = broken.weights, whole.weights
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    assert any(value.abs().max() > 0 for key, value in wanted.items() if key.endswith(("lora_up.weight", "oft_blocks")))


def test_the_log_and_the_file_tell_the_variant(tmp_path: Path) -> None:
    options = {**VARIANTS["dora"], **VARIANTS["plus"], "network__dropout": 0.0, "train__max_train_steps": 2}
    run = Run(tmp_path, **options).train()
    step = run.all(Step)[-1]
    assert set(step.numbers) == {"keys_scaled", "average_key_norm", "max_key_norm"}
    assert 0 < step.numbers["average_key_norm"] <= step.numbers["max_key_norm"] <= 0.05 * 1.0001
    rates = run.all(Started)[0].groups
    assert rates["unet x16"] == pytest.approx(16 * rates["unet"]) and set(step.lr) == set(rates)
    with open_tensors(run.file) as file:
        told = json.loads(file.metadata["ss_network_args"])
        assert file.metadata["ss_scale_weight_norms"] == "0.05"
    assert told["dora_wd"] == "True" and told["wd_on_output"] == "False" and told["loraplus_lr_ratio"] == "16.0"
    assert not any(key.endswith("scalar") for key in run.weights)
