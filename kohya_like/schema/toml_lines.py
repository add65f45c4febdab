"""On which line of a TOML text each key stands. The text is known to parse; tomlkit itself forgets the places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

KeyParts = tuple[str | int, ...]

_PART = re.compile(r"""[ \t]*(?:"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([^\s.\[\]="'#]+))[ \t]*""")
_MARK = re.compile(r"""["'#\n\[\]{}]""")
_INDEX = re.compile(r"\[(\d{1,6})\]")
_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'", re.DOTALL
)


def split_key(key: str) -> KeyParts:
    """ "data.subsets[0].image_dir" -> ("data", "subsets", 0, "image_dir"). Raises ValueError with a sentence."""
    parts: list[str | int] = []
    at = 0
    while True:
        match = _PART.match(key, at)
        if match is None:
            raise ValueError(f"{key!r} is no option name; names are joined by dots, as in network.dim.")
        parts.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        while index := _INDEX.match(key, at):
            parts.append(int(index.group(1)))
            at = index.end()
        if at == len(key):
            return tuple(parts)
        if key[at] != ".":
            raise ValueError(f"{key!r} is no option name; names are joined by dots, as in network.dim.")
        at += 1


def join_key(parts: KeyParts) -> str:
    """("data", "subsets", 0, "image_dir") -> "data.subsets[0].image_dir"."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part if _PART.fullmatch(part) and part.strip() == part else f'"{part}"'
            text += f".{plain}" if text else plain
    return text


def key_lines(text: str) -> dict[str, int]:
    """First line (from 1) of every table header and every `key =`."""
    lines: dict[str, int] = {}
    for key, line in _places(text):
        lines.setdefault(key, line)
    return lines


def first_duplicate(text: str) -> tuple[str, int | None]:
    """The first key or table that stands a second time, and the line where it does."""
    seen: set[str] = set()
    for key, line in _places(text):
        if key in seen:
            return key, line
        seen.add(key)
    return "", None


def end_of_table(text: str, table: KeyParts) -> int | None:
    """Offset behind the last statement of a table, where a new key may be written; None when there is no such header.

    The root table () always exists: without a key of its own, it ends at the text's start.
    """
    end = 0 if not table else None
    for statement in statements(text):
        if statement.table == table:
            end = statement.end
    return end


class Statement(NamedTuple):
    """A table header or a `key = value` of a text."""

    table: KeyParts  # where it stands; of a header: the table it opens
    key: KeyParts
    line: int
    start: int  # offset of its line
    end: int  # offset behind its line break

    @property
    def is_header(self) -> bool:
        return self.key == self.table


def name_spans(text: str, statement: Statement) -> list[tuple[int, int]]:
    """Where each part of the name stands that a header or an assignment begins with."""
    at = statement.start
    while text[at] in " \t[":
        at += 1
    spans = []
    while match := _PART.match(text, at):
        group = next(number for number in (1, 2, 3) if match.group(number) is not None)
        quoted = group != 3
        spans.append((match.start(group) - quoted, match.end(group) + quoted))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return spans


def _places(text: str) -> Iterator[tuple[str, int]]:
    for statement in statements(text):
        yield join_key(statement.key), statement.line


def statements(text: str) -> Iterator[Statement]:
    """All headers and assignments of a text that is known to parse, in their order."""
    table: KeyParts = ()
    counts: dict[KeyParts, int] = {}
    at, line = 0, 1
    while at < len(text):
        end = _statement_end(text, at)
        statement = text[at:end].strip(" \t\r\n")
        if statement.startswith("["):
            double = statement.startswith("[[")
            name = _numbered(_header(statement[2 if double else 1 :]), counts)
            if double:
                counts[name] = counts.get(name, -1) + 1
            table = (*name, counts[name]) if double else name
            yield Statement(table, table, line, at, end)
        elif statement and not statement.startswith("#"):
            yield Statement(table, table + _header(statement), line, at, end)
        line += text.count("\n", at, end)
        at = end


def _numbered(name: KeyParts, counts: dict[KeyParts, int]) -> KeyParts:
    """`[data.subsets.more]` after a `[[data.subsets]]` belongs to that list's newest item."""
    parts: KeyParts = ()
    for part in name[:-1]:
        parts = (*parts, part)
        if parts in counts:
            parts = (*parts, counts[parts])
    return (*parts, *name[-1:])


def _header(text: str) -> KeyParts:
    """The dotted key a header or an assignment begins with."""
    parts: list[str | int] = []
    at = 0
    while match := _PART.match(text, at):
        parts.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return tuple(parts)


def _statement_end(text: str, at: int) -> int:
    """Where the statement that begins at `at` ends: its line break, or the one after an open bracket or string."""
    depth = 0
    while mark := _MARK.search(text, at):
        at, letter = mark.start(), mark.group()
        if letter in "\"'" and (string := _STRINGS.match(text, at)):
            at = string.end()
            continue
        if letter == "#":
            line_end = text.find("\n", at)
            at = len(text) if line_end < 0 else line_end
            continue
        if letter == "\n" and depth <= 0:
            return at + 1
        depth += (letter in "[{") - (letter in "]}")
        at += 1
    return len(text)
