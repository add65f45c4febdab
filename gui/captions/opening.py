"""Opening folders, closing them, and noticing what other programs do there: all of it in the reading thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QThreadPool, QTimer

from dataset_tools.filter_sight import Findings
from dataset_tools.index_store import IndexStore
from dataset_tools.library import Library
from dataset_tools.places import index_file, state_folder
from dataset_tools.session import CaptionSession
from gui.background import later
from gui.captions.showing import Shown, Wish, look
from kohya_like.schema.errors import Fault

if TYPE_CHECKING:
    from dataset_tools.outside import Outside
    from gui.captions.desk import CaptionDesk

CLOSING_SECONDS = 4.0
PROGRESS_SECONDS = 0.1  # between two words of it
LOOK_AFTER_MILLISECONDS = 700  # after a folder said that something changed
WAIT_FOR_OWN_MILLISECONDS = 2_000  # while our own captions are being written, each of them such a change
GLANCE_MILLISECONDS = 3_000  # a folder does not tell when a file in it is written in place
MOST_GLANCED = 50  # chosen pictures
MOST_WATCHED = 500  # folders; changes in others are seen when the window is activated


@dataclass(frozen=True)
class Rules:
    """How the configuration reads captions."""

    caption_extension: str = ".txt"
    mask_suffix: str = ""
    deep: bool = False  # look further below where training would find nothing


@dataclass(frozen=True)
class Opened:
    """The list of pictures; captions follow."""

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
        self._watcher: QFileSystemWatcher | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time)
        self._glances = QTimer(self)
        self._glances.setInterval(GLANCE_MILLISECONDS)
        self._glances.timeout.connect(self.glance)
        self._is_glancing = False

    def open(self, folders: Sequence[str], rules: Rules) -> None:
        """The list is read at once; captions follow when those of the folders open before are written."""
        number, wanted = self._begin(), tuple(folders)
        self.folders = wanted
        waiting: list[Library] = []  # listed, while the old folders are still being written
        is_free: list[bool] = []

        def list_them() -> Opened:
            library = _listed(wanted, rules, lambda: number != self._number)
            return Opened(library, look(library, Wish(), Findings()))

        def listed(opened: Opened) -> None:
            if number == self._number:
                self._desk.take(opened)
                self._watch(opened.library.folders())
                waiting.append(opened.library)
                read_when_free()

        def free() -> None:
            is_free.append(True)
            read_when_free()

        def read_when_free() -> None:
            if waiting and is_free and number == self._number:
                self._read(number, waiting.pop())

        self._let_go(free)
        later(list_them, listed, owner=self, pool=self._reader)

    def close(self) -> None:
        """In threads: write what is unsaved, remember what is known. What takes longer than a closing window may wait
        is in the journal, and written when the folder is opened again."""
        self._begin()
        self.folders = ()
        self._let_go(lambda: None, CLOSING_SECONDS)
        self._desk.library = None

    def _begin(self) -> int:
        """What was asked for before does not count any more."""
        self._number += 1
        self._timer.stop()
        self._glances.stop()
        self._watch(())
        self._desk.leaving.emit()  # what was typed becomes an edit
        return self._number

    def _let_go(self, then: Callable[[], None], seconds: float | None = None) -> None:
        """After the edits under way; `then` when all is written, or after so long. From now on nothing is edited."""
        session, library = self._desk.session, self._desk.library
        self._desk.session = None

        def write() -> None:
            if session is not None:
                session.close(seconds)
            if library is not None:
                library.remember()

        self._desk.work(lambda: None, lambda _: later(write, lambda _: then(), owner=self), owner=self)

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

    def glance(self) -> None:
        """Whether the captions of the chosen pictures were written by another program; without a look at all others."""
        session, library, number = self._desk.session, self._desk.library, self._number
        ids = self._desk.selection[:MOST_GLANCED]
        if session is None or library is None or not ids or self._is_glancing:
            return
        self._is_glancing = True

        def compare() -> list[int]:
            other = [one for one in ids if _is_other(library, one)]
            return session.outside(other) if other else []

        def done(changed: list[int]) -> None:
            self._is_glancing = False
            if changed and number == self._number:
                self._desk.take_changed(changed)

        later(compare, done, owner=self, pool=self._reader)

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
                state_folder(self.folders),
                on_changed=desk.changed_in_thread.emit,
                on_conflict=desk.conflict_in_thread.emit,
                on_fault=lambda sentence: (
                    desk.fault_in_thread.emit(sentence) if is_open.is_set() else said.append(sentence)
                ),
                on_saved=desk.saved_in_thread.emit,
            )
            is_open.set()
            return Ready(session, library.faults, tuple(said))

        def done(ready: Ready | None) -> None:
            if ready is None:
                return
            if number == self._number:
                desk.take_session(ready)
                later(library.remember, lambda _: None, pool=self._reader)  # nobody need wait for the index
                self._glances.start()
            else:
                later(ready.session.close, lambda _: None, pool=self._reader)

        later(read, done, owner=self, pool=self._reader)

    # folders

    def _watch(self, folders: Sequence[str]) -> None:
        """A system has only so many watchers: there is none while no folder is open."""
        if self._watcher is not None:
            self._watcher.deleteLater()
            self._watcher = None
        if folders:
            self._watcher = QFileSystemWatcher(list(folders[:MOST_WATCHED]), self)
            self._watcher.directoryChanged.connect(lambda _: self._look_soon())

    def _look_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start(LOOK_AFTER_MILLISECONDS)

    def _on_time(self) -> None:
        if self._desk.unsaved:
            self._timer.start(WAIT_FOR_OWN_MILLISECONDS)
        else:
            self.refresh()


def _is_other(library: Library, number: int) -> bool:
    known = library.caption_stamp(number)
    try:
        facts = os.stat(library.caption_path(number))
    except OSError:
        return known is not None
    return known is None or (facts.st_mtime_ns, facts.st_size) != (known.mtime_ns, known.size)


def _listed(folders: tuple[str, ...], rules: Rules, cancelled: Callable[[], bool]) -> Library:
    """The pictures as training finds them; where it finds none and `deep` is set, those of all folders below."""
    for recursive in (False, True) if rules.deep else (False,):
        library = Library(
            folders,
            caption_extension=rules.caption_extension,
            recursive=recursive,
            mask_suffix=rules.mask_suffix,
            store=IndexStore(index_file(folders)),
        )
        library.list_pictures(cancelled)
        if len(library) or cancelled():
            break
    return library
