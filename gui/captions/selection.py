"""Keeps what is chosen in the views and what the desk says is chosen the same."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QObject

from gui.captions.desk import CaptionDesk
from gui.captions.model import PictureModel

Flag = QItemSelectionModel.SelectionFlag


class Selection(QObject):
    """One selection model for all views of the list."""

    def __init__(self, desk: CaptionDesk, model: PictureModel) -> None:
        super().__init__(model)
        self._desk, self._model = desk, model
        self.chosen = QItemSelectionModel(model, self)
        self._is_ours = False  # what happens now was begun by this object
        self.chosen.selectionChanged.connect(lambda *_: self._tell())
        self.chosen.currentChanged.connect(lambda *_: self._tell())
        desk.selection_changed.connect(lambda _: self._follow())
        desk.current_changed.connect(lambda _: self._follow())
        model.modelReset.connect(self._follow)

    def move(self, step: int) -> None:
        """Choose the picture that many rows further in the list, alone."""
        row = self._desk.shown.row(self._desk.current) + step
        count = len(self._desk.shown.ids)
        if count:
            self._desk.select([self._model.id_of(min(max(row, 0), count - 1))])

    def _tell(self) -> None:
        if self._is_ours:
            return
        current = self._model.id_of(self.chosen.currentIndex().row())
        self._is_ours = True
        self._desk.selected(self._model.ids_of(self.chosen.selection()), current)
        self._is_ours = False

    def _follow(self) -> None:
        if self._is_ours:
            return
        row = self._desk.shown.row(self._desk.current)
        self._is_ours = True
        current = self._model.index(row) if row >= 0 else QModelIndex()
        self.chosen.setCurrentIndex(current, Flag.NoUpdate)
        self.chosen.select(self._model.selection_of(self._desk.selection), Flag.ClearAndSelect)
        self._is_ours = False
