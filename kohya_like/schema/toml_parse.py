"""TOML text to tomlkit's tree; what is not TOML is a fault with its line and a cure."""

from __future__ import annotations

import tomlkit
from tomlkit.exceptions import KeyAlreadyPresent, ParseError, TOMLKitError

from kohya_like.schema.errors import ConfigError, Fault, UserError
from kohya_like.schema.toml_file import MAX_BYTES
from kohya_like.schema.toml_lines import first_duplicate


def parse(text: str, source: str) -> tomlkit.TOMLDocument:
    """Raises UserError (too large) or ConfigError (not TOML)."""
    require_size(text, source)
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


def require_size(text: str, source: str = "") -> None:
    """Raises UserError where a text is larger than what is read."""
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_BYTES:
        raise UserError(f"{source or 'the config'}: {len(text):,} characters; at most {MAX_BYTES:,} bytes are taken.")


def _parse_fault(text: str, source: str, error: ParseError) -> Fault:
    said = str(error).split(" at line ")[0].strip()
    if said.endswith("already exists."):
        key, line = first_duplicate(text)
        where = _place(source, line or error.line)
        return Fault("is given twice", key=key, where=where, mend="keep one", code="duplicate-key")
    lines = text.split("\n")
    line_text = lines[error.line - 1].strip()[:60] if 0 < error.line <= len(lines) else ""
    if "\0" not in text and (said.endswith("'\\x00'") or "end of file" in said):  # how tomlkit names the end
        said = "the text ends too early"
    if text.lstrip()[:1] == "{":
        mend = "this looks like JSON; a config here is TOML: [section], then key = value"
    elif said == "the text ends too early" or (error.line >= len(lines) and lines[-1].strip() and len(lines) > 1):
        mend = "the file ends in the middle of an entry, as one that was cut off; look for another copy of it"
    else:
        mend = "text stands in quotes, a table is [name], a line is key = value"
    return Fault(f"is not TOML: {said} in `{line_text}`", where=_place(source, error.line), mend=mend, code="not-toml")


def _place(source: str, line: int | None) -> str:
    return f"{source}:{line}" if source and line else source or (f"line {line}" if line else "")
