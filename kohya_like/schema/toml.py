"""TOML in and out. A `Document` keeps comments, order and unknown keys of the user's file, byte for byte.

The document is what a window edits; the frozen config is made from it by `schema.validate`. Text that a stranger wrote
is capped before it is parsed: TOML parsers are easily made slow (a 40 kB dotted key costs Python's `tomllib` 1.5 GB).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from kohya_like.schema import toml_edits
from kohya_like.schema.errors import UserError
from kohya_like.schema.toml_file import MAX_BYTES, decoded, read_bytes
from kohya_like.schema.toml_lines import KeyParts, join_key, key_lines, split_key
from kohya_like.schema.toml_parse import parse

BOM = "\ufeff"

Plain = Any  # what TOML can hold: dict, list, str, int, float, bool


class Document:
    """A TOML file as its author wrote it, with dotted access: `document.set("network.dim", 32)`.

    A list item is addressed by its number from zero: `data.subsets[0].image_dir`.
    """

    def __init__(self, text: str = "", source: str = "") -> None:
        self.source = source
        self._bom = BOM if text.startswith(BOM) else ""
        self._toml = parse(text.removeprefix(BOM), source)
        self._overrides: dict[str, Plain] = {}
        self._lines: dict[str, int] | None = None

    @classmethod
    def read(cls, path: Path | str) -> Document:
        """The document in a file. Raises UserError (missing, too large) or ConfigError (not UTF-8, not TOML)."""
        return cls(decoded(read_bytes(Path(path)), Path(path)), str(path))

    def text(self) -> str:
        return self._bom + self._toml_text()

    def save(self, path: Path, write: Callable[[Path, str], object]) -> None:
        """Hand the text to a writer that replaces a file in one piece (`formats.atomic.atomic_text`)."""
        write(path, self.text())

    def values(self) -> dict[str, Plain]:
        """Everything the file holds as plain values, with the overrides on top."""
        values = _plain(self._toml)
        for key, value in self._overrides.items():
            _put(values, split_key(key), value)
        return values

    def get(self, key: str, default: Plain = None) -> Plain:
        """The plain value of a dotted key, or `default`."""
        return lookup(self.values(), key, default)

    def set(self, key: str, value: Plain) -> None:
        """Write one value; the rest of the text stays as it is. `None` takes the key out (back to its default)."""
        parts = split_key(key)
        parent = self._find(parts[:-1])
        there = parent is not None and _holds(parent, parts[-1])
        if value is not None:
            self._write(parts, parent, _plain(value), there)
        elif there:
            self._take_out(parts, parent)
        self._lines = None

    def set_all(self, edits: Mapping[str, Plain]) -> None:
        """Write or take out many values; parsed once where most are new lines or lines that go."""
        values, text = self.values(), self._toml_text()
        going = [split_key(key) for key, value in edits.items() if value is None and lookup(values, key) is not None]
        text, inside = toml_edits.remove_keys(text, going)
        rest: dict[str, Plain] = {join_key(parts): None for parts in inside}
        for key, value in edits.items():
            *table, name = split_key(key)
            if value is None:
                continue
            is_line = lookup(values, key) is None and isinstance(name, str) and not _has_tables(value)
            added = toml_edits.add_key(text, tuple(table), str(name), _plain(value)) if is_line else None
            if added is None:
                rest[key] = value
            else:
                text = added
        if text != self._toml_text():
            self._edit(text)
        for key, value in rest.items():
            self.set(key, value)

    def rename(self, old: str, new: str) -> None:
        """Give a key or table another name, in its place; one that moves to another table keeps value and comment."""
        was, now = split_key(old), split_key(new)
        value = self.get(old)
        if value is None:
            raise UserError(f"{old}: there is no such key to rename.")
        if self.get(new) is not None:
            raise UserError(f"{old}: cannot become {new}, which is there already; take one of the two out.")
        if not self._edit(toml_edits.rename(self._toml_text(), was, now)):
            self.set(new, value)
            self.set(old, None)

    def add_item(self, key: str, values: Mapping[str, Plain]) -> None:
        """One more item behind the others of a list of tables, as `[[key]]`."""
        parts = split_key(key)
        held = self.get(key)
        if held is not None and not isinstance(held, list):
            raise UserError(f"{key}: holds a value here, not a list.")
        if self._edit(toml_edits.add_list_item(self._toml_text(), parts, _plain(values))):
            return
        if held is None:
            self._add(parts, self._find(parts[:-1]), [])
        self.set(key, [*(held or []), values])

    def remove_item(self, key: str, index: int) -> None:
        """A list without its item `index`."""
        parts = split_key(key)
        items = self._find(parts)
        if not _holds(items, index):
            raise UserError(f"{join_key((*parts, index))}: there is no list item of that number.")
        if not self._edit(toml_edits.remove_list_item(self._toml_text(), parts, index)):
            del items[index]
            self._lines = None

    def override(self, text: str) -> None:
        """Lay `network.dim=32` (a `--set`) over the file; the file's own text is not touched."""
        key, value = parse_override(text)
        self._overrides[key] = value

    def line_of(self, key: str) -> int | None:
        """The line of a key or table, counted from 1; of the nearest table around it when it is not there itself."""
        if self._lines is None:
            self._lines = key_lines(self.text())
        parts = split_key(key)
        while parts:
            name = join_key(parts)
            inside = (
                line for key, line in self._lines.items() if key == name or key.startswith((f"{name}.", f"{name}["))
            )
            if (line := next(inside, None)) is not None:  # a table without a header stands where its first key does
                return line
            parts = parts[:-1]
        return None

    def where(self, key: str) -> str:
        """The place to blame for a key's value: `file:line`, or the `--set` that gave it."""
        for given in self._overrides:
            if key == given or key.startswith((f"{given}.", f"{given}[")):
                return f"--set {given}"
        line = self.line_of(key)
        return f"{self.source}:{line}" if self.source and line else self.source

    def _find(self, parts: KeyParts) -> Any:
        """The table or list a dotted name leads to; None when there is none. A value on the way is a fault."""
        node: Any = self._toml
        for part in parts:
            if not _holds(node, part):
                return None
            node = node[part]
            if not isinstance(node, (Mapping, list)):
                raise UserError(f"{join_key(parts)}: {part!r} holds a value here, not a table.")
        return node

    def _write(self, parts: KeyParts, parent: Any, value: Plain, there: bool) -> None:
        held = parent[parts[-1]] if there else None
        present = _plain(held) if there else None
        if isinstance(present, dict) and isinstance(value, dict):
            for name in present.keys() - value.keys():
                self.set(join_key((*parts, name)), None)
            for name, inner in value.items():
                if name not in present or not same(present[name], inner):
                    self.set(join_key((*parts, name)), inner)
        elif isinstance(held, AoT) and isinstance(value, list) and all(isinstance(inner, dict) for inner in value):
            self._write_items(join_key(parts), len(held), value)
        elif isinstance(held, list) and isinstance(value, list) and not isinstance(held, AoT):
            toml_edits.edit_array(held, _plain(held), value)
        elif there and not isinstance(held, (AoT, Mapping)):
            parent[parts[-1]] = toml_edits.item(value)
        else:
            if there:
                self._take_out(parts, parent)
            if value and isinstance(value, list) and all(isinstance(inner, dict) for inner in value):
                self._write_items(join_key(parts), 0, value)
            else:
                self._add(parts, self._find(parts[:-1]), value)

    def _write_items(self, key: str, present: int, items: list[Plain]) -> None:
        for index in reversed(range(len(items), present)):
            self.remove_item(key, index)
        for index, item in enumerate(items):
            if index < present:
                self.set(f"{key}[{index}]", item)
            else:
                self.add_item(key, item)

    def _take_out(self, parts: KeyParts, parent: Any) -> None:
        if not self._edit(toml_edits.remove_key(self._toml_text(), parts)):
            del parent[parts[-1]]

    def _add(self, parts: KeyParts, parent: Any, value: Plain) -> None:
        table, name = parts[:-1], parts[-1]
        if isinstance(name, int) or (parent is None and any(isinstance(part, int) for part in table)):
            raise UserError(f"{join_key(parts)}: there is no list item of that number.")
        text = self._toml_text()
        if self._edit(toml_edits.add_key(text, table, name, value)):
            return
        if parent is not None:  # an inline table, or one made of dotted keys: tomlkit knows its end
            parent[name] = toml_edits.item(value)
        else:
            self._edit(toml_edits.add_table(text, table, toml_edits.assignment(name, value)))

    def _toml_text(self) -> str:
        return tomlkit.dumps(self._toml)

    def _edit(self, text: str | None) -> bool:
        if text is not None:
            self._toml = tomlkit.parse(text)
            self._lines = None
        return text is not None


def lookup(values: Mapping[str, Plain], key: str, default: Plain = None) -> Plain:
    """The value under a dotted key of nested plain values, or `default`."""
    node: Plain = values
    for part in split_key(key):
        if not _holds(node, part):
            return default
        node = node[part]
    return node


def parse_override(text: str) -> tuple[str, Plain]:
    """`network.dim=32` -> ("network.dim", 32).

    The right side is typed by TOML's rules (32, 1e-4, true, [512, 768], "text"); what is not TOML is text as it stands.
    Nothing after the `=` means: not set, whatever the file says (`None`).
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise UserError(f"--set {text}: expects key=value, for example --set network.dim=32.")
    try:
        split_key(key)
    except ValueError as fault:
        raise UserError(f"--set {text}: {fault}") from None
    return key, _override_value(value.strip())


def _override_value(text: str) -> Plain:
    if not text:
        return None
    if len(text) > MAX_BYTES:
        raise UserError(f"--set: a value of {len(text):,} characters; at most {MAX_BYTES:,} are taken.")
    try:
        return _plain(tomlkit.value(text))
    except (TOMLKitError, ValueError, RecursionError):
        return text


def _plain(value: Any) -> Plain:
    """tomlkit's items, tuples and paths as plain values; a date is its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool):
        return bool(value)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    unwrapped = value.unwrap() if hasattr(value, "unwrap") else value
    return unwrapped if isinstance(unwrapped, bool) else str(unwrapped)


def same(present: Plain, wanted: Plain) -> bool:
    """Whether writing `wanted` over `present` would say nothing new: 8 does for 8.0, but 1 is not true and not "1"."""
    if isinstance(present, dict) and isinstance(wanted, dict):
        return present.keys() == wanted.keys() and all(same(present[name], wanted[name]) for name in present)
    if isinstance(present, list) and isinstance(wanted, (list, tuple)):
        return len(present) == len(wanted) and all(map(same, present, wanted))
    if type(present) is int and type(wanted) is float:
        return present == wanted
    return type(present) is type(wanted) and (present == wanted or (present != present and wanted != wanted))


def _has_tables(value: Plain) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(inner, Mapping) for inner in value)


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(node, list) and 0 <= part < len(node)
    return isinstance(node, Mapping) and part in node


def _put(values: dict[str, Plain], parts: KeyParts, value: Plain) -> None:
    node: Any = values
    for part in parts[:-1]:
        if isinstance(part, int) and not _holds(node, part):
            raise UserError(f"--set {join_key(parts)}: the file has no list item of that number.")
        if isinstance(part, str) and isinstance(node, dict) and not isinstance(node.get(part), (dict, list)):
            node[part] = {}
        node = node[part] if _holds(node, part) else {}
    last = parts[-1]
    if value is None:
        if _holds(node, last):
            del node[last]
    elif isinstance(node, dict) or _holds(node, last):
        node[last] = value
