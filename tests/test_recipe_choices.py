"""What a person chooses, in whole trainings: which parts at which rates, which optimizer, where from, which files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from kohya_like.config import TrainConfig, load
from kohya_like.events import Started, Step
from kohya_like.schema.errors import UserError
from tests.tiny_runs import Run, distance, preset, same, trained

STILL: dict[str, Any] = {"optimizer__learning_rate": 1e-12, "train__max_train_steps": 1}
FULL: dict[str, Any] = {"network__dim": 2, "network__conv_dim": 2}


def metadata(run: Run) -> dict[str, str]:
    with safe_open(run.file, "pt") as file:
        return file.metadata()


def weights_of(file: Path) -> dict[str, Tensor]:
    return {key: value for key, value in load_file(file).items() if not key.endswith("alpha")}


def prefixes(run: Run) -> set[str]:
    return {key.split("_")[1] for key in run.weights}


class TestParts:
    def test_a_rate_for_each_part(self, tmp_path: Path) -> None:
        run = Run(
            tmp_path, "sdxl", optimizer__unet_lr=3e-3, optimizer__text_encoder_lr=[1e-3, 2e-3], train__max_train_steps=1
        )
        run.train()
        rates = {"unet": 3e-3, "text_encoder": 1e-3, "text_encoder_2": 2e-3}
        assert run.all(Started)[0].groups == rates and run.all(Step)[0].lr == rates

    @pytest.mark.parametrize(
        ("family", "changes", "parts"),
        [
            ("sd1", {"network__train_text_encoder": False}, {"unet"}),
            ("sd1", {"network__train_unet": False}, {"te"}),
            ("sd1", {"optimizer__unet_lr": 0.0}, {"te"}),
            ("sdxl", {"optimizer__text_encoder_lr": [0.0, 1e-3]}, {"unet", "te2"}),
            ("sdxl", {"optimizer__text_encoder_lr": 0.0}, {"unet"}),
        ],
    )
    def test_parts_that_are_off_are_not_in_the_file(
        self, tmp_path: Path, family: str, changes: dict[str, Any], parts: set[str]
    ) -> None:
        run = Run(tmp_path, family, **changes, train__max_train_steps=2).train()
        assert prefixes(run) == parts
        moved = [value.abs().max() for key, value in run.weights.items() if "lora_up" in key]
        assert max(moved) > 0

    def test_nothing_to_train_is_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(
            UserError, match="nothing would be trained: every part is switched off or has learning rate 0"
        ):
            Run(tmp_path, optimizer__learning_rate=0.0).build()

    def test_targets(self, tmp_path: Path) -> None:
        run = Run(tmp_path, network__targets=["unet.*.attn2.to_*"], train__max_train_steps=1).train()
        assert prefixes(run) == {"unet"} and all("_attn2_to_" in key for key in run.weights)
        with pytest.raises(UserError, match="no layer"):
            Run(tmp_path / "b", network__targets=["unet.*.nonsense"]).build()


class TestOptimizers:
    @pytest.mark.parametrize("name", ["Lion", "Adafactor", "Prodigy", "AdamWScheduleFree", "SGDNesterov"])
    def test_each_moves_and_resumes(self, tmp_path: Path, name: str) -> None:
        rate = {"Prodigy": 1.0, "Lion": 1e-3, "SGDNesterov": 1.0}.get(name, 1e-2)
        own: dict[str, Any] = {
            "optimizer__optimizer_type": name,
            "optimizer__learning_rate": rate,
            "train__max_train_steps": 4,
        }
        if name == "Adafactor":
            own["optimizer__optimizer_args"] = {"scale_parameter": False, "relative_step": False}
        whole = Run(tmp_path / "a", **own).train()
        assert max(v.abs().max() for k, v in whole.weights.items() if "lora_up" in k) > 0
        first = Run(tmp_path / "b", **own)
        first.reporter.listen(lambda e: first.control.ask("pause") if isinstance(e, Step) and e.step == 2 else None)
        assert first.build().train().reason == "paused"
        second = Run(tmp_path / "b", **own).train(resume=True)
        assert first.losses + second.losses == whole.losses and same(second.weights, whole.weights)

    def test_what_is_not_there_is_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for changes, said in (
            ({"optimizer__optimizer_type": "Adam W"}, "there is no optimizer 'Adam W' (did you mean AdamW?)"),
            ({"optimizer__optimizer_args": {"beta": 1}}, "AdamW has no argument 'beta' (did you mean betas?"),
            ({"optimizer__optimizer_type": "torch.optim.RMSprop"}, "set optimizer.allow_import = true if you trust it"),
            ({"hardware__device": "cuda"}, "there is no GPU that this torch can use"),
        ):
            with pytest.raises(UserError) as caught:
                Run(tmp_path, **changes).build()
            assert said in str(caught.value)
        for module, changes in (
            ("tensorboard", {"save__log_with": "tensorboard"}),
            ("xformers", {"hardware__attention": "xformers"}),
        ):
            monkeypatch.setitem(sys.modules, module, None)
            monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
            with pytest.raises(UserError, match=f"{module}.* is not installed"):
                Run(tmp_path, **changes).build()

    def test_a_class_of_another_package_with_consent(self, tmp_path: Path) -> None:
        own: dict[str, Any] = {"optimizer__optimizer_type": "torch.optim.RMSprop", "optimizer__allow_import": True}
        assert len(Run(tmp_path, **own).train().losses) == 3


class TestContinue:
    def test_from_a_file_with_the_same_settings(self, tmp_path: Path) -> None:
        run = Run(tmp_path, network__weights=str(trained("mini")), **FULL, **STILL).train()
        assert distance(weights_of(run.file), weights_of(trained("mini"))) < 1e-9
        fresh = Run(tmp_path / "b", **FULL, **STILL).train()
        assert run.losses != fresh.losses, "and it is at work from the first step on"

    def test_ranks_and_layers_from_the_file(self, tmp_path: Path) -> None:
        run = Run(
            tmp_path, network__weights=str(trained("mini")), network__dim_from_weights=True, network__dim=64, **STILL
        ).train()  # fmt: skip
        assert run.weights.keys() == load_file(trained("mini")).keys()
        assert distance(weights_of(run.file), weights_of(trained("mini"))) < 1e-9

    @pytest.mark.parametrize("from_file", [False, True])
    def test_a_file_that_trains_more_than_is_set(self, tmp_path: Path, from_file: bool) -> None:
        own: dict[str, Any] = {"network__weights": str(trained("mini")), "network__dim_from_weights": from_file, **FULL}
        for changes, option in (
            ({"network__train_text_encoder": False}, "text_encoder"),
            ({"optimizer__text_encoder_lr": 0.0}, "text_encoder"),
            ({"network__train_unet": False}, "unet"),
        ):
            with pytest.raises(UserError) as caught:
                Run(tmp_path, **own, **changes).build()
            assert f"the file goes on with network.train_{option} = true" in caught.value.hint
        with pytest.raises(UserError) as caught:
            Run(tmp_path, "sdxl", **own).build()
        assert "goes on with" not in caught.value.hint


class TestFiles:
    def test_the_last_n_are_kept(self, tmp_path: Path) -> None:
        run = Run(
            tmp_path, train__max_train_steps=None, train__max_train_epochs=4, train__train_batch_size=4,
            save__save_every_n_epochs=1, save__save_last_n_epochs=2, save__keep_states=1,
        ).train()  # fmt: skip
        out = Path(run.config.save.output_dir)
        assert sorted(path.name for path in out.iterdir()) == [
            "tiny-000002.safetensors", "tiny-000003.safetensors", "tiny.safetensors",
        ]  # fmt: skip
        assert [path.name for path in (run.folder / "checkpoints").iterdir()] == ["state-00000008"]

    @pytest.mark.parametrize(("chosen", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
    def test_number_type(self, tmp_path: Path, chosen: str, dtype: torch.dtype) -> None:
        run = Run(tmp_path, save__save_precision=chosen, train__max_train_steps=1).train()
        assert {value.dtype for value in run.weights.values()} == {dtype}

    def test_a_file_says_how_it_was_made(self, tmp_path: Path) -> None:
        run = Run(
            tmp_path, "sdxl", save__metadata_title="Thing", save__metadata_author="me", save__metadata_tags="a, b",
            save__metadata_license="CC0", save__metadata_description="A thing.", save__metadata_usage_hint="Use it.",
            save__metadata_trigger_phrase="sks thing", save__training_comment="by hand", data__flip_aug=True,
            model__clip_skip=None, train__max_train_steps=2, **FULL,
        ).train()  # fmt: skip
        found = metadata(run)
        wanted = {
            "ss_output_name": "tiny", "ss_network_dim": "2", "ss_network_module": "networks.lora", "ss_steps": "2",
            "ss_learning_rate": "0.01", "ss_base_model_version": "sdxl_base_v1-0", "ss_seed": "5", "ss_v2": "False",
            "ss_training_comment": "by hand", "ss_num_train_images": "8", "ss_mixed_precision": "no",
            "modelspec.title": "Thing", "modelspec.author": "me", "modelspec.tags": "a, b", "modelspec.license": "CC0",
            "modelspec.description": "A thing.", "modelspec.usage_hint": "Use it.",
            "modelspec.trigger_phrase": "sks thing",
            "modelspec.architecture": "stable-diffusion-xl-v1-base/lora", "modelspec.resolution": "64x64",
        }  # fmt: skip
        assert {key: found.get(key) for key in wanted} == wanted
        assert len(found["sshs_model_hash"]) == 64 and "red square" in found["ss_tag_frequency"]

    def test_or_says_little(self, tmp_path: Path) -> None:
        run = Run(tmp_path, save__no_metadata=True, train__max_train_steps=1).train()
        found = metadata(run)
        assert "ss_tag_frequency" not in found and "ss_seed" not in found and "ss_dataset_dirs" not in found
        assert found["ss_network_dim"] == "2"

    def test_the_file_is_the_same_for_the_same_seed(self, tmp_path: Path) -> None:
        a, b = Run(tmp_path / "a").train(), Run(tmp_path / "b").train()
        assert same(a.weights, b.weights)
        assert not same(Run(tmp_path / "c", train__seed=6).train().weights, a.weights)


class TestPrecisionsThatCannotGoTogether:
    @pytest.mark.parametrize(("base", "mixed"), [("fp16", "no"), ("fp16", "bf16"), ("bf16", "fp16")])
    def test_refused(self, tmp_path: Path, base: str, mixed: str) -> None:
        with pytest.raises(UserError, match=f'train: base_precision = "{base}"'):
            load(preset(tmp_path, train__base_precision=base, train__mixed_precision=mixed))

    def test_the_others_are_fine(self) -> None:
        for base, mixed in (("fp32", "fp16"), ("fp16", "fp16"), ("auto", "fp16"), ("bf16", "no"), ("fp32", "bf16")):
            TrainConfig.model_validate({"train": {"base_precision": base, "mixed_precision": mixed}})


def test_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        Run(tmp_path, hardware__threads=3).build()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_compiled_unet_takes_the_place_of_the_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled for real, the same three steps took eight minutes on a core and gave the same losses within 1e-4."""

    class Compiled(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.calls = inner, 0

        def forward(self, *args: Any, **more: Any) -> Any:
            self.calls += 1
            return self.inner(*args, **more)

    monkeypatch.setattr(torch, "compile", Compiled)
    run = Run(tmp_path / "a", hardware__torch_compile=True)
    trainer = run.build()
    trainer.train()
    assert trainer.learner._backbone.unet.calls == 3  # type: ignore[attr-defined]
    assert run.losses == Run(tmp_path / "b").train().losses
