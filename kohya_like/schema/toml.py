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
from tomlkit.exceptions import KeyAlreadyPresent, ParseError, TOMLKitError

from kohya_like.schema.errors import ConfigError, Fault, UserError
from kohya_like.schema.toml_lines import KeyParts, end_of_table, first_duplicate, join_key, key_lines, split_key

MAX_BYTES = 256 * 1024
BOM = "\ufeff"

Plain = Any  # what TOML can hold: dict, list, str, int, float, bool


class Document:
    """A TOML file as its author wrote it, with dotted access: `document.set("network.dim", 32)`.

    A list item is addressed by its number from zero: `data.subsets[0].image_dir`.
    """

    def __init__(self, text: str = "", source: str = "") -> None:
        self.source = source
        self._bom = BOM if text.startswith(BOM) else ""
        self._toml = _parse(text.removeprefix(BOM), source)
        self._overrides: dict[str, Plain] = {}
        self._lines: dict[str, int] | None = None

    @classmethod
    def read(cls, path: Path | str) -> Document:
        """The document in a file. Raises UserError (missing, too large) or ConfigError (not UTF-8, not TOML)."""
        return cls(_read_text(Path(path)), str(path))

    def text(self) -> str:
        return self._bom + tomlkit.dumps(self._toml)

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
        if value is None:
            if parent is not None and _holds(parent, parts[-1]):
                del parent[parts[-1]]
        elif parent is not None and _holds(parent, parts[-1]):
            parent[parts[-1]] = _plain(value)
        else:
            self._add(parts, parent, _plain(value))
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

    def _add(self, parts: KeyParts, parent: Any, value: Plain) -> None:
        """A new line behind the last one of its table, so that comments of the next table stay with that table."""
        table, name = parts[:-1], parts[-1]
        if isinstance(name, int) or (parent is None and any(isinstance(part, int) for part in table)):
            raise UserError(f"{join_key(parts)}: there is no list item of that number.")
        text = tomlkit.dumps(self._toml)
        at = end_of_table(text, table)
        if at is None and parent is not None:  # an inline table, or one made of dotted keys: tomlkit knows its end
            parent[name] = value
            return
        newline = "\r\n" if "\r\n" in text else "\n"
        line = f"{tomlkit.key(str(name)).as_string()} = {tomlkit.item(value).as_string()}{newline}"
        if at is None:
            at = len(text)
            line = f"{newline if text else ''}[{tomlkit.key([str(part) for part in table]).as_string()}]{newline}{line}"
        if at and text[at - 1] != "\n":
            line = newline + line
        self._toml = tomlkit.parse(text[:at] + line + text[at:])


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


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", _neighbours(path)) from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; a config file (.toml) is wanted.") from None
    except OSError as fault:
        raise UserError(f"{path}: cannot be read: {fault.strerror or fault}.") from None
    if len(raw) > MAX_BYTES:
        size = path.stat().st_size
        raise UserError(f"{path}: {size:,} bytes; a config may have at most {MAX_BYTES:,} (256 KiB).")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise ConfigError([_not_utf8(path, raw, fault.start)]) from None


def _not_utf8(path: Path, raw: bytes, offset: int) -> Fault:
    line = raw.count(b"\n", 0, offset) + 1
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        seen = "it is UTF-16"
    elif b"\0" in raw:
        seen = "it looks like a binary file"
    else:
        seen = f"byte {raw[offset]:#04x} at offset {offset}"
    return Fault(
        f"is not UTF-8 text: {seen}",
        where=f"{path}:{line}",
        mend="save the file as UTF-8 in your editor",
        code="not-utf8",
    )


def _neighbours(path: Path) -> str:
    try:
        near = sorted(p.name for p in path.parent.glob("*.toml"))[:8]
    except OSError:
        near = []
    if near:
        return f"In {path.parent} there are: {', '.join(near)}."
    return "" if path.parent.is_dir() else f"The folder {path.parent} does not exist either."


def _parse(text: str, source: str) -> tomlkit.TOMLDocument:
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_BYTES:
        raise UserError(f"{source or 'the config'}: {len(text):,} characters; at most {MAX_BYTES:,} bytes are taken.")
    try:
        return tomlkit.parse(text)
    except KeyAlreadyPresent:
        key, line = first_duplicate(text)
        fault = Fault("is given twice", key=key, where=_place(source, line), mend="keep one", code="duplicate-key")
    except ParseError as error:
        fault = _parse_fault(text, source, error)
    except (TOMLKitError, ValueError, RecursionError) as error:
        fault = Fault(f"is not TOML: {error}", where=source, code="not-toml")
    raise ConfigError([fault]) from None


def _parse_fault(text: str, source: str, error: ParseError) -> Fault:
    said = str(error).split(" at line ")[0].strip()
    if said.endswith("already exists."):
        key, line = first_duplicate(text)
        where = _place(source, line or error.line)
        return Fault("is given twice", key=key, where=where, mend="keep one", code="duplicate-key")
    lines = text.split("\n")
    line_text = lines[error.line - 1].strip()[:60] if 0 < error.line <= len(lines) else ""
    if text.lstrip()[:1] == "{":
        mend = "this looks like JSON; a config here is TOML: [section], then key = value"
    else:
        mend = "text stands in quotes, a table is [name], a line is key = value"
    return Fault(f"is not TOML: {said} in `{line_text}`", where=_place(source, error.line), mend=mend, code="not-toml")


def _place(source: str, line: int | None) -> str:
    return f"{source}:{line}" if source and line else source or (f"line {line}" if line else "")


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
