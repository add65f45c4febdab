"""Whose network is it? The family a network file is for, by its names, its widths, then its metadata. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

Shape = tuple[int, ...]
LABELS = {"sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "sdxl": "Stable Diffusion XL"}
WIDTH_FAMILY = {768: "sd1", 1024: "sd2", 1280: "sdxl", 2048: "sdxl"}
CROSS_WIDTH_FAMILY = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
_VERSION_FAMILY = {
    "sdxl": "sdxl", "sd_v1": "sd1", "sd_v2": "sd2",  # ss_base_model_version
    "stable-diffusion-xl": "sdxl", "stable-diffusion-v1": "sd1", "stable-diffusion-v2": "sd2",  # modelspec
}  # fmt: skip
_ONLY_SDXL = ("lora_te2_", "lycoris_te2_", "text_encoder_2.")
_ORIGINAL_NAME = re.compile(r"lora_unet_(input_blocks|output_blocks|middle_block)_")
_FOUR_LEVELS = re.compile(r"lora_unet_(input_blocks_[12]_1|output_blocks_(9|10|11)_\d)_")  # SDXL has three, none on top
_DOWN = (
    ".lora_down.weight", ".lora_A.weight", ".lora_A.default.weight", ".lora.down.weight", "_lora.down.weight",
    ".lora_linear_layer.down.weight",
)  # fmt: skip
_INPUT_IS_SECOND = (*_DOWN, ".hada_w1_b", ".diff", ".a2.weight")  # tensors [*, I, ...] of a linear layer
_OF_TEXT = re.compile(r"text_model[._]encoder[._]layers[._]0[._](self_attn[._]q_proj|layer_norm1)\.")


def adapter_family(shapes: Mapping[str, Shape], metadata: Mapping[str, str]) -> str:
    """ "sd1", "sd2", "sdxl", or "" where nothing tells.

    From names only SDXL has, then the width of the prompt in cross attention, then what the metadata says.
    """
    if any(name.startswith(_ONLY_SDXL) for name in shapes):
        return "sdxl"
    for name, shape in shapes.items():
        flat = name.replace(".", "_")
        if "attn2_to_k" in flat and (family := CROSS_WIDTH_FAMILY.get(_inputs(name, shape, shapes), "")):
            return family
        if "transformer_blocks_2_" in flat and "down_blocks" in flat:
            return "sdxl"  # only SDXL stacks more than one transformer block
    if any(_ORIGINAL_NAME.match(name) for name in shapes) and not any(_FOUR_LEVELS.match(name) for name in shapes):
        return "sdxl"  # the others' files seldom have the original code's names
    version = metadata.get("ss_base_model_version", "") or metadata.get("modelspec.architecture", "")
    for start, family in _VERSION_FAMILY.items():
        if version.startswith(start):
            return family
    return _by_projection(shapes)


def _inputs(name: str, shape: Shape, shapes: Mapping[str, Shape]) -> int:
    """How many numbers the layer of this tensor reads; 0 where the tensor does not tell."""
    if name.endswith(_INPUT_IS_SECOND):
        return shape[1] if len(shape) > 1 else 0
    stem, _, tensor = name.rpartition(".")
    if tensor in ("lokr_w2", "lokr_w2_b") and len(shape) > 1:
        small = shapes.get(f"{stem}.lokr_w1") or shapes.get(f"{stem}.lokr_w1_b") or ()
        return small[1] * shape[1] if len(small) > 1 else 0
    return 0


def _by_projection(shapes: Mapping[str, Shape]) -> str:
    """SD1 projects into its transformers by 1x1 convolutions (4-D), SD2 by linear layers (2-D)."""
    for name, shape in shapes.items():
        if "attentions_0_proj_in." in name and name.endswith((*_DOWN, ".diff")):
            return "sd1" if len(shape) == 4 else "sd2"
        if _OF_TEXT.search(name) and (family := WIDTH_FAMILY.get(_text_width(name, shape, shapes), "")):
            return family
    return ""


def _text_width(name: str, shape: Shape, shapes: Mapping[str, Shape]) -> int:
    if inputs := _inputs(name, shape, shapes):
        return inputs
    if name.endswith(".oft_blocks"):
        return prod(shape[-3:-1])
    return shape[0] if name.endswith((".weight", ".w_norm")) and len(shape) == 1 else 0
