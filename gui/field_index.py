"""Finding an option by what a person may call it: name in either language, key, kohya's name, help. No Qt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gui.fields import Field, fields
from kohya_like.schema.known import kohya_names
from kohya_like.schema.texts import LANGUAGES, texts

MOST = 30  # results; whoever needs more types another letter


@dataclass(frozen=True)
class Entry:
    """An option with everything it may be found by, in small letters."""

    key: str
    plugins: tuple[str, ...]  # that have it; () where there is nothing to choose
    fields: tuple[Field, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]  # the key and kohya's names
    helps: str


def find(text: str, index: Sequence[Entry] | None = None) -> list[Entry]:
    """The options that match every word of a text, the best ones first."""
    words = text.lower().split()
    if not words:
        return []
    ranked = []
    for place, entry in enumerate(every_entry() if index is None else index):
        ranks = [_rank(word, entry) for word in words]
        whole = _rank(text.strip().lower(), entry)
        if None not in ranks:
            best = max(rank for rank in ranks if rank is not None)
            ranked.append((min(best, whole) if whole is not None else best, place, entry))
    return [entry for _, _, entry in sorted(ranked, key=lambda found: found[:2])[:MOST]]


@lru_cache(maxsize=1)
def every_entry() -> tuple[Entry, ...]:
    """All options but those of list items, one entry a key."""
    grouped: dict[str, list[Field]] = {}
    for field in fields():
        grouped.setdefault(field.key, []).append(field)
    return tuple(_entry(key, tuple(same)) for key, same in grouped.items())


def _entry(key: str, variants: tuple[Field, ...]) -> Entry:
    options = [field.option for field in variants]
    spoken = [texts(language) for language in LANGUAGES]
    labels = dict.fromkeys(text.label(option).lower() for text in spoken for option in options)
    names = [key, *(name for option in options for name in kohya_names(option.info.kohya))]
    helps = dict.fromkeys(text.help(option).lower() for text in spoken for option in options)
    plugins = tuple(field.plugin for field in variants if field.plugin)
    return Entry(key, plugins, variants, tuple(labels), tuple(dict.fromkeys(names)), "\n".join(helps))


def _rank(word: str, entry: Entry) -> int | None:
    """0 is best; None: no match. A label that begins with the word, then names, then labels, then the help."""
    leaves = [name.rpartition(".")[2] for name in entry.names]
    if any(label.startswith(word) for label in entry.labels):
        return 0
    if any(name == word for name in (*entry.names, *leaves)):
        return 0
    if any(re.search(rf"\b{re.escape(word)}", label) for label in entry.labels):
        return 1
    if any(name.startswith(word) for name in (*entry.names, *leaves)):
        return 2
    if any(word in label for label in entry.labels):
        return 3
    if any(word in name for name in entry.names):
        return 4
    return 5 if word in entry.helps else None
