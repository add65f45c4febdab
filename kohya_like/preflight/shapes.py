"""The tensors of a base model by part and diffusers' name, with shapes: from headers, in milliseconds, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

from kohya_like.formats.headers import container_of, read_json, read_safetensors_header
from kohya_like.formats.ldm import from_ldm, ldm_parts
from kohya_like.formats.pickle_calls import PickledTensor
from kohya_like.formats.torch_file import read_torch_file
from kohya_like.schema.errors import FormatError

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

PARTS = ("unet", "text_encoder", "text_encoder_2", "vae")
_STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")


def model_shapes(path: Path, family: str) -> dict[str, Shapes]:
    """Shapes of every part the model has: {"unet": {"conv_in.weight": (320, 4, 3, 3), ...}, ...}.

    Raises:
        FormatError: a file that cannot be read.
    """
    if container_of(path) == "diffusers-folder":
        return {part: folder_shapes(path / part) for part in PARTS if (path / part).is_dir()}
    flat = file_shapes(path)
    found: dict[str, Shapes] = {}
    for part, names in ldm_parts(flat).items():
        pieces = from_ldm(part, family, names)
        found[part] = _bare(part, {name: piece.shape(flat.__getitem__) for name, piece in pieces.items()})
    return found


def file_shapes(path: Path) -> dict[str, Shape]:
    """Name and shape of every tensor of one file, whatever wrote it."""
    if container_of(path) == "safetensors":
        return {name: tuple(info.shape) for name, info in read_safetensors_header(path).tensors.items()}
    value = read_torch_file(path).value
    inner = value.get("state_dict", value) if isinstance(value, dict) else {}
    table = inner if isinstance(inner, dict) else {}
    return {str(name): tensor.shape for name, tensor in table.items() if isinstance(tensor, PickledTensor)}


def folder_shapes(folder: Path) -> dict[str, Shape]:
    """The tensors of one component of a diffusers folder."""
    shapes: dict[str, Shape] = {}
    for file in _weight_files(folder):
        shapes |= file_shapes(file)
    return _bare(folder.name, shapes)


def numbers(shapes: Shapes) -> int:
    """How many numbers the tensors hold."""
    return sum(map(prod, shapes.values()))


def _bare(part: str, shapes: Shapes) -> dict[str, Shape]:
    """Paths as the modules have them: transformers 5 has no `text_model.` where there is no projection."""
    if part != "text_encoder":
        return dict(shapes)
    return {name.removeprefix("text_model."): shape for name, shape in shapes.items()}


def _weight_files(folder: Path) -> list[Path]:
    for variant in ("", ".fp16"):
        for ending in (".safetensors", ".bin"):
            for stem in _STEMS:
                for name in (f"{stem}{variant}{ending}.index.json", f"{stem}{ending}.index{variant}.json"):
                    if (folder / name).is_file():
                        return _shards(folder / name)
                if (folder / f"{stem}{variant}{ending}").is_file():
                    return [folder / f"{stem}{variant}{ending}"]
    raise FormatError(f"{folder}: has no weights (diffusion_pytorch_model.safetensors, model.safetensors or .bin).")


def _shards(index: Path) -> list[Path]:
    table = read_json(index).get("weight_map")
    names = {str(name) for name in table.values()} if isinstance(table, dict) else set()
    return [index.parent / name for name in sorted(names) if Path(name).name == name]
