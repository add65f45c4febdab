"""WD14 and its kin: danbooru's tags from an ONNX model and its selected_tags.csv.

    picture -> alpha on white -> square, padded with white -> bicubic to S x S -> BGR, 0..255 -> [B, S, S, 3] -> scores

The preparation is that of the models' author (SmilingWolf, huggingface.co/spaces/SmilingWolf/wd-tagger), but that
pictures are turned upright first, as training does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset_tools.proposals import RATING, Score
from dataset_tools.tagger_settings import Wd14Settings
from dataset_tools.taggers.base import Seen, TaggerStopped, cores
from dataset_tools.taggers.onnx_model import OnnxModel, open_onnx
from dataset_tools.taggers.selected_tags import FILE, TagTable, read_selected_tags
from kohya_like.data.images import load_picture
from kohya_like.data.picture_header import MAX_PIXELS
from kohya_like.schema.errors import FormatError

FLOOR, MOST = 0.03, 256  # scores below are not kept, nor more than these of a category
Pixels = NDArray[np.uint8]  # [S, S, 3], BGR


class Wd14Tagger:
    seen_when_prepared = False

    def __init__(self, model: OnnxModel, tags: TagTable, batch: int) -> None:
        self._model, self._tags = model, tags
        self.batch = model.batch or batch
        self.workers = max(1, cores() // 2)
        self._indices = {category: np.array(found) for category, found in tags.categories.items()}
        blank = np.full((model.size, model.size, 3), 255, np.uint8)
        self._logits = False
        raw = self._raw([blank])  # also shows at once whether the model runs at all
        self._logits = bool((raw < 0).any() or (raw > 1.001).any())

    @property
    def facts(self) -> Mapping[str, object]:
        model = self._model
        counts = {category: len(found) for category, found in self._tags.categories.items()}
        return {"kind": "wd14", "model": str(model.path), "size": model.size, "layout": model.layout, "tags": counts}

    def prepare(self, picture: Path) -> Pixels:
        return squared(load_picture(picture).rgb, self._model.size)

    def look(self, batch: Sequence[Pixels]) -> list[Seen]:
        return [self._seen(row) for row in self.probabilities(batch)]

    def probabilities(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """[B, tags], 0..1; models that give logits are brought there. Raises TaggerStopped."""
        raw = self._raw(batch)
        return 1 / (1 + np.exp(-raw.clip(-60, 60))) if self._logits else raw

    def _raw(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        filled = [*batch, *[batch[-1]] * (self.batch - len(batch) if self._model.batch else 0)]
        found = self._model.scores(np.stack(filled).astype(np.float32))[: len(batch)]
        if found.shape != (len(batch), len(self._tags.names)):
            raise TaggerStopped(
                f"{self._model.path}: gives {found.shape[-1]} scores, and its table has {len(self._tags.names)} tags",
                "take both files from the same model",
            )
        if not np.isfinite(found).all():
            raise TaggerStopped(f"{self._model.path}: its scores are not finite", "download the model again")
        return found

    def _seen(self, row: NDArray[np.float32]) -> Seen:
        return Seen({name: self._highest(row, found, name) for name, found in self._indices.items()})

    def _highest(self, row: NDArray[np.float32], found: NDArray[np.int64], category: str) -> tuple[Score, ...]:
        floor = 0.0 if category == RATING else FLOOR
        order = found[np.argsort(-row[found], kind="stable")[:MOST]]
        return tuple((self._tags.names[i], float(row[i])) for i in order if row[i] >= floor)


def squared(picture: Image.Image, size: int) -> Pixels:
    """An upright RGB picture as the model reads it, [S, S, 3] in BGR: in the middle of a white square, bicubic."""
    side = max(picture.size)
    if side * side > MAX_PIXELS:  # a strip: its square would not fit into memory, so it is made smaller before
        scale = size / side
        picture = picture.resize([max(1, round(edge * scale)) for edge in picture.size], Image.Resampling.BICUBIC)
        side = max(picture.size)
    if picture.size != (side, side):
        square = Image.new("RGB", (side, side), "white")
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        picture = square
    if side != size:
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture)[:, :, ::-1]


def open_wd14(settings: Wd14Settings) -> Wd14Tagger:
    """The tagger of a folder, or of an .onnx with its table beside it. Raises FormatError, TaggerStopped."""
    path = onnx_in(Path(settings.model))
    tags = read_selected_tags(path.parent / FILE)
    return Wd14Tagger(open_onnx(path, len(tags.names), settings.threads), tags, settings.batch)


def onnx_in(place: Path) -> Path:
    """The .onnx that is meant: the file itself, model.onnx of a folder, or the only one there is."""
    if not place.is_dir():
        if place.suffix != ".onnx":
            raise FormatError(f"{place}: is neither a folder nor an .onnx file")
        return place
    found = sorted(place.glob("*.onnx"))
    named = [path for path in found if path.name == "model.onnx"] or found
    if len(named) != 1:
        names = ", ".join(path.name for path in found)
        text = f"has several models: {names}" if found else "has no .onnx file"
        raise FormatError(f"{place}: {text}", "give the .onnx file itself" if found else "choose the tagger's folder")
    return named[0]
