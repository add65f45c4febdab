"""What was done to the captions, newest first; a double click goes back, or forward, to that state."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QHBoxLayout, QListView, QPushButton, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.theme import SMALL
from gui.widgets.text import PlainLabel, shortened

STEPS_ROLE = Qt.ItemDataRole.UserRole  # how many redos (above 0) or undos (below) lead there
LONGEST = 300  # characters of an entry
MOST = 5_000  # entries shown
Index = QModelIndex | QPersistentModelIndex


class HistoryPanel(QWidget):
    """A tool of the captions page."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.said, self.undo, self.redo = PlainLabel(role="muted"), QPushButton(), QPushButton()
        self.entries, self.view = _Entries(desk, self), QListView()
        self.view.setModel(self.entries)
        self.view.setUniformItemSizes(True)
        head = QHBoxLayout()
        head.setSpacing(SMALL)
        head.addWidget(self.said, 1)
        head.addWidget(self.undo)
        head.addWidget(self.redo)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        self.undo.clicked.connect(desk.undo)
        self.redo.clicked.connect(desk.redo)
        self.view.activated.connect(self.go_to)
        for signal in (desk.history_changed, desk.opened, desk.ready):
            signal.connect(self.show_history)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def take_keyboard(self) -> None:
        self.view.setFocus()

    def go_to(self, index: Index) -> None:
        """Undo or redo until this entry is the last one that was done."""
        steps = index.data(STEPS_ROLE)
        for _ in range(abs(steps)):
            (self._desk.redo if steps > 0 else self._desk.undo)()

    def show_history(self) -> None:
        desk = self._desk
        self.entries.show_entries(desk.history, desk.redoable)
        self.undo.setEnabled(bool(desk.history))
        self.redo.setEnabled(bool(desk.redoable))
        said = self.tr("{count} edits can be taken back").format(count=whole(len(desk.history)))
        self.said.setText(said if desk.history else self.tr("Nothing to take back."))
        if self.entries.rowCount():
            self.view.setCurrentIndex(self.entries.index(min(len(desk.redoable), MOST)))

    def retranslate(self) -> None:
        self.undo.setText(self.tr("Undo"))
        self.redo.setText(self.tr("Redo"))
        self.view.setAccessibleName(self.tr("Edits of captions, newest first"))
        self.view.setToolTip(self.tr("Enter or a double click goes back or forward to this state"))
        self.show_history()


class _Entries(QAbstractListModel):
    """What can be done again (the next one lowest), what was done (newest first), and the beginning."""

    def __init__(self, desk: CaptionDesk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[tuple[str, int]] = []

    def show_entries(self, done: tuple[str, ...], undone: tuple[str, ...]) -> None:
        """Labels as the session gives them: the next one to undo, or to redo, is the last."""
        ahead = [(label, len(undone) - row) for row, label in enumerate(undone)][-MOST:]
        behind = [(label, -row) for row, label in enumerate(reversed(done[-MOST:]))]
        self.beginResetModel()
        self._rows = [*ahead, *behind]
        if done or undone:
            self._rows.append(("", -len(done)))
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        label, steps = self._rows[index.row()]
        if role == STEPS_ROLE:
            return steps
        if role == Qt.ItemDataRole.DisplayRole:
            said = shortened(self._desk.desk.language.sentence(label).replace("\n", " "), LONGEST)
            if not label:
                return self.tr("As it was at first")
            return self.tr("{what} (undone)").format(what=said) if steps > 0 else said
        if role == Qt.ItemDataRole.ForegroundRole and steps > 0:
            return self._desk.desk.theme.color("muted")
        return None
