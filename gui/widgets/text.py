"""Text that strangers may have written, shown as text: never as markup, never longer than a screen can use."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

LIMIT = 10_000  # characters
_MARKS = dict.fromkeys(
    [0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F], "\ufffd"
)


def shortened(text: str, limit: int = LIMIT) -> str:
    """At most `limit` characters, without marks that turn the direction of writing (they make names lie)."""
    cut = text if len(text) <= limit else f"{text[:limit]} ..."
    return cut.translate(_MARKS)


def plain_tooltip(text: str) -> str:
    """A text for setToolTip, which guesses whether it is given markup; escaped and wrapped, it is never mistaken."""
    lines = escape(shortened(text, 2000)).replace("\n", "<br>")
    return f"<div style='white-space: pre-wrap'>{lines}</div>" if text else ""


class PlainLabel(QLabel):
    """A label that never reads markup. `role` is a style of the theme; `wrap` breaks lines."""

    def __init__(self, text: str = "", role: str = "", wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(shortened(text))


class ElidedLabel(QLabel):
    """One line, shortened in the middle where the room ends; the whole text is the tooltip."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)
        self._whole = ""
        self.setText(text)

    def setText(self, text: str) -> None:
        self._whole = shortened(text.replace("\n", " "), 1000)
        self.setToolTip(plain_tooltip(self._whole))
        super().setText(self._whole)

    def text(self) -> str:
        return self._whole

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("MMMM"), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, int(self.alignment()), shown)
