"""The two sides of `benchmarks.networks`: one of our networks and LyCORIS' of the same kind, on the same layers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kohya_like.networks.base import WeightDelta
from kohya_like.networks.network import Network
from kohya_like.networks.targets import find_targets
from kohya_like.schema.registry import plugins

SIZE: dict[str, Any] = {"dim": 8, "alpha": 4.0}
THEIR_SIZE: dict[str, Any] = {"lora_dim": 8, "alpha": 4.0}


@dataclass(frozen=True)
class Kind:
    """One algorithm: our options, LyCORIS' module and its options, and the largest share of its step and peak."""

    algorithm: str
    options: dict[str, Any]
    module: str
    their_options: dict[str, Any]
    step: float = 1.05
    peak: float = 1.05
    same: bool = True  # both train the same number of values


KINDS = {
    "lora": Kind("lora", SIZE, "locon.LoConModule", THEIR_SIZE),
    "locon, Tucker": Kind(
        "locon", {**SIZE, "use_tucker": True}, "locon.LoConModule", {**THEIR_SIZE, "use_tucker": True}
    ),
    "loha": Kind("loha", SIZE, "loha.LohaModule", THEIR_SIZE, step=0.9, peak=0.8),
    "loha, rank 32": Kind(
        "loha", {**SIZE, "dim": 32}, "loha.LohaModule", {**THEIR_SIZE, "lora_dim": 32}, step=0.9, peak=0.8
    ),
    "lokr": Kind("lokr", {**SIZE, "factor": 8}, "lokr.LokrModule", {**THEIR_SIZE, "factor": 8}),
    "ia3": Kind("ia3", {"on_input": "none"}, "ia3.IA3Module", {}),
    "dylora": Kind("dylora", {**SIZE, "unit": 4}, "dylora.DyLoraModule", {**THEIR_SIZE, "block_size": 4}),
    "full": Kind("full", {}, "full.FullModule", {}),
    "norms": Kind("norms", {}, "norms.NormModule", {}),
    "oft": Kind("oft", {"dim": 8}, "diag_oft.DiagOFTModule", {"lora_dim": 8}),
    # 10 is the smallest block that LyCORIS finds for the 320 outputs of SD1.5's first layers
    "boft": Kind("boft", {"dim": 10}, "boft.ButterflyOFTModule", {"lora_dim": 10}),
    "glora": Kind("glora", SIZE, "glora.GLoRAModule", THEIR_SIZE),
    # LyCORIS has none: beside its LoRA, which trains both matrices
    "lora_fa": Kind("lora_fa", SIZE, "locon.LoConModule", THEIR_SIZE, same=False),
}


@dataclass(frozen=True)
class Contestant:
    """A network that can be put on the UNet and taken off again."""

    attach: Callable[[], None]
    detach: Callable[[], None]
    parameters: list[nn.Parameter]
    modules: int


def ours(name: str, unet: nn.Module) -> Contestant:
    network = Network.create(_algorithm(name), {"unet": unet}, "sd1", seed=1).train()
    trained = [p for p in network.parameters() if p.requires_grad]
    return Contestant(network.attach, network.detach, trained, len(network.adapters))


def theirs(name: str, unet: nn.Module) -> Contestant:
    """LyCORIS' modules, without its presets, on the layers that we choose."""
    kind = KINDS[name]
    file, _, module = kind.module.partition(".")
    make = getattr(importlib.import_module(f"lycoris.modules.{file}"), module)
    torch.manual_seed(1)
    targets = find_targets(_algorithm(name), {"unet": unet})
    made = [make(t.path.replace(".", "_"), t.module, **kind.their_options).train() for t in targets]
    device = next(unet.parameters()).device
    taken = [_Taken(t.module, one) for t, one in zip(targets, made, strict=True)] if name == "full" else []

    def attach() -> None:
        for own in taken:
            own.give()
        if not taken:
            for one in made:
                one.to(device).apply_to()

    def detach() -> None:
        for own in taken:
            own.take_back()
        if not taken:
            for one in made:
                one.restore()

    return Contestant(attach, detach, [p for one in made for p in one.parameters() if p.requires_grad], len(made))


def _algorithm(name: str) -> WeightDelta:
    made = plugins("algorithm")[KINDS[name].algorithm](**KINDS[name].options)  # type: ignore[operator]  # a class of options
    assert isinstance(made, WeightDelta)
    return made


class _Taken:
    """LyCORIS' full takes a layer's weights away and adds them to its own: once, and between turns only names change.

    Its own `restore` and a second `apply_to` would add them twice, and copy them each turn.
    """

    def __init__(self, layer: nn.Module, module: Any) -> None:
        self.layer, self.module = layer, module
        self.own = {name: value for name, value in layer.named_parameters(recurse=False)}
        self.applied = False

    def give(self) -> None:
        if self.applied:
            for name in self.own:
                delattr(self.layer, name)
            self.layer.forward = self.module.forward
            return
        self.module.to(next(iter(self.own.values())).device).apply_to()
        self.applied = True

    def take_back(self) -> None:
        del self.layer.forward
        for name, value in self.own.items():
            setattr(self.layer, name, value)
