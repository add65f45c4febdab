"""BLIP: a sentence for each picture, from a folder as transformers saves it.  Li et al., arXiv:2201.12086.

Shapes: B pictures, S side in pixels. Weights are safetensors or nothing; the class is ours to choose, not the folder's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dataset_tools.tagger_settings import BlipSettings
from dataset_tools.taggers.base import Seen, TaggerStopped, cores
from kohya_like.data.images import load_picture
from kohya_like.device import chosen_device
from kohya_like.families.image_tower import DEVIATION, MEAN
from kohya_like.formats.headers import read_json
from kohya_like.schema.errors import FormatError

if TYPE_CHECKING:
    from transformers.models.bert.tokenization_bert import BertTokenizer
    from transformers.models.blip.modeling_blip import BlipForConditionalGeneration

LIMITS = {"num_hidden_layers": 64, "image_size": 1024, "vocab_size": 2**18}
LIMIT = 2**14  # every other number of its config
_SIZES = ("_size", "_layers", "_heads", "_dim", "_embeddings")
REPEATED = 3  # words in a row that a sentence does not say twice: small models fall into loops


class BlipTagger:
    seen_when_prepared = False

    def __init__(
        self, model: BlipForConditionalGeneration, size: int, words: BertTokenizer, settings: BlipSettings
    ) -> None:
        self._model, self._size, self._words, self._settings = model, size, words, settings
        self.batch, self.workers = settings.batch, max(1, cores() // 2)

    @property
    def facts(self) -> Mapping[str, object]:
        return {"kind": "blip", "model": self._settings.model, "size": self._size}

    def prepare(self, picture: Path) -> Tensor:
        return prepared(load_picture(picture).rgb, self._size)

    @torch.no_grad()
    def look(self, batch: Sequence[Tensor]) -> list[Seen]:
        settings, device = self._settings, self._model.device
        pixels = torch.stack(list(batch)).to(device)
        begin = self._words(settings.prompt, return_tensors="pt").input_ids.to(device) if settings.prompt else None
        try:
            rows = self._model.generate(
                pixels,
                input_ids=begin.repeat(len(batch), 1) if begin is not None else None,
                max_new_tokens=settings.tokens,
                num_beams=settings.beams,
                do_sample=False,
                no_repeat_ngram_size=REPEATED,
            )
        except Exception as error:  # transformers and torch raise many kinds, out of memory among them
            text = f"{settings.model}: the model cannot be run ({str(error)[:300]})"
            raise TaggerStopped(text, "set a smaller batch if memory is short") from error
        return [Seen(sentence=self._sentence(row)) for row in rows.tolist()]

    def _sentence(self, row: Sequence[int]) -> str:
        known = [number for number in row if number < len(self._words)]  # the start of a sentence is beyond them
        return " ".join(str(self._words.decode(known, skip_special_tokens=True)).split())


def prepared(picture: Image.Image, size: int) -> Tensor:
    """A picture as BLIP reads it [3, S, S]: pressed into a square, bicubic, channels normalised."""
    square = picture.resize((size, size), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)


def open_blip(settings: BlipSettings) -> BlipTagger:
    """The captioner of a folder. Raises FormatError where it is none, or only a pickle."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder, device = Path(settings.model), chosen_device(settings.device)
    _check(folder)
    from transformers.models.bert.tokenization_bert import BertTokenizer
    from transformers.models.blip.modeling_blip import BlipForConditionalGeneration

    try:
        opened: Any = BlipForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
        )
        words = BertTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a foreign folder runs through other people's constructors
        raise FormatError(f"{folder}: no captioner can be made of it ({str(error)[:300]})") from error
    model, told = opened
    if lacking := sorted(told["missing_keys"]):
        raise FormatError(f"{folder}: {len(lacking)} tensors are missing: {', '.join(lacking[:5])}")
    return BlipTagger(model.to(device).eval(), model.config.vision_config.image_size, words, settings)


def _check(folder: Path) -> None:
    hint = "give a folder with config.json, model.safetensors and vocab.txt of a BLIP captioner"
    if not folder.is_dir():
        raise FormatError(f"{folder}: there is no such folder", hint)
    config = read_json(folder / "config.json")
    if config.get("model_type") != "blip":
        raise FormatError(f"{folder}: is {str(config.get('model_type'))[:40]!r}, no BLIP", hint)
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        raise FormatError(f"{folder}: has no model.safetensors; pickles are not opened", hint)
    if not any((folder / name).is_file() for name in ("vocab.txt", "tokenizer.json")):
        raise FormatError(f"{folder}: has neither vocab.txt nor tokenizer.json", hint)
    for part in (config, config.get("vision_config"), config.get("text_config")):
        for key, value in part.items() if isinstance(part, dict) else ():
            limit, is_size = LIMITS.get(key, LIMIT), key.endswith(_SIZES) and isinstance(value, int | float)
            if is_size and not 0 < value <= limit:
                raise FormatError(f"{folder}: {key} is {value}; at most {limit} makes sense")
