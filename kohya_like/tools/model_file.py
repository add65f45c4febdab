"""A base model as files of named tensors: which of them hold which layers, one tensor read at a time.

A single file in the original layout (.safetensors, .ckpt) or a diffusers folder. Layers go by diffusers' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from torch import Tensor, nn

from kohya_like.families.base import family as family_named
from kohya_like.families.detection import base_model_facts, existing
from kohya_like.families.sources import diffusers_name, weight_files
from kohya_like.formats.ldm import Piece, from_ldm, ldm_parts
from kohya_like.formats.tensors import TensorFile, open_tensors
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.skeleton import skeleton


@dataclass(frozen=True)
class Held:
    """One tensor of diffusers' layout and the piece of a file it is."""

    part: str
    name: str
    file: Path
    piece: Piece


@dataclass
class ModelFile:
    """An open base model. `held[part][name]` by diffusers' names; a context manager."""

    path: Path
    family: str
    prediction_type: str
    files: dict[Path, TensorFile] = field(default_factory=dict)
    held: dict[str, dict[str, Held]] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @property
    def label(self) -> str:
        return family_named(self.family).label

    def tensor(self, part: str, name: str) -> Tensor:
        """One tensor in diffusers' layout, valid until the next one of its file is read."""
        held = self.held[part][name]
        return held.piece.tensor(self.files[held.file].read)

    def shape(self, held: Held) -> tuple[int, ...]:
        return held.piece.shape(self.files[held.file].shape)

    def skeleton(self) -> dict[str, nn.Module]:
        """The parts that a network can change, without weights."""
        parts = (part for part in family_named(self.family).parts if part in self.held)
        return {part: skeleton({n: self.shape(h) for n, h in self.held[part].items()}) for part in parts}

    def places(self) -> dict[tuple[Path, str], list[Held]]:
        """The tensors of diffusers' layout by the tensor of a file in which they lie."""
        found: dict[tuple[Path, str], list[Held]] = {}
        for tensors in self.held.values():
            for held in tensors.values():
                found.setdefault((held.file, held.piece.sources[0]), []).append(held)
        return found

    def __enter__(self) -> ModelFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self.files.values():
            file.close()


def open_model(path: Path) -> ModelFile:
    """Open a base model; nothing but names is read.

    Raises FormatError or UserError: no base model, broken, of a family that the file does not tell.
    """
    path = existing(path)
    facts = base_model_facts(path)
    if not facts.family:
        raise UserError(f"{path}: the file does not tell its family", "give a whole model of SD 1.x, 2.x or XL")
    model = ModelFile(path, facts.family, facts.prediction_type)
    if path.is_dir():
        for part in (*family_named(facts.family).parts, "vae"):
            if (path / part).is_dir():
                for file in weight_files(path / part):
                    opened = model.files[file] = open_tensors(file)
                    _add(model, part, file, {name: Piece((name,)) for name in opened})
    else:
        opened = model.files[path] = open_tensors(path)
        for part, names in ldm_parts(opened.keys()).items():
            _add(model, part, path, from_ldm(part, facts.family, names))
    if "unet" not in model.held:
        raise FormatError(f"{path}: holds no UNet")
    return model


def _add(model: ModelFile, part: str, file: Path, pieces: Mapping[str, Piece]) -> None:
    for name, piece in pieces.items():
        current = diffusers_name(part, name)
        if current is not None:
            model.held.setdefault(part, {})[current] = Held(part, current, file, piece)
