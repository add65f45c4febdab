"""The networks a base model is made of: built from plain configs, by our own choice of class.

No class name of a foreign file is ever looked at: a part is one of four classes, its config is filtered to the keys
below and bounded, and its weights are matched by name and shape. diffusers and transformers are imported here, when
the first part is built and not before: their import is the larger half of a trainer's start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from kohya_like.schema.errors import FormatError

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

Config = Mapping[str, object]

NUMBER_LIMIT = 2**20
LIST_LIMIT = 6
DEPTH_LIMITS = {"layers_per_block": 4, "transformer_layers_per_block": 12, "num_hidden_layers": 64}
PROJECTED = ("text_encoder_2",)  # text encoders that also give a pooled vector
CLIP_VOCABULARY, CLIP_LENGTH, CLIP_END = 49408, 77, 49407

_UNET_KEYS = frozenset(
    """sample_size in_channels out_channels center_input_sample flip_sin_to_cos freq_shift down_block_types
    mid_block_type up_block_types only_cross_attention block_out_channels layers_per_block downsample_padding
    mid_block_scale_factor dropout act_fn norm_num_groups norm_eps cross_attention_dim transformer_layers_per_block
    attention_head_dim num_attention_heads use_linear_projection upcast_attention resnet_time_scale_shift
    addition_embed_type addition_time_embed_dim projection_class_embeddings_input_dim""".split()  # noqa: SIM905
)
_VAE_KEYS = frozenset(
    """in_channels out_channels down_block_types up_block_types block_out_channels layers_per_block act_fn
    latent_channels norm_num_groups sample_size scaling_factor force_upcast use_quant_conv use_post_quant_conv
    mid_block_add_attention""".split()  # noqa: SIM905
)
_TEXT_KEYS = frozenset(
    """vocab_size hidden_size intermediate_size projection_dim num_hidden_layers num_attention_heads
    max_position_embeddings hidden_act layer_norm_eps attention_dropout initializer_range initializer_factor""".split()  # noqa: SIM905
)


def build_unet(config: Config) -> UNet2DConditionModel:
    """A UNet with random weights (on the default device) from a config in diffusers' words."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(**_filtered(config, _UNET_KEYS))


def build_vae(config: Config) -> AutoencoderKL:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(**_filtered(config, _VAE_KEYS))


def build_text_encoder(config: Config, projection: bool = False) -> CLIPTextModel | CLIPTextModelWithProjection:
    """A CLIP text encoder; with `projection` it also gives the pooled vector that SDXL reads."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    # The public configs say eos 2, which makes the pooled vector follow the largest id: wrong as soon as
    # textual inversion adds tokens. With the true id it is taken at the first end token, otherwise the same.
    clip = CLIPTextConfig(**_filtered(config, _TEXT_KEYS), bos_token_id=49406, eos_token_id=CLIP_END)
    return CLIPTextModelWithProjection(clip) if projection else CLIPTextModel(clip)


def text_body(encoder: nn.Module) -> nn.Module:
    """The transformer itself: transformers 5 keeps it inside `text_model` only where there is a projection."""
    return cast(nn.Module, getattr(encoder, "text_model", encoder))


def _filtered(config: Config, keys: frozenset[str]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in config.items() if key in keys}


def skeleton(part: str, config: Config, where: str) -> nn.Module:
    """The network of a part on the meta device: names and shapes, no memory. Raises FormatError, naming `where`."""
    keys = {"unet": _UNET_KEYS, "vae": _VAE_KEYS}.get(part, _TEXT_KEYS)
    for key in keys & config.keys():
        _check_bounds(key, config[key], where)
    _check_kind(part, config, where)
    build: Callable[[], nn.Module] = {
        "unet": lambda: build_unet(config),
        "vae": lambda: build_vae(config),
    }.get(part, lambda: build_text_encoder(config, part in PROJECTED))
    try:
        with torch.device("meta"):
            return build()
    # A config is foreign data that runs through other people's constructors: whatever they raise is its fault.
    except Exception as error:
        raise FormatError(f"{where}: no {part} can be built from this config ({str(error)[:300]}).") from error


def _check_bounds(key: str, value: object, where: str) -> None:
    items = value if isinstance(value, list | tuple) else [value]
    if len(items) > LIST_LIMIT:
        raise FormatError(f"{where}: {key} has {len(items)} entries; at most {LIST_LIMIT} make sense.")
    for item in items:
        if isinstance(item, list | tuple | dict) or (isinstance(item, str) and len(item) > 100):
            raise FormatError(f"{where}: {key} is not a plain number, word or list of them.")
        limit = DEPTH_LIMITS.get(key, NUMBER_LIMIT)
        if isinstance(item, int | float) and not abs(item) <= limit:
            raise FormatError(f"{where}: {key} is {item}; at most {limit} makes sense.")


def _check_kind(part: str, config: Config, where: str) -> None:
    """Kinds of models that exist, look alike, and cannot be trained here."""
    if part == "unet":
        refuse_channels(config.get("in_channels", 4), where)
    elif part == "vae" and config.get("latent_channels", 4) != 4:
        channels = config["latent_channels"]
        raise FormatError(f"{where}: this VAE makes latents of {channels} channels; Stable Diffusion's have 4.")
    elif part.startswith("text_encoder"):
        words, length = config.get("vocab_size", CLIP_VOCABULARY), config.get("max_position_embeddings", CLIP_LENGTH)
        if not (isinstance(words, int) and words >= CLIP_VOCABULARY and length == CLIP_LENGTH):
            raise FormatError(
                f"{where}: this text encoder has {words} words and prompts of {length} tokens; "
                f"CLIP has {CLIP_VOCABULARY} and {CLIP_LENGTH}."
            )


def refuse_channels(channels: object, where: str) -> None:
    """Raises FormatError unless a UNet reads 4 channels: those of a latent."""
    if channels == 4:
        return
    kinds = {9: "an inpainting model", 8: "an image-editing model (InstructPix2Pix)", 5: "a depth model"}
    kind = kinds.get(channels, "another kind of model") if isinstance(channels, int) else "another kind of model"
    raise FormatError(
        f"{where}: this is {kind}: its UNet reads {channels} channels, an ordinary one 4.",
        hint="Train on the ordinary model it was made from.",
    )


def check_names(module: nn.Module, shapes: Mapping[str, tuple[int, ...]], where: str, hint: str = "") -> None:
    """The tensors of a file against those of the network. Raises FormatError naming the first five that differ."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    _none_of([n for n in expected if n not in shapes], where, f"of {len(expected)} tensors are missing", hint)
    _none_of([n for n in shapes if n not in expected], where, "tensors belong to no part of this model", hint)
    wrong = [f"{n} {list(shapes[n])} instead of {list(expected[n])}" for n in expected if shapes[n] != expected[n]]
    _none_of(wrong, where, f"of {len(expected)} tensors have another shape", hint)


def _none_of(names: list[str], where: str, complaint: str, hint: str) -> None:
    if names:
        more = ", ..." if len(names) > 5 else ""
        raise FormatError(f"{where}: {len(names)} {complaint}: {', '.join(names[:5])}{more}", hint=hint)


def fill(module: nn.Module, read: Callable[[str], Tensor]) -> nn.Module:
    """Give a skeleton its weights: each tensor is assigned as `read(name)` returns it, mapped or cast, not copied.

    Frozen and in eval mode afterwards; nothing stays on the meta device.
    """
    module.load_state_dict({name: read(name) for name in module.state_dict()}, strict=True, assign=True)
    device = next(module.parameters()).device
    for owner in module.modules():
        for name, buffer in owner.named_buffers(recurse=False):
            if buffer.is_meta:  # not in the file: CLIP counts its positions at construction
                if name != "position_ids":
                    raise TypeError(f"{type(owner).__name__}.{name} is in no file and is not known how to make")
                setattr(owner, name, torch.arange(buffer.shape[-1], device=device).expand(buffer.shape))
    return module.eval().requires_grad_(False)
