"""Tiny models of the three families with random weights, and one layer in a model of its own. No download."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

CONTEXT = {"sd1": 24, "sd2": 32, "sdxl": 24 + 32}  # width of what the UNet's cross attention reads
POOLED = 16


class Transformer2DModel(nn.Module):
    """Named like diffusers' class, so that kohya's rule finds the one layer inside."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class OneLayer(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.block = Transformer2DModel(layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


def one_layer(cell: str) -> tuple[OneLayer, Tensor]:
    """A frozen model with one layer of a kind ("linear", "conv1x1", "groupnorm", ...) and an input for it."""
    torch.manual_seed(7)
    layer: nn.Module
    if cell == "linear":
        layer, x = nn.Linear(10, 12), torch.randn(3, 5, 10)
    elif cell == "layernorm":
        layer, x = nn.LayerNorm(10), torch.randn(3, 5, 10)
    elif cell == "groupnorm":
        layer, x = nn.GroupNorm(2, 10), torch.randn(3, 10, 6, 6)
    elif cell == "conv1x1":
        layer, x = nn.Conv2d(10, 12, 1), torch.randn(3, 10, 6, 6)
    else:
        layer, x = nn.Conv2d(10, 12, 3, stride=2, padding=1), torch.randn(3, 10, 6, 6)
    return OneLayer(layer).requires_grad_(False), x


def text_encoder(width: int, *, layers: int = 2, projection: int | None = None) -> nn.Module:
    torch.manual_seed(width)
    config = CLIPTextConfig(
        vocab_size=50, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers, num_attention_heads=4,
        max_position_embeddings=16, projection_dim=projection or width, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    made = CLIPTextModelWithProjection(config) if projection else CLIPTextModel(config)
    return made.eval().requires_grad_(False)


def unet(family: str) -> nn.Module:
    torch.manual_seed(3)
    shared: dict[str, Any] = {"sample_size": 8, "norm_num_groups": 4, "cross_attention_dim": CONTEXT[family]}
    if family == "sdxl":
        made: Any = UNet2DConditionModel(
            block_out_channels=(8, 16, 16), attention_head_dim=(2, 4, 4), transformer_layers_per_block=(1, 1, 2),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), use_linear_projection=True,
            addition_embed_type="text_time", addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=6 * 4 + POOLED, **shared,
        )  # fmt: skip
    else:
        made = UNet2DConditionModel(
            block_out_channels=(8, 16, 16, 16), attention_head_dim=4, use_linear_projection=family == "sd2", **shared
        )
    return made.eval().requires_grad_(False)


def parts(family: str) -> dict[str, nn.Module]:
    """unet, text_encoder and, for SDXL, text_encoder_2, of another width than the first."""
    if family != "sdxl":
        return {"unet": unet(family), "text_encoder": text_encoder(CONTEXT[family])}
    return {
        "unet": unet(family),
        "text_encoder": text_encoder(24),
        "text_encoder_2": text_encoder(32, projection=POOLED),
    }


@torch.no_grad()
def outputs(models: dict[str, nn.Module]) -> dict[str, Tensor]:
    """What each part computes for one fixed input."""
    generator = torch.Generator().manual_seed(11)
    ids = torch.randint(2, 50, (2, 16), generator=generator)
    found = {name: model(ids)[0] for name, model in models.items() if name != "unet"}
    for name in found:
        hidden = models[name](ids, output_hidden_states=True).hidden_states
        found[name] = torch.cat([found[name].flatten(1), hidden[-2].flatten(1)], 1)
    backbone: Any = models["unet"]
    width = backbone.config.cross_attention_dim
    added = {
        "text_embeds": torch.randn(2, POOLED, generator=generator),
        "time_ids": torch.randint(0, 64, (2, 6), generator=generator).float(),
    }
    latents = torch.randn(2, 4, 8, 8, generator=generator)
    context = torch.randn(2, 16, width, generator=generator)
    found["unet"] = backbone(
        latents, torch.tensor([5, 700]), context, added_cond_kwargs=added if "text_encoder_2" in models else None
    ).sample
    return found


def randomise(network: nn.Module, std: float = 0.1) -> None:
    """Give every parameter a value that changes what the model computes."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator).to(parameter), alpha=std)


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Largest difference over the largest value."""
    return ((found.double() - wanted.double()).abs().max() / wanted.double().abs().max()).item()
