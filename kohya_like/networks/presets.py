"""Which layers a network trains, by the name of a preset. Pure data, so that forms and checks need no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Layers are chosen by the class names of the modules they stand in, and by their paths in the UNet."""

    help: str
    unet: tuple[str, ...]
    unet_with_convolutions: tuple[str, ...]  # besides `unet`, when the algorithm is told to train convolutions
    text_encoder: tuple[str, ...]
    unet_paths: tuple[str, ...] = ()

    def classes(self, part: str, convolutions: bool) -> tuple[str, ...]:
        if part.startswith("text_encoder"):
            return self.text_encoder
        return self.unet + (self.unet_with_convolutions if convolutions else ())


BLOCKS = ("ResnetBlock2D", "Downsample2D", "Upsample2D")
CLIP_ATTENTION = ("CLIPAttention", "CLIPSdpaAttention")  # the second by transformers before 5
CLIP = (*CLIP_ATTENTION, "CLIPMLP", "CLIPEncoderLayer")  # the last for the norms beside the first ones

PRESETS: dict[str, Preset] = {
    "kohya": Preset(
        "What kohya's networks.lora trains: all transformer layers; residual blocks too when convolutions are on.",
        ("Transformer2DModel",), BLOCKS, CLIP,
    ),
    "attention": Preset("Only the attention layers (q, k, v, out).", ("Attention",), (), CLIP_ATTENTION),
    "attention+mlp": Preset(
        "Attention and feed-forward layers, without the projections around them.", ("BasicTransformerBlock",), (), CLIP,
    ),
    "full": Preset(
        "LyCORIS' preset full: also residual blocks, first and last convolution and the time embedding.",
        ("Transformer2DModel", *BLOCKS), (), CLIP,
        ("conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"),
    ),
}  # fmt: skip
