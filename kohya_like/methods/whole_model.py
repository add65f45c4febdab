"""The base model written again with trained weights in place of its own: laid out as the base, or as it is asked for.

    file -> file        every name of the base's file, in its spelling; what is not trained is copied
    folder -> file      the layout of the original code
    folder -> folder    the base's files, configs and tokenizers
    file -> folder      configs of the public model or of `config_folder`

Weights of UNet and text encoders get the chosen number type; the VAE, the schedule's tables and whatever else stands
in the base stay as they are. An EMA copy is left out: it would be that of the untrained model. Everything is written
aside and renamed, tensor by tensor: a second copy of the model is never in memory.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.base import family as family_named
from kohya_like.families.sources import PartTensors, vae_source
from kohya_like.formats.atomic import atomic_folder, atomic_text
from kohya_like.formats.headers import read_json
from kohya_like.formats.identity import quick_identity
from kohya_like.formats.ldm import to_ldm
from kohya_like.formats.metadata import with_hashes
from kohya_like.formats.tensors import Deferred, save_safetensors
from kohya_like.schema.errors import UserError
from kohya_like.tools.convert_checkpoint import STEMS, model_index
from kohya_like.tools.folder import copy_settings, write_folder
from kohya_like.tools.merge import piece_of
from kohya_like.tools.model_file import Held, ModelFile, open_model
from kohya_like.tools.output import cast, check_finite

Trained = Mapping[str, Mapping[str, Tensor]]  # part -> diffusers' name -> tensor
Given = Callable[[str, str], Tensor | None]
EMA = "model_ema."
SCHEDULER = "scheduler/scheduler_config.json"
PADDING = {0: "!", 49407: "<|endoftext|>"}


@dataclass(frozen=True)
class WholeModel:
    """What is written again. `vae` replaces the base's; `config_folder` has the configs of a file of unusual size."""

    base: Path
    family: str
    prediction_type: str
    dtype: torch.dtype
    vae: Path | None = None
    config_folder: Path | None = None
    identity: str = ""  # of the base when the run began

    @contextmanager
    def opened(self) -> Iterator[ModelFile]:
        """The base's file or folder. Raises UserError where it is not what it was."""
        if self.identity and (not self.base.exists() or quick_identity(self.base) != self.identity):
            raise UserError(
                f"{self.base}: is gone, or is another model than the one this training began with",
                "put it back: what is not trained is copied from it",
            )
        with open_model(self.base) as model:
            yield model

    def save_file(self, path: Path, trained: Trained, metadata: Mapping[str, str], overwrite: bool) -> None:
        """One .safetensors file. OSErrors (disk full) pass through; what was there stays whole."""
        with self.opened() as model, self._given(trained) as given, torch.no_grad():
            if model.is_folder:
                tensors = self._original_layout(model, given)
            else:
                tensors = self._file_again(model, model.path, given)
            save_safetensors(path, tensors, with_hashes(tensors, metadata), overwrite=overwrite)

    def save_folder(self, path: Path, trained: Trained, overwrite: bool) -> None:
        """A diffusers folder. An older one of this training makes place when the new one is whole."""
        with self.opened() as model, self._given(trained) as given, torch.no_grad(), replacing(path, overwrite) as new:
            if model.is_folder:
                write_folder(model, {file: self._file_again(model, file, given) for file in model.files}, new)
            else:
                self._new_folder(model, given, new)

    @contextmanager
    def _given(self, trained: Trained) -> Iterator[Given]:
        """What comes in place of the base's tensors: what was trained, and another VAE."""
        vae = None if self.vae is None else self._other_vae(self.vae)

        def given(part: str, name: str) -> Tensor | None:
            if vae is not None and part == "vae":
                return vae.read(name, torch.float32, "cpu")
            return trained.get(part, {}).get(name)

        try:
            yield given
        finally:
            if vae is not None:
                vae.__exit__(None, None, None)

    def _other_vae(self, path: Path) -> PartTensors:
        configs = self.config_folder or family_named(self.family).config_folder
        return vae_source(path, self.family, configs).open("vae")

    def _type(self, parts: set[str], stored: torch.dtype) -> torch.dtype:
        """Of a tensor that belongs to these parts: the chosen one, or as stored where nothing could be trained."""
        return self.dtype if parts - {"vae"} and stored.is_floating_point else stored

    def _file_again(self, model: ModelFile, path: Path, given: Given) -> dict[str, Deferred]:
        """The names of one of the base's files."""
        file, places = model.files[path], model.places()
        made = {}
        for name in file:
            if not name.startswith(EMA):
                held = places.get((path, name), [])
                dtype = self._type({each.part for each in held}, file.dtype(name))
                made[name] = Deferred(file.shape(name), dtype, _Again(model, path, name, dtype, held, given))
        return made

    def _original_layout(self, model: ModelFile, given: Given) -> dict[str, Deferred]:
        """A folder's parts under the names of the original code."""
        made = {}
        for part, held in model.held.items():
            for name, piece in to_ldm(part, self.family, held).items():
                first = held[piece.sources[0]]
                dtype = self._type({part}, model.files[first.file].dtype(first.piece.sources[0]))
                shape = piece.shape(lambda source, held=held: model.shape(held[source]))  # type: ignore[misc]
                sources = [_Taken(model, part, source, given) for source in piece.sources]
                made[name] = Deferred(shape, dtype, _Assembled(piece.tensor, sources, dtype, name))
        return made

    def _new_folder(self, model: ModelFile, given: Given, path: Path) -> None:
        family = family_named(self.family)
        with atomic_folder(path) as folder:
            copy_settings(family.config_folder, folder, model.held)
            if self.config_folder is not None:
                copy_settings(self.config_folder, folder, model.held)
            if not (folder / "model_index.json").exists():
                atomic_text(folder / "model_index.json", model_index(self.family))
            scheduler = {**read_json(folder / SCHEDULER), "prediction_type": self.prediction_type}
            atomic_text(folder / SCHEDULER, json.dumps(scheduler, indent=2, sort_keys=True))
            for spec in family.text_encoders:
                tokenizer = folder / spec.part.replace("text_encoder", "tokenizer")
                if not tokenizer.exists():
                    write_tokenizer(tokenizer, PADDING[spec.pad_id])
            for part, held in model.held.items():
                tensors = {}
                for name, each in held.items():
                    dtype = self._type({part}, model.files[each.file].dtype(each.piece.sources[0]))
                    taken = _Taken(model, part, name, given)
                    made = _Assembled(lambda get: get(""), [taken], dtype, name)
                    tensors[_folder_name(part, name)] = Deferred(model.shape(each), dtype, made)
                (folder / part).mkdir(exist_ok=True)
                save_safetensors(folder / part / f"{STEMS.get(part, 'model')}.safetensors", tensors, {"format": "pt"})


@dataclass(frozen=True)
class _Again:
    """A tensor of the base's file with what was trained of it."""

    model: ModelFile
    path: Path
    name: str
    dtype: torch.dtype
    held: Sequence[Held]
    given: Given

    def __call__(self) -> Tensor:
        tensor = self.model.files[self.path].read(self.name)
        found = [(each, new) for each in self.held if (new := self.given(each.part, each.name)) is not None]
        if found:
            tensor = tensor.float().clone()
            for each, new in found:
                piece_of(tensor, each.piece).copy_(new)
            check_finite({self.name: tensor}, self.model.path)
        return cast(tensor, self.dtype, self.name)


@dataclass(frozen=True)
class _Taken:
    """A tensor in diffusers' layout: the trained one, or the base's."""

    model: ModelFile
    part: str
    name: str
    given: Given

    def __call__(self) -> Tensor:
        found = self.given(self.part, self.name)
        if found is None:
            return self.model.tensor(self.part, self.name).clone()
        found = found.detach().to("cpu", torch.float32)
        check_finite({self.name: found}, self.model.path)
        return found


@dataclass(frozen=True)
class _Assembled:
    """A tensor made of one or several others."""

    make: Callable[[Callable[[str], Tensor]], Tensor]
    sources: Sequence[_Taken]
    dtype: torch.dtype
    name: str

    def __call__(self) -> Tensor:
        taken = {source.name: source for source in self.sources}
        first = self.sources[0]
        return cast(self.make(lambda name: taken.get(name, first)()), self.dtype, self.name)


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A name to make a new folder under; it becomes `path` when the block ends, an older `path` is removed then.

    Raises UserError where `path` is there and may not be replaced, or is no diffusers folder.
    """
    if not os.path.lexists(path):
        yield path
        return
    if not overwrite or not (path / "model_index.json").is_file():
        raise UserError(f"{path}: already exists.", "Choose another name, or move the old one away.")
    new, old = path.with_name(f".new-{path.name}"), path.with_name(f".old-{path.name}")
    for leftover in (new, old):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    yield new
    os.rename(path, old)
    os.rename(new, path)
    shutil.rmtree(old, ignore_errors=True)


def write_tokenizer(folder: Path, padding: str) -> None:
    """CLIP's tokenizer as transformers reads it."""
    folder.mkdir()
    tokenizer = clip_tokenizer()
    atomic_text(folder / "vocab.json", json.dumps(tokenizer.ids, ensure_ascii=False))
    lines = ["#version:", "0.2"], *tokenizer.merges
    atomic_text(folder / "merges.txt", "".join(f"{' '.join(line)}\n" for line in lines))
    end = "<|endoftext|>"
    atomic_text(folder / "tokenizer_config.json", json.dumps({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "errors": "replace",
        "bos_token": "<|startoftext|>", "eos_token": end, "unk_token": end, "pad_token": padding,
    }))  # fmt: skip


def _folder_name(part: str, name: str) -> str:
    """As programs of before 2026 read it, and today's too: all names of a text encoder begin with `text_model.`."""
    plain = part.startswith("text_encoder") and not name.startswith(("text_model.", "text_projection."))
    return f"text_model.{name}" if plain else name
