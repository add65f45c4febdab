"""What `inspect` says of a network file beyond its header: alphas, blocks, norms, tags, hashes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kohya_like.formats.opening import open_regular
from kohya_like.networks.algorithms.lora import DOWN, UP
from kohya_like.networks.reading import read_file
from kohya_like.schema.errors import FormatError
from kohya_like.tools.names import LayerName, layer_name

SHOWN_TAGS = 30
CHUNK = 1 << 20


def network_facts(path: Path) -> dict[str, Any]:
    """Alphas, layers and strength of each block, and tensors that are not finite. Raises FormatError."""
    layers: dict[LayerName, dict[str, Tensor]] = {}
    foreign = []
    for key, value in read_file(path).items():
        try:
            name, tensor = layer_name(key)
        except FormatError:
            foreign.append(key)
            continue
        layers.setdefault(name, {})[tensor] = value
    alphas = Counter(f"{float(held['alpha']):g}" for held in layers.values() if "alpha" in held)
    found: dict[str, Any] = {"alphas": dict(sorted(alphas.items()))} if alphas else {}
    blocks: dict[str, list[float]] = {}
    for name, held in layers.items():
        blocks.setdefault(block_of(name), []).append(_norm(held))
    found["blocks"] = {
        block: {"layers": len(norms)} | ({"norm": round(sum(n * n for n in norms) ** 0.5, 4)} if any(norms) else {})
        for block, norms in sorted(blocks.items())
    }
    if foreign:
        found["foreign_keys"] = foreign[:10]
    return found


def block_of(name: LayerName) -> str:
    """`unet down_blocks.0`, `unet mid_block`, `text_encoder`: the places that block weights are set for."""
    if name.part != "unet":
        return name.part
    words = name.path.split(".")
    return f"unet {'.'.join(words[:2])}" if words[0] in ("down_blocks", "up_blocks") else f"unet {words[0]}"


def _norm(held: Mapping[str, Tensor]) -> float:
    """‖ΔW‖ of a LoRA by its factors, as ‖UD‖² = tr(UᵀU DDᵀ); 0 for other kinds, whose factors do not tell it."""
    if not {UP, DOWN} <= held.keys() or min(held[UP].ndim, held[DOWN].ndim) < 2:
        return 0.0
    up, down = held[UP].double().flatten(1), held[DOWN].double().flatten(1)
    if up.shape[1] != down.shape[0]:
        return 0.0
    scale = float(held["alpha"]) / down.shape[0] if "alpha" in held else 1.0
    square = torch.trace(up.T @ up @ (down @ down.T)).clamp(min=0.0)
    return float(square.sqrt()) * abs(scale)


def hashes(path: Path, header_bytes: int = 0) -> dict[str, str]:
    """sha256 of the file, its first ten digits as model sites show it, and kohya's of the data behind the header."""
    whole, data = hashlib.sha256(), hashlib.sha256()
    with open_regular(path) as file:
        start = file.read(header_bytes)
        whole.update(start)
        while chunk := file.read(CHUNK):
            whole.update(chunk)
            data.update(chunk)
    found = {"sha256": whole.hexdigest(), "short": whole.hexdigest()[:10]}
    return found | ({"sshs_model_hash": data.hexdigest()} if header_bytes else {})


def tag_frequency(metadata: Mapping[str, str]) -> dict[str, int]:
    """The most frequent tags of all training folders, by what the metadata tells."""
    try:
        folders = json.loads(metadata.get("ss_tag_frequency", "{}"))
        total: Counter[str] = Counter()
        for tags in folders.values():
            total.update({str(tag)[:200]: int(count) for tag, count in tags.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return dict(total.most_common(SHOWN_TAGS))
