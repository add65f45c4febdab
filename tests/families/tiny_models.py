"""Tiny random SD1, SD2 and SDXL models as diffusers folders and as single files; the real topology, small widths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.base import family as family_named
from kohya_like.families.components import build_text_encoder, build_unet, build_vae
from kohya_like.formats.ldm import to_ldm

FAMILIES = ("sd1", "sd2", "sdxl")
DOWN, DOWN_ATTENTION = "DownBlock2D", "CrossAttnDownBlock2D"
UP, UP_ATTENTION = "UpBlock2D", "CrossAttnUpBlock2D"


def configs(family: str) -> dict[str, dict[str, Any]]:
    """Component configs by part. SDXL's text encoders have different widths: so diffusers tells them apart."""
    unet: dict[str, Any] = {
        "block_out_channels": [16, 32, 32, 32], "cross_attention_dim": 16, "attention_head_dim": 4,
        "norm_num_groups": 4, "sample_size": 8, "use_linear_projection": family != "sd1",
        "down_block_types": [DOWN_ATTENTION] * 3 + [DOWN], "up_block_types": [UP] + [UP_ATTENTION] * 3,
    }  # fmt: skip
    vae = {
        "block_out_channels": [8, 16, 16, 16], "norm_num_groups": 4, "latent_channels": 4, "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
        "scaling_factor": {"sdxl": 0.13025}.get(family, 0.18215), "sample_size": 64,
    }  # fmt: skip
    if family != "sdxl":
        act = "gelu" if family == "sd2" else "quick_gelu"
        return {"unet": unet, "vae": vae, "text_encoder": clip(16, 3, act)}
    unet |= {
        "block_out_channels": [16, 32, 32], "transformer_layers_per_block": [1, 2, 3], "cross_attention_dim": 16 + 24,
        "down_block_types": [DOWN, DOWN_ATTENTION, DOWN_ATTENTION], "up_block_types": [UP_ATTENTION, UP_ATTENTION, UP],
        "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 24,
    }  # fmt: skip
    return {"unet": unet, "vae": vae, "text_encoder": clip(16, 3), "text_encoder_2": clip(24, 4, "gelu")}


def clip(width: int, layers: int, act: str = "quick_gelu") -> dict[str, Any]:
    return {
        "vocab_size": 49408, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers,
        "num_attention_heads": 4, "hidden_act": act, "projection_dim": width, "max_position_embeddings": 77,
    }  # fmt: skip


def modules(family: str, seed: int = 0) -> dict[str, nn.Module]:
    """Random parts; weights are larger than a fresh network's, so that every one of them can be seen in an output."""
    torch.manual_seed(seed)
    made: dict[str, nn.Module] = {}
    for part, config in configs(family).items():
        build = {"unet": build_unet, "vae": build_vae}.get(part)
        made[part] = build(config) if build else build_text_encoder(config, projection=part == "text_encoder_2")
        with torch.no_grad():
            for parameter in made[part].parameters():
                parameter += 0.02 * torch.randn(parameter.shape)
    return {part: module.eval().requires_grad_(False) for part, module in made.items()}


def write_folder(folder: Path, family: str, parts: dict[str, nn.Module]) -> Path:
    """A diffusers folder as diffusers itself writes it, tokenizers included."""
    for part, module in parts.items():
        module.save_pretrained(folder / part)
    index: dict[str, Any] = {part: [type(m).__module__.split(".")[0], type(m).__name__] for part, m in parts.items()}
    for spec in family_named(family).text_encoders:
        name = spec.part.replace("text_encoder", "tokenizer")
        index[name] = ["transformers", "CLIPTokenizer"]
        write_tokenizer(folder / name, "!" if spec.pad_id == 0 else "<|endoftext|>")
    prediction = "v_prediction" if family == "sd2" else "epsilon"
    write_json(folder / "scheduler" / "scheduler_config.json", {
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1, "prediction_type": prediction,
    })  # fmt: skip
    index["scheduler"] = ["diffusers", "DDIMScheduler"]
    index["_class_name"] = "StableDiffusionXLPipeline" if family == "sdxl" else "StableDiffusionPipeline"
    if family != "sdxl":
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    write_json(folder / "model_index.json", index)
    return folder


def write_tokenizer(folder: Path, pad: str) -> None:
    tokenizer = clip_tokenizer()
    write_json(folder / "vocab.json", tokenizer.ids)
    merges = "\n".join(" ".join(pair) for pair in tokenizer.merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": pad,
    })  # fmt: skip


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def single_file(family: str, parts: dict[str, nn.Module]) -> dict[str, Tensor]:
    """All parts under the names of the original code."""
    tensors: dict[str, Tensor] = {}
    for part, module in parts.items():
        state = module.state_dict()
        tensors |= {n: p.tensor(state.__getitem__).clone() for n, p in to_ldm(part, family, state).items()}
    return tensors


def config_folder(folder: Path, family: str) -> Path:
    for part, config in configs(family).items():
        write_json(folder / part / "config.json", config)
    return folder
