"""Edits of a TOML text that leave every other byte as it was. The text is known to parse; the result is parsed again.

Each function takes a text and returns a text, or None where the place is inside an inline table or array: there the
parser's own tree is edited instead.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from difflib import SequenceMatcher
from typing import Any

import tomlkit
from tomlkit.items import Item

from kohya_like.schema.toml_lines import KeyParts, Statement, end_of_table, name_spans, statements

LONG_LINE = 80  # a list of texts that needs more is written one a line


def add_key(text: str, table: KeyParts, name: str, value: Any) -> str | None:
    """A line behind the last one of its table, so that comments of the next table stay with that table."""
    return insert_line(text, table, assignment(name, value, newline_of(text)))


def assignment(name: str, value: Any, newline: str = "\n") -> str:
    """`name = value`, without a line break behind it."""
    return f"{tomlkit.key(name).as_string()} = {item(value).as_string()}".replace("\n", newline)


def insert_line(text: str, table: KeyParts, line: str) -> str | None:
    """`line` as the last one of a table. None where the table has no header of its own."""
    at = end_of_table(text, table)
    return None if at is None else _inserted(text, at, line)


def add_table(text: str, table: KeyParts, line: str) -> str:
    """A new table with one line at the end of the text."""
    header = tomlkit.key([str(part) for part in table]).as_string()
    newline = newline_of(text)
    return _inserted(text, len(text), f"{newline if text else ''}[{header}]{newline}{line}")


def remove_key(text: str, parts: KeyParts) -> str | None:
    """Without a key, or a table and all that is in it. Comments on lines of their own stay."""
    text, left = remove_keys(text, [parts])
    return None if left else text


def remove_keys(text: str, keys: Sequence[KeyParts]) -> tuple[str, list[KeyParts]]:
    """Without several, and those that were not found on lines of their own."""
    found: set[KeyParts] = set()
    going = []
    for statement in statements(text):
        if hit := next((parts for parts in keys if statement.key[: len(parts)] == parts), None):
            found.add(hit)
            going.append(statement)
    for statement in reversed(going):
        text = text[: statement.start] + text[statement.end :]
    return text, [parts for parts in keys if parts not in found]


def add_list_item(text: str, parts: KeyParts, values: Mapping[str, Any]) -> str | None:
    """A `[[list]]` item behind the last one, or behind the table that holds the list."""
    newline = newline_of(text)
    header = tomlkit.key([part for part in parts if isinstance(part, str)]).as_string()
    lines = [assignment(name, value, newline) for name, value in values.items()]
    block = newline.join([f"{newline if text else ''}[[{header}]]", *lines])
    all_ = list(statements(text))
    if any(not s.is_header and s.key == parts[: len(s.key)] for s in all_):
        return None  # written as an array, or inside an inline table
    inside = [s for s in all_ if s.key[: len(parts)] == parts]
    around = [s for s in all_ if s.table[: len(parts) - 1] == parts[:-1]]
    at = inside[-1].end if inside else around[-1].end if around and parts[:-1] else len(text)
    return _inserted(text, at, block + (newline if text[at : at + 1] not in ("", "\r", "\n") else ""))


def remove_list_item(text: str, parts: KeyParts, index: int) -> str | None:
    """Without item `index` of a list of `[[tables]]`, and without the blank line in front of it."""
    inside = [s for s in statements(text) if s.key[: len(parts) + 1] == (*parts, index)]
    if not inside or not inside[0].is_header:
        return None
    start, end = inside[0].start, inside[-1].end
    newline = newline_of(text)
    if text[:start].endswith(newline * 2):
        start -= len(newline)
    return text[:start] + text[end:]


def rename(text: str, old: KeyParts, new: KeyParts) -> str | None:
    """A key or table under another name, in its place and with its comment; a key of another table moves there."""
    found = [s for s in statements(text) if s.key[: len(old)] == old]
    if not found:
        return None
    if old[:-1] == new[:-1]:
        return _renamed_in_place(text, found, old, str(new[-1]))
    statement = found[0]
    if len(found) > 1 or statement.key != old or statement.is_header:
        return None
    tail = text[name_spans(text, statement)[-1][1] : statement.end].rstrip("\r\n")
    text = text[: statement.start] + text[statement.end :]
    line = tomlkit.key(str(new[-1])).as_string() + tail
    moved = insert_line(text, new[:-1], line)
    return moved if moved is not None else add_table(text, new[:-1], line)


def _renamed_in_place(text: str, found: Sequence[Statement], old: KeyParts, name: str) -> str:
    wanted = sum(isinstance(part, str) for part in old) - 1
    for statement in reversed(found):
        spans = name_spans(text, statement)
        own = wanted - (sum(isinstance(part, str) for part in statement.key) - len(spans))
        if own >= 0:  # else the name stands in the header above
            start, end = spans[own]
            text = text[:start] + tomlkit.key(name).as_string() + text[end:]
    return text


def edit_array(array: MutableSequence[Any], before: Sequence[Any], values: Sequence[Any]) -> None:
    """Make an array that holds `before` hold `values`: items that do not differ keep their lines and comments."""
    old, after = [_comparable(value) for value in before], [_comparable(value) for value in values]
    for how, a, b, c, d in reversed(SequenceMatcher(None, old, after, autojunk=False).get_opcodes()):
        if how == "equal":
            continue
        shared = min(b - a, d - c) if how == "replace" else 0
        for at in reversed(range(a + shared, b)):
            del array[at]
        for offset in range(c + shared, d):
            array.insert(a + offset - c, item(values[offset]))
        for offset in range(shared):
            array[a + offset] = item(values[c + offset])


def item(value: Any) -> Item:
    """A value as TOML writes it on the right of `=`: a dict in braces, long lists of texts one a line."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for name, inner in value.items():
            table.append(name, item(inner))
        return table
    if isinstance(value, (list, tuple)):
        array = tomlkit.array()
        for inner in value:
            array.append(item(inner))
        if len(array.as_string()) > LONG_LINE and all(isinstance(inner, str) for inner in value):
            array.multiline(True)
        return array
    return tomlkit.item(value)


def newline_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _inserted(text: str, at: int, lines: str) -> str:
    newline = newline_of(text)
    if at and text[at - 1] != "\n":
        lines = newline + lines
    return text[:at] + lines + newline + text[at:]


def _comparable(value: Any) -> tuple[str, str]:
    return type(value).__name__, repr(value)
