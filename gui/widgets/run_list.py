"""The list of runs, newest first: what each is called, how it stands, how far it came."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QDesktopServices, QFont, QGuiApplication, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.amounts import whole
from gui.desk import Desk
from gui.run_row import RunRow
from gui.theme import GAP, SMALL
from gui.widgets.run_words import ICONS, RunWords
from gui.widgets.text import PlainLabel, plain_tooltip, shortened

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole
STAMP = re.compile(r"-\d{8}-\d{6}(-\d+)?$")
BAR = 3  # pixels, at the left of the chosen one
FILTER_FROM = 20  # runs; fewer are seen at a glance


class RunModel(QAbstractListModel):
    """Rows keep their place in the view while their content changes."""

    def __init__(self, words: RunWords) -> None:
        super().__init__()
        self._words = words
        self.rows: tuple[RunRow, ...] = ()

    def show_rows(self, rows: Sequence[RunRow]) -> None:
        if [row.path for row in rows] != [row.path for row in self.rows]:
            self.beginResetModel()
            self.rows = tuple(rows)
            self.endResetModel()
        elif rows:
            self.rows = tuple(rows)
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return shortened(row.name, 200)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{shortened(row.name, 200)}, {self.progress(row)}, {when(row.started)}"
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip("\n".join(filter(None, (row.name, self._words.sentence(row.text), row.path))))
        return row if role == ROW_ROLE else None

    def progress(self, row: RunRow) -> str:
        said = self._words.status(row.status)
        return f"{said} · {whole(row.step)} / {whole(row.total)}" if row.total else said


class RunList(QWidget):
    """Signals:
    run_chosen: its folder.
    resume_requested: its folder.
    """

    run_chosen = Signal(str)
    resume_requested = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._chosen = ""
        words = RunWords(desk, self)
        self.model = RunModel(words)
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(self.model)
        self._shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._title = PlainLabel(role="heading")
        self.filter_box = QLineEdit(clearButtonEnabled=True)
        self.filter_box.textChanged.connect(self._shown.setFilterFixedString)
        self.view = QListView()
        self.view.setModel(self._shown)
        self.view.setItemDelegate(_RunDelegate(desk, words, self.model, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._title.setBuddy(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (self._title, self.filter_box, self.view):
            column.addWidget(widget)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self.view.viewport().update)
        self.retranslate()

    def show_rows(self, rows: Sequence[RunRow]) -> None:
        self.model.show_rows(rows)
        self.filter_box.setVisible(len(rows) > FILTER_FROM or bool(self.filter_box.text()))
        self.choose(self._chosen)

    def choose(self, run: str) -> None:
        """Mark this run; nothing is said about it."""
        self._chosen = run
        place = next((i for i, row in enumerate(self.model.rows) if row.path == run), -1)
        index = self._shown.mapFromSource(self.model.index(place))
        if index.isValid() and index != self.view.currentIndex():
            self.view.setCurrentIndex(index)

    def menu(self, row: RunRow) -> QMenu:
        """What can be done with a run from the list."""
        menu = QMenu(self)
        icon = self._desk.theme.icon
        opened = menu.addAction(icon("folder"), self.tr("Open folder"))
        opened.triggered.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(row.path)))
        copied = menu.addAction(icon("copy"), self.tr("Copy path"))
        copied.triggered.connect(lambda: QGuiApplication.clipboard().setText(row.path))
        resumed = menu.addAction(icon("resume"), self.tr("Resume"))
        resumed.setEnabled(row.can_resume)
        resumed.triggered.connect(lambda: self.resume_requested.emit(row.path))
        return menu

    def _open_menu(self, place: QPoint) -> None:
        row = self.view.indexAt(place).data(ROW_ROLE)
        if isinstance(row, RunRow):
            self.menu(row).popup(self.view.viewport().mapToGlobal(place))

    def _on_current_changed(self, current: QModelIndex) -> None:
        row = current.data(ROW_ROLE)
        if isinstance(row, RunRow) and row.path != self._chosen:
            self._chosen = row.path
            self.run_chosen.emit(row.path)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Runs"))
        self.filter_box.setPlaceholderText(self.tr("Filter by name"))
        self.filter_box.setAccessibleName(self.tr("Filter the runs by name"))
        self.view.setAccessibleName(self.tr("Runs, newest first"))
        self.view.viewport().update()


class _RunDelegate(QStyledItemDelegate):
    """Three plain lines: icon and name; status and steps; when."""

    def __init__(self, desk: Desk, words: RunWords, model: RunModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._words, self._model = desk, words, model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 3 * option.fontMetrics.lineSpacing() + 3 * SMALL)  # type: ignore[attr-defined]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        theme, state = self._desk.theme, option.state  # type: ignore[attr-defined]
        selected = bool(state & QStyle.StateFlag.State_Selected)
        icon, token = ICONS[row.status]
        painter.save()
        place: QRect = option.rect  # type: ignore[attr-defined]
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(place, theme.color("raised"))
        if selected:
            painter.fillRect(place.adjusted(0, 0, BAR - place.width(), 0), theme.color("accent"))
        room = place.adjusted(GAP, SMALL, -GAP, -SMALL)
        theme.icon(icon, token).paint(painter, QRect(room.left(), room.top() + 1, 16, 16))
        height = option.fontMetrics.lineSpacing()  # type: ignore[attr-defined]
        lines = (short_name(row.name), self._model.progress(row), when(row.started))
        for i, text in enumerate(lines):
            line = QRect(room.left() + 16 + GAP, room.top() + i * height, room.width() - 16 - GAP, height)
            font = QFont(option.font)  # type: ignore[attr-defined]
            font.setBold(i == 0)
            painter.setFont(font)
            painter.setPen(theme.color("muted" if i else "text"))
            elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, line.width())
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), elided)
        painter.restore()


def short_name(name: str) -> str:
    """Without the date that a run folder's name ends with: it has a line of its own."""
    return shortened(STAMP.sub("", name) or name, 200)


def when(started: float) -> str:
    """A local date and time that sorts."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(started)) if started else ""
    except (OverflowError, ValueError, OSError):
        return ""
