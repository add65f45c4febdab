"""Below the pictures: the tool in use (find and replace, edits of many, tagging ...), made when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel


@dataclass(frozen=True)
class Tool:
    """`name` is also that of its key (`keys.DEFAULTS`); `icon` one of ours; `make` builds the widget. A widget with a
    method `take_keyboard` gets the keyboard by it."""

    name: str
    icon: str
    make: Callable[[CaptionDesk], QWidget]


class ToolPane(QFrame):
    """One tool at a time, or hidden. `changed` with the tool's name, or ""."""

    changed = Signal(str)
    left = Signal()  # closed by the person: the keyboard goes back to the pictures

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setProperty("role", "card")
        self.tools: dict[str, Tool] = {}
        self.widgets: dict[str, QWidget] = {}
        self.name = ""
        self.title, self.close_button, self._stack = PlainLabel(role="heading"), QToolButton(), QStackedWidget()
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP + SMALL, SMALL, GAP, GAP)
        column.setSpacing(SMALL)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        self.close_button.clicked.connect(self.leave)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)
        self.retranslate()
        self._draw()
        self.hide()

    def mount(self, tool: Tool) -> None:
        """Offer a tool; mounting one of the same name replaces the offer."""
        self.tools[tool.name] = tool

    def toggle(self, name: str) -> None:
        """Show a tool; the one that is shown is closed."""
        if name == self.name:
            self.leave()
        else:
            self.show_tool(name)

    def show_tool(self, name: str) -> QWidget:
        if name not in self.widgets:
            self.widgets[name] = self.tools[name].make(self._desk)
            self._stack.addWidget(self.widgets[name])
        widget = self.widgets[name]
        self.name = name
        self._stack.setCurrentWidget(widget)
        self.retranslate()
        self.show()
        take_keyboard = getattr(widget, "take_keyboard", None)
        (take_keyboard if callable(take_keyboard) else widget.setFocus)()
        self.changed.emit(name)
        return widget

    def leave(self) -> None:
        self.name = ""
        self.hide()
        self.changed.emit("")
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def retranslate(self) -> None:
        self.title.setText(self._desk.keys.label(self.name) if self.name else "")
        self.close_button.setToolTip(self.tr("Close (Esc)"))
        self.close_button.setAccessibleName(self.tr("Close this tool"))

    def _draw(self) -> None:
        self.close_button.setIcon(self._desk.desk.theme.icon("clear", "muted"))
