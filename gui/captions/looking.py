"""Filter, folder and order of the list: asks the worker what to show, and keeps only the newest answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QThreadPool

from dataset_tools.filter_error import FilterError
from dataset_tools.filter_language import parse
from gui.background import later
from gui.captions.showing import Shown, Wish, look

if TYPE_CHECKING:
    from gui.captions.desk import CaptionDesk

NEEDS_SIZES = ("size:", "ar:", "width:", "height:")


class Looking:
    """Part of a CaptionDesk. `wish` is what the list shows, or will show in a moment; `is_busy` until it does."""

    def __init__(self, desk: CaptionDesk, reader: QThreadPool) -> None:
        self._desk, self._reader = desk, reader
        self.wish = Wish()
        self.text = self.problem = ""
        self.is_busy = False
        self._asked = 0
        self._sizes_read = False

    def begin_anew(self) -> None:
        """Other pictures are open; the filter stays."""
        self.wish = replace(self.wish, folder="")
        self._sizes_read = False
        self._asked += 1
        self._want_sizes()

    def set_filter(self, text: str) -> None:
        self.text = text
        try:
            wanted = parse(text)
        except FilterError as error:
            self._fail(error)
            return
        self.problem = ""
        self.wish = replace(self.wish, filter=wanted)
        self._want_sizes()
        self.look()

    def set_folder(self, folder: str) -> None:
        self.wish = replace(self.wish, folder=folder)
        self.look()

    def set_sort(self, key: str, descending: bool) -> None:
        self.wish = replace(self.wish, sort=key, descending=descending)
        self._want_sizes()
        self.look()

    def look(self, then: Callable[[], None] | None = None) -> None:
        library, wish, findings = self._desk.library, self.wish, self._desk.findings
        if library is None:
            return
        self._asked += 1
        number, self.is_busy = self._asked, True

        def done(shown: Shown) -> None:
            if number == self._asked:
                self.is_busy = False
                self._desk.show_list(shown)
                if then is not None:
                    then()

        def failed(error: Exception) -> None:
            if number == self._asked:
                self.is_busy = False
                self._fail(error)

        self._desk.work(lambda: look(library, wish, findings), done, failed)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, FilterError):
            raise error
        self.problem = self._desk.desk.language.sentence(str(error))
        self._desk.filtered.emit()

    def _want_sizes(self) -> None:
        """Pictures' sizes are read when the list depends on them for the first time."""
        library = self._desk.library
        asks = self.wish.sort == "size" or any(word in self.text for word in NEEDS_SIZES)
        if library is None or self._sizes_read or not asks:
            return
        self._sizes_read = True
        desk = self._desk
        later(
            lambda: library.read_sizes(cancelled=lambda: desk.library is not library),
            lambda _: self.look(),
            owner=desk,
            pool=self._reader,
        )
