"""Opening folders, closing them, and noticing what other programs do there: all of it in the reading thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QThreadPool, QTimer

from dataset_tools.index_store import IndexStore
from dataset_tools.library import Library
from dataset_tools.places import index_file, state_home
from dataset_tools.session import CaptionSession
from gui.background import later
from gui.captions.showing import Shown, Wish, look
from kohya_like.schema.errors import Fault

if TYPE_CHECKING:
    from dataset_tools.outside import Outside
    from gui.captions.desk import CaptionDesk

PROGRESS_SECONDS = 0.1  # between two words of it
LOOK_AFTER_MILLISECONDS = 700  # after a folder said that something changed
WAIT_FOR_OWN_MILLISECONDS = 2_000  # while our own captions are being written, each of them such a change
MOST_WATCHED = 500  # folders; changes in others are seen when the window is activated


@dataclass(frozen=True)
class Rules:
    """How the configuration reads captions."""

    caption_extension: str = ".txt"
    mask_suffix: str = ""
    recursive: bool = False


@dataclass(frozen=True)
class Opened:
    """The list of pictures; `recovered` and captions follow."""

    library: Library
    shown: Shown


@dataclass(frozen=True)
class Ready:
    """Captions are read. `said`: what the session told while it was opened."""

    session: CaptionSession
    faults: tuple[Fault, ...]
    said: tuple[str, ...]


class Opening(QObject):
    """Part of a CaptionDesk; lives in the UI thread. Only the newest folders asked for are taken."""

    def __init__(self, desk: CaptionDesk, reader: QThreadPool) -> None:
        super().__init__(desk)
        self._desk, self._reader = desk, reader
        self.folders: tuple[str, ...] = ()
        self._number = 0  # of the opening that counts
        self._is_comparing = self._again = False
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time)
        self._watcher.directoryChanged.connect(lambda _: self._look_soon())

    def open(self, folders: Sequence[str], rules: Rules) -> None:
        self._number += 1
        number, wanted = self._number, tuple(folders)
        self.folders = wanted
        old, old_library = self._desk.session, self._desk.library
        cancelled: Callable[[], bool] = lambda: number != self._number  # noqa: E731 - the same value twice

        def list_them() -> Opened:
            _let_go(old, old_library)
            store = IndexStore(index_file(wanted))
            library = Library(
                wanted,
                caption_extension=rules.caption_extension,
                recursive=rules.recursive,
                mask_suffix=rules.mask_suffix,
                store=store,
            )
            library.list_pictures(cancelled)
            return Opened(library, look(library, Wish(), self._desk.findings))

        def listed(opened: Opened) -> None:
            if number == self._number:
                self._desk.take(opened)
                self._watch(opened.library.folders())
                self._read(number, opened.library)

        later(list_them, listed, owner=self, pool=self._reader)

    def close(self) -> None:
        """In a thread: write what is unsaved, remember what is known."""
        self._number += 1
        self._timer.stop()
        session, library = self._desk.session, self._desk.library
        self._desk.session = self._desk.library = None
        later(lambda: _let_go(session, library), lambda _: None, pool=self._reader)

    def refresh(self) -> None:
        """Compare files with what is known, unless that is under way; then once more after it."""
        session, library, number = self._desk.session, self._desk.library, self._number
        if session is None or library is None:
            return
        if self._is_comparing:
            self._again = True
            return
        self._is_comparing = True

        def compare() -> tuple[Outside, list[int]]:
            from dataset_tools.outside import look_outside

            found = look_outside(library)
            return found, session.outside(found.changed)

        def done(result: tuple[Outside, list[int]]) -> None:
            self._is_comparing = False
            if number == self._number:
                self._desk.take_outside(*result)
            if self._again:
                self._again = False
                self.refresh()

        def failed(error: Exception) -> None:
            self._is_comparing = False
            raise error

        later(compare, done, failed, self, self._reader)

    # captions

    def _read(self, number: int, library: Library) -> None:
        desk, last = self._desk, [0.0]
        said: list[str] = []  # what the session tells while it takes up what was left
        is_open = threading.Event()

        def progress(done: int, of: int) -> None:
            now = time.monotonic()
            if done == of or now - last[0] > PROGRESS_SECONDS:
                last[0] = now
                desk.progress.emit(done, of)

        def read() -> Ready | None:
            if not library.read_captions(progress, lambda: number != self._number):
                return None
            session = CaptionSession(
                library,
                state_home() / "captions",
                on_changed=desk.changed_in_thread.emit,
                on_conflict=desk.conflict_in_thread.emit,
                on_fault=lambda sentence: (
                    desk.fault_in_thread.emit(sentence) if is_open.is_set() else said.append(sentence)
                ),
                on_saved=desk.saved_in_thread.emit,
            )
            is_open.set()
            ready = Ready(session, library.faults, tuple(said))
            library.remember()
            return ready

        def done(ready: Ready | None) -> None:
            if ready is None:
                return
            if number == self._number:
                desk.take_session(ready)
            else:
                later(ready.session.close, lambda _: None, pool=self._reader)

        later(read, done, owner=self, pool=self._reader)

    # folders

    def _watch(self, folders: Sequence[str]) -> None:
        if watched := self._watcher.directories():
            self._watcher.removePaths(watched)
        if folders:
            self._watcher.addPaths(list(folders[:MOST_WATCHED]))

    def _look_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start(LOOK_AFTER_MILLISECONDS)

    def _on_time(self) -> None:
        if self._desk.unsaved:
            self._timer.start(WAIT_FOR_OWN_MILLISECONDS)
        else:
            self.refresh()


def _let_go(session: CaptionSession | None, library: Library | None) -> None:
    if session is not None:
        session.close()
    if library is not None:
        library.remember()
