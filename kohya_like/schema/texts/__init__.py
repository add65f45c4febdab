"""Names and explanations of the options, in every language of the window: small catalogues beside the schema.

English help is the option's own (`info.help`) and stands nowhere else. `en.toml` holds the English labels,
`zh_CN.toml` the Chinese labels and helps. In both, `[options.network]` speaks of `network.dim` of every plug-in and
`[options."network:oft"]` of what is different for one of them; a key of `data.subsets[]` that is not in
`[options."data.subsets"]` takes the words of the same key of `data`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from kohya_like.schema.option import Described

LANGUAGES: Final = ("en", "zh_CN")
_ANY_KEY: Final = "*"  # `[choices."*"]`: words for a value wherever it occurs


class Texts:
    """What the options, sections, groups, values, units and levels are called in one language.

    What a catalogue lacks is said in English, and what English lacks by its key: nothing is ever unnamed.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        catalogue = _catalogue(language)
        self._options: dict[str, dict[str, str | list[str]]] = catalogue["options"]
        self._choices: dict[str, dict[str, str]] = catalogue["choices"]
        self._words: dict[str, dict[str, str]] = {
            name: catalogue.get(name, {}) for name in ("sections", "groups", "units", "levels")
        }

    def label(self, option: Described) -> str:
        """The short name of a field."""
        return self.label_of(option.key, option.plugin)

    def help(self, option: Described) -> str:
        """What an option is for, in a sentence or two."""
        entry = self._entry(option.key, option.plugin)
        return option.info.help if entry is None or isinstance(entry, str) else entry[1]

    def label_of(self, key: str, plugin: str = "") -> str:
        """The short name by dotted key ("network.dim", "data.subsets[0].image_dir"), or of a table ("network")."""
        key = _without_numbers(key)
        entry = self._entry(key, plugin)
        if entry is not None:
            return entry if isinstance(entry, str) else entry[0]
        if key in self._words["sections"]:
            return self._words["sections"][key]
        return key if self.language == "en" else texts("en").label_of(key, plugin)

    def section(self, name: str) -> str:
        """The title of a table: "network"."""
        return self._word("sections", name)

    def group(self, name: str) -> str:
        """The title of a group of options (`OptionInfo.group`)."""
        return self._word("groups", name)

    def choice(self, key: str, value: str) -> str:
        """The text shown for one of the values an option can have; the value itself where no word is better."""
        key = _without_numbers(key)
        section, _, name = key.rpartition(".")
        shared = f"{section.rpartition('.')[0]}.{name}"
        for place in (key, shared, _ANY_KEY):
            if value in self._choices.get(place, {}):
                return self._choices[place][value]
        return value if self.language == "en" else texts("en").choice(key, value)

    def unit(self, name: str) -> str:
        """A unit as it stands behind a number."""
        return self._word("units", name)

    def level(self, name: str) -> str:
        """basic, advanced, expert."""
        return self._word("levels", name)

    @property
    def glossary(self) -> tuple[tuple[str, str], ...]:
        """Our terms: (English, Chinese)."""
        return tuple((english, chinese[0]) for english, chinese in glossary().items())

    def _word(self, kind: str, name: str) -> str:
        found = self._words[kind].get(name)
        if found is not None:
            return found
        return name if self.language == "en" else texts("en")._word(kind, name)

    def _entry(self, key: str, plugin: str) -> str | list[str] | None:
        section, _, name = _without_numbers(key).rpartition(".")
        for table in self._tables(section, plugin):
            if name in self._options.get(table, {}):
                return self._options[table][name]
        return None

    def _tables(self, section: str, plugin: str) -> Iterator[str]:
        """Where the words of an option may stand, the most particular place first."""
        if plugin:
            yield f"{section}:{plugin}"
        yield section
        yield section.rpartition(".")[0]
        yield from (table for table in self._options if table.startswith(f"{section}:"))  # asked without the plug-in


@cache
def texts(language: str) -> Texts:
    """The texts of a language, read from its file when they are first asked for."""
    if language not in LANGUAGES:
        raise ValueError(f"there are no texts in {language!r}; the languages are {', '.join(LANGUAGES)}")
    return Texts(language)


@cache
def glossary() -> dict[str, list[str]]:
    """English term -> our Chinese word for it, and after it other words that are accepted."""
    catalogue: dict[str, dict[str, list[str]]] = _catalogue("glossary")
    return catalogue["fields"] | catalogue["window"]


def _catalogue(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def _without_numbers(key: str) -> str:
    """data.subsets[0].image_dir -> data.subsets.image_dir"""
    return re.sub(r"\[\d*\]", "", key)
