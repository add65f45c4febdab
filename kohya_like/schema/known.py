"""Which options exist, and what an unknown name was probably meant to be."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import get_origin

from kohya_like.schema.moved import FOREIGN, RENAMED, Moved
from kohya_like.schema.option import Described, Section, describe, sections_in


@dataclass(frozen=True)
class Suggestion:
    """What to do about an unknown key: a sentence, and the key meant, where that is certain enough to rename."""

    text: str
    key: str = ""


class Known:
    """All options of a config class by dotted key, by last name and by kohya's name."""

    def __init__(self, config: type[Section]) -> None:
        self.config = config
        self.options: dict[str, list[Described]] = defaultdict(list)
        self._by_leaf: dict[str, list[str]] = defaultdict(list)
        self._by_kohya: dict[str, list[str]] = defaultdict(list)
        for option in describe(config):
            self._enter(option)
        self.sections = tuple(config.model_fields)
        self.classes = dict(section_classes(config))

    def _enter(self, option: Described) -> None:
        known = option.key in self.options
        self.options[option.key].append(option)
        if known:
            return
        section, _, leaf = option.key.rpartition(".")
        self._by_leaf[leaf].append(option.key)
        for name in kohya_names(option.info.kohya):
            self._by_kohya[name].append(option.key)
        # kohya has one flat list: its network_dim is our network.dim
        self._by_kohya[f"{section.removesuffix('[]').replace('.', '_')}_{leaf}"].append(option.key)

    def suggest(
        self, key: str, siblings: Sequence[str], chosen: str = "", renamed: Sequence[Moved] = RENAMED
    ) -> Suggestion:
        """For an unknown dotted key. `siblings` are the names its table knows, `chosen` the plug-in it belongs to."""
        plain = re.sub(r"\[\d+\]", "[]", key)
        section, _, leaf = plain.rpartition(".")
        for row in renamed:
            if row.old == plain:
                return _moved(row)
        for keys, said in ((self._by_leaf[leaf], ""), (self._by_kohya[leaf], f"kohya's {leaf} is ")):
            if keys:
                return self._elsewhere(section, leaf, keys, said, chosen)
        if leaf in FOREIGN:
            return Suggestion(FOREIGN[leaf])
        return self._near(plain, siblings)

    def _elsewhere(self, section: str, leaf: str, keys: list[str], said: str, chosen: str) -> Suggestion:
        here = [key for key in keys if key.rpartition(".")[0] == section]
        if here and chosen and said == "":
            names = self._plugins_with(section, leaf)
            return Suggestion(f"{section}.name is {chosen!r}; {leaf} is an option of {', '.join(names)}")
        if here:
            return Suggestion(f"{said}{here[0]} here", here[0])
        new = keys[0]
        home, _, name = new.rpartition(".")
        if len(keys) > 1 and said == "":
            homes = " and ".join(_table_name(k.rpartition(".")[0]) for k in keys)
            return Suggestion(f"an option of that name belongs in {homes}")
        if home.endswith("[]") and not said:
            return Suggestion(f"it belongs in {_table_name(home)}")
        if said:
            return Suggestion(f"{said}{new} here", "" if "[]" in new else new)
        return Suggestion(f"it belongs in [{home}]" + (f" as {name}" if name != leaf else ""), new)

    def _plugins_with(self, section: str, leaf: str) -> list[str]:
        choices = self.classes.get(section, [])
        return [plugin_name(choice) for choice in choices if leaf in choice.model_fields]

    def _near(self, key: str, siblings: Sequence[str]) -> Suggestion:
        section, _, leaf = key.rpartition(".")
        if near := get_close_matches(leaf, siblings, n=1, cutoff=0.6):
            return Suggestion(f"did you mean {near[0]!r}?", f"{section}.{near[0]}" if section else near[0])
        if not section:
            return Suggestion(f"the sections are {', '.join(f'[{name}]' for name in self.sections)}")
        if near := get_close_matches(key, list(self.options), n=1, cutoff=0.75):
            return Suggestion(f"did you mean {near[0]!r}?", near[0])
        if 0 < len(siblings) <= 12:
            return Suggestion(f"[{section}] knows {', '.join(siblings)}")
        return Suggestion("docs/keys.md lists all options")


def section_classes(config: type[Section], prefix: str = "") -> Iterator[tuple[str, list[type[Section]]]]:
    """Every table of a config with the Section classes it may be: ("network", [LoRA, LoHa, ...])."""
    for name, field in config.model_fields.items():
        inner = sections_in(field.annotation)
        if not inner:
            continue
        key = f"{prefix}{name}" + ("[]" if get_origin(field.annotation) in (list, tuple) else "")
        yield key, inner
        for choice in inner:
            yield from section_classes(choice, f"{key}.")


def plugin_name(choice: type[Section]) -> str:
    """The word that chooses a member of a plug-in union: the default of its `name`."""
    field = choice.model_fields.get("name")
    return str(field.default) if field is not None else choice.__name__


@lru_cache(maxsize=8)
def known_options(config: type[Section]) -> Known:
    return Known(config)


def kohya_names(text: str) -> list[str]:
    """The names in "full_bf16 / full_fp16": words only, so that a remark in brackets does not become a name."""
    without_remarks = re.sub(r"\(.*?\)", "", text)
    return [name for name in re.split(r"[\s,/]+", without_remarks) if re.fullmatch(r"[a-z][a-z0-9_]+", name)]


def _table_name(section: str) -> str:
    return f"[[{section.removesuffix('[]')}]]" if section.endswith("[]") else f"[{section}]"


def _moved(row: Moved) -> Suggestion:
    note = f"; {row.note}" if row.note else ""
    if row.new:
        return Suggestion(f"renamed to {row.new} in version {row.version}{note}", row.new)
    return Suggestion(f"removed in version {row.version}{note}")
