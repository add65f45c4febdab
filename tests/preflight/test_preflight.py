"""check: a faultless preset has no fault, and each rule has a preset that breaks it and one sentence that says so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.preflight import check
from kohya_like.preflight import rules as preflight_rules
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build
from tests.preflight.made import checked, roomy_machine, workplace

pytestmark = pytest.mark.quick


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workplace on a machine with a CPU and plenty of room."""
    roomy_machine(monkeypatch)
    return tmp_path


def test_a_faultless_preset_has_no_fault(place: Path) -> None:
    assert checked(place).faults == ()


FEW = {"max_train_epochs": 1}
# section changes, code of the one fault expected, its severity, its key, a part of its sentence
RULES: list[tuple[dict[str, dict[str, Any]], str, str, str, str]] = [
    ({"train": {"max_train_steps": 900}}, "both-lengths", "error", "train.max_train_steps", "are both set"),
    ({"network": {"train_unet": False}, "optimizer": {"text_encoder_lr": 0.0}}, "nothing-trained", "error",
     "optimizer.learning_rate", "nothing would be trained"),
    ({"optimizer": {"text_encoder_lr": 0.0}}, "no-effect", "warning", "optimizer.text_encoder_lr",
     "is 0: the text encoder is not trained (network.train_text_encoder = false says so)"),
    ({"optimizer": {"unet_lr": 1e-4}, "network": {"train_unet": False}}, "no-effect", "warning", "optimizer.unet_lr",
     "is set, but network.train_unet is false"),
    ({"data": {"cache_text_encoder_outputs": True}}, "cache-text", "error", "data.cache_text_encoder_outputs",
     "the text encoder is trained"),
    ({"data": {"color_aug": True}}, "cache-augmentation", "error", "data.color_aug", "cache_latents"),
    ({"schedule": {"lr_warmup_steps": 100}}, "constant-warmup", "hint", "schedule.lr_warmup_steps", "warm-up"),
    ({"schedule": {"lr_warmup_steps": 5000, "lr_scheduler": "cosine"}}, "warmup-too-long", "warning",
     "schedule.lr_warmup_steps", "takes all of the 1200 steps"),
    ({"save": {"output_name": "a/b"}}, "bad-name", "error", "save.output_name", "holds '/'"),
    ({"save": {"output_name": "con"}}, "bad-name", "error", "save.output_name", "device's name on Windows"),
    ({"save": {"output_name": " x"}}, "bad-name", "error", "save.output_name", "begins or ends with a blank"),
    ({"save": {"output_name": " "}}, "bad-name", "error", "save.output_name", "is empty"),
    ({"save": {"output_name": "x" * 200}}, "bad-name", "error", "save.output_name", "longer than 180 bytes"),
    ({"save": {"save_last_n_epochs": 2}}, "no-effect", "warning", "save.save_last_n_epochs", "no effect without"),
    ({"save": {"save_last_n_steps": 2, "save_every_n_steps": 300}}, "no-effect", "hint", "save.save_last_n_steps",
     "less than save_every_n_steps"),
    ({"save": {"save_every_n_epochs": 9}}, "only-last", "hint", "save.save_every_n_epochs", "training has 5 epochs"),
    ({"save": {"save_every_n_steps": 1}}, "many-files", "warning", "save.save_every_n_steps", "1,200 files"),
    ({"sample": {"sample_every_n_epochs": 1}}, "no-effect", "warning", "sample.prompts", "there is no prompt"),
    ({"sample": {"prompts": ["x"]}}, "sample-rhythm", "hint", "sample.prompts", "only before the first step"),
    ({"sample": {"prompts": ["x"], "sample_at_first": False}}, "sample-rhythm", "warning", "sample.prompts", "never"),
    ({"sample": {"prompts": ["x --w 500"], "sample_every_n_epochs": 1}}, "sample-size", "hint", "sample.prompts[0]",
     "--w 500 is not a multiple of 8"),
    ({"sample": {"prompts": ["x"], "sample_every_n_epochs": 1, "width": 100}}, "sample-size", "hint", "sample.width",
     "is 100, not a multiple of 8; 96 is drawn"),
    ({"sample": {"prompts": ["x --qq 5"], "sample_every_n_epochs": 1}}, "prompt-option", "error", "sample.prompts",
     "--qq 5: no such option"),
    ({"network": {"rules": ["*.nix: dim=4"]}}, "rule", "error", "network.rules[0]", "pattern '*.nix' matches no layer"),
    ({"network": {"rules": ["text_encoder.*: dim=4"], "train_text_encoder": False}}, "idle-rule", "warning",
     "network.rules[0]", "is for a part of the model that is not trained"),
    ({"network": {"rules": ["*: off"]}}, "no-layer", "error", "network.rules", "leave every layer out"),
    ({"network": {"block_dims": [4] * 23}}, "wrong-blocks", "error", "network.block_dims",
     "is a list of 23, but SD1/SD2 wants 25 here"),
    ({"train": {"validate_every_n_epochs": 1}}, "no-effect", "warning", "data.validation_split", "kept out"),
    ({"optimizer": {"learning_rate": 0.5}}, "high-rate", "warning", "optimizer.learning_rate", "far too high"),
    ({"optimizer": {"learning_rate": 2e-6, "text_encoder_lr": 1e-5}}, "low-rate", "hint", "optimizer.learning_rate",
     "2e-06 is very low"),
    ({"optimizer": {"optimizer_type": "AdanW"}}, "unknown-optimizer", "error", "optimizer.optimizer_type", "AdamW"),
    ({"objective": {"zero_terminal_snr": True}}, "zero-snr-epsilon", "warning", "objective.zero_terminal_snr", "noise"),
    ({"optimizer": {"text_encoder_lr": [1e-5, 2e-5]}}, "no-effect", "hint", "optimizer.text_encoder_lr",
     "has one text encoder; the second rate is not used"),
    ({"data": {"resolution": 256}}, "small-resolution", "hint", "data.resolution", "was made at 512 px"),
    ({"data": {"resolution": 500}}, "rounded-resolution", "hint", "data.resolution", "no multiple of the bucket step"),
    ({"data": {"resolution": 1024}}, "small-images", "hint", "data.resolution", "24 of 24 pictures with fewer pixels"),
    ({"train": {"max_train_epochs": 1}}, "few-steps", "hint", "train.max_train_epochs", "only 240 steps; tutorials"),
    ({"train": {"max_train_epochs": 500}}, "many-steps", "hint", "train.max_train_epochs", "120,000 steps are many"),
    ({"train": {"gradient_accumulation_steps": 999, **FEW}}, "no-effect", "warning",
     "train.gradient_accumulation_steps", "an epoch has 240 batches"),
    ({"train": {"ema_decay": 0.9999}}, "long-average", "hint", "train.ema_decay", "averages over 10,000 steps"),
    ({"train": {"train_batch_size": 250, "max_train_epochs": 600}}, "batch-over-bucket", "hint",
     "train.train_batch_size", "1 of 1 buckets hold fewer pictures"),
    ({"train": {"mixed_precision": "fp16"}}, "fp16-cpu", "error", "train.mixed_precision", "no effect on a CPU"),
    ({"hardware": {"device": "cuda"}}, "no-device", "error", "hardware.device", "no such device"),
    ({"hardware": {"attention": "xformers"}}, "missing-package", "error", "hardware.attention", "xformers package"),
    ({"data": {"max_data_loader_n_workers": 64}}, "no-effect", "hint", "data.max_data_loader_n_workers", "cores"),
    ({"model": {"base": ""}}, "base-model", "error", "model.base", "no base model is named"),
    ({"model": {"base": "runwayml/stable-diffusion-v1-5"}}, "base-model", "error", "model.base",
     "fetch runwayml/stable-diffusion-v1-5` downloads it"),
    ({"model": {"family": "sdxl"}}, "base-model", "error", "model.base",
     "this is a Stable Diffusion 1.x model, model.family says"),
]  # fmt: skip


FOLLOWING = {"no-effect": ("few-steps",), "batch-over-bucket": ("memory",), "base-model": ("small-images",)}


@pytest.mark.parametrize(("changes", "code", "severity", "key", "said"), RULES, ids=[row[1] + row[3] for row in RULES])
def test_each_rule(
    place: Path, changes: dict[str, dict[str, Any]], code: str, severity: str, key: str, said: str
) -> None:
    found = checked(place, **changes).faults
    wanted = [fault for fault in found if (fault.code, fault.key) == (code, key)]
    assert [fault.severity for fault in wanted] == [severity], [str(fault) for fault in found]
    assert said in str(wanted[0])
    others = [str(fault) for fault in found if fault not in wanted and fault.code not in FOLLOWING.get(code, ())]
    assert not others, others


def test_faults_have_the_line_of_their_option_and_errors_come_first(place: Path) -> None:
    workplace(place)
    text = f"""[model]
base = "{place / "base.safetensors"}"
[data]
train_data_dir = "{place / "data"}"
cache_dir = "{place / "cache"}"
[train]
max_train_epochs = 1
mixed_precision = "fp16"
[hardware]
device = "cpu"
[save]
output_dir = "{place / "out"}"
"""
    document = Document(text, "my.toml")
    report = check(build(TrainConfig, document), document)
    assert [(fault.severity, fault.where) for fault in report.faults] == [("error", "my.toml:8"), ("hint", "my.toml:7")]


def test_the_report_is_plain_data(place: Path) -> None:
    values = json.loads(json.dumps(checked(place, train={"mixed_precision": "fp16"}).as_dict(), allow_nan=False))
    assert values["ok"] is False and values["faults"][0]["code"] == "fp16-cpu"
    assert values["steps"]["total"] == 1200 and values["model"]["family"] == "sd1"
    assert values["memory"]["peak"] >= values["memory"]["training"] > 0
    assert checked(place).as_dict()["ok"] is True


def test_every_code_of_the_rules_is_tested() -> None:
    source = Path(preflight_rules.__file__).read_text(encoding="utf-8")
    told = set(re.findall(r'code="([a-z0-9-]+)"|"hint", "([a-z0-9-]+)"\)', source))
    names = {name for pair in told for name in pair if name}
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert names and not {name for name in names if f'"{name}"' not in tests}


def test_checking_needs_no_torch(place: Path) -> None:
    sections = workplace(place)
    code = (
        "import sys, json; from kohya_like.preflight import check; from kohya_like.config import TrainConfig; "
        "from kohya_like.schema.validate import build; from kohya_like.preflight.rendering import render; "
        "render(check(build(TrainConfig, json.loads(sys.argv[1])))); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers', 'accelerate', 'PIL')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(sections)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "= 1200 steps" in done.stdout
