"""A message inside the page, with what can be done about it: no dialog that has to be clicked away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.theme import GAP
from gui.widgets.text import PlainLabel, shortened

Kind = Literal["error", "warning", "hint"]
BESIDE = 2  # actions beside the text; more stand below it
LONGEST_LABEL = 200  # characters of a button
Action = tuple[str, Callable[[], None]]


class Banner(QFrame):
    """Hidden until `show_message`. Its kind is told by an icon and a colour."""

    def __init__(self, desk: Desk, kind: Kind = "hint", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._kind = desk, kind
        self._icon = QLabel()
        self._icon.setFixedWidth(22)
        self._text = PlainLabel(wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._close = QToolButton()
        self._close.clicked.connect(self.hide)
        self._actions: list[QPushButton] = []
        self._again: Callable[[], None] | None = None
        self._row, self._below = QHBoxLayout(), QHBoxLayout()
        for widget in (self._icon, self._text, self._close):
            self._row.addWidget(widget)
        self._below.setContentsMargins(22 + GAP, 0, 0, 0)
        self._below.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.addLayout(self._row)
        column.addLayout(self._below)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()
        self.hide()

    def show_message(
        self,
        text: str,
        actions: Sequence[Action] = (),
        kind: Kind | None = None,
        again: Callable[[], None] | None = None,
    ) -> None:
        """Show a sentence; each action is a button, which also hides the banner.

        `again` says the same once more: it is called when the language changes while the banner is shown.
        """
        self._kind, self._again = kind or self._kind, again
        self._text.setText(text)
        self.setAccessibleName(text[:200])
        for button in self._actions:
            button.hide()
            button.deleteLater()
        self._actions = [self._button(label, call) for label, call in actions]
        row = self._row if len(actions) <= BESIDE else self._below
        for button in self._actions:
            row.insertWidget(row.count() - 1, button)
            button.show()  # else only in the next turn of the event loop
        self._draw()
        self.show()

    @property
    def message(self) -> str:
        return self._text.text()

    def retranslate(self) -> None:
        self._close.setToolTip(self.tr("Hide"))
        self._close.setAccessibleName(self.tr("Hide this message"))
        if self._again is not None and not self.isHidden():
            self._again()

    def _button(self, label: str, call: Callable[[], None]) -> QPushButton:
        button = QPushButton(shortened(label, LONGEST_LABEL))
        button.clicked.connect(self.hide)
        button.clicked.connect(lambda: call())
        return button

    def _draw(self) -> None:
        self.setProperty("role", f"banner-{self._kind}")
        self.style().unpolish(self)
        self.style().polish(self)
        self._icon.setPixmap(self._desk.theme.icon(self._kind, self._kind).pixmap(20, 20))
        self._close.setIcon(self._desk.theme.icon("clear", "muted"))
