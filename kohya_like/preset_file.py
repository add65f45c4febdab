"""A preset on the disk: reading, writing in one piece, and whether somebody else wrote it meanwhile. No Qt.

Everything here touches files and belongs in the background.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kohya_like.formats.atomic import atomic_write
from kohya_like.schema.errors import UserError
from kohya_like.schema.toml import Document
from kohya_like.schema.toml_file import MAX_BYTES, decoded, read_bytes

SAVE_AS = "Use Save as and choose another place."
Stamp = tuple[int, int, int]  # time of the last write, size, inode: what is looked at before the content


@dataclass(frozen=True)
class Content:
    """What stands under a name: the bytes (None: no file), and the stamp by which a change is noticed."""

    raw: bytes | None = None
    stamp: Stamp | None = None

    @property
    def text(self) -> str:
        """For a reader's eyes: bytes that are not UTF-8 are shown as a mark."""
        return "" if self.raw is None else self.raw.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Opened:
    """A preset that was read: the parsed document, and the folder its relative paths start from."""

    path: Path
    folder: Path
    document: Document
    content: Content
    read_only: bool


@dataclass(frozen=True)
class Saved:
    """A preset that was written."""

    path: Path
    folder: Path
    text: str
    content: Content


class ChangedOutside(Exception):
    """The file is not what was read or written last; nothing was written."""

    def __init__(self, content: Content) -> None:
        super().__init__("the file was changed by another program")
        self.content = content


def open_preset(path: Path) -> Opened:
    """Read and parse. Raises UserError or ConfigError with the reason in a sentence."""
    path = Path(os.path.abspath(path))
    if path.suffix.lower() == ".json":
        raise UserError(
            f"{path}: is a JSON file; this version opens presets as TOML (.toml) only.",
            "Presets of kohya_ss cannot be taken over yet; start from one of the examples.",
        )
    raw = read_bytes(path)
    text = decoded(raw, path)
    document = Document(text, str(path))
    target = Path(os.path.realpath(path))
    return Opened(path, target.parent, document, Content(raw, _stamp(target)), bool(_read_only(target)))


def look(path: Path, last: Stamp | None) -> Content | None:
    """What stands there now; None where nothing was written since `last`, or where it cannot be known."""
    try:
        now = _stamp(path)
        if now is not None and now == last:
            return None
        return Content(_read(path), now)
    except OSError:
        return None


def save_preset(path: Path, text: str, own: Path | None, known: bytes | None, force: bool = False) -> Saved:
    """Write in one piece: whoever kills us leaves the old file or the new one.

    A symlink stays, what it points to is written; the file keeps its mode.

    Args:
        own: the document's own file. Where `path` is that file, it must still hold `known` (None: it was deleted).
        force: write whatever stands there.

    Raises:
        ChangedOutside: it holds something else.
        UserError: it cannot be written, in a sentence.
    """
    target = Path(os.path.realpath(path))
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as fault:
        raise UserError(f"{path}: the text holds a half character at {fault.start}; type that value again.") from None
    try:
        if not force and own is not None and target == Path(os.path.realpath(own)):
            _require_unchanged(target, known, raw)
        if reason := _read_only(target):
            raise UserError(f"{path}: {reason}", SAVE_AS)
        _write(target, raw)
        return Saved(Path(os.path.abspath(path)), target.parent, text, Content(raw, _stamp(target)))
    except OSError as fault:
        raise UserError(f"{path}: cannot be written: {fault.strerror or fault}.", SAVE_AS) from None


def _require_unchanged(target: Path, known: bytes | None, wanted: bytes) -> None:
    content = Content(_read(target), _stamp(target))
    if content.raw is not None and content.raw not in (known, wanted):
        raise ChangedOutside(content)


def _write(target: Path, raw: bytes) -> None:
    try:
        mode: int | None = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = None

    def write(file: BinaryIO) -> None:
        file.write(raw)
        if mode is not None:
            os.fchmod(file.fileno(), mode)

    atomic_write(target, write)


def _read_only(target: Path) -> str:
    """Why a file cannot be written, in a sentence; empty if it can."""
    try:
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            return "is a folder." if stat.S_ISDIR(mode) else "is not a file."
        if not mode & 0o222 or not os.access(target, os.W_OK):
            return "is read-only."
    except FileNotFoundError:
        pass
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}."
    if not target.parent.stat().st_mode & 0o222 or not os.access(target.parent, os.W_OK | os.X_OK):
        return f"the folder {target.parent} is read-only."
    return ""


def _read(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _stamp(path: Path) -> Stamp | None:
    try:
        seen = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
