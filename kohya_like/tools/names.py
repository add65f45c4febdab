"""Names of layers in network files: kohya's, where `_` stands for every `.`, taken apart into parts and paths.

The words that make up the paths of the three families are known, so that no model is needed for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kohya_like.formats.kohya_keys import clip_path, foreign_key, lora_name, read_key
from kohya_like.formats.ldm_names import unet_from_ldm
from kohya_like.schema.errors import FormatError

STYLES = ("kohya", "peft")
PREFIXES = {
    "lora_unet": "unet", "lora_te": "text_encoder", "lora_te1": "text_encoder", "lora_te2": "text_encoder_2",
}  # fmt: skip
_WORDS = """down_blocks mid_block up_blocks attentions resnets downsamplers upsamplers transformer_blocks attn1 attn2
    to_q to_k to_v to_out ff net proj_in proj_out proj norm norm1 norm2 norm3 conv1 conv2 conv time_emb_proj
    conv_shortcut conv_in conv_out conv_norm_out time_embedding add_embedding linear_1 linear_2 input_blocks
    middle_block output_blocks in_layers out_layers emb_layers skip_connection op out time_embed label_emb text_model
    encoder layers self_attn mlp q_proj k_proj v_proj out_proj fc1 fc2 layer_norm1 layer_norm2 final_layer_norm
    text_projection""".split()  # noqa: SIM905
_WORD = re.compile("(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r"|\d+)(?=_|$)")
_ORIGINAL = ("input_blocks.", "middle_block.", "output_blocks.", "time_embed.", "label_emb.", "out.")
_LINEAR = re.compile(r"attn[12]\.|\.ff\.|self_attn\.|mlp\.|time_emb_proj|(time|add)_embedding\.")


@dataclass(frozen=True)
class LayerName:
    """A layer of a model by part and diffusers' path; a text encoder's begins with `text_model.`"""

    part: str
    path: str

    def kohya(self, family: str) -> str:
        return lora_name(self.part, self.path, family)

    def peft(self) -> str:
        """As diffusers writes it; transformers dropped `text_model.` from all text encoders but the projecting ones."""
        path = self.path.removeprefix("text_model.") if self.part == "text_encoder" else self.path
        return f"{self.part}.{path}"

    def is_linear(self, family: str) -> bool:
        """Whether the layer is linear by its name; SD1 has convolutions around its transformers."""
        around = family != "sd1" and self.path.endswith(("proj_in", "proj_out"))
        return self.part != "unet" or around or bool(_LINEAR.search(self.path))


def layer_name(key: str) -> tuple[LayerName, str]:
    """The layer a key belongs to, and kohya's name of the tensor. Raises FormatError for a name of another kind."""
    if foreign := foreign_key(key):
        path = foreign.path if foreign.part == "unet" else clip_path(foreign.path)
        return LayerName(foreign.part, _diffusers(foreign.part, path)), foreign.tensor
    module, tensor = read_key(key)
    for prefix, part in PREFIXES.items():
        if module.startswith(f"{prefix}_"):
            path = _path(module.removeprefix(f"{prefix}_"))
            if path:
                return LayerName(part, _diffusers(part, clip_path(path) if part != "unet" else path)), tensor
    raise FormatError(f"{key[:200]} names no layer of Stable Diffusion 1.x, 2.x or XL")


def _path(name: str) -> str:
    """`down_blocks_0_attentions_1_proj_in` -> `down_blocks.0.attentions.1.proj_in`; "" where a word is unknown."""
    words, at = [], 0
    while at < len(name):
        match = _WORD.match(name, at)
        if not match:
            return ""
        words.append(match[0])
        at = match.end() + 1
    return ".".join(words)


def _diffusers(part: str, path: str) -> str:
    if part != "unet" or not path.startswith(_ORIGINAL):
        return path
    return unet_from_ldm(f"{path}.weight").removesuffix(".weight")
