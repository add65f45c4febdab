"""Embeddings of textual inversion: read every kind of file by its content, write those that other programs read.

    webui's .pt      {"string_to_token": {"*": 265}, "string_to_param": {"*": [N, D]}, "name", "step", "sd_checkpoint"}
    kohya's          {"emb_params": [N, D]}                 SD1 and SD2, .safetensors or .pt
    SDXL             {"clip_l": [N, 768], "clip_g": [N, 1280]}
    diffusers        {token: [D] or [N, D]}                 .bin or .safetensors, a file for each text encoder
    bundled          bundle_emb.<name>.string_to_param.* or bundle_emb.<name>.clip_l     inside a network's file

and pictures (`picture_embeddings`).  Shapes: N vectors, D width of a text encoder.  Sources: webui's
textual_inversion.py, sd-scripts' train_textual_inversion.py, diffusers' loaders/textual_inversion.py, OneTrainer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from kohya_like.formats.headers import container_of
from kohya_like.formats.legacy_pickle import save_legacy
from kohya_like.formats.opening import is_picture
from kohya_like.formats.picture_embeddings import FORMATS, read_picture, save_picture
from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.formats.unpickle import load_pickle
from kohya_like.schema.errors import FormatError

TEXT_ENCODER, TEXT_ENCODER_2 = "text_encoder", "text_encoder_2"
BUNDLE = "bundle_emb."
MAX_VECTORS = 4096
_SDXL = {"clip_l": TEXT_ENCODER, "clip_g": TEXT_ENCODER_2}
_HASH_FACTOR, _HASH_STEP, _HASH_MASK = 281, 997, 0xFFFFFFFF
_SECOND = "_2"  # diffusers keeps the vectors of SDXL's second text encoder in a second file


@dataclass(frozen=True)
class Embedding:
    """A word of vectors.

    `name` is the word that a prompt uses: the file's stem, as in webui, or what a picture says. `vectors` float32
    [N, D] by text encoder part. `inner_name` is what stands in the file, for diffusers the token; `step` how long it
    was trained, `model` and `model_hash` on what.
    """

    name: str
    vectors: Mapping[str, Tensor]
    inner_name: str = ""
    step: int | None = None
    model: str = ""
    model_hash: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.vectors.values())))

    @property
    def widths(self) -> tuple[int, ...]:
        """D of each text encoder."""
        return tuple(int(rows.shape[-1]) for rows in self.vectors.values())

    @property
    def family(self) -> str:
        """ "sd1", "sd2", "sdxl", or "" where the widths are of none of them."""
        if len(self.vectors) == 2:
            return "sdxl"
        return {768: "sd1", 1024: "sd2"}.get(self.widths[0], "")

    @property
    def checksum(self) -> str:
        """webui's four digits; for SDXL, where webui has none, those of the first text encoder."""
        return checksum(next(iter(self.vectors.values())))


def checksum(rows: Tensor) -> str:
    """webui's checksum of vectors [N, D]: r <- r·281 xor int(v·100)·997 over all numbers, the last four hex digits."""
    found = 0
    for value in (rows.detach().float().cpu().reshape(-1) * 100).tolist():
        found = (found * _HASH_FACTOR ^ int(value) * _HASH_STEP) & _HASH_MASK
    return f"{found & 0xFFFF:04x}"


def read_embedding(path: Path) -> Embedding:
    """The embedding in a file of any kind, told by its content.

    Raises:
        FormatError: none, more than one, damaged, hostile, or a picture that has lost its payload.
    """
    path = Path(path)
    if is_picture(path):
        inside = read_picture(path)
        return _of_table(path, inside, str(inside.get("name") or path.stem))
    if container_of(path) == "safetensors":
        with open_tensors(path) as file:
            table: dict[object, object] = {name: file.get(name).clone() for name in file.keys()[:3]}
            if len(file) > 2:
                raise FormatError(f"{path}: holds {len(file)} tensors; an embedding has one, or two for SDXL.")
            metadata = dict(file.metadata)
        return _of_table(path, table, path.stem, metadata)
    value = load_pickle(path)
    if not isinstance(value, dict):
        raise FormatError(f"{path}: is no embedding: it holds no table.")
    return _of_table(path, value, path.stem)


def bundled_embeddings(tensors: Mapping[str, Tensor], where: str) -> dict[str, Embedding]:
    """The embeddings inside a network's file, by name. Raises FormatError for vectors of an unknown kind."""
    tables: dict[str, dict[object, object]] = {}
    for key, tensor in tensors.items():
        if key.startswith(BUNDLE):
            name, _, kind = key.removeprefix(BUNDLE).partition(".")
            plain = kind.startswith("string_to_param.")
            tables.setdefault(name, {})["emb_params" if plain else kind] = tensor
    return {name: _of_table(Path(where), table, name) for name, table in tables.items()}


def bundle(embedding: Embedding) -> dict[str, Tensor]:
    """The embedding as tensors that go into a network's file; webui and ComfyUI find them there."""
    if TEXT_ENCODER_2 in embedding.vectors:
        return {f"{BUNDLE}{embedding.name}.{key}": embedding.vectors[part] for key, part in _SDXL.items()}
    return {f"{BUNDLE}{embedding.name}.string_to_param.*": embedding.vectors[TEXT_ENCODER]}


def table_of(embedding: Embedding) -> dict[str, object]:
    """What webui's own `.pt` and picture files hold; of SDXL, where webui has no such file, the two tensors alone."""
    if TEXT_ENCODER_2 in embedding.vectors:
        return {key: embedding.vectors[part].float() for key, part in _SDXL.items()}
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": embedding.vectors[TEXT_ENCODER].float()},
        "name": embedding.name,
        "step": embedding.step,
        "sd_checkpoint": embedding.model_hash or None,
        "sd_checkpoint_name": embedding.model or None,
    }


def write_embedding(
    path: Path,
    embedding: Embedding,
    dtype: torch.dtype = torch.float32,
    picture: Path | None = None,
    overwrite: bool = True,
) -> None:
    """Write the kind of file that the ending of `path` says: .safetensors, .pt, .bin, .png, .webp, .avif or .jxl.

    `dtype` is that of .safetensors and .bin; the others are float32 always. `picture` carries those that are pictures.
    """
    if path.suffix in FORMATS:
        write_picture(path, embedding, picture, overwrite)
    elif path.suffix == ".pt":
        write_pt(path, embedding, overwrite)
    else:
        rows = {part: rows.to(dtype) for part, rows in embedding.vectors.items()}
        write = write_diffusers if path.suffix == ".bin" else write_safetensors
        write(path, replace(embedding, vectors=rows), overwrite)


def write_pt(path: Path, embedding: Embedding, overwrite: bool = True) -> None:
    """webui's `.pt`, in the pickle that its safe loader accepts; always float32, as there."""
    save_legacy(path, table_of(embedding), overwrite=overwrite)


def write_safetensors(path: Path, embedding: Embedding, overwrite: bool = True) -> None:
    """kohya's file: `emb_params`, for SDXL `clip_l` and `clip_g`; with the embedding's metadata."""
    save_safetensors(path, _plain(embedding, "emb_params"), embedding.metadata, overwrite)


def write_diffusers(path: Path, embedding: Embedding, overwrite: bool = True) -> None:
    """diffusers' `.bin`, {token: [N, D]}; of SDXL {"clip_l", "clip_g"}, each loaded for its own text encoder."""
    save_legacy(path, _plain(embedding, embedding.name), overwrite=overwrite)


def write_picture(path: Path, embedding: Embedding, picture: Path | None = None, overwrite: bool = True) -> None:
    """A picture that carries the embedding: `picture`, or a card with its name. Raises UserError."""
    save_picture(path, picture, embedding.name, table_of(embedding), overwrite)


def _plain(embedding: Embedding, name: str) -> dict[str, Tensor]:
    if TEXT_ENCODER_2 in embedding.vectors:
        return {key: embedding.vectors[part] for key, part in _SDXL.items()}
    return {name: embedding.vectors[TEXT_ENCODER]}


def _of_table(
    path: Path, table: Mapping[object, object], name: str, metadata: Mapping[str, str] | None = None
) -> Embedding:
    """webui's rules, in its order; then kohya's and diffusers' single tensor."""
    inner = table.get("name")
    said: dict[str, str] = {"inner_name": inner[:200] if isinstance(inner, str) else ""}
    if (parameters := table.get("string_to_param")) is not None:
        entries = list(parameters.values()) if isinstance(parameters, dict) else []
        if len(entries) != 1:
            raise FormatError(f"{path}: holds {len(entries)} words; an embedding file has one.")
        vectors = {TEXT_ENCODER: _rows(path, entries[0])}
    elif _SDXL.keys() <= table.keys():
        vectors = {part: _rows(path, table[key]) for key, part in _SDXL.items()}
    else:
        vectors, token = _single(path, table)
        said["inner_name"] = said["inner_name"] or token
    if len({len(rows) for rows in vectors.values()}) != 1:
        raise FormatError(f"{path}: has a different number of vectors for each text encoder.")
    step = table.get("step")
    for field_, key in (("model", "sd_checkpoint_name"), ("model_hash", "sd_checkpoint")):
        text = table.get(key)
        said[field_] = text[:200] if isinstance(text, str) else ""
    return Embedding(
        name, vectors, said["inner_name"], step if type(step) is int else None, said["model"], said["model_hash"],
        metadata or {},
    )  # fmt: skip


def _single(path: Path, table: Mapping[object, object]) -> tuple[dict[str, Tensor], str]:
    tensors = {str(key): item for key, item in table.items() if isinstance(item, Tensor)}
    if len(tensors) != 1:
        raise FormatError(
            f"{path}: is no embedding that is known here: neither string_to_param, nor emb_params, nor clip_l and "
            "clip_g, nor one token's vectors."
        )
    ((token, tensor),) = tensors.items()
    rows = {TEXT_ENCODER: _rows(path, tensor)}
    second = path.with_stem(path.stem + _SECOND)
    if token != "emb_params" and second.is_file() and container_of(second) != "diffusers-folder":
        twin = _twin(second, token)
        rows |= {TEXT_ENCODER_2: twin} if twin is not None else {}
    return rows, "" if token == "emb_params" else token


def _twin(path: Path, token: str) -> Tensor | None:
    """The vectors for the second text encoder that diffusers keeps in a file beside, if it is about the same word."""
    with open_tensors(path) as file:
        return _rows(path, file.get(token)) if file.keys() == [token] else None


def _rows(path: Path, value: object) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim not in (1, 2) or not value.is_floating_point():
        raise FormatError(f"{path}: its vectors are no table of numbers.")
    rows = value.detach().to(torch.float32).reshape(-1, value.shape[-1]).contiguous().clone()
    if not 0 < len(rows) <= MAX_VECTORS or rows.shape[1] == 0:
        raise FormatError(f"{path}: has {len(rows)} vectors of {rows.shape[1]} numbers.")
    if not rows.isfinite().all():
        raise FormatError(f"{path}: its vectors hold numbers that are not finite.")
    return rows
