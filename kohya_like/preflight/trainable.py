"""What would be trained: layers and numbers of each part, counted from the model's shapes. No torch.

The rule of `networks.targets` (kohya's: layers below modules of certain classes) is applied to paths, because a file
knows no classes; diffusers' paths tell them. A test holds the counts against networks made of real modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

from kohya_like.methods.options import MethodOptions
from kohya_like.networks.base import InputResidual, LayerShape, NetworkAlgorithm, ParamSpec, WeightDelta
from kohya_like.networks.presets import PRESETS
from kohya_like.networks.selection import Place, select
from kohya_like.preflight.shapes import Shape, Shapes
from kohya_like.schema.errors import Fault

# How a path shows that it stands in a module of this class.
CLASS_PATHS = {
    "Transformer2DModel": r"\.attentions\.\d+\.",
    "BasicTransformerBlock": r"\.transformer_blocks\.\d+\.",
    "Attention": r"\.attn[12]\.",
    "ResnetBlock2D": r"\.resnets\.\d+\.",
    "Downsample2D": r"\.downsamplers\.\d+\.",
    "Upsample2D": r"\.upsamplers\.\d+\.",
    "CLIPAttention": r"\.self_attn\.",
    "CLIPSdpaAttention": r"\.self_attn\.",
    "CLIPMLP": r"\.mlp\.",
    "CLIPEncoderLayer": r"\.layers\.\d+\.",
}
_NO_LAYER = re.compile(r"(^|\.)(token_embedding|position_embedding)$")


@dataclass(frozen=True)
class TrainedPart:
    """One part of the model: "unet", "text_encoder", ... `layers` is 0 where nothing of it is trained."""

    part: str
    layers: int
    parameters: int


def count_trained(
    method: MethodOptions, algorithm: NetworkAlgorithm, shapes: Mapping[str, Shapes]
) -> list[TrainedPart]:
    """Layers and trained numbers of each part that the options switch on; the VAE is never trained."""
    parts = [part for part in shapes if part != "vae" and method.trains(part, algorithm)]
    nets = network_sizes(algorithm, shapes, parts) if method.uses_network else {}
    found = []
    for part in parts:
        layers, numbers = method.own_numbers(part, shapes[part])
        sizes = nets.get(part, [])
        found.append(TrainedPart(part, layers + len(sizes), numbers + sum(sizes)))
    return found


def network_sizes(
    algorithm: NetworkAlgorithm, shapes: Mapping[str, Shapes], parts: Iterable[str]
) -> dict[str, list[int]]:
    """The trained numbers of each net that a part gets."""
    sizes: dict[str, list[int]] = {part: [] for part in parts if algorithm.trains(part)}
    if isinstance(algorithm, WeightDelta):
        for chosen in select(algorithm, places(algorithm, shapes, sizes))[0]:
            own = chosen.algorithm
            size = _size(own, own.parameters(chosen.place.shape)) if chosen.rate else 0
            sizes[chosen.place.part].append(size)
    elif isinstance(algorithm, InputResidual) and "unet" in sizes:
        widths = algorithm.chosen(context_widths(shapes["unet"]))
        sizes["unet"] = [_size(algorithm, algorithm.parameters(width)) for width in widths]
    return sizes


def choice_faults(algorithm: NetworkAlgorithm, shapes: Mapping[str, Shapes], parts: Iterable[str]) -> list[Fault]:
    """What is wrong with rules and lists for blocks, given the parts that are trained."""
    if not (isinstance(algorithm, WeightDelta) and algorithm.has_layer_options) or algorithm.dim_from_weights:
        return []
    if not shapes.get("unet"):  # then nobody knows the family's blocks
        return []
    return select(algorithm, places(algorithm, shapes, parts))[1]


def places(algorithm: WeightDelta, shapes: Mapping[str, Shapes], parts: Iterable[str]) -> list[Place]:
    """All layers of these parts, and whether the network's targets choose them."""
    return [
        Place(part, path, shape, is_chosen(algorithm, part, path, shape))
        for part in parts
        for path, shape in layers_of(shapes[part])
    ]


def layers_of(tensors: Shapes) -> Iterator[tuple[str, LayerShape]]:
    """Linear layers, convolutions and norms: weights of two, four or one dimension that are no embedding."""
    for name, shape in tensors.items():
        path, _, kind = name.rpartition(".")
        if kind == "weight" and len(shape) in (1, 2, 4) and not _NO_LAYER.search(path):
            yield path, _layer(shape, f"{path}.bias" in tensors)


def is_chosen(algorithm: WeightDelta, part: str, path: str, shape: LayerShape) -> bool:
    if not isinstance(algorithm.targets, str):
        name = f"{part}.{path}"
        wanted = [pattern for pattern in algorithm.targets if not pattern.startswith("!")] or ["*"]
        unwanted = [pattern[1:] for pattern in algorithm.targets if pattern.startswith("!")]
        return any(fnmatchcase(name, p) for p in wanted) and not any(fnmatchcase(name, p) for p in unwanted)
    preset = PRESETS[algorithm.targets]
    if shape.is_wide and not preset.wide:
        return False
    if part == "unet" and path in preset.unet_paths:
        return True
    classes = preset.classes(part, algorithm.trains_convolutions)
    return any(re.search(CLASS_PATHS[name], f".{path}.") for name in classes)


def _layer(shape: Shape, bias: bool) -> LayerShape:
    if len(shape) == 1:  # a group or layer norm: a file does not tell, and nothing that is counted depends on it
        return LayerShape("layernorm", shape[0], shape[0], bias=bias)
    if len(shape) == 2:
        return LayerShape("linear", shape[0], shape[1], bias=bias)
    return LayerShape("conv2d", shape[0], shape[1], tuple(shape[2:]), bias=bias)


def _size(algorithm: NetworkAlgorithm, specs: Mapping[str, ParamSpec]) -> int:
    return sum(prod(spec.shape) for name, spec in specs.items() if name not in algorithm.frozen)


def context_widths(tensors: Shapes) -> list[int]:
    """One net for the keys and one for the values of each width that attention reads."""
    sides = ("to_k.weight", "to_v.weight")
    return sorted(width for side in sides for width in {s[1] for n, s in tensors.items() if n.endswith(side)})
