"""Names of a Stable Diffusion checkpoint in one file (the original "LDM" layout) and in diffusers, both ways.

    parts = ldm_parts(file.keys())                              # which tensors are the UNet, VAE, text encoders
    pieces = from_ldm("unet", "sd1", parts["unet"])             # diffusers' name -> Piece of the file
    tensor = pieces["conv_in.weight"].tensor(file.get)          # one at a time

Almost every tensor only changes its name. The exceptions (OpenCLIP's fused q, k, v and transposed projection, the
VAE's attention stored as 1x1 convolutions) are the `how` of a `Piece`. Maps are made from names alone; torch is
imported only when a tensor is taken.

The rules follow CompVis/stable-diffusion, Stability-AI/generative-models and mlfoundations/open_clip, and give what
diffusers' from_single_file gives. Blocks hold two layers, as in every published SD1, SD2 and SDXL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kohya_like.formats.ldm_names import (
    clip_from_open,
    clip_to_open,
    unet_from_ldm,
    unet_to_ldm,
    vae_from_ldm,
    vae_levels,
    vae_to_ldm,
)
from kohya_like.schema.errors import FormatError

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
How = Literal["copy", "third", "joined", "transposed", "linear", "conv", "ones", "scalar"]

UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."
TEXT_PREFIXES = {
    ("sd1", "text_encoder"): "cond_stage_model.transformer.",
    ("sd2", "text_encoder"): "cond_stage_model.model.",
    ("sdxl", "text_encoder"): "conditioner.embedders.0.transformer.",
    ("sdxl", "text_encoder_2"): "conditioner.embedders.1.model.",
}
_OPEN_CLIP = {("sd2", "text_encoder"), ("sdxl", "text_encoder_2")}
_VAE_STARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
_CLIP_STARTS = ("embeddings.", "encoder.", "final_layer_norm.")
_NOT_WEIGHTS = ("position_ids", "logit_scale", "attn_mask")
# SD2 reads the last but one of OpenCLIP's 24 blocks; diffusers keeps 23 and so do we
_SD2_BLOCKS = 24
_OPEN_CLIP_LOGIT_SCALE = 4.6055


@dataclass(frozen=True)
class Piece:
    """How one tensor is made of tensors of another layout.

    `how`: "copy"; "third": the `index`-th third of the rows; "joined": the sources' rows below each other;
    "transposed"; "linear": [O, I, 1, 1] -> [O, I]; "conv": [O, I] -> [O, I, 1, 1]; "ones": a square of ones as wide
    as the source; "scalar": the number `value` in the source's type.
    """

    sources: tuple[str, ...]
    how: How = "copy"
    index: int = 0
    value: float = 0.0

    def shape(self, shape_of: Callable[[str], Shape]) -> Shape:
        """The shape of the result, from the shapes of the sources."""
        shapes = [tuple(shape_of(source)) for source in self.sources]
        first = shapes[0]
        if self.how == "joined":
            return (sum(shape[0] for shape in shapes), *first[1:])
        if self.how == "third":
            return (first[0] // 3, *first[1:])
        if self.how == "transposed":
            return first[::-1]
        if self.how == "linear":
            return first[:2] if first[2:] == (1, 1) else first
        if self.how == "conv":
            return (*first, 1, 1) if len(first) == 2 else first
        return {"ones": (first[0], first[0]), "scalar": ()}.get(self.how, first)

    def tensor(self, get: Callable[[str], Tensor]) -> Tensor:
        """The result, from the tensors that `get` reads by name."""
        import torch

        tensors = [get(source) for source in self.sources]
        first = tensors[0]
        if self.how == "joined":
            return torch.cat(tensors)
        if self.how == "third":
            rows = first.shape[0] // 3
            return first[self.index * rows : (self.index + 1) * rows]
        if self.how == "transposed":
            return first.t().contiguous()
        if self.how in ("linear", "conv"):
            return first.reshape(self.shape(lambda _: tuple(first.shape)))
        if self.how == "ones":
            return torch.ones(first.shape[0], first.shape[0], dtype=first.dtype)
        return torch.tensor(self.value, dtype=first.dtype) if self.how == "scalar" else first


def ldm_parts(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The tensors of a single file by part: {"unet": {name without prefix: name in the file}, "vae": ...}.

    A VAE or UNet alone, without a prefix, is one part. Buffers of the sampler, the EMA copy and the like are left
    out. Files of before 2022-10 lack `text_model.` in the text encoder's names; it is put in.
    """
    names = list(names)
    prefixes = {UNET_PREFIX: "unet", VAE_PREFIX: "vae"} | {prefix: part for (_, part), prefix in TEXT_PREFIXES.items()}
    parts: dict[str, dict[str, str]] = {}
    for name in names:
        for prefix, part in prefixes.items():
            if name.startswith(prefix):
                short = name[len(prefix) :]
                short = f"text_model.{short}" if prefix.endswith("transformer.") and _is_old_clip(short) else short
                if _is_weight(part, short):
                    parts.setdefault(part, {})[short] = name
    if not parts and "input_blocks.0.0.weight" in names:
        parts["unet"] = {name: name for name in names if _is_weight("unet", name)}
    if not parts and any(name.startswith("decoder.conv_in.") for name in names):
        parts["vae"] = {name: name for name in names if _is_weight("vae", name)}
    return parts


def from_ldm(part: str, family: str, names: Mapping[str, str]) -> dict[str, Piece]:
    """diffusers' names of a part, each with the `Piece` of the single file it is made of.

    Args:
        part: "unet", "vae", "text_encoder" or "text_encoder_2".
        family: "sd1", "sd2" or "sdxl".
        names: that part of `ldm_parts`.

    Text encoders' names begin with `text_model.`. A name the layout does not have is passed on as it is.
    """
    if part == "unet":
        return {unet_from_ldm(short): Piece((name,)) for short, name in names.items()}
    if part == "vae":
        levels = vae_levels(names)
        return {
            vae_from_ldm(short, levels): Piece(
                (name,), "linear" if _is_vae_attention(short, ".mid.attn_1.") else "copy"
            )
            for short, name in names.items()
        }
    if (family, part) not in _OPEN_CLIP:
        return {short: Piece((name,)) for short, name in names.items()}
    return _from_open_clip(family, names)


def to_ldm(part: str, family: str, names: Iterable[str]) -> dict[str, Piece]:
    """Names of a part in the single file, each with the `Piece` of diffusers' tensors it is made of.

    Args:
        part, family: as for `from_ldm`.
        names: diffusers' names; text encoders' with or without `text_model.` (transformers 5 has both).

    SD2's text encoder gets back what diffusers drops and other programs look for: a 24th block (a copy of the 23rd,
    never run), a projection and a logit scale that nothing uses.
    """
    names = [name for name in names if not name.endswith(_NOT_WEIGHTS)]
    if part == "unet":
        with_attention = {
            name.split(".")[1] for name in names if name.startswith("up_blocks.") and ".attentions." in name
        }
        return {UNET_PREFIX + unet_to_ldm(name, with_attention): Piece((name,)) for name in names}
    if part == "vae":
        levels = vae_levels(names)
        return {
            VAE_PREFIX + vae_to_ldm(name, levels): Piece(
                (name,), "conv" if _is_vae_attention(name, ".mid_block.attentions.0.") else "copy"
            )
            for name in names
        }
    if (family, part) not in TEXT_PREFIXES:
        raise FormatError(f"a {family} checkpoint has no {part}.")
    prefix = TEXT_PREFIXES[family, part]
    full = {f"text_model.{name}" if _is_old_clip(name) else name: name for name in names}
    if (family, part) not in _OPEN_CLIP:
        return {prefix + name: Piece((source,)) for name, source in full.items()}
    return {prefix + name: piece for name, piece in _to_open_clip(family, full).items()}


def _from_open_clip(family: str, names: Mapping[str, str]) -> dict[str, Piece]:
    pieces: dict[str, Piece] = {}
    for short, name in names.items():
        if family == "sd2" and short.startswith((f"transformer.resblocks.{_SD2_BLOCKS - 1}.", "text_projection")):
            continue
        head, _, tail = short.rpartition("attn.in_proj_")
        if head:
            layer = clip_from_open(head)
            for index, letter in enumerate("qkv"):
                pieces[f"{layer}self_attn.{letter}_proj.{tail}"] = Piece((name,), "third", index)
        elif short in ("text_projection", "text_projection.weight"):
            pieces["text_projection.weight"] = Piece((name,), "transposed")
        else:
            pieces[clip_from_open(short)] = Piece((name,))
    return pieces


def _to_open_clip(family: str, names: Mapping[str, str]) -> dict[str, Piece]:
    pieces: dict[str, Piece] = {}
    for name, source in names.items():
        if name == "text_projection.weight":
            pieces["text_projection"] = Piece((source,), "transposed")
        elif ".self_attn.q_proj." in name:
            fused = clip_to_open(name.replace("self_attn.q_proj.", "attn.in_proj_"))
            pieces[fused] = Piece(tuple(source.replace(".q_proj.", f".{letter}_proj.") for letter in "qkv"), "joined")
        elif ".self_attn.k_proj." not in name and ".self_attn.v_proj." not in name:
            pieces[clip_to_open(name)] = Piece((source,))
    norm = names["text_model.final_layer_norm.weight"]
    if family == "sd2":
        last = f"transformer.resblocks.{_SD2_BLOCKS - 2}."
        copies = {name.replace(last, f"transformer.resblocks.{_SD2_BLOCKS - 1}."): piece
                  for name, piece in pieces.items() if name.startswith(last)}  # fmt: skip
        pieces |= copies | {
            "text_projection": Piece((norm,), "ones"),
            "logit_scale": Piece((norm,), "scalar", value=1.0),
        }
    else:
        pieces["logit_scale"] = Piece((norm,), "scalar", value=_OPEN_CLIP_LOGIT_SCALE)
    return pieces


def _is_old_clip(name: str) -> bool:
    return name.startswith(_CLIP_STARTS)


def _is_weight(part: str, short: str) -> bool:
    return not short.endswith(_NOT_WEIGHTS) and (part != "vae" or short.startswith(_VAE_STARTS))


def _is_vae_attention(name: str, block: str) -> bool:
    return block in f".{name}" and name.endswith(".weight") and "norm" not in name
