"""What a look over the pictures found: kinds with their counts, below each the pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QTreeView, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.widgets.text import shortened

SHOWN = 200  # pictures of a kind; what is beyond is counted
KINDS = ("damaged", "soft", "small", "long", "transparent")


class HealthResults(QTreeView):
    """Read only. Names are plain text: item views never read markup."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._health: dict[str, Any] = {}
        self._model = QStandardItemModel(self)
        self.setModel(self._model)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setMinimumHeight(140)

    def show_health(self, health: dict[str, Any]) -> None:
        """`health` as `dataset_tools.health.Health.as_dict` has it."""
        self._health = health
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("What was found in the pictures"))
        self._model.clear()
        if not self._health:
            return
        groups: Sequence[Sequence[str]] = self._health["groups"]
        if groups:
            spare = sum(len(group) - 1 for group in groups)
            words = self.tr("Near-duplicates: {groups} groups, {spare} pictures could go")
            top = self._add_kind(words.format(groups=whole(len(groups)), spare=whole(spare)))
            for group in groups[:SHOWN]:
                own = _item(" = ".join(_short(path) for path in group[:6]))
                own.appendRows([_item(path) for path in group[:SHOWN]])
                top.appendRow(own)
        for kind in KINDS:
            found = [one for one in self._health["findings"] if one["kind"] == kind]
            if found:
                top = self._add_kind(self._named(kind).format(count=whole(len(found))))
                say = self._desk.language.sentence
                top.appendRows([_item(f"{_short(one['path'])}: {say(one['text'])}") for one in found[:SHOWN]])
        if not self._model.rowCount():
            self._add_kind(
                self.tr("Nothing to be said of {count} pictures").format(count=whole(self._health["pictures"]))
            )

    def _named(self, kind: str) -> str:
        return {
            "damaged": self.tr("Damaged: {count}"),
            "soft": self.tr("Blurred, it seems: {count}"),
            "small": self.tr("Smaller than they are trained: {count}"),
            "long": self.tr("Very long, much is cut off: {count}"),
            "transparent": self.tr("Transparent, trained on white: {count}"),
        }[kind]

    def _add_kind(self, words: str) -> QStandardItem:
        item = _item(words)
        self._model.appendRow(item)
        return item


def _item(text: str) -> QStandardItem:
    return QStandardItem(shortened(text, 400))


def _short(path: str) -> str:
    """Folder and name."""
    return os.sep.join(path.rsplit(os.sep, 2)[-2:])
