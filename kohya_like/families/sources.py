"""Where the tensors of a base model lie: a diffusers folder, a single file in the original layout, a VAE of its own.

A source gives each part's config and its tensors under diffusers' names; nothing is read before it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

import torch
from torch import Tensor

from kohya_like.families.components import PROJECTED
from kohya_like.formats.headers import read_json
from kohya_like.formats.ldm import Piece, from_ldm, ldm_parts
from kohya_like.formats.tensors import TensorFile, open_tensors
from kohya_like.schema.errors import FormatError

_STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
_ENDINGS = (("", ".safetensors"), (".fp16", ".safetensors"), ("", ".bin"), (".fp16", ".bin"))
_NOT_NEEDED = re.compile(r"(.*\.)?position_ids$|logit_scale$|vision_model\.|visual_projection\.|loss\.|model_ema\.")
UNUSUAL = "Is it a model of unusual size? Name a folder with its component configs in model.config_folder."
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class PartTensors:
    """The tensors of one part under diffusers' names. A context manager; what was read stays valid after it."""

    def __init__(self, where: str, part: str, hint: str = "") -> None:
        self.where, self.hint, self._part = where, hint, part
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._pieces: dict[str, tuple[TensorFile, Piece]] = {}
        self._files: list[TensorFile] = []

    def add(self, file: TensorFile, pieces: Mapping[str, Piece]) -> None:
        """Take in a file's tensors under the names diffusers gives them today."""
        self._files.append(file)
        for name, piece in pieces.items():
            current = diffusers_name(self._part, name)
            if current is not None:
                self._pieces[current] = (file, piece)
                self.shapes[current] = self._modern(current, piece.shape(file.shape))

    def read(self, name: str, dtype: torch.dtype, device: str | torch.device) -> Tensor:
        """One tensor, cast and moved; one that is only a piece of another is cut out of the mapped file first."""
        file, piece = self._pieces[name]
        if piece.how in ("copy", "linear"):
            tensor = file.get(piece.sources[0], dtype, device)
        else:
            tensor = piece.tensor(file.get).to(device=device, dtype=dtype)
        return tensor.reshape(self.shapes[name])

    def _modern(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Old VAEs keep their attention as 1x1 convolutions; today it is linear, with the same numbers."""
        flat = self._part == "vae" and ".attentions." in name and shape[2:] == (1, 1)
        return shape[:2] if flat else shape

    def __enter__(self) -> PartTensors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()


class Source(Protocol):
    def config(self, part: str) -> tuple[dict[str, object], str]:
        """The part's config and where it stands. Raises FormatError."""

    def open(self, part: str) -> PartTensors:
        """The part's tensors. Raises FormatError."""


class FolderSource:
    """A diffusers folder. Its model_index.json is not read: it would only name classes."""

    def __init__(self, folder: Path, places: Mapping[str, Path] | None = None) -> None:
        self._folder, self._places = folder, places or {}

    def config(self, part: str) -> tuple[dict[str, object], str]:
        path = self._place(part) / "config.json"
        if not path.is_file():
            raise FormatError(f"{path.parent}: no config.json; a diffusers folder has one for its {part}.")
        return read_json(path), str(path)

    def open(self, part: str) -> PartTensors:
        place = self._place(part)
        tensors = PartTensors(str(place), part)
        for path in weight_files(place):
            file = open_tensors(path)
            tensors.add(file, _as_they_are(file.keys()))
        return tensors

    def _place(self, part: str) -> Path:
        return self._places.get(part, self._folder / part)


class SingleFileSource:
    """A checkpoint in one file, in the layout of the original code; or a VAE alone, in either layout.

    Such a file holds no configs: those of the family's public model are taken, or of a folder the user names.
    """

    def __init__(self, path: Path, family: str, configs: Path) -> None:
        self._path, self._family, self._configs = path, family, FolderSource(configs)

    def config(self, part: str) -> tuple[dict[str, object], str]:
        return self._configs.config(part)

    def open(self, part: str) -> PartTensors:
        tensors = PartTensors(str(self._path), part, UNUSUAL)
        file = open_tensors(self._path)
        names = ldm_parts(file.keys()).get(part)
        if not names:
            hint = "Name another one with model.vae." if part == "vae" else ""
            raise FormatError(f"{self._path}: holds no {part}.", hint=hint)
        tensors.add(file, from_ldm(part, self._family, names))
        return tensors


def vae_source(path: Path, family: str, configs: Path) -> Source:
    """Where a VAE of its own lies: its folder, a whole model's folder, its file, or a whole model's file."""
    if not path.is_dir():
        return SingleFileSource(path, family, configs)
    return FolderSource(path, {} if (path / "vae" / "config.json").is_file() else {"vae": path})


def weight_files(folder: Path) -> list[Path]:
    """The file with the weights of a component's folder, or its shards; the full precision before fp16."""
    for variant, ending in _ENDINGS:
        for stem in _STEMS:
            single = folder / f"{stem}{variant}{ending}"
            if single.is_file():
                return [single]
            for index in (f"{stem}{variant}{ending}.index.json", f"{stem}{ending}.index{variant}.json"):
                if (folder / index).is_file():
                    return _shards(folder / index)
    raise FormatError(
        f"{folder}: no weights; expected diffusion_pytorch_model.safetensors, model.safetensors, an fp16 variant, "
        "their shards, or the same as .bin."
    )


def _shards(index: Path) -> list[Path]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise FormatError(f"{index}: no weight_map with the names of the shards.")
    shards = sorted({str(name) for name in names.values()})
    for name in shards:
        if Path(name).name != name or name in (".", ".."):
            raise FormatError(f"{index}: the shard {name[:200]!r} is not a file of that folder.")
    return [index.parent / name for name in shards]


def diffusers_name(part: str, name: str) -> str | None:
    """Today's name of a tensor of a component's file, or None where nothing of it is needed.

    Text encoders: transformers wrote `text_model.` before everything until 5.6 and does so today only where there is
    a projection. VAEs: diffusers called the attention query, key, value, proj_attn until 0.13.
    """
    if _NOT_NEEDED.match(name):
        return None
    if part.startswith("text_encoder"):
        bare, projection = name.removeprefix("text_model."), part in PROJECTED
        if bare.startswith("text_projection."):
            return bare if projection else None
        return f"text_model.{bare}" if projection else bare
    if part == "vae" and ".attentions." in name:
        head, _, tail = name.rpartition(".")
        block, _, layer = head.rpartition(".")
        return f"{block}.{_OLD_ATTENTION.get(layer, layer)}.{tail}"
    return name


def _as_they_are(names: Iterable[str]) -> dict[str, Piece]:
    return {name: Piece((name,)) for name in names}
