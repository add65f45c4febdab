"""Edits in their order: few pictures at once in the UI thread, many in the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dataset_tools.session import Batch, CaptionSession
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from gui.captions.desk import CaptionDesk

FEW = 200  # pictures whose edit is done at once
MANY = FEW + 1  # it is not known how many

Edit = Callable[[CaptionSession], "Batch | None"]


class Editing:
    """Part of a CaptionDesk."""

    def __init__(self, desk: CaptionDesk) -> None:
        self._desk = desk
        self._under_way = 0  # in the worker

    def do(self, edit: Edit, pictures: int) -> None:
        """While an edit is under way in the worker, even a small one follows there. What goes wrong is said."""
        session = self._desk.session
        if session is None:
            self._desk.say_not_ready()
            return
        if pictures <= FEW and not self._under_way:
            try:
                self._done(edit(session))
            except (UserError, OSError) as error:
                self._failed(error)
            return
        self._under_way += 1

        def done(batch: Batch | None) -> None:
            self._under_way -= 1
            self._done(batch)

        def failed(error: Exception) -> None:
            self._under_way -= 1
            self._failed(error)

        self._desk.work(lambda: edit(session), done, failed)

    def _done(self, batch: Batch | None) -> None:
        desk = self._desk
        desk.history_changed.emit()
        desk.saved_changed.emit()
        if batch is not None and batch.faults:
            first, more = batch.faults[0], len(batch.faults) - 1
            desk.say_faults(first, more)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, UserError | OSError):
            raise error
        self._desk.said.emit(self._desk.desk.language.sentence(str(error)))
