"""Finding the layers a network is for: by preset (kohya's rule) or by patterns. Nothing is changed while looking.

kohya's rule: every Linear and Conv2d (for norms: every normalisation) below a module whose class name is in a list.
Patterns are shell patterns over `part.path`, for example `unet.mid_block.*` or `*.attn2.to_[kv]`; one that starts with
`!` takes layers out again. What each layer then gets is told by `networks.selection`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from kohya_like.networks.base import LayerShape, WeightDelta
from kohya_like.networks.presets import PRESETS
from kohya_like.networks.selection import Place, nearest, select
from kohya_like.schema.errors import ConfigError, Fault

Parts = Mapping[str, nn.Module]
Layer = nn.Linear | nn.Conv2d | nn.LayerNorm | nn.GroupNorm


@dataclass(frozen=True)
class Target:
    """One layer to adapt, with the options that hold for it (its own rank, for example)."""

    part: str
    path: str
    module: Layer
    shape: LayerShape
    algorithm: WeightDelta
    rate: float = 1.0  # a factor of the part's learning rate


def layer_shape(module: nn.Module) -> LayerShape | None:
    """The shape of a Linear, an ordinary Conv2d or a normalisation with weights; None for anything else."""
    bias = getattr(module, "bias", None) is not None
    if isinstance(module, nn.Linear):
        return LayerShape("linear", module.out_features, module.in_features, bias=bias)
    if isinstance(module, nn.Conv2d) and module.groups == 1 and module.padding_mode == "zeros":
        if isinstance(module.padding, str):
            return None
        return LayerShape(
            "conv2d", module.out_channels, module.in_channels, tuple(module.kernel_size), tuple(module.stride),
            tuple(module.padding), tuple(module.dilation), bias=bias,
        )  # fmt: skip
    if isinstance(module, nn.LayerNorm) and module.elementwise_affine and len(module.normalized_shape) == 1:
        width = module.normalized_shape[0]
        return LayerShape("layernorm", width, width, bias=bias, eps=module.eps)
    if isinstance(module, nn.GroupNorm) and module.affine:
        width, groups = module.num_channels, module.num_groups
        return LayerShape("groupnorm", width, width, bias=bias, groups=groups, eps=module.eps)
    return None


def layers_of(model: nn.Module) -> Iterator[tuple[str, Layer, LayerShape]]:
    for path, module in model.named_modules():
        shape = layer_shape(module)
        if shape is not None and isinstance(module, Layer):
            yield path, module, shape


def find_targets(algorithm: WeightDelta, parts: Parts) -> list[Target]:
    """The layers of all parts that are trained. Raises ConfigError with one fault for each thing that finds nothing."""
    trained = {part: model for part, model in parts.items() if algorithm.trains(part)}
    by_name = isinstance(algorithm.targets, str)
    targeted, faults = _by_preset(algorithm, trained) if by_name else _by_patterns(algorithm, parts)
    layers = {
        (part, path): (module, shape) for part, model in trained.items() for path, module, shape in layers_of(model)
    }
    places = [Place(*key, shape, ".".join(key) in targeted) for key, (_, shape) in layers.items()]
    chosen, told = select(algorithm, places)
    faults += [fault for fault in told if fault.severity == "error"]
    if faults:
        raise ConfigError(faults)
    return [
        Target(at.part, at.path, layers[at.part, at.path][0], at.shape, c.algorithm, c.rate)
        for c in chosen
        for at in (c.place,)
    ]


def _usable(algorithm: WeightDelta, path: str, shape: LayerShape | None) -> bool:
    """Whether the network as it is set can adapt a layer, rules and blocks aside."""
    return shape is not None and shape.kind in algorithm.layer_kinds and algorithm.for_layer(shape, path) is not None


def _by_preset(algorithm: WeightDelta, parts: Parts) -> tuple[set[str], list[Fault]]:
    """Names of the layers of a preset, and a fault for each part where it finds none."""
    assert isinstance(algorithm.targets, str)
    preset = PRESETS[algorithm.targets]
    found: set[str] = set()
    faults: list[Fault] = []
    for part, model in parts.items():
        classes = preset.classes(part, algorithm.trains_convolutions)
        chosen = _below(model, classes) | (set(preset.unet_paths) if part == "unet" else set())
        here = [layer for layer in layers_of(model) if layer[0] in chosen and (preset.wide or not layer[2].is_wide)]
        if classes and not any(_usable(algorithm, path, shape) for path, _, shape in here):
            text = f"preset {algorithm.targets!r} finds no layer in {part}: no {' or '.join(classes)} with layers"
            faults.append(Fault(text, key="network.targets", mend="choose another preset or give patterns"))
        found |= {f"{part}.{path}" for path, _, _ in here}
    return found, faults


def _below(model: nn.Module, classes: tuple[str, ...]) -> set[str]:
    """Paths of all modules that stand in a module of one of these classes."""
    roots = [path for path, module in model.named_modules() if type(module).__name__ in classes]
    return {
        f"{root}.{path}" if root else path
        for root in roots
        for path, _ in model.get_submodule(root).named_modules()
        if path
    }


@dataclass(frozen=True)
class _Candidate:
    """A module of any part as the patterns see it."""

    name: str  # part.path
    kind: str  # class name
    trained: bool  # its part is
    excluded: bool
    usable: bool  # the network as it is set can adapt it
    shape: LayerShape | None


def _candidates(algorithm: WeightDelta, parts: Parts, exclusions: list[str]) -> list[_Candidate]:
    found = []
    for part, model in parts.items():
        for path, module in model.named_modules():
            if not path:
                continue
            name, shape = f"{part}.{path}", layer_shape(module)
            usable = _usable(algorithm, path, shape)
            excluded = any(fnmatchcase(name, pattern) for pattern in exclusions)
            found.append(_Candidate(name, type(module).__name__, algorithm.allows(part), excluded, usable, shape))
    return found


def _by_patterns(algorithm: WeightDelta, parts: Parts) -> tuple[set[str], list[Fault]]:
    """Names of the layers that patterns choose, and a fault for each pattern that chooses none."""
    exclusions = [pattern[1:] for pattern in algorithm.targets if pattern.startswith("!")]
    patterns = [pattern for pattern in algorithm.targets if not pattern.startswith("!")] or ["*"]
    candidates = _candidates(algorithm, parts, exclusions)
    usable = {c.name for c in candidates if c.usable and c.trained and not c.excluded}
    chosen: set[str] = set()
    faults: list[Fault] = []
    for pattern in patterns:
        matched = [c for c in candidates if fnmatchcase(c.name, pattern)]
        if not any(c.name in usable for c in matched):
            faults.append(Fault(*_why_nothing(pattern, matched, candidates, algorithm)))
        chosen |= {c.name for c in matched if c.shape and c.trained and not c.excluded}
    for pattern in exclusions:
        if not any(fnmatchcase(c.name, pattern) for c in candidates):
            faults.append(Fault(*_why_nothing(pattern, [], candidates, algorithm)))
    return chosen, faults


def _why_nothing(
    pattern: str, matched: list[_Candidate], candidates: list[_Candidate], algorithm: WeightDelta
) -> tuple[str, str, str, str]:
    """Text, key, place and cure for a pattern that chooses no layer."""
    key, start = "network.targets", f"pattern {pattern!r} "
    layers = [c for c in matched if c.shape]
    if not matched:
        return f"{start}matches no layer", key, "", _nearest(pattern, candidates)
    if not layers:
        kinds = ", ".join(sorted({c.kind for c in matched})[:4])
        cure = f"write {pattern + '.*'!r} for the layers below" if _any_below(matched, candidates) else ""
        text = f"{start}matches only {kinds}, which no network can adapt"
        return text, key, "", cure or _nearest(pattern, candidates)
    if not any(c.trained for c in layers):
        parts = ", ".join(sorted({c.name.split(".")[0] for c in layers}))
        text = f"{start}matches only layers of {parts}, which is not trained"
        return text, key, "", "set train_unet / train_text_encoder, or remove the pattern"
    if all(c.excluded for c in layers if c.trained):
        return f"{start}matches only layers that a '!' pattern takes out", key, "", "remove one of the two"
    if all(c.shape.is_wide for c in layers if c.shape and not c.usable):
        text = f"{start}matches only convolutions, which this network leaves alone as it is set"
        return text, key, "", "give them a rank (network.conv_dim)"
    wanted = " and ".join(algorithm.layer_kinds)
    return f"{start}matches only layers of another kind than {wanted}", key, "", _nearest(pattern, candidates)


def _any_below(matched: list[_Candidate], candidates: list[_Candidate]) -> bool:
    roots = tuple(f"{c.name}." for c in matched)
    return any(c.usable and c.name.startswith(roots) for c in candidates)


def _nearest(pattern: str, candidates: list[_Candidate]) -> str:
    return nearest(pattern, [c.name for c in candidates if c.usable])
