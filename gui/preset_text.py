"""A preset as text, values and faults at once. No Qt, no files: `gui.document` adds those."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic_core import PydanticUndefined

from kohya_like.config import TrainConfig
from kohya_like.schema.errors import Fault, UserError
from kohya_like.schema.known import known_options
from kohya_like.schema.option import sections_in
from kohya_like.schema.toml import Document, lookup, same
from kohya_like.schema.toml_parse import require_size
from kohya_like.schema.validate import inspect

Value = Any  # what TOML holds: dict, list, str, int, float, bool; None where a key is not set


class PresetText:
    """The document, with what is read from it remembered until the next edit."""

    _values: dict[str, Value] | None
    _inspected: tuple[TrainConfig | None, tuple[Fault, ...]] | None

    def __init__(self, document: Document | None = None) -> None:
        self._document = document or Document()
        self.text = self._document.text()
        self._forget()

    @property
    def values(self) -> Mapping[str, Value]:
        """What the text says; not to be changed."""
        if self._values is None:
            self._values = self._document.values()
        return self._values

    def own(self, key: str) -> Value:
        """The value that is written in the text, None if there is none."""
        return deepcopy(lookup(self.values, key))

    def default(self, key: str) -> Value:
        """What holds where the text says nothing, of the plug-in that is chosen; None for keys nobody knows."""
        plain = re.sub(r"\[\d+\]", "[]", key)
        section, _, name = plain.rpartition(".")
        found = known_options(TrainConfig).options.get(plain, [])
        plugin = self._plugin(section)
        option = next((one for one in found if one.plugin == plugin), found[0] if found else None)
        if option is None or option.default is PydanticUndefined:
            return None
        if name == "name" and len(found) > 1:
            return default_plugin(section)
        return _plain(option.default)

    def edit(self, edits: Mapping[str, Value], renames: Mapping[str, str]) -> bool:
        """Rename keys, then write values (None takes a key out); whether the text is another now.

        Raises UserError and changes nothing where one of them cannot be done.
        """
        before = self.text
        try:
            for old, new in renames.items():
                self._document.rename(old, new)
            values = self._document.values()
            self._document.set_all({key: value for key, value in edits.items() if not same(lookup(values, key), value)})
            self._take_up(self._document.text())
        except (UserError, ValueError):
            self.replace(before)
            raise
        return self.text != before

    def add_item(self, key: str, values: Mapping[str, Value]) -> None:
        self._document.add_item(key, values)
        self._take_up(self._document.text())

    def remove_item(self, key: str, index: int) -> None:
        self._document.remove_item(key, index)
        self._take_up(self._document.text())

    def replace(self, text: str) -> None:
        """Another text as a whole. Raises UserError where it is no TOML."""
        self._document = Document(text, self._document.source)
        self.text = text
        self._forget()

    def known_keys(self) -> Iterator[str]:
        """Every key of the text that is an option, a list of tables as one."""
        options = known_options(TrainConfig).options
        lists = {key.partition("[]")[0] for key in options if "[]" in key}
        for section, table in self.values.items():
            for name in table if isinstance(table, Mapping) else ():
                key = f"{section}.{name}"
                if key in options or key in lists:
                    yield key

    @property
    def source(self) -> str:
        return self._document.source

    @source.setter
    def source(self, name: str) -> None:
        self._document.source = name
        self._inspected = None

    @property
    def inspected(self) -> tuple[TrainConfig | None, tuple[Fault, ...]]:
        """The config, or None and the faults."""
        if self._inspected is None:
            self._inspected = inspect(TrainConfig, self._document)
        return self._inspected

    def _plugin(self, section: str) -> str:
        if section not in TrainConfig.model_fields:
            return ""
        if len(sections_in(TrainConfig.model_fields[section].annotation)) < 2:
            return ""
        return str(lookup(self.values, f"{section}.name") or default_plugin(section))

    def _take_up(self, text: str) -> None:
        try:
            require_size(text, self._document.source)
        except UserError:
            self.replace(self.text)
            raise
        self.text = text
        self._forget()

    def _forget(self) -> None:
        self._values = self._inspected = None


def default_plugin(section: str) -> str:
    """The plug-in a section has that does not name one: "lora" of "network"."""
    return str(TrainConfig.model_fields[section].get_default(call_default_factory=True).name)


def _plain(value: Value) -> Value:
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return deepcopy(value) if isinstance(value, dict) else value
