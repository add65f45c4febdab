"""A network's tensors under the names of other programs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kohya_like.formats.kohya_keys import lora_names
from kohya_like.tools.names import LayerName, layer_name

Spelling = Callable[[LayerName, str, str], str]  # layer, name of the tensor, family -> key
_DIFFUSERS = {"lora_down.weight": "lora.down.weight", "lora_up.weight": "lora.up.weight", "alpha": "alpha"}
_PEFT = {"lora_down.weight": "lora_A.weight", "lora_up.weight": "lora_B.weight"}


def _kohya(layer: LayerName, tensor: str, family: str) -> str:
    return f"{layer.kohya(family)}.{tensor}"


def _other_unet(layer: LayerName, tensor: str, family: str) -> str:
    """diffusers' names for SDXL, those of the original code for the others."""
    return f"{lora_names(layer.part, layer.path, family)[-1 if layer.part == 'unet' else 0]}.{tensor}"


def _without_text_model(layer: LayerName, tensor: str, family: str) -> str:
    return f"{layer.kohya(family).replace('_text_model', '')}.{tensor}"


def _lycoris(layer: LayerName, tensor: str, family: str) -> str:
    return f"{layer.kohya(family).replace('lora_', 'lycoris_', 1)}.{tensor}"


def _lycoris_bare(layer: LayerName, tensor: str, family: str) -> str:
    if layer.part == "unet":
        return f"lycoris_{layer.path.replace('.', '_')}.{tensor}"
    return _lycoris(layer, tensor, family)


def _diffusers(layer: LayerName, tensor: str, family: str) -> str:
    return f"{layer.peft()}.{_DIFFUSERS.get(tensor, tensor)}"


def _peft(layer: LayerName, tensor: str, family: str) -> str:
    return f"{layer.peft()}.{_PEFT.get(tensor, tensor)}"


SPELLINGS: dict[str, Spelling] = {
    "kohya": _kohya, "other unet": _other_unet, "without text_model": _without_text_model, "lycoris": _lycoris,
    "lycoris wrapper": _lycoris_bare, "diffusers": _diffusers, "peft": _peft,
}  # fmt: skip
OF_EVERY_KIND = ("kohya", "other unet", "without text_model", "lycoris", "lycoris wrapper")


def respelt(tensors: dict[str, Tensor], style: str, family: str) -> dict[str, Tensor]:
    found = {SPELLINGS[style](*layer_name(key), family): value.clone() for key, value in tensors.items()}
    assert len(found) == len(tensors)
    return found


def processors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As diffusers wrote attention before 0.18, without alphas: their scale is in the up matrices."""
    found = {}
    for key, value in tensors.items():
        layer, tensor = layer_name(key)
        path, _, last = layer.path.removesuffix(".0").rpartition(".")
        if tensor == "alpha" or last not in ("to_q", "to_k", "to_v", "to_out"):
            continue
        down = tensors[f"{key.partition('.')[0]}.lora_down.weight"]
        scale = float(tensors[f"{key.partition('.')[0]}.alpha"]) / down.shape[0] if "up" in tensor else 1.0
        side = tensor.removeprefix("lora_")
        found[f"{layer.part}.{path}.processor.{last}_lora.{side}"] = torch.mul(value, scale)
    return found
