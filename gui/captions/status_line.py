"""Below the pictures: what is being read, what is chosen, and whether everything is in its file."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel

POLL_MILLISECONDS = 250  # while something waits for its file


class StatusLine(QFrame):
    """A fault stays until everything is saved again; it is told by an icon and in words."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setProperty("role", "status")
        self.chosen, self.fault, self.saved = (
            PlainLabel(role="muted"),
            ElidedLabel(role="error"),
            PlainLabel(role="muted"),
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.reading, self.stop = PlainLabel(role="muted"), QToolButton()
        self._icon = QLabel()
        self._fault = ""
        self._done = self._of = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, SMALL, GAP, SMALL)
        row.setSpacing(GAP)
        for widget, stretch in (
            (self.chosen, 0), (self.reading, 0), (self.bar, 0), (self.stop, 0), (self.fault, 1),
            (self._icon, 0), (self.saved, 0),
        ):  # fmt: skip
            row.addWidget(widget, stretch)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.timeout.connect(self._show)
        desk.progress.connect(self._on_progress)
        desk.fault.connect(self._on_fault)
        for signal in (desk.opened, desk.ready, desk.saved_changed, desk.conflicts_changed, desk.filtered):
            signal.connect(self._show)
        desk.selection_changed.connect(lambda _: self._show())
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._show)
        self.retranslate()

    def retranslate(self) -> None:
        self.stop.setToolTip(self.tr("Stop reading and close the folder"))
        self.stop.setAccessibleName(self.stop.toolTip())
        self._show()

    def _on_progress(self, done: int, of: int) -> None:
        self._done, self._of = done, of
        self._show()

    def _on_fault(self, sentence: str) -> None:
        self._fault = sentence
        self._show()

    def _show(self) -> None:
        desk = self._desk
        self.chosen.setText(self.tr("{count} chosen").format(count=whole(len(desk.selection))))
        self.chosen.setVisible(desk.library is not None)
        is_reading = desk.library is not None and desk.session is None
        for widget in (self.bar, self.reading, self.stop):
            widget.setVisible(is_reading)
        if is_reading:
            self.reading.setText(self.tr("Reading captions"))
            self.bar.setRange(0, max(1, self._of))
            self.bar.setValue(self._done)
            self.stop.setIcon(desk.desk.theme.icon("clear", "muted"))
        unsaved = desk.unsaved
        if not unsaved:
            self._fault = ""
        self.fault.setText(self._fault)
        self._show_saved(unsaved)
        if bool(unsaved) != self._timer.isActive():
            (self._timer.start if unsaved else self._timer.stop)()

    def _show_saved(self, unsaved: int) -> None:
        desk = self._desk
        has_session = desk.session is not None
        self.saved.setVisible(has_session)
        self._icon.setVisible(has_session)
        if not has_session:
            return
        if conflicts := len(desk.conflicts):
            icon, token = "warning", "error"
            said = self.tr("{count} to decide").format(count=whole(conflicts))
        elif unsaved:
            icon, token = ("warning", "error") if self._fault else ("save", "muted")
            said = self.tr("{count} not saved yet").format(count=whole(unsaved))
        else:
            icon, token, said = "ok", "success", self.tr("All saved")
        self.saved.setText(said)
        self._icon.setPixmap(desk.desk.theme.icon(icon, token).pixmap(16, 16))
