"""What the window remembers: read once at the start, written in the background, shared by windows open at once."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal

from gui.background import later
from kohya_like.formats.atomic import atomic_bytes

FOLDER_VARIABLE = "KOHYA_LIKE_CONFIG_DIR"
DELAY_MILLISECONDS = 300
MOST_BYTES = 1 << 20
RECENT, HISTORY = 12, 20  # entries kept
LEVELS = ("basic", "all")


def config_folder() -> Path:
    """Where settings and rescued work lie: one per user, or what the variable says."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given).expanduser()
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "kohya-like"


class Settings(QObject):
    """Plain values by name. A value of another type than the one asked for is the default.

    A file that is no JSON object is kept under another name, and the defaults are used.
    """

    changed = Signal(str)  # the name
    failed = Signal(str)  # they cannot be written, and why; once until it works again

    def __init__(self, file: Path | None = None, delay_milliseconds: int = DELAY_MILLISECONDS) -> None:
        super().__init__()
        self._file = file or config_folder() / "settings.json"
        self._unread = self._kept_as = ""
        self._values = self._read()
        self._changes: dict[str, Any] = {}
        self._busy = self._said = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_milliseconds)
        self._timer.timeout.connect(self.write)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default` where there is none of its type."""
        value = self._values.get(key, default)
        return value if default is None or isinstance(value, type(default)) else default

    def set(self, key: str, value: Any) -> None:
        """Remember a value that JSON can hold."""
        if key in self._values and self._values[key] == value and type(self._values[key]) is type(value):
            return
        self._values[key] = self._changes[key] = value
        self._timer.start()
        self.changed.emit(key)

    @property
    def folder(self) -> Path:
        """Where the settings lie; other files that a person may edit lie there too."""
        return self._file.parent

    @property
    def problem(self) -> str:
        """Why the file could not be used, in a sentence; empty if it could."""
        if self._kept_as:
            said = self.tr("{file}: is damaged; it was kept as {name}, and the defaults are used.")
            return said.format(file=self._file, name=self._kept_as)
        if self._unread:
            said = self.tr("{file}: cannot be read ({why}); the defaults are used.")
            return said.format(file=self._file, why=self._unread)
        return ""

    @property
    def language(self) -> str:
        """A language of the window, or "system"."""
        return str(self.get("language", "system"))

    @language.setter
    def language(self, name: str) -> None:
        self.set("language", name)

    @property
    def theme(self) -> str:
        """ "light", "dark" or "system"."""
        return str(self.get("theme", "system"))

    @theme.setter
    def theme(self, name: str) -> None:
        self.set("theme", name)

    @property
    def level(self) -> str:
        """Which fields are shown: "basic" or "all"."""
        level = str(self.get("level", LEVELS[0]))
        return level if level in LEVELS else LEVELS[0]

    @level.setter
    def level(self, name: str) -> None:
        self.set("level", name)

    @property
    def recent(self) -> list[str]:
        """Presets that were open, newest first."""
        return self._texts("recent")[:RECENT]

    @recent.setter
    def recent(self, paths: Iterable[str]) -> None:
        self.set("recent", list(dict.fromkeys(paths))[:RECENT])

    def remember_recent(self, path: str) -> None:
        self.recent = [path, *self.recent]

    @property
    def run_roots(self) -> list[str]:
        """Folders whose runs are listed."""
        return self._texts("run_roots")

    @run_roots.setter
    def run_roots(self, folders: Iterable[str]) -> None:
        self.set("run_roots", list(dict.fromkeys(folders)))

    def path_history(self, key: str) -> list[str]:
        """What was chosen for a path option before, newest first; one list for all items of data.subsets."""
        return self._texts(_history_name(key))[:HISTORY]

    def remember_path(self, key: str, path: str) -> None:
        if path:
            self.set(_history_name(key), list(dict.fromkeys([path, *self.path_history(key)]))[:HISTORY])

    @property
    def geometry(self) -> bytes:
        """Size and place of the window, as Qt wrote it."""
        try:
            return base64.b64decode(self.get("geometry", ""), validate=True)
        except (binascii.Error, ValueError):
            return b""

    @geometry.setter
    def geometry(self, state: bytes) -> None:
        self.set("geometry", base64.b64encode(state).decode())

    def write(self) -> None:
        """Write what changed now, in the background; for closing. Otherwise it happens by itself."""
        self._timer.stop()
        if self._busy or not self._changes:
            return
        changes, self._changes, self._busy = self._changes, {}, True
        file = self._file
        later(lambda: _merge(file, changes), self._on_written, lambda fault: self._on_failed(changes, fault), self)

    def _on_written(self, _: None) -> None:
        self._busy = self._said = False
        self.write()

    def _on_failed(self, changes: dict[str, Any], fault: Exception) -> None:
        self._busy = False
        self._changes = changes | self._changes
        if not self._said:
            self._said = True
            why = (fault.strerror if isinstance(fault, OSError) else "") or str(fault)
            said = self.tr("{file}: settings cannot be written: {why}").format(file=self._file, why=why)
            self.failed.emit(said)

    def _texts(self, key: str) -> list[str]:
        return [text for text in self.get(key, []) if isinstance(text, str)]

    def _read(self) -> dict[str, Any]:
        try:
            return _parsed(self._file)
        except FileNotFoundError:
            return {}
        except OSError as fault:
            self._unread = fault.strerror or str(fault)
        except ValueError:
            broken = self._file.with_name(f"{self._file.name}.broken")
            with suppress(OSError):
                os.replace(self._file, broken)
            self._kept_as = broken.name
        return {}


def _parsed(file: Path) -> dict[str, Any]:
    """Raises ValueError where it is not a JSON object."""
    with file.open("rb") as opened:
        raw = opened.read(MOST_BYTES + 1)
    try:
        body = json.loads(raw) if len(raw) <= MOST_BYTES else None
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    return body


def _merge(file: Path, changes: dict[str, Any]) -> None:
    """Another window may have written since we read: only what changed here is replaced."""
    try:
        present = _parsed(file)
    except (OSError, ValueError):
        present = {}
    file.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps(present | changes, indent=1, sort_keys=True)
    atomic_bytes(Path(os.path.realpath(file)), body.encode("ascii"), durable=True)


def _history_name(key: str) -> str:
    return "paths." + re.sub(r"\[\d+\]", "[]", key)
