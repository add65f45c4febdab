"""A diffusers folder with other weights: configs, tokenizers and all else are copied, weights are written new."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Container, Mapping
from pathlib import Path

from kohya_like.formats.atomic import atomic_folder
from kohya_like.formats.headers import read_json
from kohya_like.formats.tensors import Content, save_safetensors
from kohya_like.schema.errors import UserError
from kohya_like.tools.model_file import ModelFile

WEIGHTS = (".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".onnx_data")
_METADATA = {"format": "pt"}  # transformers asks for it


def write_folder(model: ModelFile, tensors: Mapping[Path, Mapping[str, Content]], out: Path) -> None:
    """The folder of `model` under `out`, whole or not at all, each of its weight files with these tensors.

    Raises UserError where a weight file is a pickle in several pieces.
    """
    names = {path: _written_name(path) for path in tensors}
    with atomic_folder(out) as temporary:
        copy_settings(model.path, temporary, model.held, set(names.values()))
        for path, content in tensors.items():
            target = temporary / path.relative_to(model.path).with_name(names[path])
            save_safetensors(target, content, {**model.files[path].metadata, **_METADATA})


def copy_settings(source: Path, target: Path, parts: Container[str], written: Collection[str] = ()) -> None:
    """Everything of a diffusers folder but the weights of these parts, and stray weights on top."""
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        hidden = any(word.startswith(".") for word in inner.parts)
        if not path.is_file() or hidden or _is_weights(path, inner, parts, written):
            continue
        (target / inner.parent).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / inner)


def _is_weights(path: Path, inner: Path, parts: Container[str], written: Collection[str]) -> bool:
    """Whether these are weights of our parts, or the list of shards that are not written."""
    if len(inner.parts) > 1 and inner.parts[0] not in parts:
        return False
    if ".index." in path.name and path.suffix == ".json":
        shards = read_json(path).get("weight_map")
        return not (isinstance(shards, dict) and {str(name) for name in shards.values()} <= set(written))
    return path.suffix.lower() in WEIGHTS


def _written_name(path: Path) -> str:
    if path.suffix == ".safetensors":
        return path.name
    if "-of-" in path.stem:
        raise UserError(f"{path}: is a pickle in several pieces", "convert the folder to one .safetensors file first")
    return f"{path.stem.replace('pytorch_model', 'model') if path.stem.startswith('py') else path.stem}.safetensors"
