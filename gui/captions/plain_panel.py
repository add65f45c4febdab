"""The right pane in its plainest form: the caption of the current picture as raw text."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from dataset_tools.edits import SetText
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel

TYPING_MILLISECONDS = 400


class PlainPanel(QWidget):
    """What is typed becomes an edit after a pause, or when another picture is chosen."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._number, self._shown = -1, ""
        self.heading, self.text = PlainLabel(role="heading"), QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self._write)
        column = QVBoxLayout(self)
        column.setContentsMargins(SMALL, GAP, GAP, GAP)
        column.addWidget(self.heading)
        column.addWidget(self.text, 1)
        self.text.textChanged.connect(self._timer.start)
        desk.current_changed.connect(lambda _: self._follow())
        desk.ready.connect(self._follow)
        desk.texts_changed.connect(lambda ids: self._show() if self._number in ids else None)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()
        self._follow()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Caption"))
        self.text.setAccessibleName(self.tr("Caption"))

    def _follow(self) -> None:
        self._write()
        self._number = self._desk.current
        self._show()

    def _show(self) -> None:
        picture = self._desk.picture(self._number)
        self._shown = picture.text if picture is not None else ""
        self.text.setReadOnly(picture is None or self._desk.session is None)
        if self.text.toPlainText() != self._shown:
            self.text.setPlainText(self._shown)
        self._timer.stop()

    def _write(self) -> None:
        self._timer.stop()
        text = self.text.toPlainText()
        if self._number >= 0 and text != self._shown and not self.text.isReadOnly():
            self._shown = text
            self._desk.apply(SetText(text), [self._number])
