"""Plug-ins by kind and name. A plug-in is a file in a known folder of this package; nothing is imported by a config."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Literal, TypeVar

Kind = Literal["algorithm", "family", "method", "optimizer", "schedule"]
FOLDERS: dict[Kind, str] = {
    "algorithm": "kohya_like.networks.algorithms",
    "family": "kohya_like.families",
    "method": "kohya_like.methods",
    "optimizer": "kohya_like.optim",
    "schedule": "kohya_like.optim",
}

T = TypeVar("T")
_entries: dict[Kind, dict[str, object]] = {}


def register(kind: Kind, name: str, entry: T) -> T:
    """Enter a plug-in under its name; a second one of that name is a programming error."""
    entries = _entries.setdefault(kind, {})
    if name in entries and entries[name] is not entry:
        raise ValueError(f"two plug-ins call themselves {kind} {name!r}")
    entries[name] = entry
    return entry


@cache
def _load(folder: str) -> None:
    package = importlib.import_module(folder)
    named: tuple[str, ...] | None = getattr(package, "PLUGINS", None)  # a folder may hold other files as well
    for module in pkgutil.iter_modules(package.__path__):
        if named is None or module.name in named:
            importlib.import_module(f"{folder}.{module.name}")


def plugins(kind: Kind) -> dict[str, object]:
    """All plug-ins of a kind by name, sorted. Imports the files of its folder, which must not import torch."""
    _load(FOLDERS[kind])
    return dict(sorted(_entries.get(kind, {}).items()))
