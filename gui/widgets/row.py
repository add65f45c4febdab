"""A row of the form: made from one field of the schema, bound to its key of the open preset."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.desk import Desk
from gui.fields import SUBSETS, Field, Value
from gui.theme import GAP, SMALL
from gui.widgets.editor import room_for
from gui.widgets.faults import FaultLines, Remark, remarks_for, remarks_of_service
from gui.widgets.making import is_wide, make_editor
from gui.widgets.text import PlainLabel, plain_tooltip, shortened
from gui.written import literal, same

LABEL_WIDTH = 23  # characters
BAR = 3  # pixels
_EMPTY = re.compile(r"(?:[Ee]mpty(?: or 0)?|(?:留空|空)(?:或 ?0)?)[:：] *(.+?)(?:[.;](?:\s|$)|[。；)）]|$)")


class FieldRow(QWidget):
    """Label, editor, unit, help, and what is wrong with the value; a bar at the left where it is not the default."""

    def __init__(self, desk: Desk, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._desk = desk
        self._service: list[Remark] = []
        self._own_edit = False
        self._pinned = False
        self._explained = field.option
        self.bar = QFrame()
        self.label = PlainLabel(wrap=True)
        self.widget, self.editor = make_editor(desk, field)
        self.unit = PlainLabel(role="muted")
        self.info = QToolButton()
        self.help = PlainLabel(role="muted", wrap=True)
        self.faults = FaultLines(desk)
        self._lay_out()
        self._connect()
        self._draw()
        self.retranslate()
        self.refresh()

    @property
    def changed(self) -> bool:
        """The preset gives a value, and it is another than the default."""
        key = self.field.key
        return self._desk.document.is_set(key) and not same(self._desk.document.value(key), self.field.default)

    @property
    def relevant(self) -> bool:
        """Other options make it count (`shown_if`), or it is set, or something is wrong with it."""
        key, _, wanted = self.field.shown_if.partition("=")
        if not key or self._desk.document.is_set(self.field.key) or self.faults.worst:
            return True
        value = self._desk.document.value(f"{self.field.table}.{key}")
        return str(value) == wanted if wanted else bool(value)

    @property
    def focus_target(self) -> QWidget:
        """The widget that takes the keyboard."""
        return self.widget.focusProxy() or self.widget

    def show_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """What the service found: those of this row's key are shown, beside the schema's own."""
        own = remarks_for(self.field.key, self._desk.document.faults)  # which go with the next letter typed
        self._service = [remark for remark in remarks_of_service(self.field.key, faults) if remark not in own]
        self._show_remarks()

    def reset(self) -> None:
        """Back to the default; the line leaves the preset."""
        self._desk.document.reset(self.field.key)
        self.refresh()

    def refresh(self) -> None:
        """Show what the preset says now."""
        document, key = self._desk.document, self.field.key
        value = document.value(key) if document.is_set(key) else self.field.default
        if not self._own_edit:
            self.editor.set_value(value)
        if self.field.explained(value) is not self._explained:
            self.retranslate()
        role = "changed" if self.changed else "unchanged"
        if self.bar.property("role") != role:
            self.bar.setProperty("role", role)
            self.bar.style().unpolish(self.bar)
            self.bar.style().polish(self.bar)
            self._describe()
        self._show_remarks()

    def retranslate(self) -> None:
        texts, option = self._desk.language.texts, self.field.option
        document, key = self._desk.document, self.field.key
        self._explained = self.field.explained(document.value(key) if document.is_set(key) else self.field.default)
        name, explained = texts.label(option), texts.help(self._explained)
        self.label.setText(name)
        self.editor.set_words(name, self._empty_words(explained))
        self.unit.setText(texts.unit(self.field.unit))
        limits = f" ({self.field.limits})" if self.field.limits else ""
        self.help.setText(explained + limits)
        kohya = self.tr("kohya's name: {name}").format(name=option.info.kohya) if option.info.kohya else ""
        self.info.setToolTip(plain_tooltip("\n".join(filter(None, (explained + limits, self.field.key, kohya)))))
        self.info.setAccessibleName(self.tr("Explain {label}").format(label=name))
        self.label.setToolTip(self.info.toolTip())
        self.bar.setToolTip(self.tr("Changed: not the default"))
        self._describe()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._open_menu(event.globalPos(), QMenu(self))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.FocusIn:
            self.help.show()
        elif kind == QEvent.Type.FocusOut:
            self.help.setVisible(self._pinned)
            self.refresh()  # an emptied box shows its default again
        elif kind == QEvent.Type.ContextMenu and isinstance(event, QContextMenuEvent):
            menu = watched.createStandardContextMenu() if isinstance(watched, QLineEdit) else None
            if menu is not None:
                menu.addSeparator()
            self._open_menu(event.globalPos(), menu or QMenu(self))
            return True
        elif kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_undo(event):
            event.ignore()  # the preset's own undo, which knows this field's edits as well
            return True
        return super().eventFilter(watched, event)

    def menu(self, menu: QMenu) -> QMenu:
        """Reset and copy, added to a menu."""
        default = literal(self.field.default) or self.tr("not set")
        text = self.tr("Reset to default: {value}").format(value=shortened(default, 40).replace("&", "&&"))
        menu.addAction(self._desk.theme.icon("reset"), text, self.reset).setEnabled(
            self._desk.document.is_set(self.field.key)
        )
        menu.addAction(self._desk.theme.icon("copy"), self.tr("Copy the key"), self._copy_key)
        menu.addAction(self.tr("Copy as --set"), self._copy_override)
        return menu

    def _open_menu(self, where: QPoint, menu: QMenu) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.menu(menu).popup(where)

    def _copy_key(self) -> None:
        QGuiApplication.clipboard().setText(self.field.key)

    def _copy_override(self) -> None:
        value = literal(self._desk.document.value(self.field.key))
        QGuiApplication.clipboard().setText(f"--set {shlex.quote(f'{self.field.key}={value}')}")

    def _lay_out(self) -> None:
        self.bar.setFixedWidth(BAR)
        self.label.setFixedWidth(room_for(self, LABEL_WIDTH))
        self.label.setBuddy(self.focus_target)
        self.info.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its text is shown when the editor has the focus
        self.info.setCursor(Qt.CursorShape.WhatsThisCursor)
        line = QHBoxLayout()
        line.setSpacing(SMALL)
        line.addWidget(self.widget, 1 if is_wide(self.widget, self.field) else 0)
        line.addWidget(self.unit)
        if not self.field.unit:  # never `setVisible(True)` before it has a parent: it would be a window for a moment
            self.unit.hide()
        if not is_wide(self.widget, self.field):
            line.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self.help)
        column.addWidget(self.faults)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 3, GAP, 3)
        grid.setHorizontalSpacing(GAP)
        grid.addWidget(self.bar, 0, 0)
        grid.addWidget(self.label, 0, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.info, 0, 2, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(column, 0, 3)
        grid.setColumnStretch(3, 1)
        self.label.setMinimumHeight(30)
        self.help.hide()

    def _connect(self) -> None:
        self.editor.edited.connect(self._on_edited)
        self.info.clicked.connect(self._on_info_clicked)
        inner = (*self.widget.findChildren(QLineEdit), *self.widget.findChildren(QAbstractSpinBox))
        for part in dict.fromkeys((self.focus_target, *inner)):
            part.installEventFilter(self)
        self._desk.document.edited.connect(self._on_document_edited)
        self._desk.language.changed.connect(self.retranslate)
        self._desk.theme.changed.connect(self._draw)

    def _draw(self) -> None:
        self.info.setIcon(self._desk.theme.icon("info", "muted"))

    def _on_edited(self, value: Value) -> None:
        self._own_edit = True
        try:
            self._desk.document.set(self.field.key, value)
        finally:
            self._own_edit = False

    def _on_document_edited(self, key: str) -> None:
        own = self.field.key
        if not key or key == own or key.startswith((f"{own}.", f"{own}[")) or own.startswith((f"{key}.", f"{key}[")):
            self.refresh()
        else:
            self._show_remarks()

    def _on_info_clicked(self) -> None:
        self._pinned = not self._pinned
        self.help.setVisible(self._pinned)

    def _show_remarks(self) -> None:
        before = self.faults.worst, self.faults.text
        self.faults.show_remarks([*remarks_for(self.field.key, self._desk.document.faults), *self._service])
        if before != (self.faults.worst, self.faults.text):
            self.editor.set_error(self.faults.worst == "error")
            self._describe()

    def _describe(self) -> None:
        """For a screen reader: whether it is changed, what it is for, and what is wrong."""
        changed = self.tr("Changed.") if self.bar.property("role") == "changed" else ""
        parts = (self.faults.text, changed, self.help.text())
        self.focus_target.setAccessibleDescription(shortened("\n".join(filter(None, parts)), 2000))

    def _empty_words(self, explained: str) -> str:
        """What it means when nothing is set, as the help says it."""
        if self.field.required:
            return self.tr("must be given")
        if not self.field.nullable:
            return ""
        if found := _EMPTY.search(explained):
            return found[1]
        if self.field.option.key.startswith(SUBSETS):
            return self.tr("as for all folders")
        return self.tr("not set")


def _is_undo(event: QKeyEvent) -> bool:
    return event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
