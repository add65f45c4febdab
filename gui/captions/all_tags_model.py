"""All tags with their counts as rows: sorted and filtered in a thread, however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from dataset_tools.name_index import folded
from dataset_tools.translations import Translations
from gui.captions.counted import COUNT_ROLE
from gui.widgets.text import shortened

SORTS = ("count", "rare", "name", "length")
TAG_ROLE = Qt.ItemDataRole.UserRole
LONGEST = 500  # characters shown of a tag
Index = QModelIndex | QPersistentModelIndex
Row = tuple[str, int]


@dataclass(frozen=True)
class Wanted:
    """Which tags, in which order. `text` is a part of the tag or of its translation."""

    text: str = ""
    sort: str = SORTS[0]


def rows_of(counts: Mapping[str, int], wanted: Wanted, translations: Translations | None) -> list[Row]:
    """For a thread: a tenth of a second for 100 000 tags."""
    text = folded(wanted.text)
    rows = list(counts.items())
    if text:
        by_word = {tag for tag, _ in translations.tags_for(text, 200)} if translations is not None else set()
        rows = [row for row in rows if text in (name := folded(row[0])) or name in by_word]
    if wanted.sort == "name":
        rows.sort(key=lambda row: (row[0].casefold(), row[0]))
    elif wanted.sort == "length":
        rows.sort(key=lambda row: (len(row[0]), row[0]))
    else:
        sign = 1 if wanted.sort == "rare" else -1
        rows.sort(key=lambda row: (sign * row[1], row[0]))
    return rows


class AllTagsModel(QAbstractListModel):
    """Changed by `show_rows` only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def show_rows(self, rows: list[Row]) -> None:
        """Rows of the same tags in the same order keep what is chosen; otherwise the owner chooses anew."""
        if len(rows) == len(self.rows) and all(new[0] == old[0] for new, old in zip(rows, self.rows)):
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1), [COUNT_ROLE])
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        tag, count = self.rows[index.row()]
        if role == TAG_ROLE:
            return tag
        if role == COUNT_ROLE:
            return count
        if role == Qt.ItemDataRole.DisplayRole:
            return shortened(tag.replace("\n", " "), LONGEST)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{shortened(tag, LONGEST)}, {count}"
        return None
