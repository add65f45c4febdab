"""Whole trainings on tiny random models of each family: the file holds what was trained, for diffusers as for us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import Tensor

from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.events import Started
from kohya_like.families.backbone import Backbone
from kohya_like.schema.errors import UserError
from kohya_like.trainer import Trainer
from tests.tiny_runs import CAPTIONS, Run, base, distance, make_pictures

LIMIT = 1e-5  # of the largest difference, beside the largest number
TEXTS = [*CAPTIONS[:2], ""]
CONV: dict[str, Any] = {"network__dim": 3, "network__alpha": 2.0, "network__conv_dim": 2, "network__conv_alpha": 1.5}
STRONG: dict[str, Any] = {**CONV, "optimizer__learning_rate": 0.05}
Added = dict[str, Tensor] | None


def backbone_of(trainer: Trainer) -> Backbone:
    return trainer.learner._backbone  # type: ignore[attr-defined]


def unet_inputs(width: int, pooled: int = 0) -> tuple[Tensor, Tensor, Tensor, Added]:
    generator = torch.Generator().manual_seed(11)
    context = torch.randn(2, 77, width, generator=generator)
    added = {
        "text_embeds": torch.randn(2, pooled, generator=generator),
        "time_ids": torch.tensor([[64, 48, 8, 0, 32, 40], [512, 768, 0, 16, 64, 64]]).float(),
    }
    return torch.randn(2, 4, 8, 8, generator=generator), torch.tensor([5, 700]), context, added if pooled else None


@torch.no_grad()
def ours(backbone: Backbone) -> dict[str, Tensor]:
    """What the trained model computes here."""
    encoded = backbone.encode_prompts([tokenize(text, clip_tokenizer()) for text in TEXTS])
    found = {"hidden": encoded.hidden} | ({"pooled": encoded.pooled} if encoded.pooled is not None else {})
    return found | {"unet": of_unet(backbone.unet, 0 if encoded.pooled is None else encoded.pooled.shape[1])}


def pipeline(folder: Path) -> Any:
    kind: Any = StableDiffusionXLPipeline if (folder / "text_encoder_2").is_dir() else StableDiffusionPipeline
    return kind.from_pretrained(folder, local_files_only=True)


@torch.no_grad()
def theirs(pipe: Any) -> dict[str, Tensor]:
    """What a pipeline of diffusers computes."""
    if not hasattr(pipe, "text_encoder_2"):
        hidden = pipe.encode_prompt(TEXTS, "cpu", 1, False)[0]
        return {"hidden": hidden, "unet": of_unet(pipe.unet, 0)}
    hidden, _, pooled, _ = pipe.encode_prompt(TEXTS, device="cpu", do_classifier_free_guidance=False)
    return {"hidden": hidden, "pooled": pooled, "unet": of_unet(pipe.unet, pooled.shape[1])}


def of_unet(unet: Any, pooled: int) -> Tensor:
    latents, t, context, added = unet_inputs(unet.config.cross_attention_dim, pooled)
    return unet(latents, t, encoder_hidden_states=context, added_cond_kwargs=added).sample


def error(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, float]:
    assert found.keys() == wanted.keys()
    return {k: float((found[k] - wanted[k]).abs().max() / wanted[k].abs().max()) for k in wanted}


@pytest.mark.parametrize("family", ["sd1", pytest.param("sd2-eps", marks=pytest.mark.full), "sd2", "sdxl"])
def test_a_trained_file_computes_the_same_in_diffusers(family: str, tmp_path: Path) -> None:
    run = Run(tmp_path, family, **STRONG)
    trainer = run.build()
    trainer.train()
    parts = {"sdxl": ["unet", "text_encoder", "text_encoder_2"]}.get(family, ["unet", "text_encoder"])
    assert list(run.all(Started)[0].groups) == parts
    prefixes = {key.split("_")[1] for key in run.weights}
    assert prefixes == ({"unet", "te1", "te2"} if family == "sdxl" else {"unet", "te"})
    assert any(value.shape[2:] == (3, 3) for value in run.weights.values())
    assert backbone_of(trainer).prediction_type == ("v_prediction" if family == "sd2" else "epsilon")
    here, pipe = ours(backbone_of(trainer)), pipeline(base(family).folder)
    assert min(error(theirs(pipe), here).values()) > 100 * LIMIT, "control: without the network nothing is equal"
    pipe.load_lora_weights(str(run.file.parent), weight_name=run.file.name)
    assert max(error(theirs(pipe), here).values()) <= LIMIT


@pytest.mark.parametrize("family", ["sd1", pytest.param("sd2", marks=pytest.mark.full), "sdxl"])
def test_a_single_file_trains_as_its_folder_does(family: str, tmp_path: Path) -> None:
    """The same numbers in the layout of the original code; SD2's prediction type has to be said."""
    told = base(family)
    more = {"model__prediction_type": "v_prediction"} if family == "sd2" else {}
    folder = Run(tmp_path / "a", family, **CONV).train()
    single = Run(
        tmp_path / "b", family, model__base=str(told.file), model__config_folder=str(told.configs), **CONV, **more
    ).train()
    assert single.losses == pytest.approx(folder.losses, rel=1e-5), "the order of sums differs with the layout"
    assert distance(single.weights, folder.weights) < 1e-3
    other = Run(tmp_path / "c", family, train__seed=6, **CONV).train()
    assert other.losses != pytest.approx(folder.losses, rel=1e-3), "control"


class TestGeometry:
    """SDXL is told the true size, the true crop and the bucket, and each number stands in its place."""

    def seen(self, tmp_path: Path, size: tuple[int, int], **changes: Any) -> list[list[float]]:
        """`time_ids` of each batch, of one picture."""
        pictures = make_pictures(tmp_path / "pictures", {"a thing": size}, "1_thing")
        trainer = Run(
            tmp_path, "sdxl", data__train_data_dir=str(pictures), train__max_train_steps=4,
            data__min_bucket_reso=32, **{"data__bucket_reso_steps": 8, **changes},
        ).build()  # fmt: skip
        rows: list[list[float]] = []

        def record(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
            rows.extend(kwargs["added_cond_kwargs"]["time_ids"].tolist())

        backbone_of(trainer).unet.register_forward_pre_hook(record, with_kwargs=True)
        trainer.train()
        return rows

    def test_original_crop_and_target(self, tmp_path: Path) -> None:
        """200x80 is shrunk to 100x40 (the area of 64x64) and cut to 96x40 in the middle; heights come first."""
        rows = self.seen(tmp_path, (200, 80))
        assert rows == [[80, 200, 0, 2, 40, 96]] * 4

    def test_random_crops_and_flips_move_the_origin(self, tmp_path: Path) -> None:
        rows = self.seen(
            tmp_path, (200, 100), data__random_crop=True, data__cache_latents=False, data__bucket_reso_steps=32,
            data__enable_bucket=False,
        )  # fmt: skip
        assert {tuple(row[:2]) for row in rows} == {(100.0, 200.0)}
        assert {tuple(row[4:]) for row in rows} == {(64.0, 64.0)}
        assert {row[2] for row in rows} == {0.0}
        assert len({row[3] for row in rows}) > 2, "the left edge is drawn anew each time"


class TestPrecision:
    def dtypes(self, tmp_path: Path, **changes: Any) -> dict[str, set[torch.dtype]]:
        """Number types met in a step: outputs of one Linear, base weights, trained weights, loss inputs."""
        trainer = Run(tmp_path, train__max_train_steps=1, **changes).build()
        backbone, seen = backbone_of(trainer), set()
        linear = backbone.unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q")
        linear.register_forward_hook(lambda module, args, output: seen.add(output.dtype))
        trainer.train()
        groups = trainer.optimization.optimizer.param_groups
        return {
            "forward": seen,
            "base": {p.dtype for p in backbone.unet.parameters()},
            "encoder": {p.dtype for p in backbone.part("text_encoder").parameters()},
            "trained": {p.dtype for group in groups for p in group["params"]},
        }

    @pytest.mark.parametrize(
        ("mixed", "kept", "forward", "weights"),
        [
            ("no", "auto", torch.float32, torch.float32),
            ("bf16", "auto", torch.bfloat16, torch.bfloat16),
            ("bf16", "fp32", torch.bfloat16, torch.float32),
            ("no", "bf16", torch.bfloat16, torch.bfloat16),
        ],
    )
    def test_what_was_asked_for_is_what_computes(
        self, tmp_path: Path, mixed: str, kept: str, forward: torch.dtype, weights: torch.dtype
    ) -> None:
        found = self.dtypes(tmp_path, train__mixed_precision=mixed, train__base_precision=kept)
        only = {"forward": {forward}, "base": {weights}, "encoder": {weights}, "trained": {torch.float32}}
        assert found == only

    def test_fp16_on_a_cpu_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"train.mixed_precision = fp16 has no effect on a CPU"):
            Run(tmp_path, train__mixed_precision="fp16").build()
