"""The layers of a model out of the names and shapes in its file: enough to find and change them, no model is built.

Weights are empty: a layer gets its own for the moment in which a change is made of it (`merging.lent`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]
_EMBEDDINGS = ("token_embedding", "position_embedding")
# class names by which presets choose layers: diffusers' and transformers'
_CLASSES = (
    (r"attentions\.\d+", "Transformer2DModel"), (r"resnets\.\d+", "ResnetBlock2D"),
    (r"downsamplers\.\d+", "Downsample2D"), (r"upsamplers\.\d+", "Upsample2D"),
    (r"transformer_blocks\.\d+", "BasicTransformerBlock"), (r"attn[12]", "Attention"), (r"ff", "FeedForward"),
    (r"time_embedding|add_embedding", "TimestepEmbedding"), (r"down_blocks\.\d+", "DownBlock2D"),
    (r"up_blocks\.\d+", "UpBlock2D"), (r"mid_block", "UNetMidBlock2DCrossAttn"), (r"layers\.\d+", "CLIPEncoderLayer"),
    (r"self_attn", "CLIPAttention"), (r"mlp", "CLIPMLP"), (r"encoder", "CLIPEncoder"),
)  # fmt: skip
_KNOWN = re.compile("|".join(rf"(?P<c{i}>(?:.*\.)?(?:{pattern}))" for i, (pattern, _) in enumerate(_CLASSES)))
_TYPES = {name: type(name, (nn.Module,), {}) for _, name in _CLASSES}


def skeleton(shapes: Mapping[str, Shape]) -> nn.Module:
    """Modules under diffusers' paths, with layers where the names tell of Linear, Conv2d or a normalisation."""
    root = nn.Module()
    for name, shape in shapes.items():
        path, _, last = name.rpartition(".")
        if last == "weight" and path and not path.endswith(_EMBEDDINGS):
            layer = _layer(path, shape, f"{path}.bias" in shapes)
            if layer is not None:
                _place(root, path, layer)
    return root


def _layer(path: str, shape: Shape, bias: bool) -> nn.Module | None:
    with torch.device("meta"):
        layer: nn.Module
        if len(shape) == 2:
            layer = nn.Linear(shape[1], shape[0], bias=bias)
        elif len(shape) == 4:
            padding = tuple(size // 2 for size in shape[2:])
            layer = nn.Conv2d(shape[1], shape[0], shape[2:], padding=padding, bias=bias)  # type: ignore[arg-type]
        elif len(shape) == 1:
            in_transformer = "transformer_blocks" in path or "layer_norm" in path
            layer = nn.LayerNorm(shape[0], bias=bias) if in_transformer else nn.GroupNorm(1, shape[0])
        else:
            return None
    for name, parameter in list(layer.named_parameters()):
        setattr(layer, name, nn.Parameter(_empty(parameter.shape), requires_grad=False))
    return layer


def _empty(shape: torch.Size) -> Tensor:
    """Zeros of any size in the memory of one number."""
    return torch.zeros(()).expand(shape)


def _place(root: nn.Module, path: str, layer: nn.Module) -> None:
    words = path.split(".")
    here = root
    for i, word in enumerate(words[:-1]):
        if word not in here._modules:
            match = _KNOWN.fullmatch(".".join(words[: i + 1]))
            kind = _CLASSES[int(match.lastgroup[1:])][1] if match and match.lastgroup else ""
            here.add_module(word, _TYPES[kind]() if kind else nn.Module())
        here = here._modules[word]  # type: ignore[assignment]
    here.add_module(words[-1], layer)
