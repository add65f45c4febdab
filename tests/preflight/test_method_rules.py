"""Fine-tunes before they start: contradictions, what is not read, memory at real size, and refusal with a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kohya_like.config import TrainConfig, load
from kohya_like.families.base import family as family_named
from kohya_like.families.components import skeleton
from kohya_like.families.sources import FolderSource
from kohya_like.formats.ldm import to_ldm
from kohya_like.hardware import Disk, Gpu, Memory, TorchBuild
from kohya_like.preflight import check
from kohya_like.preflight import machine as preflight_machine
from kohya_like.preflight import needs as preflight_needs
from kohya_like.preflight.fixes import fix_of
from kohya_like.preflight.report import CheckReport
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build
from tests.preflight.made import GB, Shapes, checked, codes, pictures, roomy_machine, sparse_safetensors, the, workplace

PRESETS = Path(__file__).parent.parent.parent / "presets"
TUNE: dict[str, Any] = {"name": "finetune"}
FUSED = {**TUNE, "fused_backward_pass": True}


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy_machine(monkeypatch)


@pytest.mark.quick
def test_a_faultless_fine_tune(tmp_path: Path) -> None:
    rates = {"learning_rate": 2e-6, "max_grad_norm": 0.0, "optimizer_type": "Adafactor"}
    report = checked(tmp_path, method=FUSED, optimizer=rates)
    assert report.faults == ()
    unet, text = report.parts
    assert unet.trained and unet.parameters == report.model.parameters["unet"] and not text.trained


@pytest.mark.quick
@pytest.mark.parametrize(("code", "changes"), [
    ("fused-clip", {"method": FUSED}),
    ("fused-accumulation", {"method": FUSED, "optimizer": {"max_grad_norm": 0.0},
                            "train": {"gradient_accumulation_steps": 2}}),
    ("fused-fp16", {"method": FUSED, "optimizer": {"max_grad_norm": 0.0}, "train": {"mixed_precision": "fp16"}}),
    ("bf16-fp16", {"method": {**TUNE, "full_bf16": True}, "train": {"mixed_precision": "fp16"}}),
    ("one-at-a-time", {"method": {**TUNE, "full_bf16": True},
                       "optimizer": {"optimizer_type": "Prodigy", "learning_rate": 1.0}}),
])  # fmt: skip
def test_what_contradicts_is_an_error(tmp_path: Path, code: str, changes: dict[str, Any]) -> None:
    fault = the(checked(tmp_path, **changes), code)
    assert fault.severity == "error" and fault.mend
    without = {**changes, "method": TUNE}
    assert code not in codes(checked(tmp_path, **without)), "control"


@pytest.mark.quick
def test_a_network_that_is_not_read_is_said(tmp_path: Path) -> None:
    def said(**sections: Any) -> set[str]:
        document = Document("")
        for name, values in {**workplace(tmp_path), "method": TUNE, **sections}.items():
            for key, value in values.items():
                document.set(f"{name}.{key}", value)
        return {fault.key for fault in check(build(TrainConfig, document), document).faults}

    assert "network" in said(network={"dim": 8}) and "network" not in said(network={"name": "lora"})
    assert "train.base_precision" in said(train={"base_precision": "fp32"})
    assert "method.stop_text_encoder_training" in said(method={**TUNE, "stop_text_encoder_training": 5})


@pytest.mark.quick
def test_rates_are_those_of_a_fine_tune(tmp_path: Path) -> None:
    assert "high-rate" in codes(checked(tmp_path, method=TUNE, optimizer={"learning_rate": 1e-3}))
    assert "low-rate" not in codes(checked(tmp_path, method=TUNE, optimizer={"learning_rate": 1e-6}))
    assert "low-rate" in codes(checked(tmp_path, optimizer={"learning_rate": 1e-6})), "control: of a LoRA it is"


@pytest.mark.quick
def test_what_cannot_fit_is_refused_with_what_makes_it_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(GB, GB // 2))
    document = Document("")
    for name, values in {**workplace(tmp_path), "method": TUNE}.items():
        for key, value in values.items():
            document.set(f"{name}.{key}", value)
    config = build(TrainConfig, document)
    fault = the(check(config, document), "memory-in-all")
    assert fault.severity == "error" and "this machine has 1.0 GB in all" in fault.text
    assert fault.mend.startswith("this makes it fit: train.gradient_checkpointing = true")
    fix = fix_of(fault, config, document)
    assert fix is not None
    for key, value in fix.edits.items():
        document.set(key, value)
    assert "memory-in-all" not in codes(check(build(TrainConfig, document), document)), "what it says is true"
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(GB // 50, GB // 50))
    assert the(checked(tmp_path, method=TUNE), "memory-in-all").mend.startswith("train a network instead")
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(64 * GB, GB // 2))
    assert the(checked(tmp_path, method=TUNE), "memory").severity == "warning", "control: others use it now"


@pytest.mark.quick
def test_a_disk_too_small_for_the_model_and_its_states_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked(tmp_path, method=TUNE, save={"save_precision": "fp16", "keep_states": 1})
    whole = sum(report.model.parameters.values())
    unet = report.model.parameters["unet"]
    assert report.files is not None and report.files.bytes_each == 2 * whole + 64 * 1024
    (output, _) = report.disks
    assert output.needed == 2 * report.files.bytes_each + 2 * (unet * 12 + 64 * 1024), "weights and two moments"
    monkeypatch.setattr(preflight_needs, "disk", lambda path: Disk(path, GB, output.needed - 1))
    assert "disk-full" in {f.code for f in checked(tmp_path, method=TUNE, save={"keep_states": 1}).errors}
    folder = checked(tmp_path, method={**TUNE, "save_model_as": "diffusers"})
    assert folder.files is not None and folder.files.final.endswith("last")


def real_shapes(family: str) -> Shapes:
    """Every tensor of a real model's file, by the original code's names."""
    known = family_named(family)
    shapes: Shapes = {}
    for part in (*known.parts, "vae"):
        config, where = FolderSource(known.config_folder).config(part)
        own = {name: tuple(t.shape) for name, t in skeleton(part, config, where).state_dict().items()}
        shapes |= {name: piece.shape(own.__getitem__) for name, piece in to_ldm(part, family, own).items()}
    return shapes


def on_card(preset: str, root: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: int) -> CheckReport:
    card = Gpu(0, "RTX", gigabytes * GB, gigabytes * GB, "550", "8.6")
    monkeypatch.setattr(preflight_machine, "gpus", lambda: (card,))
    monkeypatch.setattr(preflight_machine, "torch_build", lambda: TorchBuild("2.13.0", "cuda 12.8"))
    side = 1024 if "sdxl" in preset else 512
    if not (root / "base.safetensors").exists():
        sparse_safetensors(root / "base.safetensors", real_shapes("sdxl" if side == 1024 else "sd1"))
        pictures(root / "data", size=(side, side))
    own = {"model.base": root / "base.safetensors", "data.train_data_dir": root / "data", "data.cache_dir": root / "c",
           "save.output_dir": root / "out"}  # fmt: skip
    config, document = load(PRESETS / preset, [f'{key}="{value}"' for key, value in own.items()])
    return check(config, document)


@pytest.mark.parametrize(("preset", "fits", "too_small"), [
    ("dreambooth-sd15.toml", 12, 4),
    pytest.param("dreambooth-sdxl.toml", 24, 8, marks=pytest.mark.full),
    pytest.param("finetune-sdxl.toml", 24, 8, marks=pytest.mark.full),
])  # fmt: skip
def test_the_presets_fit_the_cards_they_name(
    preset: str, fits: int, too_small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = on_card(preset, tmp_path, monkeypatch, fits)
    assert report.errors == () and "memory" not in codes(report), report.errors
    assert report.memory is not None and report.memory.peak < fits * GB
    assert the(on_card(preset, tmp_path, monkeypatch, too_small), "memory-in-all").severity == "error", "control"
