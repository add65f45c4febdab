"""Unsaved work survives a crash: a file per window holds the edited text until it is saved or thrown away."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui import rescued
from gui.background import later
from gui.document import PresetDocument
from gui.rescued import Rescued, Work

DELAY_MILLISECONDS = 1000
Offer = Callable[[str, Callable[[], None], Callable[[], None]], None]


class Recovery(QObject):
    """Belongs to one window. What others left is offered by `look`, and stays until a person decides."""

    failed = Signal(str)  # unsaved work cannot be kept safe, and why; once until it works again

    def __init__(
        self,
        document: PresetDocument,
        folder: Path,
        delay_milliseconds: int = DELAY_MILLISECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(document)
        self._document, self._folder, self._clock = document, folder, clock
        self._file = folder / f"{uuid.uuid4().hex}.json"
        self._kept: str | None = ""  # the text in our file; "": no file; None: not known
        self._busy = self._said = self._closed = False
        self._taken: list[Rescued] = []  # on their way into the document
        self._landed: list[Path] = []  # whose text is in the document, until ours holds it
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_milliseconds)
        self._timer.timeout.connect(self._write)
        document.edited.connect(self._on_edited)
        document.state_changed.connect(self._on_edited)

    def found(self) -> list[Rescued]:
        """Unsaved work of windows that died, newest first. Reads files: not in the UI thread."""
        return rescued.found(self._folder)

    def look(self, offer: Offer) -> None:
        """Offer what is found, one after the other: its name, how to take it, how to throw it away."""
        later(self.found, lambda found: self._offer_next(found, offer), self._complain, self)

    def restore(self, one: Rescued) -> None:
        """Into the document, as an edit that is not saved. Its file goes when ours holds the text."""
        self._taken.append(one)
        self._document.restore(one.text, one.path)

    def discard(self, one: Rescued) -> None:
        """Throw away one piece of rescued work."""
        later(lambda: rescued.remove(one.file), lambda _: None, owner=self)

    def keep(self) -> None:
        """Write what is unsaved now: the program ends without a question."""
        self._timer.stop()
        self._write()

    def discard_own(self) -> None:
        """The window closes in order, and the person was asked about unsaved changes."""
        self._closed = True
        self._timer.stop()
        later(lambda: rescued.remove(self._file), lambda _: None)

    def _offer_next(self, found: list[Rescued], offer: Offer) -> None:
        if not found:
            return
        one, rest = found[0], found[1:]

        def decided(act: Callable[[Rescued], None]) -> Callable[[], None]:
            def call() -> None:
                act(one)
                self._offer_next(rest, offer)

            return call

        offer(one.path.name if one.path else "", decided(self.restore), decided(self.discard))

    def _on_edited(self) -> None:
        for one in [one for one in self._taken if one.text == self._document.text]:
            self._taken.remove(one)
            self._landed.append(one.file)
        if not self._timer.isActive() and not self._closed:  # not put off by the next edit
            self._timer.start()

    def _write(self) -> None:
        document = self._document
        wanted = document.text if document.modified else ""
        if self._busy:
            self._on_edited()
            return
        if self._closed or (wanted == self._kept and not self._landed):
            return
        file, landed = self._file, tuple(self._landed)
        work = Work(str(document.path or ""), wanted, rescued.digest(document.clean_text), self._clock())

        def act() -> None:
            if wanted:
                rescued.write(file, work)
            rescued.remove(*landed, *(() if wanted else (file,)))

        self._busy = True
        later(act, lambda _: self._on_written(wanted, landed), self._on_failed, self)

    def _on_written(self, text: str, landed: tuple[Path, ...]) -> None:
        self._busy = self._said = False
        self._landed = [file for file in self._landed if file not in landed]
        self._kept = text
        if self._closed:
            self.discard_own()

    def _on_failed(self, fault: Exception) -> None:
        self._busy, self._kept = False, None
        self._complain(fault)

    def _complain(self, fault: Exception) -> None:
        if not self._said:
            self._said = True
            why = (fault.strerror if isinstance(fault, OSError) else "") or str(fault)
            said = self.tr("Unsaved changes cannot be kept for the case of a crash: {why}").format(why=why)
            self.failed.emit(said)
