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
from kohya_like.verbs.file_facts import hashes, tag_frequency

NETWORKS = ("lora", "lycoris")
COUNTED = {
    "layers": " layers", "ranks": " layers", "alphas": " layers", "block_sizes": " layers", "constraints": " layers",
    "dora_axis": " layers", "dtypes": " tensors", "tags": " times",
}  # fmt: skip
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
        **{key: value for key, value in facts.details.items() if value not in ("", [], None)},
    }
    if facts.container == "safetensors":
        found["dtypes"] = dict(Counter(t.dtype for t in read_safetensors_header(path).tensors.values()))
    if path.is_file():
        found |= contents(path, facts.kind)
        if facts.kind in (*NETWORKS, "hypernetwork") or with_hashes:
            start = read_safetensors_header(path).header_bytes if facts.container == "safetensors" else 0
            found["hashes"] = hashes(path, start)
        metadata = metadata_of(path, facts.container, facts.kind)
        if tags := tag_frequency(metadata):
            found["tags"] = tags
        found["metadata"] = {k: readable(v) for k, v in sorted(metadata.items())}
        if with_keys:
            found["keys"] = tensor_names(path)
    return found


def contents(path: Path, kind: str) -> dict[str, Any]:
    """What the tensors of a network tell; a fault in place of it where they are broken."""
    found: dict[str, Any] = {}
    try:
        if kind in NETWORKS:
            from kohya_like.verbs.network_facts import network_facts

            found = network_facts(path)
        elif kind == "hypernetwork":
            from kohya_like.verbs.hypernetwork_facts import hypernetwork_facts

            found = hypernetwork_facts(path)
        elif kind == "textual-inversion":
            from kohya_like.verbs.embedding_facts import embedding_facts

            found = embedding_facts(path)
    except FormatError as error:
        found = {"fault": str(error)}
    return found


def metadata_of(path: Path, container: str, kind: str) -> dict[str, str]:
    """The header's words; of webui's .pt what its fields tell, in the same words."""
    if container == "safetensors":
        return dict(read_safetensors_header(path).metadata)
    if kind != "hypernetwork":
        return {}
    from kohya_like.formats.tensors import open_tensors

    try:
        with open_tensors(path) as file:
            return dict(file.metadata)
    except FormatError:
        return {}


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
    """Number type and shape of each tensor; a pickle goes through our own reader, which runs no code of the file."""
    from kohya_like.formats.tensors import open_tensors

    try:
        with open_tensors(path) as file:
            kinds = {name: str(file.dtype(name)).removeprefix("torch.") for name in file}
            return {name: [kind, list(file.shape(name))] for name, kind in sorted(kinds.items())}
    except FormatError as error:
        return {"error": str(error)}


def render(facts: dict[str, Any]) -> None:
    """Plain text: foreign names and values are never read as markup."""
    for key, value in facts.items():
        if isinstance(value, dict):
            if value:
                say(f"{key}:")
            for name, inner in value.items():
                say(f"  {name}: {_shown(inner)[:300]}{COUNTED.get(key, '')}")
        elif value not in ("", None, []):
            say(f"{key}: {_shown(value)}")


def _shown(value: Any) -> str:
    """A value in one line: yes and no, lists without brackets, `layers 24, norm 2.3` for a small table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and all(isinstance(inner, (str, int, float)) for inner in value.values()):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list) and all(isinstance(inner, (str, int, float)) for inner in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
