"""Attention in miniature, hypernetworks trained for it, and nets as they stand in old files."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kohya_like.formats.a1111 import save_hypernetwork
from kohya_like.networks.algorithms.hypernetwork import Hypernetwork
from kohya_like.networks.network import Network
from tests.formats import webui
from tests.networks.tiny import randomise

WIDTHS = (8, 12)


class Attention(nn.Module):
    """attn1 reads pictures of width 8, attn2 prompts of width 12."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.attn1, self.attn2 = (
            nn.ModuleDict({"to_q": nn.Linear(8, 6), "to_k": nn.Linear(width, 6), "to_v": nn.Linear(width, 6)})
            for width in WIDTHS
        )
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor, prompt: Tensor) -> Tensor:
        return self.by_hand(x, prompt, [])

    def by_hand(self, x: Tensor, prompt: Tensor, networks: list[webui.Hypernetwork]) -> Tensor:
        """q, k and v of both; k and v read what each of webui's networks in turn makes of the context."""
        found = []
        for attention, context in ((self.attn1, x), (self.attn2, prompt)):
            k = v = context
            for network in networks:
                k, v = network.apply(k, v)
            found += [attention["to_q"](x), attention["to_k"](k), attention["to_v"](v)]
        return torch.cat([each.flatten() for each in found])


def inputs() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 5, 8), torch.randn(2, 3, 12)


def trained(unet: nn.Module, seed: int = 0, **options: Any) -> Network:
    network = Network.create(Hypernetwork(**options), {"unet": unet}, "sd1", seed=seed)
    torch.manual_seed(seed + 3)
    randomise(network, 0.3)
    return network.eval()


def written(network: Network, path: Path, metadata: dict[str, str] | None = None) -> Path:
    about = {**(metadata or {}), **network.algorithm.metadata()}
    save_hypernetwork(path, network.tensors(), about, overwrite=False)
    return path


def net(width: int, *, old: bool = False, fill: float = 0.1) -> OrderedDict[str, Tensor]:
    names = ("linear1", "linear2") if old else ("linear.0", "linear.1")
    shapes = ((2 * width, width), (width, 2 * width))
    return OrderedDict(
        (f"{name}.{kind}", torch.full(shape if kind == "weight" else shape[:1], fill))
        for name, shape in zip(names, shapes)
        for kind in ("weight", "bias")
    )
