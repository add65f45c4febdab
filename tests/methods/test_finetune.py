"""A fine-tune writes a whole model that diffusers loads as it is, resumes bit for bit, and stops where it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.events import Saved
from kohya_like.families.backbone import Backbone
from kohya_like.formats.headers import read_safetensors_header
from kohya_like.methods.finetune import Finetuning
from kohya_like.schema.errors import UserError
from kohya_like.trainer import Trainer
from tests.tiny_runs import Run, base, same

TUNE: dict[str, Any] = {
    "method__name": "finetune", "method__train_text_encoder": True, "network__dim": None, "network__alpha": None,
    "network__name": None, "optimizer__learning_rate": 1e-3,
}  # fmt: skip
ON_FILE = ["sd1", pytest.param("sd2", marks=pytest.mark.full), "sdxl"]


def backbone_of(trainer: Trainer) -> Backbone:
    return trainer.learner._backbone  # type: ignore[attr-defined]


def on_file(family: str) -> dict[str, Any]:
    told = base(family)
    more = {"model__prediction_type": "v_prediction"} if family == "sd2" else {}
    return {"model__base": str(told.file), "model__config_folder": str(told.configs), **more}


def tuned(folder: Path, family: str, **changes: Any) -> tuple[Run, dict[str, dict[str, Tensor]]]:
    """A finished run, and the weights of all parts as they then are in memory."""
    run = Run(folder, family, **{**TUNE, **changes})
    trainer = run.build()
    trainer.train()
    backbone = backbone_of(trainer)
    parts = {name: backbone.part(name) for name in (*backbone.family.parts, "vae")}
    return run, {name: dict(part.state_dict()) for name, part in parts.items()}


def bare(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("text_model."): value for name, value in state.items() if "position_ids" not in name}


def check_equal(pipe: Any, parts: dict[str, dict[str, Tensor]]) -> None:
    """0.0 difference in every component, and none is missing."""
    for name, state in parts.items():
        theirs, ours = bare(getattr(pipe, name).state_dict()), bare(state)
        assert theirs.keys() == ours.keys(), name
        assert all(torch.equal(theirs[key].float(), ours[key].float()) for key in ours), name


def pipeline_class(family: str) -> Any:
    return StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline


@pytest.mark.parametrize("family", ON_FILE)
def test_a_file_comes_back_as_the_file_it_was(family: str, tmp_path: Path) -> None:
    run, parts = tuned(tmp_path, family, **on_file(family))
    more = {} if family == "sdxl" else {"safety_checker": None}
    pipe = pipeline_class(family).from_single_file(
        str(run.file), config=str(base(family).folder), local_files_only=True, **more
    )
    check_equal(pipe, parts)
    before, after = load_file(base(family).file), load_file(run.file)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("model.diffusion_model.") for name in changed), "control: something was trained"
    assert not any(name.startswith("first_stage_model.") for name in changed)
    about = read_safetensors_header(run.file).metadata
    assert {event.what for event in run.all(Saved)} == {"model", "state"}
    assert not about["modelspec.architecture"].endswith("lora") and "ss_network_module" not in about
    assert about["modelspec.prediction_type"] == ("v" if family == "sd2" else "epsilon") and about["sshs_model_hash"]


@pytest.mark.parametrize("family", [pytest.param("sd1", marks=pytest.mark.full), "sd2",
                                    pytest.param("sdxl", marks=pytest.mark.full)])  # fmt: skip
def test_a_folder_becomes_one_file(family: str, tmp_path: Path) -> None:
    run, parts = tuned(tmp_path, family)
    more = {} if family == "sdxl" else {"safety_checker": None}
    pipe = pipeline_class(family).from_single_file(
        str(run.file), config=str(base(family).folder), local_files_only=True, **more
    )
    check_equal(pipe, parts)
    if family == "sd2":
        held = load_file(run.file)
        assert "cond_stage_model.model.text_projection" in held and "cond_stage_model.model.logit_scale" in held


@pytest.mark.parametrize(("family", "kind"), [
    ("sd1", "file"), pytest.param("sd1", "folder", marks=pytest.mark.full),
    pytest.param("sd2", "file", marks=pytest.mark.full), pytest.param("sd2", "folder", marks=pytest.mark.full),
    pytest.param("sdxl", "file", marks=pytest.mark.full), ("sdxl", "folder"),
])  # fmt: skip
def test_a_diffusers_folder_is_written_whole(family: str, kind: str, tmp_path: Path) -> None:
    source = on_file(family) if kind == "file" else {}
    run, parts = tuned(tmp_path, family, method__save_model_as="diffusers", **source)
    assert run.file.is_dir() and [path.name for path in run.file.parent.iterdir()] == ["tiny"]
    pipe = pipeline_class(family).from_pretrained(str(run.file), local_files_only=True)
    check_equal(pipe, parts)
    assert pipe.scheduler.config.prediction_type == ("v_prediction" if family == "sd2" else "epsilon")
    assert pipe.tokenizer("a cat")["input_ids"] == [49406, 320, 2368, 49407]


def test_what_a_file_holds_besides_stays_but_for_an_old_average(tmp_path: Path) -> None:
    odd = {"alphas_cumprod": torch.linspace(0, 1, 1000), "model_ema.decay": torch.ones(1), "global_step": torch.ones(1)}
    path = tmp_path / "odd.safetensors"
    save_file({**load_file(base("sd1").file), **odd}, path)
    run = Run(tmp_path, "sd1", **{**TUNE, **on_file("sd1"), "model__base": str(path)}, save__save_precision="fp16")
    run.train()
    after = load_file(run.file)
    assert torch.equal(after["alphas_cumprod"], odd["alphas_cumprod"]) and "global_step" in after
    assert "model_ema.decay" not in after
    types = {name.partition(".")[0]: value.dtype for name, value in after.items() if value.ndim > 1}
    assert types["model"] == types["cond_stage_model"] == torch.float16 and types["first_stage_model"] == torch.float32


@pytest.mark.parametrize("changes", [
    {},
    pytest.param({"method__full_bf16": True}, id="bf16"),
    pytest.param({"method__fused_backward_pass": True, "optimizer__max_grad_norm": 0.0,
                  "optimizer__optimizer_type": "Adafactor"}, id="fused", marks=pytest.mark.full),
    pytest.param({"method__stop_text_encoder_training": 2}, id="stop", marks=pytest.mark.full),
    pytest.param({"train__ema_decay": 0.9}, id="ema", marks=pytest.mark.full),
])  # fmt: skip
@pytest.mark.parametrize("family", ["mini", *(pytest.param(f, marks=pytest.mark.full) for f in ("sd1", "sd2", "sdxl"))])
def test_a_resumed_run_ends_with_the_same_bits(family: str, changes: dict[str, Any], tmp_path: Path) -> None:
    whole = Run(tmp_path / "whole", family, **TUNE, **changes).train()
    cut = Run(tmp_path / "cut", family, **TUNE, **changes)
    trainer = cut.build()
    trainer.one_whole_step(trainer.batches(0))
    trainer._save_state()
    again = Run(tmp_path / "cut", family, **TUNE, **changes).train(resume=True)
    assert same(again.weights, whole.weights)
    assert again.losses == whole.losses[1:]


def test_another_base_model_is_refused_on_a_resume(tmp_path: Path) -> None:
    run = Run(tmp_path, "sd1", **TUNE, **on_file("sd1"))
    trainer = run.build()
    trainer._save_state()
    other = tmp_path / "other.safetensors"
    save_file({name: tensor * 1.01 for name, tensor in load_file(base("sd1").file).items()}, other)
    with pytest.raises(UserError, match="the base model is another file"):
        Run(tmp_path, "sd1", **{**TUNE, **on_file("sd1"), "model__base": str(other)}).build(resume=True)


def test_a_file_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    for name, kind in (("tiny.safetensors", "safetensors"), ("tiny", "diffusers")):
        place = tmp_path / kind / "out" / name
        place.parent.mkdir(parents=True)
        place.write_text("mine")
        with pytest.raises(UserError, match="is there already"):
            Run(tmp_path / kind, **TUNE, method__save_model_as=kind).build()
        assert place.read_text() == "mine"


def test_a_base_that_is_gone_is_said_before_the_first_step(tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    path.write_bytes(base("sd1").file.read_bytes())
    trainer = Run(tmp_path, "sd1", **{**TUNE, **on_file("sd1"), "model__base": str(path)}).build()
    path.unlink()
    with pytest.raises(UserError, match="is gone"):
        trainer.train()
    assert trainer.step == 0


def test_the_text_encoders_stop(tmp_path: Path) -> None:
    def state_after(stop: int | None, steps: int) -> dict[str, Tensor]:
        run = Run(tmp_path / f"{stop}-{steps}", **TUNE, method__stop_text_encoder_training=stop,
                  train__max_train_steps=steps)  # fmt: skip
        trainer = run.build()
        trainer.train()
        assert isinstance(trainer.method, Finetuning)
        return {k: v.clone() for k, v in trainer.method.state().items()}

    def moved(a: dict[str, Tensor], b: dict[str, Tensor]) -> set[str]:
        return {key.partition(".")[0] for key in a if not torch.equal(a[key], b[key])}

    stopped = state_after(2, 2)
    assert moved(stopped, state_after(2, 4)) == {"unet"}
    assert moved(stopped, state_after(None, 4)) == {"unet", "text_encoder"}, "control"
    assert all(key.startswith("unet.") for key in state_after(-1, 1)), "-1: never trained, and no weight of it is kept"


def test_a_lora_is_extracted_on_saving(tmp_path: Path) -> None:
    """Of full rank it is the whole change of the layers that a LoRA can hold."""
    run = Run(tmp_path, "sd1", **TUNE, method__save_model_as="lora", method__extract_dim=64)
    trainer = run.build()
    trainer.train()
    unet = backbone_of(trainer).unet
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    trained = unet.get_parameter(f"{name}.weight").detach().clone()
    assert isinstance(trainer.method, Finetuning)
    with trainer.method.disabled():
        before = unet.get_parameter(f"{name}.weight").detach().clone()
    assert torch.equal(unet.get_parameter(f"{name}.weight"), trained) and not torch.equal(before, trained)
    held, key = load_file(run.file), f"lora_unet_{name.replace('.', '_')}"
    change = held[f"{key}.lora_up.weight"] @ held[f"{key}.lora_down.weight"]
    torch.testing.assert_close(change, trained - before, rtol=1e-4, atol=1e-7)
    about = read_safetensors_header(run.file).metadata
    assert {event.what for event in run.all(Saved)} == {"network", "state"}
    assert about["ss_network_module"] == "networks.lora" and about["modelspec.architecture"].endswith("/lora")
