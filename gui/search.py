"""The search box: type what an option is called, press Enter, and its row is shown."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QCompleter,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gui.desk import Desk
from gui.field_index import Entry, find
from gui.fields import chosen_plugin
from gui.theme import GAP, SMALL

DETAIL = Qt.ItemDataRole.UserRole  # key and section
MODEL_INDEX = QModelIndex | QPersistentModelIndex
LONGEST = 100  # characters typed
LEAST_WIDTH = 460  # of the list


class Results(QAbstractListModel):
    """What was found: the label, and beneath it where it is."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: MODEL_INDEX | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def data(self, index: MODEL_INDEX, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            return entry.key  # what Qt's completer writes into the line
        if role == Qt.ItemDataRole.DisplayRole:
            return self.label(entry)
        if role == DETAIL:
            return self.detail(entry)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.label(entry)}, {self.detail(entry)}"
        return None

    def label(self, entry: Entry) -> str:
        return self._desk.language.texts.label(entry.fields[0].option)

    def detail(self, entry: Entry) -> str:
        texts = self._desk.language.texts
        parts = [entry.key, texts.section(entry.fields[0].section)]
        if not self.is_here(entry):
            names = ", ".join(texts.choice(f"{entry.fields[0].table}.name", name) for name in entry.plugins)
            parts.append(self.tr("only with {names}").format(names=names))
        return "  ·  ".join(parts)

    def is_here(self, entry: Entry) -> bool:
        """Whether the preset's plug-in has this option."""
        return not entry.plugins or chosen_plugin(self._desk.document.values(), entry.fields[0].table) in entry.plugins


class ResultLine(QStyledItemDelegate):
    """Two lines for each result. All of it is drawn as plain text."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk

    def sizeHint(self, option: QStyleOptionViewItem, index: MODEL_INDEX) -> QSize:
        return QSize(LEAST_WIDTH, option.fontMetrics.height() * 2 + 3 * SMALL)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: MODEL_INDEX) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        color = self._desk.theme.color
        painter.save()
        painter.fillRect(option.rect, color("accent" if chosen else "surface"))
        room = option.rect.adjusted(GAP, SMALL, -GAP, -SMALL)
        for text, token, side in (
            (index.data(Qt.ItemDataRole.DisplayRole), "text", Qt.AlignmentFlag.AlignTop),
            (index.data(DETAIL), "muted", Qt.AlignmentFlag.AlignBottom),
        ):
            painter.setPen(color("accent_text" if chosen else token))
            shown = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, int(side | Qt.AlignmentFlag.AlignLeft), shown)
        painter.restore()


class SearchBox(QLineEdit):
    """Enter shows the first result, or the one chosen with the arrows; Escape closes the list, then empties the box."""

    field_requested = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.results = Results(desk)
        self._finder = QCompleter(self.results, self)
        self._finder.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._finder.setMaxVisibleItems(9)
        self._list = QListView()
        self._finder.setPopup(self._list)
        self._list.setItemDelegate(ResultLine(desk, self))
        self._list.setMinimumWidth(LEAST_WIDTH)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._finder.setWidget(self)
        self._finder.activated[QModelIndex].connect(self._on_activated)  # type: ignore[index]
        self._icon: QAction = self.addAction(
            desk.theme.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.setMaxLength(LONGEST)
        self.setClearButtonEnabled(True)
        self.textEdited.connect(self._on_typed)
        self.returnPressed.connect(self._on_return)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self.retranslate()

    @property
    def popup(self) -> QListView:
        return self._list

    def retranslate(self) -> None:
        self.setPlaceholderText(self.tr("Search options (Ctrl+F)"))
        self.setAccessibleName(self.tr("Search options"))
        self.setAccessibleDescription(self.tr("Finds options by English or Chinese name, by key or by kohya's name."))
        self._list.setAccessibleName(self.tr("Options found"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._list.isVisible():
            self._list.hide()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)

    def _draw(self) -> None:
        self._icon.setIcon(self._desk.theme.icon("search", "muted"))

    def _on_typed(self, text: str) -> None:
        self.results.show_entries(find(text))
        if self.results.entries:
            self._finder.complete(self.rect().adjusted(0, 0, max(0, LEAST_WIDTH - self.width()), 0))
        else:
            self._list.hide()

    def _on_return(self) -> None:
        """Qt tells the line of Enter before it looks at what is chosen in the list."""
        chosen = self._list.currentIndex() if self._list.isVisible() else QModelIndex()
        if self.results.entries and self.text():
            self._go(self.results.entries[max(0, chosen.row())])

    def _on_activated(self, index: QModelIndex) -> None:
        key = index.data(Qt.ItemDataRole.EditRole)
        if chosen := next((entry for entry in self.results.entries if entry.key == key), None):
            self._go(chosen)

    def _go(self, entry: Entry) -> None:
        """An option of another plug-in cannot be shown; what chooses the plug-in can."""
        key = entry.key
        if not self.results.is_here(entry):
            key = f"{entry.fields[0].table}.name"
            self._desk.wishes.said.emit(f"{self.results.label(entry)}: {self.results.detail(entry)}")
        self._list.hide()
        self.results.show_entries([])
        QTimer.singleShot(0, self, self.clear)  # the completer writes the key into the line after this
        self.field_requested.emit(key)
        self._desk.wishes.field_requested.emit(key)
