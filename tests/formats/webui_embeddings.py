"""How AUTOMATIC1111's webui reads an embedding, written from its documented rules: no code of it or of ours is used."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from tests.formats.webui import safe


def load(path: Path) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
    """(word, vectors by "" or by clip_l and clip_g, the table), as webui takes it from its folder of embeddings."""
    suffix, name = path.suffix.upper(), path.stem
    data: dict[str, Any]
    if suffix in (".PNG", ".WEBP"):
        image = Image.open(path)
        text = getattr(image, "text", {})
        data = decoded(base64.b64decode(text["sd-ti-embedding"])) if "sd-ti-embedding" in text else pixels(image)
        name = data.get("name", name)
    elif suffix in (".BIN", ".PT"):
        safe(path)
        data = torch.load(path, map_location="cpu", weights_only=True)
    else:
        data = load_file(path)
    if "string_to_param" in data:
        (rows,) = data["string_to_param"].values()
        return name, {"": rows.float()}, data
    if "clip_g" in data and "clip_l" in data:
        return name, {key: rows.detach().float() for key, rows in data.items()}, data
    (rows,) = data.values()
    assert type(rows) is torch.Tensor
    return name, {"": (rows[None] if rows.ndim == 1 else rows).float()}, data


def decoded(text: bytes) -> dict[str, Any]:
    def tensor(table: dict[str, Any]) -> Any:
        return torch.from_numpy(np.array(table["TORCHTENSOR"])) if "TORCHTENSOR" in table else table

    found = json.loads(text, object_hook=tensor)
    assert isinstance(found, dict)
    return found


def pixels(image: Image.Image) -> dict[str, Any]:
    values = np.array(image.convert("RGB"))
    bright = (values > 0).all(2)
    columns, rows = np.flatnonzero(bright.any(0)), np.flatnonzero(bright.any(1))
    values = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] & 15
    black = np.flatnonzero(values.sum(axis=(0, 2)) == 0)
    assert len(black) >= 2, "no data blocks"
    low, high = unscrambled(values[:, : black.min()]), unscrambled(values[:, black.max() + 1 :])
    return decoded(zlib.decompressobj().decompress(((high << 4) | low).flatten().tobytes()))


def unscrambled(block: Any) -> Any:
    seed, stream = 0, []
    for _ in range(block.size):
        seed = (1664525 * seed + 1013904223) % 2**32
        stream.append(seed % 255 & 15)
    return block ^ np.array(stream, np.uint8).reshape(block.shape)


def checksum(rows: Tensor) -> str:
    r = 0
    for value in rows.reshape(-1) * 100:
        r = (r * 281 ^ int(value) * 997) & 0xFFFFFFFF
    return f"{r & 0xFFFF:04x}"
