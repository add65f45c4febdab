"""Names of network tensors in files: kohya's, and those of diffusers, peft and LyCORIS for reading.

    lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight      module name, first dot, tensor name

A module name is a prefix for the part and the layer's path with `_` for every `.`. SDXL's UNet is named as in its
original code (input_blocks, middle_block, output_blocks), all other parts as in diffusers. Text encoder paths always
carry `text_model`, which transformers' CLIPTextModel dropped in 5.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kohya_like.formats.ldm_names import unet_to_ldm

PREFIXES = {"unet": "lora_unet", "text_encoder": "lora_te", "text_encoder_2": "lora_te2"}
KOHYA_OFT = "oft_unet_"  # kohya's networks.oft, which has no part in the text encoders
LYCORIS = "lycoris_"  # LyCORIS' wrapper of any model; it leaves the part out where the model is a bare UNet
_LYCORIS_PART = re.compile(r"(unet|te[12]?)_")
_LEVELS_WITH_ATTENTION = ("1", "2", "3")  # of the way up in SD1 and SD2
_CLIP_ROOTS = ("embeddings.", "encoder.", "final_layer_norm")

# diffusers' path in an SDXL UNet -> the original code's; i block, j layer in it; two layers and a sampler per block
_SGM_BLOCKS = (
    (r"down_blocks\.(\d+)\.resnets\.(\d+)\.", lambda i, j: f"input_blocks.{3 * i + j + 1}.0."),
    (r"down_blocks\.(\d+)\.attentions\.(\d+)\.", lambda i, j: f"input_blocks.{3 * i + j + 1}.1."),
    (r"down_blocks\.(\d+)\.downsamplers\.(0)\.conv", lambda i, j: f"input_blocks.{3 * (i + 1)}.0.op"),
    (r"(mid_block)\.resnets\.(\d+)\.", lambda _, j: f"middle_block.{2 * j}."),
    (r"(mid_block)\.attentions\.(\d+)\.", lambda _, j: "middle_block.1."),
    (r"up_blocks\.(\d+)\.resnets\.(\d+)\.", lambda i, j: f"output_blocks.{3 * i + j}.0."),
    (r"up_blocks\.(\d+)\.attentions\.(\d+)\.", lambda i, j: f"output_blocks.{3 * i + j}.1."),
    (r"up_blocks\.(\d+)\.upsamplers\.(0)\.conv", lambda i, j: f"output_blocks.{3 * i + 2}.2.conv"),
)
_SGM_RESNET = {
    "norm1": "in_layers.0",
    "norm2": "out_layers.0",
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_SGM_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "conv_norm_out": "out.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}

# ends of keys written by diffusers and peft -> kohya's tensor names
_FOREIGN_TENSORS = {
    ".lora_A.weight": "lora_down.weight",
    ".lora_B.weight": "lora_up.weight",
    ".lora_A.default.weight": "lora_down.weight",
    ".lora_B.default.weight": "lora_up.weight",
    ".lora.down.weight": "lora_down.weight",
    ".lora.up.weight": "lora_up.weight",
    ".lora_linear_layer.down.weight": "lora_down.weight",
    ".lora_linear_layer.up.weight": "lora_up.weight",
    ".lora_magnitude_vector": "dora_scale",
    ".alpha": "alpha",
    **{f".hada_{name}": f"hada_{name}" for name in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")},
    **{f".lokr_{name}": f"lokr_{name}" for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")},
}
# diffusers before 0.18: the layers of an attention's processor, in the UNet and patched into the text encoders
_PROCESSOR = re.compile(r"(.+?)(?:\.processor)?\.to_(q|k|v|out)_lora\.(down|up)\.weight")


def sgm_path(path: str) -> str:
    """The path of an SDXL UNet's layer in the original code: `down_blocks.1.attentions.0` -> `input_blocks.4.1`."""
    if path in _SGM_ENDS:
        return _SGM_ENDS[path]
    for pattern, block in _SGM_BLOCKS:
        match = re.match(pattern, path)
        if match:
            first, second = match.groups()
            tail = path[match.end() :]
            return block(int(first) if first.isdigit() else 0, int(second)) + _SGM_RESNET.get(tail, tail)
    return path


def _original_path(path: str, family: str) -> str:
    """The path of a UNet's layer in the original code; old files of SD1 have it too."""
    if family == "sdxl":
        return sgm_path(path)
    return unet_to_ldm(f"{path}.weight", _LEVELS_WITH_ATTENTION).removesuffix(".weight")


def clip_path(path: str) -> str:
    """A text encoder's path with `text_model` in front where transformers left it out."""
    return f"text_model.{path}" if path.startswith(_CLIP_ROOTS) else path


def lora_name(part: str, path: str, family: str) -> str:
    """The module name under which a layer is written: part in {unet, text_encoder, text_encoder_2}."""
    if part == "unet":
        return _joined("lora_unet", sgm_path(path) if family == "sdxl" else path)
    prefix = "lora_te1" if part == "text_encoder" and family == "sdxl" else PREFIXES[part]
    return _joined(prefix, clip_path(path))


def lora_names(part: str, path: str, family: str) -> list[str]:
    """All module names under which a layer may stand in a file, the one we write first."""
    own = lora_name(part, path, family)
    if part == "unet":
        return _unique(own, _joined("lora_unet", path), _joined("lora_unet", _original_path(path, family)))
    prefixes = ("lora_te", "lora_te1") if part == "text_encoder" else ("lora_te2",)
    paths = (clip_path(path), path.removeprefix("text_model."))
    return _unique(own, *(_joined(prefix, each) for prefix in prefixes for each in paths))


def split_key(key: str) -> tuple[str, str]:
    """A key at its first dot: module name and tensor name."""
    module, _, tensor = key.partition(".")
    return module, tensor


@dataclass(frozen=True)
class ForeignKey:
    """A key of diffusers or peft: `stem` is all before the tensor's name, `tensor` is kohya's word for that."""

    stem: str
    part: str
    path: str
    tensor: str


def foreign_key(key: str) -> ForeignKey | None:
    """The key of a diffusers or peft file; None when it is written in another style."""
    if key.startswith(("lora_", KOHYA_OFT, LYCORIS)):
        return None
    if match := _PROCESSOR.fullmatch(key):
        unet = {"out": "to_out.0"}.get(match[2], f"to_{match[2]}")
        layer = f"{match[2]}_proj" if key.startswith("text_encoder") else unet
        return _foreign(f"{match[1]}.{layer}", f"lora_{match[3]}.weight")
    for end, tensor in _FOREIGN_TENSORS.items():
        if key.endswith(end):
            return _foreign(key.removesuffix(end), tensor)
    return None


def _foreign(stem: str, tensor: str) -> ForeignKey:
    path = stem.removeprefix("base_model.model.")
    part, _, inner = path.partition(".")
    return ForeignKey(stem, part, inner, tensor) if part in PREFIXES else ForeignKey(stem, "unet", path, tensor)


def read_key(key: str) -> tuple[str, str]:
    """Module and tensor name in kohya's words, whoever wrote the key; an unknown style is split at its first dot."""
    foreign = foreign_key(key)
    if foreign:
        return _joined(PREFIXES[foreign.part], foreign.path), foreign.tensor
    return split_key(_with_kohyas_prefix(key))


def _with_kohyas_prefix(key: str) -> str:
    """`oft_unet_x`, `lycoris_unet_x` and `lycoris_x` -> `lora_unet_x`; `lycoris_te_x` -> `lora_te_x`."""
    if key.startswith(KOHYA_OFT):
        return f"{PREFIXES['unet']}_{key.removeprefix(KOHYA_OFT)}"
    if key.startswith(LYCORIS):
        name = key.removeprefix(LYCORIS)
        return f"lora_{name}" if _LYCORIS_PART.match(name) else f"{PREFIXES['unet']}_{name}"
    return key


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}_{path}".replace(".", "_")


def _unique(*names: str) -> list[str]:
    return list(dict.fromkeys(names))
