"""The listed pictures as a Qt model: rows are ids of the desk's list. It knows no file and asks no question twice."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)

from dataset_tools.library import Picture
from gui.captions.desk import CaptionDesk
from gui.widgets.text import shortened

Index = QModelIndex | QPersistentModelIndex
PICTURE_ROLE = Qt.ItemDataRole.UserRole  # Picture
THUMBNAIL_ROLE = Qt.ItemDataRole.UserRole + 1  # QPixmap, Unreadable, or None while it is read
MOST_RANGES = 3_000  # of a selection that is kept when the list changes: Qt asks each of them for each cell


class PictureModel(QAbstractListModel):
    """Follows the desk: another list resets it, other texts and thumbnails are changes of its rows."""

    def __init__(self, desk: CaptionDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._ids = desk.shown.ids
        desk.filtered.connect(self._on_filtered)
        desk.texts_changed.connect(self._on_texts_changed)
        desk.thumbnails.arrived.connect(self._on_arrived)
        self._waiting: dict[str, int] = {}  # rows by the path whose thumbnail they wait for

    def id_of(self, row: int) -> int:
        return self._ids[row] if 0 <= row < len(self._ids) else -1

    def ids_of(self, selection: QItemSelection) -> list[int]:
        """In the order of the list."""
        ranges = sorted((one.top(), one.bottom()) for one in selection)  # type: ignore[attr-defined]  # iterable, unsaid in its stub
        return [number for top, bottom in ranges for number in self._ids[top : bottom + 1]]

    def selection_of(self, ids: Sequence[int]) -> QItemSelection:
        """Ids that are listed; of a selection in too many pieces nothing."""
        selection = QItemSelection()
        if len(ids) == len(self._ids):
            runs = [(0, len(ids) - 1)] if len(ids) else []
        else:
            runs = _runs([self._desk.shown.row(number) for number in ids])
        for top, bottom in runs if len(runs) <= MOST_RANGES else ():
            selection.append(QItemSelectionRange(self.index(top), self.index(bottom)))
        return selection

    # Qt's side

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        number = self.id_of(index.row())
        picture = self._desk.picture(number)
        if picture is None:
            return None
        if role == PICTURE_ROLE:
            return picture
        if role == THUMBNAIL_ROLE:
            return self._thumbnail(picture, index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return shortened(picture.name, 500)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{shortened(picture.name, 200)}: {shortened(picture.text, 500)}"
        return None

    def _thumbnail(self, picture: Picture, row: int) -> object:
        path = os.path.join(picture.folder, picture.name)
        found = self._desk.thumbnails.of(path)
        if found is None:
            self._waiting[path] = row
        return found

    def _on_filtered(self) -> None:
        if self._desk.shown.ids is self._ids:
            return
        self.beginResetModel()
        self._ids = self._desk.shown.ids
        self._waiting.clear()
        self.endResetModel()

    def _on_texts_changed(self, ids: list[int]) -> None:
        if len(ids) > 50:
            self._all_changed()
            return
        for number in ids:
            if (row := self._desk.shown.row(number)) >= 0:
                self.dataChanged.emit(self.index(row), self.index(row))

    def _all_changed(self) -> None:
        if self._ids:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def _on_arrived(self, path: str) -> None:
        row = self._waiting.pop(path, -1)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row), [THUMBNAIL_ROLE])


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending rows as first and last of each run; gone ones (-1) left out."""
    runs: list[tuple[int, int]] = []
    for row in sorted(row for row in rows if row >= 0):
        if runs and row == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], row
        else:
            runs.append((row, row))
    return runs
