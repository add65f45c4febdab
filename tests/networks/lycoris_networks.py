"""Whole networks of lycoris-lora on tiny models. Its presets are class state that leaks, so one is set before each use.

Its own presets are not used: `full` fails on diffusers' UNet (a layer is found twice).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

LISTS: dict[str, Any] = {
    "enable_conv": True,
    "unet_target_module": ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"], "unet_target_name": [],
    "text_encoder_target_module": ["CLIPAttention", "CLIPMLP"], "text_encoder_target_name": [],
}  # fmt: skip
NAME = "of these tests"


class WithTextModel(nn.Module):
    """transformers dropped `text_model` from CLIPTextModel; kohya's names have it."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.text_model = encoder


def encoders(models: Mapping[str, nn.Module]) -> Any:
    """The text encoders as LyCORIS takes them: one, or a list of two."""
    first = WithTextModel(models["text_encoder"])
    return [first, models["text_encoder_2"]] if "text_encoder_2" in models else first


def applied(models: Mapping[str, nn.Module], dim: int, alpha: float, **arguments: Any) -> Any:
    """A new network of LyCORIS, at work in the models, with random numbers everywhere."""
    network = made(models, dim, alpha, **arguments)
    network.apply_to(encoders(models), models["unet"], True, True)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return network.eval()


def made(models: Mapping[str, nn.Module], dim: int, alpha: float, **arguments: Any) -> Any:
    """A new network, not at work yet."""
    from lycoris import kohya

    kohya.PRESET[NAME] = LISTS
    text = encoders(models) if "text_encoder" in models else nn.Module()
    return kohya.create_network(1.0, dim, alpha, None, text, models["unet"], preset=NAME, **arguments)


def written(network: Any, path: Path) -> Path:
    network.save_weights(str(path), torch.float32, {})
    return path


def loaded(models: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]) -> Any:
    """A file's network, read and put to work by LyCORIS' own loader."""
    from lycoris import kohya

    kohya.LycorisNetworkKohya.apply_preset(LISTS)
    text = encoders(models)
    network, _ = kohya.create_network_from_weights(1.0, None, None, text, models["unet"], weights_sd=dict(tensors))
    network.apply_to(text, models["unet"], True, True)
    return network.eval()
