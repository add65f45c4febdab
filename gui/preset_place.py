"""Where the open preset lives: its file, saving in order, and what other programs do to it meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from gui.background import later
from gui.preset_watch import PresetWatch
from kohya_like.preset_file import ChangedOutside, Content, Opened, Saved, open_preset, save_preset

_NOTHING = Content()


@dataclass
class Place:
    """The file of one document, and what was last read or written there. A save keeps its own while another opens."""

    path: Path | None = None
    folder: Path = field(default_factory=Path.cwd)
    content: Content = _NOTHING
    clean: str | None = ""  # the text that is not "modified"; None: the file is gone
    read_only: bool = False
    conflict: str = ""  # "changed" or "deleted" by another program, and not decided yet
    theirs: Content | None = None


@dataclass(frozen=True)
class _Save:
    place: Place
    path: Path
    text: str
    force: bool


class PresetPlace(QObject):
    """Reads, writes and watches, one write at a time. `text` gives the document's present text."""

    changed = Signal()  # anything of `now`
    saved = Signal(str)
    failed = Signal(object)  # the exception
    changed_outside = Signal(str)

    def __init__(self, parent: QObject, text: Callable[[], str], poll_milliseconds: int) -> None:
        super().__init__(parent)
        self.now = Place()
        self._text = text
        self._saves: list[_Save] = []
        self._saving = False
        self._asked = 0
        self._watch = PresetWatch(self, poll_milliseconds)
        self._watch.seen.connect(self._on_seen)

    def move(self, place: Place) -> None:
        """Another document is shown."""
        self.now = place
        self._asked += 1  # an open that is still under way was overtaken
        self._watch.follow(place.path, place.content.stamp)

    def open(self, path: Path, done: Callable[[Opened], None], failed: Callable[[Exception], None]) -> None:
        """Read a preset; of several asked for, only the last one is delivered."""
        self._asked += 1
        asked = self._asked
        later(
            lambda: open_preset(path),
            lambda opened: done(opened) if asked == self._asked else None,
            lambda fault: failed(fault) if asked == self._asked else None,
            self,
        )

    def save(self, path: Path, force: bool) -> None:
        """Write the text as it is now, behind the saves that are under way."""
        self._saves.append(_Save(self.now, Path(os.path.abspath(path)), self._text(), force))
        self._next_save()

    def settle(self, content: Content) -> None:
        """What stands there is known now, and the next save may write over it."""
        self.now.content, self.now.conflict, self.now.theirs = content, "", None
        self.now.clean = None if content.raw is None else content.text
        self._watch.follow(self.now.path, content.stamp)
        self.changed.emit()

    def _next_save(self) -> None:
        if self._saving or not self._saves:
            return
        self._saving = True
        self._watch.pause()
        save = self._saves.pop(0)
        own, known = save.place.path, save.place.content.raw
        later(
            lambda: save_preset(save.path, save.text, own, known, save.force),
            lambda done: self._on_saved(save.place, done),
            lambda fault: self._on_save_failed(save.place, fault),
            self,
        )

    def _on_saved(self, place: Place, done: Saved) -> None:
        place.path, place.folder, place.content, place.clean = done.path, done.folder, done.content, done.text
        place.conflict, place.theirs, place.read_only = "", None, False
        self._go_on(self.now.content)
        self.saved.emit(str(done.path))

    def _on_save_failed(self, place: Place, fault: Exception) -> None:
        outside = fault.content if isinstance(fault, ChangedOutside) and place is self.now else None
        self._go_on(outside or self.now.content)
        if outside is not None:
            self._on_seen(outside)
        elif not isinstance(fault, ChangedOutside):
            self.failed.emit(fault)

    def _go_on(self, content: Content) -> None:
        self._saving = False
        self._watch.follow(self.now.path, content.stamp)
        self.changed.emit()
        self._next_save()

    def _on_seen(self, content: Content) -> None:
        if content.raw is not None and content.raw in (self.now.content.raw, self._text().encode("utf-8", "replace")):
            self.settle(content)  # touched, put back, or the same edit made twice
            return
        self.now.conflict = "deleted" if content.raw is None else "changed"
        self.now.theirs = content
        if content.raw is None:
            self.now.clean = None
        self.changed.emit()
        self.changed_outside.emit(self.now.conflict)
