"""CLIP's other half: pictures to vectors that stand beside those of texts. Read from a folder of transformers.

Shapes: B pictures, P width that texts and pictures share, D width of the text encoder that the tower was trained with.
CLIP: Radford et al., arXiv:2103.00020.

The tower for trying (`demo/tower`, 64 px, P = 64) goes with the embedded model's text encoder:

    tower = open_image_tower(demo_tower())
    pictures = F.normalize(tower.features(images), dim=-1)  # [B, P]
    encoder = load_backbone(demo_base()).text_encoders[0]
    pooled = encoder(input_ids=tokens).pooler_output  # [W, D]; tokens [W, 77]: START, the words, END to the end
    words = F.normalize(pooled @ tower.text_projection.T, dim=-1)
    shares = (scale * pictures @ words.T).softmax(dim=-1)  # scale: exp of the file's `logit_scale`

What it knows stands in `demo/tower_words.py`: objects, coloured objects and places, as tags and in sentences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from kohya_like.families.components import check_names, fill
from kohya_like.formats.tensors import open_tensors
from kohya_like.schema.errors import FormatError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TEXT_PROJECTION = "text_projection.weight"
# CLIP's own mean and deviation of the three channels
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_KEYS = frozenset(
    """hidden_size intermediate_size projection_dim num_hidden_layers num_attention_heads num_channels image_size
    patch_size hidden_act layer_norm_eps""".split()  # noqa: SIM905
)
LARGEST = {"num_hidden_layers": 64, "image_size": 1024}
LARGEST_OTHER = 2**16


class ImageTower:
    """`text_projection` [P, D], where there is one, takes a text encoder's pooled vector to where the pictures are."""

    def __init__(self, model: nn.Module, size: int, text_projection: Tensor | None) -> None:
        self.model, self.size, self.text_projection = model, size, text_projection

    @property
    def width(self) -> int:
        projection = self.model.visual_projection
        assert isinstance(projection, nn.Linear)
        return projection.out_features

    @torch.no_grad()
    def features(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Vectors [B, P], float32, not normalised."""
        parameter = next(self.model.parameters())
        pixels = torch.stack([self.prepared(picture) for picture in pictures]).to(parameter.device, parameter.dtype)
        return cast(Tensor, self.model(pixel_values=pixels).image_embeds).float()

    def prepared(self, picture: Image.Image) -> Tensor:
        """A picture as CLIP reads it [3, S, S]: the shorter side to S, the middle cut out, channels normalised."""
        picture = picture.convert("RGB")
        scale = self.size / min(picture.size)
        width, height = (max(self.size, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        left, top = (width - self.size) // 2, (height - self.size) // 2
        picture = picture.crop((left, top, left + self.size, top + self.size))
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
        return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def open_image_tower(folder: Path, device: str | torch.device = "cpu") -> ImageTower:
    """A CLIP model (or its vision half with projection) from a folder. Raises FormatError where it is none."""
    config = _vision_config(folder)
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise FormatError(f"{folder}: no weights: neither {' nor '.join(WEIGHTS)}", "choose the folder of a CLIP model")
    with open_tensors(weights) as file:
        names = [name for name in file if name.startswith(("vision_model.", "visual_projection."))]
        shapes = {name: tuple(file.shape(name)) for name in names if not name.endswith("position_ids")}
        model = _skeleton(config, str(folder))
        check_names(model, shapes, str(weights))
        fill(model, lambda name: file.get(name).float().clone())
        text = file.get(TEXT_PROJECTION).float().clone() if TEXT_PROJECTION in file else None
    return ImageTower(model.to(device), int(str(config.get("image_size", 224))), text)


def build_image_tower(config: Mapping[str, object]) -> nn.Module:
    """CLIP's vision half with random weights."""
    from transformers.models.clip.configuration_clip import CLIPVisionConfig
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    known: dict[str, Any] = {key: value for key, value in config.items() if key in _KEYS}
    clip = CLIPVisionConfig(**known)
    return CLIPVisionModelWithProjection(clip)


def _skeleton(config: Mapping[str, object], where: str) -> nn.Module:
    for key in _KEYS & config.keys():
        value, limit = config[key], LARGEST.get(key, LARGEST_OTHER)
        if isinstance(value, int | float) and not 0 < value <= limit:
            raise FormatError(f"{where}: {key} is {value}; at most {limit} makes sense.")
    try:
        with torch.device("meta"):
            return build_image_tower(config)
    except Exception as error:  # a foreign config runs through other people's constructors
        raise FormatError(f"{where}: no image tower can be built from its config ({str(error)[:300]})") from error


def _vision_config(folder: Path) -> dict[str, object]:
    """The vision half of a CLIP config, with the projection's width."""
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise FormatError(f"{path}: cannot be read ({reason})", "choose the folder of a CLIP model") from error
    if not isinstance(found, dict) or not isinstance(vision := found.get("vision_config", found), dict):
        raise FormatError(f"{path} is not the config of a CLIP model", "choose the folder of a CLIP model")
    return {**vision, **({"projection_dim": found["projection_dim"]} if "projection_dim" in found else {})}
