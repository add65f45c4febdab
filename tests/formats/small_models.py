"""Tiny random Stable Diffusion models of the three families, with the real ones' topology."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import kohya_like
from kohya_like.formats.ldm import to_ldm

ASSETS = Path(kohya_like.__file__).parent / "families" / "assets"
FAMILIES = ("sd1", "sd2", "sdxl")
_WORDS = 514


@dataclass(frozen=True)
class Models:
    family: str
    parts: dict[str, nn.Module]

    def ldm_file(self) -> dict[str, Tensor]:
        """All parts in the single-file layout, by the map under test."""
        tensors: dict[str, Tensor] = {}
        for part, module in self.parts.items():
            state = module.state_dict()
            tensors |= {n: p.tensor(state.__getitem__).clone() for n, p in to_ldm(part, self.family, state).items()}
        return tensors


def tiny_models(family: str, seed: int = 0) -> Models:
    torch.manual_seed(seed)
    cross = {"sd1": 32, "sd2": 32, "sdxl": 72}[family]
    attention, plain = ("CrossAttnDownBlock2D", "DownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
    unet: dict[str, Any] = {
        "block_out_channels": (32, 64, 64, 64), "cross_attention_dim": cross, "attention_head_dim": 8,
        "norm_num_groups": 8, "sample_size": 8, "use_linear_projection": family != "sd1",
        "down_block_types": (attention[0],) * 3 + (attention[1],), "up_block_types": (plain[1],) + (plain[0],) * 3,
    }  # fmt: skip
    if family == "sdxl":
        unet |= {
            "block_out_channels": (32, 64, 64), "transformer_layers_per_block": (1, 2, 3),
            "down_block_types": (attention[1], attention[0], attention[0]),
            "up_block_types": (plain[0], plain[0], plain[1]), "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 40,
        }  # fmt: skip
    parts: dict[str, Any] = {"unet": UNet2DConditionModel(**unet), "vae": _vae()}
    if family == "sdxl":
        # different widths: diffusers tells the two text encoders apart by nothing else
        parts["text_encoder"] = CLIPTextModel(_clip(32, 3))
        parts["text_encoder_2"] = CLIPTextModelWithProjection(_clip(40, 4, act="gelu"))
    else:
        parts["text_encoder"] = CLIPTextModel(_clip(32, 23, "gelu") if family == "sd2" else _clip(32, 3))
    return Models(family, {name: module.eval().requires_grad_(False) for name, module in parts.items()})


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16, 16, 16),
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )


def _clip(width: int, layers: int, act: str = "quick_gelu") -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=_WORDS, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=4, hidden_act=act, projection_dim=width, bos_token_id=_WORDS - 2, eos_token_id=_WORDS - 1,
    )  # fmt: skip


def write_config_folder(folder: Path, models: Models) -> Path:
    """What diffusers' from_single_file needs offline: configs, a scheduler, tokenizers; no weights."""
    xl = models.family == "sdxl"
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline",
        "_diffusers_version": "0.36.0",
        "scheduler": ["diffusers", "DDIMScheduler"],
    }
    part: str
    module: Any
    for part, module in models.parts.items():
        (folder / part).mkdir(parents=True)
        config = module.config
        text = config.to_json_string() if hasattr(config, "to_json_string") else module.to_json_string()
        (folder / part / "config.json").write_text(text)
        library = "transformers" if part.startswith("text") else "diffusers"
        index[part] = [library, type(module).__name__]
        if part.startswith("text"):
            name = part.replace("text_encoder", "tokenizer")
            _write_tokenizer(folder / name)
            index[name] = ["transformers", "CLIPTokenizer"]
    if not xl:
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None]}
    scheduler: Any = DDIMScheduler()
    scheduler.save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _write_tokenizer(folder: Path) -> None:
    folder.mkdir()
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    settings = {
        "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def same_tensors(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Same names, same types, no difference at all."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


@cache
def real_state(family: str, part: str) -> dict[str, Tensor]:
    """The state dict of a real-size part on the meta device: names and shapes without memory."""
    config = json.loads((ASSETS / family / part / "config.json").read_text())
    with torch.device("meta"):
        if part == "unet":
            return UNet2DConditionModel.from_config(config).state_dict()
        if part == "vae":
            return AutoencoderKL.from_config(config).state_dict()
        clip = CLIPTextModelWithProjection if part == "text_encoder_2" else CLIPTextModel
        state = clip(CLIPTextConfig.from_dict(config)).state_dict()
    return {name if name.startswith("text_") else f"text_model.{name}": value for name, value in state.items()}
