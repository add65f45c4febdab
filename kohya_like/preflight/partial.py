"""A config out of a preset with faults: what is faulty is left out, so that the rest can be counted all the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kohya_like.config import TrainConfig
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document
from kohya_like.schema.toml_lines import KeyParts, split_key
from kohya_like.schema.validate import inspect

ROUNDS = 6  # taking out one key can show the next: a wrong plug-in's name, then the options of another


def sound_part(document: Document, faults: Iterable[Fault]) -> TrainConfig | None:
    """The config without the keys of `faults` and of what shows behind them; None where that leads nowhere."""
    values = document.values()
    for _ in range(ROUNDS):
        before = repr(values)
        places = [place for fault in faults for place in _places(values, fault)]
        for place in sorted(places, key=_later_items_first):
            _take_out(values, place)
        if repr(values) == before:
            return None
        config, faults = inspect(TrainConfig, values)
        if config is not None:
            return config
    return None


def _places(values: dict[str, Any], fault: Fault) -> list[KeyParts]:
    """What must go: the key; of a table, the keys its sentence names; of a list item that lacks one, the item."""
    try:
        parts = split_key(fault.key)
    except ValueError:
        return []
    if fault.code == "missing-key":
        return [parts[:-1]]
    node = _find(values, parts)
    if fault.code == "bad-value" and isinstance(node, dict):
        named = [(*parts, name) for name in node if name in fault.text]
        return named or [parts]
    return [parts]


def _find(node: Any, parts: KeyParts) -> Any:
    for part in parts:
        if isinstance(part, int):
            node = node[part] if isinstance(node, list) and part < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
    return node


def _take_out(values: dict[str, Any], parts: KeyParts) -> None:
    parent, last = _find(values, parts[:-1]), parts[-1] if parts else ""
    if isinstance(parent, dict) and isinstance(last, str):
        parent.pop(last, None)
    elif isinstance(parent, list) and isinstance(last, int) and last < len(parent):
        del parent[last]


def _later_items_first(parts: KeyParts) -> tuple[int, ...]:
    return tuple(-part for part in parts if isinstance(part, int))
