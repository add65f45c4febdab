"""One tensor name at a time between the original layout (LDM, OpenCLIP) and diffusers / transformers. Pure text.

i counts blocks, j layers in a block; LDM numbers both through: two layers and one sampler make three per block.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_UNET_ENDS = {
    "input_blocks.0.0": "conv_in",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_OPEN_CLIP_TOP = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}
_LAYERS_PER_BLOCK = 3


def _reversed(table: dict[str, str]) -> dict[str, str]:
    return {value: key for key, value in table.items()}


_RESNET_BACK, _UNET_ENDS_BACK = _reversed(_RESNET), _reversed(_UNET_ENDS)
_VAE_ATTENTION_BACK, _OPEN_CLIP_LAYER_BACK = _reversed(_VAE_ATTENTION), _reversed(_OPEN_CLIP_LAYER)
_OPEN_CLIP_TOP_BACK = _reversed(_OPEN_CLIP_TOP)


def unet_from_ldm(name: str) -> str:
    """`input_blocks.4.1.proj_in.weight` -> `down_blocks.1.attentions.0.proj_in.weight`."""
    end = _swap_end(name, _UNET_ENDS)
    if end != name:
        return end
    if match := re.fullmatch(r"input_blocks\.([0-9]{1,3})\.([0-9])\.(.+)", name):
        i, j = divmod(int(match[1]) - 1, _LAYERS_PER_BLOCK)
        if match[3].startswith("op."):
            return f"down_blocks.{i}.downsamplers.0.conv.{match[3][3:]}"
        return f"down_blocks.{i}.{_layer(match[2], j, match[3])}"
    if match := re.fullmatch(r"middle_block\.([012])\.(.+)", name):
        kind, j = ("1", 0) if match[1] == "1" else ("0", int(match[1]) // 2)
        return f"mid_block.{_layer(kind, j, match[2])}"
    if match := re.fullmatch(r"output_blocks\.([0-9]{1,3})\.([0-9])\.(.+)", name):
        i, j = divmod(int(match[1]), _LAYERS_PER_BLOCK)
        if match[3].startswith("conv."):
            return f"up_blocks.{i}.upsamplers.0.{match[3]}"
        return f"up_blocks.{i}.{_layer(match[2], j, match[3])}"
    return name


def unet_to_ldm(name: str, up_blocks_with_attention: Collection[str]) -> str:
    """The way back. An upsampler stands behind its block's attention, if the block (its number as text) has one."""
    end = _swap_end(name, _UNET_ENDS_BACK)
    if end != name:
        return end
    if match := re.fullmatch(r"(down|up)_blocks\.([0-9]{1,3})\.(resnets|attentions)\.([0-9]{1,3})\.(.+)", name):
        i, j = int(match[2]), int(match[4])
        at = _LAYERS_PER_BLOCK * i + j
        block = f"input_blocks.{at + 1}" if match[1] == "down" else f"output_blocks.{at}"
        return f"{block}.{_layer_back(match[3], match[5])}"
    if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.([0-9])\.(.+)", name):
        at = 1 if match[1] == "attentions" else 2 * int(match[2])
        return f"middle_block.{at}.{_layer_back(match[1], match[3])[2:]}"
    if match := re.fullmatch(r"down_blocks\.([0-9]{1,3})\.downsamplers\.0\.conv\.(.+)", name):
        return f"input_blocks.{_LAYERS_PER_BLOCK * (int(match[1]) + 1)}.0.op.{match[2]}"
    if match := re.fullmatch(r"up_blocks\.([0-9]{1,3})\.upsamplers\.0\.conv\.(.+)", name):
        place = 2 if match[1] in up_blocks_with_attention else 1
        return f"output_blocks.{_LAYERS_PER_BLOCK * int(match[1]) + 2}.{place}.conv.{match[2]}"
    return name


def vae_from_ldm(name: str, levels: int) -> str:
    """Of 4 levels: `decoder.up.3.block.0.nin_shortcut.bias` -> `decoder.up_blocks.0.resnets.0.conv_shortcut.bias`."""
    name = name.replace(".nin_shortcut.", ".conv_shortcut.").replace("coder.norm_out.", "coder.conv_norm_out.")
    if match := re.fullmatch(r"encoder\.down\.([0-9]{1,3})\.(block\.([0-9]{1,3})|downsample)\.(.+)", name):
        layer = f"resnets.{match[3]}" if match[3] else "downsamplers.0"
        return f"encoder.down_blocks.{match[1]}.{layer}.{match[4]}"
    if match := re.fullmatch(r"decoder\.up\.([0-9]{1,3})\.(block\.([0-9]{1,3})|upsample)\.(.+)", name):
        layer = f"resnets.{match[3]}" if match[3] else "upsamplers.0"
        return f"decoder.up_blocks.{levels - 1 - int(match[1])}.{layer}.{match[4]}"
    if match := re.fullmatch(r"(encoder|decoder)\.mid\.block_([12])\.(.+)", name):
        return f"{match[1]}.mid_block.resnets.{int(match[2]) - 1}.{match[3]}"
    if match := re.fullmatch(r"(encoder|decoder)\.mid\.attn_1\.(\w+)\.(\w+)", name):
        return f"{match[1]}.mid_block.attentions.0.{_VAE_ATTENTION.get(match[2], match[2])}.{match[3]}"
    return name


def vae_levels(names: Iterable[str]) -> int:
    """The number of resolutions of a VAE, from its decoder's names in either layout."""
    numbers = (re.match(r"decoder\.up(?:_blocks)?\.([0-9]{1,3})\.", name) for name in names)
    return 1 + max((int(number[1]) for number in numbers if number), default=-1)


def vae_to_ldm(name: str, levels: int) -> str:
    """The way back."""
    name = name.replace(".conv_shortcut.", ".nin_shortcut.").replace("coder.conv_norm_out.", "coder.norm_out.")
    if match := re.fullmatch(
        r"encoder\.down_blocks\.([0-9]{1,3})\.(resnets\.([0-9]{1,3})|downsamplers\.0)\.(.+)", name
    ):
        return f"encoder.down.{match[1]}.{f'block.{match[3]}' if match[3] else 'downsample'}.{match[4]}"
    if match := re.fullmatch(r"decoder\.up_blocks\.([0-9]{1,3})\.(resnets\.([0-9]{1,3})|upsamplers\.0)\.(.+)", name):
        layer = f"block.{match[3]}" if match[3] else "upsample"
        return f"decoder.up.{levels - 1 - int(match[1])}.{layer}.{match[4]}"
    if match := re.fullmatch(r"(encoder|decoder)\.mid_block\.resnets\.([01])\.(.+)", name):
        return f"{match[1]}.mid.block_{int(match[2]) + 1}.{match[3]}"
    if match := re.fullmatch(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.+)\.(\w+)", name):
        return f"{match[1]}.mid.attn_1.{_VAE_ATTENTION_BACK.get(match[2], match[2])}.{match[3]}"
    return name


def clip_from_open(name: str) -> str:
    """`transformer.resblocks.0.mlp.c_fc.bias` -> `text_model.encoder.layers.0.mlp.fc1.bias`."""
    if match := re.fullmatch(r"transformer\.resblocks\.([0-9]{1,3})\.(.*)", name):
        return f"text_model.encoder.layers.{match[1]}.{_swap_end(match[2], _OPEN_CLIP_LAYER)}"
    return _OPEN_CLIP_TOP.get(name, name)


def clip_to_open(name: str) -> str:
    """The way back."""
    if match := re.fullmatch(r"text_model\.encoder\.layers\.([0-9]{1,3})\.(.*)", name):
        return f"transformer.resblocks.{match[1]}.{_swap_end(match[2], _OPEN_CLIP_LAYER_BACK)}"
    return _OPEN_CLIP_TOP_BACK.get(name, name)


def _swap_end(name: str, table: dict[str, str]) -> str:
    """Translate all of a name but its last word (weight, bias), where the table has it."""
    head, _, tail = name.rpartition(".")
    return f"{table[head]}.{tail}" if head in table else name


def _layer(kind: str, j: int, rest: str) -> str:
    return f"resnets.{j}.{_swap_end(rest, _RESNET)}" if kind == "0" else f"attentions.{j}.{rest}"


def _layer_back(kind: str, rest: str) -> str:
    return f"0.{_swap_end(rest, _RESNET_BACK)}" if kind == "resnets" else f"1.{rest}"
