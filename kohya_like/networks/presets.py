"""Which layers a network trains, by the name of a preset. Pure data, so that forms and checks need no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Layers are chosen by the class names of the modules they stand in, and by their paths in the UNet."""

    help: str
    unet: tuple[str, ...]
    unet_with_convolutions: tuple[str, ...]  # besides `unet`, when the algorithm is told to train convolutions
    text_encoder: tuple[str, ...]
    unet_paths: tuple[str, ...] = ()
    wide: bool = True  # whether convolutions larger than 1x1 are among them

    def classes(self, part: str, convolutions: bool) -> tuple[str, ...]:
        if part.startswith("text_encoder"):
            return self.text_encoder
        return self.unet + (self.unet_with_convolutions if convolutions else ())


PARTS = ("unet", "text_encoder", "text_encoder_2")
BLOCKS = ("ResnetBlock2D", "Downsample2D", "Upsample2D")
CLIP_ATTENTION = ("CLIPAttention", "CLIPSdpaAttention")  # the second by transformers before 5
CLIP = (*CLIP_ATTENTION, "CLIPMLP", "CLIPEncoderLayer")  # the last for the norms beside the first ones
FIRST_AND_LAST = ("conv_in", "conv_out")
TIME = ("time_embedding.linear_1", "time_embedding.linear_2")

# Beside kohya's: the names of LyCORIS, and what they mean there, as explicit lists. (LyCORIS' own class lists find
# nothing in a diffusers UNet for attn-only, and the time embedding twice for full, full-lin and unet-only.)
PRESETS: dict[str, Preset] = {
    "kohya": Preset(
        "What kohya's networks.lora trains: all transformer layers; residual blocks too when convolutions are on.",
        ("Transformer2DModel",), BLOCKS, CLIP,
    ),
    "attn-only": Preset("Only the attention layers (q, k, v, out).", ("Attention",), (), CLIP_ATTENTION),
    "attn-mlp": Preset(
        "All transformer layers, and no residual block even when convolutions are on.",
        ("Transformer2DModel",), (), CLIP,
    ),
    "full": Preset(
        "Also residual blocks, first and last convolution and the time embedding.",
        ("Transformer2DModel", *BLOCKS), (), CLIP, (*FIRST_AND_LAST, *TIME),
    ),
    "full-lin": Preset(
        "Transformers, residual blocks and the time embedding, without 3x3 convolutions.",
        ("Transformer2DModel", "ResnetBlock2D"), (), CLIP, TIME, wide=False,
    ),
    "unet-only": Preset(
        "As full, without the text encoders.",
        ("Transformer2DModel", *BLOCKS), (), (), (*FIRST_AND_LAST, *TIME),
    ),
    "unet-transformer-only": Preset(
        "All transformer layers of the UNet, without the text encoders.", ("Transformer2DModel",), (), (),
    ),
    "unet-convblock-only": Preset(
        "Residual blocks, first and last convolution, without transformers and text encoders.",
        BLOCKS, (), (), FIRST_AND_LAST,
    ),
}  # fmt: skip


def reaches(pattern: str, part: str) -> bool:
    """Whether a shell pattern over `part.path` can match a layer of this part."""
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    whole = f"{part}."
    return whole.startswith(start) or start.startswith(whole)
