"""The tags of the chosen pictures as rows: of one in the order of its caption, of several by how many have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gui.widgets.text import shortened

CHIP_ROLE = Qt.ItemDataRole.UserRole
LONGEST = 1_000  # characters shown of a tag
Index = QModelIndex | QPersistentModelIndex
State = Literal["all", "some", "none"]


@dataclass(frozen=True)
class Chip:
    """A tag that `count` of the `of` chosen pictures have."""

    tag: str
    count: int = 1
    of: int = 1

    @property
    def state(self) -> State:
        return "none" if not self.count else "all" if self.count == self.of else "some"


def chips_of(captions: Iterable[Sequence[str]]) -> list[Chip]:
    """The chips of pictures with these tags; of one picture each tag as often as it stands there."""
    seen = list(captions)
    if len(seen) == 1:
        return [Chip(tag) for tag in seen[0]]
    counts: Counter[str] = Counter()
    for tags in seen:
        counts.update(dict.fromkeys(tags, 1))
    return [Chip(tag, count, len(seen)) for tag, count in counts.most_common()]  # equal ones by first appearance


class ChipModel(QAbstractListModel):
    """Changed by `show_chips` only: edits go to the captions and come back."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.chips: list[Chip] = []
        self.doubled: set[str] = set()  # tags that stand in one caption more than once
        self.is_editable = True

    def show_chips(self, chips: list[Chip]) -> None:
        """Rows that stay keep what is chosen and where the keyboard is."""
        old = self.chips
        counts = Counter(chip.tag for chip in chips)
        self.doubled = {tag for tag, count in counts.items() if count > 1}
        same = 0
        while same < min(len(old), len(chips)) and old[same] == chips[same]:
            same += 1
        tail = 0
        while tail < min(len(old), len(chips)) - same and old[-1 - tail] == chips[-1 - tail]:
            tail += 1
        if gone := len(old) - same - tail:
            self.beginRemoveRows(QModelIndex(), same, same + gone - 1)
            self.chips = [*old[:same], *old[same + gone :]]
            self.endRemoveRows()
        if new := len(chips) - same - tail:
            self.beginInsertRows(QModelIndex(), same, same + new - 1)
            self.chips = chips
            self.endInsertRows()

    def row_of(self, tag: str) -> int:
        """The first row with a tag, or -1."""
        return next((row for row, chip in enumerate(self.chips) if chip.tag == tag), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self.chips)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        chip = self.chips[index.row()]
        if role == CHIP_ROLE:
            return chip
        if role == Qt.ItemDataRole.EditRole:
            return chip.tag
        if role == Qt.ItemDataRole.DisplayRole:
            return shortened(chip.tag, LONGEST)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            tag = shortened(chip.tag, LONGEST)
            if chip.of < 2:
                return tag
            return self.tr("{tag}, in {count} of {all}").format(tag=tag, count=chip.count, all=chip.of)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        if self.is_editable:
            flags |= Qt.ItemFlag.ItemIsDragEnabled | Qt.ItemFlag.ItemIsEditable
        return flags

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
