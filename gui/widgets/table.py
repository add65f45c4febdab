"""A table of names and values, such as an optimizer's own settings."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.desk import Desk
from gui.fields import Value
from gui.theme import SMALL
from gui.widgets.editor import mark_wrong
from gui.widgets.text import shortened
from gui.written import literal, same, table_value

VALUE = Qt.ItemDataRole.UserRole  # the exact value of a cell that nobody edited
MOST_ROWS = 6  # shown without scrolling
Index = QModelIndex | QPersistentModelIndex


class _AtOnce(QStyledItemDelegate):
    """What is typed in a cell counts with every letter, as in any other field: F5 and Ctrl+S see all of it."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            editor.textEdited.connect(lambda _: self.commitData.emit(editor))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if not isinstance(editor, QLineEdit) or editor.text() != index.data(Qt.ItemDataRole.EditRole):
            super().setEditorData(editor, index)  # it would move the cursor


class TableBox(QWidget):
    """Values are written as in TOML: 0.01, true, [0.9, 0.99]; anything else is a text."""

    edited = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._value: Value = {}
        self._filling = False
        self.grid = QTableWidget(0, 2)
        self.grid.setItemDelegate(_AtOnce(self.grid))
        self.grid.verticalHeader().hide()
        self.grid.setTabKeyNavigation(False)
        self.grid.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.grid.setMaximumWidth(520)
        self.add, self.remove = QPushButton(), QPushButton()
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addWidget(self.grid)
        column.addLayout(buttons)
        self.setFocusProxy(self.grid)
        self.grid.itemChanged.connect(self._on_changed)
        self.grid.installEventFilter(self)
        self.add.clicked.connect(self._on_add)
        self.remove.clicked.connect(self._on_remove)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self._fit()

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(value or {}, self._rows()):
            self._filling = True
            self.grid.setRowCount(0)
            for name, inner in value.items() if isinstance(value, dict) else ():
                self._insert(name, inner)
            self._filling = False
            self._fit()
        self._value = value

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self.grid, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self.grid.setAccessibleName(label)
        self.grid.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Value")])
        self.add.setText(self.tr("Add"))
        self.add.setAccessibleName(self.tr("{label}: add a line").format(label=label))
        self.remove.setText(self.tr("Remove"))
        self.remove.setAccessibleName(self.tr("{label}: remove the chosen line").format(label=label))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Delete:
            self._on_remove()
            return True
        return super().eventFilter(watched, event)

    def _rows(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for row in range(self.grid.rowCount()):
            name, cell = self.grid.item(row, 0), self.grid.item(row, 1)
            if name is not None and name.text().strip():
                exact = cell.data(VALUE) if cell is not None else None
                found.setdefault(name.text().strip(), exact[0] if exact else "")
        return found

    def _insert(self, name: str, value: Value) -> QTableWidgetItem:
        row, named = self.grid.rowCount(), QTableWidgetItem(name)
        self.grid.insertRow(row)
        cell = QTableWidgetItem(shortened(literal(value)))
        cell.setData(VALUE, [value])
        self.grid.setItem(row, 0, named)
        self.grid.setItem(row, 1, cell)
        return named

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if self._filling:
            return
        if item.column() == 1:
            self._filling = True
            item.setData(VALUE, [table_value(item.text())])
            self._filling = False
        self._take()

    def _on_add(self) -> None:
        self._filling = True
        name = self._insert("", "")
        self._filling = False
        self._fit()
        self.grid.setCurrentItem(name)
        self.grid.editItem(name)

    def _on_remove(self) -> None:
        if self.grid.currentRow() >= 0:
            self.grid.removeRow(self.grid.currentRow())
            self._fit()
            self._take()

    def _take(self) -> None:
        rows = self._rows()
        if not same(rows, self._value or {}):
            self._value = rows or None
            self.edited.emit(self._value)

    def _fit(self) -> None:
        rows = min(max(1, self.grid.rowCount()), MOST_ROWS)
        height = self.grid.verticalHeader().defaultSectionSize()
        self.grid.setFixedHeight(self.grid.horizontalHeader().sizeHint().height() + rows * height + 4)

    def _draw(self) -> None:
        self.add.setIcon(self._desk.theme.icon("add"))
        self.remove.setIcon(self._desk.theme.icon("remove"))
