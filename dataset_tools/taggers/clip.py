"""CLIP against a vocabulary: of the words of each category those that a picture is nearest to.

    score = softmax over the category's words of  scale * cos(picture, mean over its prompts of text)

Shapes: B pictures, W words, P width that pictures and texts share.  CLIP: Radford et al., arXiv:2103.00020 (zero-shot
classification, prompt ensembles: section 3.1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dataset_tools.proposals import Score
from dataset_tools.tagger_settings import ClipSettings
from dataset_tools.taggers.base import Seen, cores
from dataset_tools.vocabularies import WordList, read_vocabulary
from kohya_like.data.images import load_picture
from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.device import chosen_device
from kohya_like.families.components import CLIP_LENGTH, CLIP_VOCABULARY, check_names, fill, skeleton
from kohya_like.families.image_tower import WEIGHTS, ImageTower, open_image_tower
from kohya_like.families.loading import load_backbone
from kohya_like.formats.headers import read_json
from kohya_like.formats.tensors import TensorFile, open_tensors
from kohya_like.schema.errors import FormatError

SCALE = 100.0  # of models that do not tell theirs: what CLIP's own ended with
MOST, TEXTS_AT_ONCE = 64, 64
HINT = "take the CLIP model that the text encoder comes from: ViT-L/14 for SD 1.x"

EncodeTexts = Callable[[Tensor], Tensor]  # ids [N, 77] -> [N, P]


class ClipTagger:
    """`words` [W, P] of each category are normalised."""

    seen_when_prepared = False

    def __init__(
        self, tower: ImageTower, words: Mapping[str, tuple[tuple[str, ...], Tensor]], scale: float, batch: int
    ) -> None:
        self._tower, self._words, self._scale = tower, words, scale
        self.batch, self.workers = batch, max(1, cores() // 2)

    @property
    def facts(self) -> Mapping[str, object]:
        counts = {category: len(names) for category, (names, _) in self._words.items()}
        return {"kind": "clip", "size": self._tower.size, "tags": counts}

    def prepare(self, picture: Path) -> Tensor:
        return self._tower.prepared(load_picture(picture).rgb)

    @torch.no_grad()
    def look(self, batch: Sequence[Tensor]) -> list[Seen]:
        parameter = next(self._tower.model.parameters())
        pixels = torch.stack(list(batch)).to(parameter.device, parameter.dtype)
        vectors = F.normalize(self._tower.model(pixel_values=pixels).image_embeds.float(), dim=-1).cpu()  # [B, P]
        likeness = {name: (self._scale * vectors @ rows.T).softmax(-1) for name, (_, rows) in self._words.items()}
        return [
            Seen({name: self._highest(name, found[i]) for name, found in likeness.items()}) for i in range(len(batch))
        ]

    def _highest(self, category: str, scores: Tensor) -> tuple[Score, ...]:
        names = self._words[category][0]
        found = scores.topk(min(MOST, len(names)))
        return tuple((names[i], score) for i, score in zip(found.indices.tolist(), found.values.tolist()))


def open_clip(settings: ClipSettings) -> ClipTagger:
    """The tagger of a CLIP folder and a vocabulary. Raises FormatError."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder, device = Path(settings.model), chosen_device(settings.device)
    vocabulary = read_vocabulary(Path(settings.vocabulary))
    tower = open_image_tower(folder, device)
    encode, scale = _text_half(folder, tower, settings.text_model, device)
    words = {name: (rows.words, _features(rows, encode)) for name, rows in vocabulary.items()}
    return ClipTagger(tower, words, scale, settings.batch)


@torch.no_grad()
def _features(rows: WordList, encode: EncodeTexts) -> Tensor:
    """[W, P]: for each word the mean over its prompts, normalised."""
    texts = [prompt.replace("{}", word) for word in rows.words for prompt in rows.prompts]
    found = torch.cat(
        [
            F.normalize(encode(_ids(texts[i : i + TEXTS_AT_ONCE])).float(), dim=-1).cpu()
            for i in range(0, len(texts), TEXTS_AT_ONCE)
        ]
    )
    return F.normalize(found.view(len(rows.words), len(rows.prompts), -1).mean(dim=1), dim=-1)


def _ids(texts: Sequence[str]) -> Tensor:
    """[N, 77]; what is too long is cut."""
    found = [[START, *clip_tokenizer().encode(text)[: CLIP_LENGTH - 2]] for text in texts]
    return torch.tensor([row + [END] * (CLIP_LENGTH - len(row)) for row in found])


def _text_half(folder: Path, tower: ImageTower, base: str, device: torch.device) -> tuple[EncodeTexts, float]:
    """How texts become vectors beside the tower's, and the scale of their likeness."""
    if base:
        return _of_base_model(Path(base), folder, tower, device), _scale(folder)
    encoder = _own_text_encoder(folder).to(device)
    return lambda ids: encoder(input_ids=ids.to(device)).text_embeds, _scale(folder)


def _of_base_model(base: Path, folder: Path, tower: ImageTower, device: torch.device) -> EncodeTexts:
    encoder = load_backbone(base, device=device).text_encoders[0]
    projection, width = tower.text_projection, encoder.config.hidden_size  # type: ignore[union-attr]  # a CLIP text model
    if projection is None:
        raise FormatError(f"{folder}: has no text_projection, which takes texts to where the pictures are", HINT)
    if projection.shape[1] != width:
        text = f"{folder}: takes texts of {projection.shape[1]} numbers, and {base} makes such of {width}"
        raise FormatError(text, HINT)
    matrix = projection.to(device)
    return lambda ids: encoder(input_ids=ids.to(device)).pooler_output.float() @ matrix.T


def _own_text_encoder(folder: Path) -> nn.Module:
    """The text half of a whole CLIP model's folder."""
    config = read_json(folder / "config.json")
    text = config.get("text_config")
    with open_tensors(_weights(folder)) as file:
        names = [name for name in file if name.startswith(("text_model.", "text_projection."))]
        shapes = {name: tuple(file.shape(name)) for name in names if not name.endswith("position_ids")}
        if not isinstance(text, dict) or not any(name.startswith("text_model.") for name in shapes):
            hint = "give the base model whose text encoder it was trained with, or a whole CLIP model"
            raise FormatError(f"{folder}: has no text half", hint)
        if "projection_dim" in config:
            text = {**text, "projection_dim": config["projection_dim"]}
        text = {"vocab_size": CLIP_VOCABULARY, **text}
        model = skeleton("text_encoder_2", text, str(folder))  # "_2": the one with a projection
        check_names(model, shapes, str(folder))
        fill(model, lambda name: file.get(name).float().clone())
    return model


def _weights(folder: Path) -> Path:
    return next(folder / name for name in WEIGHTS if (folder / name).is_file())  # the tower was read from it


def _scale(folder: Path) -> float:
    with open_tensors(_weights(folder)) as file:
        return _told_scale(file)


def _told_scale(file: TensorFile) -> float:
    if "logit_scale" not in file:
        return SCALE
    logarithm = float(file.get("logit_scale").float().reshape(-1)[0])
    return math.exp(min(logarithm, math.log(SCALE))) if math.isfinite(logarithm) else SCALE
