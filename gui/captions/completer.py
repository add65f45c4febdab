"""A line for a tag, with suggestions below it while it is typed."""

# PySide's stubs give QStyleOptionViewItem no fields: each `type: ignore[attr-defined]` on `option` is for that.
from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QCompleter,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from dataset_tools.completion import Suggestion
from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.captions.tag_sources import TagSources
from gui.theme import GAP, SMALL
from gui.widgets.text import shortened

SUGGESTION_ROLE = Qt.ItemDataRole.UserRole
LONGEST = 300  # characters shown
Index = QModelIndex | QPersistentModelIndex


class TagLine(QLineEdit):
    """`tag_entered` with what was typed or chosen: Enter, a click on a suggestion, or the key of the first one.

    Typed text may be several tags with commas between; a suggestion replaces the last of them. The text stays in the
    line: whoever takes it clears it.
    """

    tag_entered = Signal(str)

    def __init__(
        self, desk: CaptionDesk, parent: QWidget | None = None, without: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """`without`: tags that are not suggested, because they are there already."""
        super().__init__(parent)
        self._desk, self._sources, self._without = desk, TagSources.of(desk), without
        self._model = _Suggestions(self)
        self.setMaxLength(4000)
        box = QCompleter(self._model, self)
        box.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        box.setMaxVisibleItems(12)
        self._popup = QListView()
        self._popup.setAccessibleName(self.tr("Suggestions"))
        box.setPopup(self._popup)
        self._popup.setItemDelegate(_SuggestionRows(desk, self._popup))  # after setPopup, which sets Qt's own
        self._popup.installEventFilter(self)
        box.setWidget(self)
        self._box = box
        box.activated[QModelIndex].connect(self._on_chosen)  # type: ignore[index]  # an overload, unsaid in its stub
        self.textEdited.connect(lambda _: self._suggest())
        self.returnPressed.connect(self._on_return)

    @property
    def suggestions(self) -> list[Suggestion]:
        """Those shown now."""
        return self._model.rows

    def take_first(self) -> bool:
        """Enter the first suggestion, if there is one."""
        self._suggest(show=False)
        if not self._model.rows:
            return False
        self._enter(self._model.rows[0].tag)
        return True

    def _suggest(self, show: bool = True) -> None:
        last = self.text()[: self.cursorPosition()].rpartition(",")[2].strip()
        self._model.show_rows(self._sources.suggest(last, tuple(self._without())))
        if not self._model.rows:
            self._popup.hide()
        elif show:
            self._box.complete()

    def _on_return(self) -> None:
        self._popup.hide()
        if text := self.text().strip():
            self.tag_entered.emit(text)

    def _on_chosen(self, index: QModelIndex) -> None:
        one = index.data(SUGGESTION_ROLE)
        if isinstance(one, Suggestion):
            self._enter(one.tag)

    def _enter(self, tag: str) -> None:
        before = self.text()[: self.cursorPosition()].rpartition(",")[0]
        self._popup.hide()
        self.setText(f"{before}, {tag}" if before.strip() else tag)
        self.tag_entered.emit(self.text())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_first(event):
            event.accept()
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_history(event):
            event.ignore()
            return False
        return super().event(event)

    def _is_history(self, event: QKeyEvent) -> bool:
        """Undo in an empty line takes the last edit back, such as the tag that was just added."""
        keys = QKeySequence.StandardKey
        return not self.text() and (event.matches(keys.Undo) or event.matches(keys.Redo))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_first(event):
            self.take_first()
        elif self._is_history(event):
            event.ignore()
        elif event.key() == Qt.Key.Key_Down and not self._popup.isVisible():
            self._suggest()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Of the list of suggestions: the key of the first one, and Enter where no suggestion was chosen."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if self._is_first(event):
                self.take_first()
                return True
            plain = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if plain and not self._popup.currentIndex().isValid():
                self._on_return()
                return True
        return super().eventFilter(watched, event)

    def _is_first(self, event: QKeyEvent) -> bool:
        pressed = QKeySequence(event.keyCombination())
        if event.key() == Qt.Key.Key_Enter:  # of the number block
            pressed = QKeySequence(event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier | Qt.Key.Key_Return)
        return any(pressed == QKeySequence(key) for key in self._desk.keys.of("first_suggestion"))


class _Suggestions(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[Suggestion] = []

    def show_rows(self, rows: list[Suggestion]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        one = self.rows[index.row()]
        if role == SUGGESTION_ROLE:
            return one
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return shortened(one.tag, LONGEST)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return shortened(f"{one.tag} {one.found_by}".strip(), LONGEST)
        return None


class _SuggestionRows(QStyledItemDelegate):
    """The tag, what it was found by, and how often it is used; a dot before tags of the dataset."""

    def __init__(self, desk: CaptionDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, option.fontMetrics.height() + 2 * SMALL + 2)  # type: ignore[attr-defined]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        one = index.data(SUGGESTION_ROLE)
        if not isinstance(one, Suggestion):
            return
        theme, place = self._desk.desk.theme, option.rect  # type: ignore[attr-defined]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
        painter.save()
        if chosen:
            painter.fillRect(place, theme.color("accent"))
        text = theme.color("accent_text" if chosen else "text")
        muted = text if chosen else theme.color("muted")
        metrics, room = painter.fontMetrics(), place.adjusted(GAP, 0, -GAP, 0)
        source = {"dataset": "●", "vocabulary": "○", "translation": "≈", "token": "·"}[one.source]
        painter.setPen(muted)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, source)
        count = whole(one.count) if one.count else ""
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, count)
        room = room.adjusted(20, 0, -metrics.horizontalAdvance(count) - GAP, 0)
        tag = metrics.elidedText(shortened(one.tag, LONGEST), Qt.TextElideMode.ElideRight, room.width())
        painter.setPen(text)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, tag)
        room = room.adjusted(metrics.horizontalAdvance(tag) + GAP, 0, 0, 0)
        note = one.found_by or TagSources.of(self._desk).translation(one.tag)
        painter.setPen(muted)
        note = metrics.elidedText(shortened(note, LONGEST), Qt.TextElideMode.ElideRight, max(0, room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, note)
        painter.restore()
