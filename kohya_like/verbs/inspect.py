"""`inspect FILE`: what a file is, by its content. torch is imported for networks alone, for alphas and norms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from kohya_like.console import say
from kohya_like.formats.headers import identify, read_safetensors_header
from kohya_like.formats.opening import is_picture
from kohya_like.schema.errors import FormatError, UserError

NETWORKS = ("lora", "lycoris")
VALUE_CAP = 256 << 10  # of one metadata value that is shown


def describe_file(path: Path, with_keys: bool, with_hashes: bool = False) -> dict[str, Any]:
    """Kind, family, ranks, blocks, metadata; when asked, every tensor, and the hashes of what is no network.

    Raises UserError for a file that cannot be read.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if path.is_file() and is_picture(path):
        from kohya_like.verbs.embedding_facts import embedding_facts

        return {"file": str(path), "bytes": path.stat().st_size, "container": "picture", **embedding_facts(path)}
    facts = identify(path)
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    found: dict[str, Any] = {
        "file": str(path),
        "bytes": sum(file.stat().st_size for file in files),
        "container": facts.container,
        "kind": facts.kind,
        "family": facts.family,
        "prediction_type": facts.prediction_type,
        **facts.details,
    }
    if facts.kind in NETWORKS and path.is_file():
        from kohya_like.verbs.network_facts import network_facts

        try:
            found |= network_facts(path)
        except FormatError as error:
            found["fault"] = str(error)
    if facts.kind == "textual-inversion" and path.is_file():
        from kohya_like.verbs.embedding_facts import embedding_facts

        found |= embedding_facts(path)
    if facts.container == "safetensors":
        header = read_safetensors_header(path)
        found["tensors"] = len(header.tensors)
        found["dtypes"] = dict(Counter(t.dtype for t in header.tensors.values()))
        downs = (t for name, t in header.tensors.items() if name.endswith("lora_down.weight") and t.shape)
        ranks = Counter(t.shape[0] for t in downs)
        if ranks:
            found["ranks"] = {str(rank): count for rank, count in sorted(ranks.items())}
        if facts.kind in NETWORKS or with_hashes:
            from kohya_like.verbs.network_facts import hashes, tag_frequency

            found["hashes"] = hashes(path, header.header_bytes)
            if tags := tag_frequency(header.metadata):
                found["tags"] = tags
        found["metadata"] = {k: readable(v) for k, v in sorted(header.metadata.items())}
        if with_keys:
            found["keys"] = {name: [t.dtype, list(t.shape)] for name, t in sorted(header.tensors.items())}
    elif path.is_file():
        if facts.kind in NETWORKS or with_hashes:
            from kohya_like.verbs.network_facts import hashes

            found["hashes"] = hashes(path)
        if with_keys:
            found["keys"] = tensor_names(path)
    return found


def readable(value: str) -> Any:
    """A metadata value; JSON inside it is unfolded, what is too long is cut."""
    if len(value) > VALUE_CAP:
        return value[:VALUE_CAP] + f"... ({len(value)} characters)"
    if value[:1] in "{[":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def tensor_names(path: Path) -> dict[str, Any]:
    """Names and shapes in a pickle, by our own reader; it runs no code of the file."""
    from kohya_like.formats.tensors import open_tensors

    try:
        with open_tensors(path) as file:
            return {name: [str(file.dtype(name)).removeprefix("torch."), list(file.shape(name))] for name in file}
    except FormatError as error:
        return {"error": str(error)}


def render(facts: dict[str, Any]) -> None:
    """Plain text: foreign names and values are never read as markup."""
    for key, value in facts.items():
        if isinstance(value, dict):
            say(f"{key}:")
            for name, inner in value.items():
                text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
                say(f"  {name}: {text[:300]}")
        elif value not in ("", None):
            say(f"{key}: {value}")
