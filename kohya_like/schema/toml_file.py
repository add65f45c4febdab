"""A config file from the disk: capped, because TOML parsers are easily made slow, and UTF-8 or nothing."""

from __future__ import annotations

import stat
from pathlib import Path

from kohya_like.schema.errors import ConfigError, Fault, UserError

MAX_BYTES = 256 * 1024


def read_bytes(path: Path) -> bytes:
    """What stands in a config file. Raises UserError: no file, a folder, too large, not readable."""
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # would wait for a writer
            raise UserError(f"{path}: is not a file; a config file (.toml) is wanted.")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", _neighbours(path)) from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; a config file (.toml) is wanted.") from None
    except OSError as fault:
        raise UserError(f"{path}: cannot be read: {fault.strerror or fault}.") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"{path}: {path.stat().st_size:,} bytes; a config may have at most {MAX_BYTES:,} (256 KiB).")
    return raw


def decoded(raw: bytes, path: Path) -> str:
    """The bytes of a config file as text. Raises ConfigError when they are not UTF-8."""
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
