"""The column at the right: is the preset ready, how many steps, what is trained, what it takes, what is wrong."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.fault_list import FaultList
from gui.widgets.memory_card import MemoryCard
from gui.widgets.parts_card import PartsCard
from gui.widgets.steps_card import StepsCard
from gui.widgets.text import PlainLabel

WIDTH = 320  # pixels
GREY_AFTER = 400  # milliseconds; a check that is faster than this changes nothing but numbers


class SidePanel(QWidget):
    """Shows the newest answer of the service. Old numbers stay, in grey, until the new ones are there."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._faults: list[dict[str, Any]] | None = None  # None: not checked yet
        self._is_outdated = self._is_partial = False
        self.icon = QLabel()
        self.verdict = PlainLabel(role="heading", wrap=True)
        self.verdict.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.busy = PlainLabel(role="muted")
        self.note = PlainLabel(role="muted", wrap=True)  # what the numbers below leave out
        self.steps, self.parts, self.memory = StepsCard(desk), PartsCard(desk), MemoryCard(desk)
        self.faults = FaultList(desk)
        self._faults_heading = PlainLabel(role="heading")
        self._scroll = QScrollArea()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(GREY_AFTER)
        self._timer.timeout.connect(self._on_slow)
        desk.service.checking.connect(self._on_checking)
        desk.service.checked.connect(self.show_answer)
        desk.service.died.connect(self._on_died)
        desk.document.opened.connect(self.forget)
        desk.theme.changed.connect(self._draw)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_answer(self, answer: dict[str, Any]) -> None:
        """An answer to `check`: a report, or only the faults of a preset that cannot be read."""
        self._timer.stop()
        self.busy.hide()
        report = answer.get("report")
        self._faults = list((report or answer).get("faults") or [])
        self._is_outdated = report is None
        self._is_partial = bool(report and report.get("partial"))
        if report is not None:
            for card in (self.steps, self.parts, self.memory):
                card.show_report(report)
        self.faults.show_faults(self._faults)
        self._say_verdict()
        self._grey(self._is_outdated)

    def forget(self) -> None:
        """Another preset was opened: what is shown belongs to the one before."""
        self._faults, self._is_outdated, self._is_partial = None, False, False
        for card in (self.steps, self.parts, self.memory):
            card.show_report({})
        self.faults.forget()
        self._say_verdict()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Summary and check"))
        self.busy.setText(self.tr("checking ..."))
        self._faults_heading.setText(self.tr("Check before the start"))
        self._say_verdict()

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setSpacing(GAP)
        header.addWidget(self.icon)
        header.addWidget(self.verdict)
        header.addWidget(self.busy)
        self.busy.hide()
        self.note.hide()
        card = QFrame()
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        inside.addWidget(self._faults_heading)
        inside.addWidget(self.faults)
        column = QWidget()
        column.setProperty("role", "page")
        cards = QVBoxLayout(column)
        cards.setContentsMargins(0, 0, SMALL, 0)
        cards.setSpacing(GAP)
        for part in (self.steps, card, self.parts, self.memory):
            cards.addWidget(part)
        cards.addStretch()
        self._scroll.setWidget(column)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, GAP, SMALL, GAP)
        layout.addLayout(header)
        layout.addWidget(self.note)
        layout.addWidget(self._scroll, 1)
        self.setMinimumWidth(WIDTH - 40)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _say_verdict(self) -> None:
        errors = sum(fault["severity"] == "error" for fault in self._faults or [])
        if self._faults is None:
            text = self.tr("Not checked yet.")
        elif errors == 1:
            text = self.tr("One error to mend first.")
        elif errors:
            text = self.tr("{count} errors to mend first.").format(count=whole(errors))
        else:
            text = self.tr("Ready to start.")
        self.verdict.setText(text)
        self.note.setVisible(self._is_outdated or self._is_partial)
        if self._is_outdated:
            self.note.setText(self.tr("The numbers below are from before: the preset cannot be read as it is now."))
        elif self._is_partial:
            self.note.setText(self.tr("The numbers below take the default for each option that is wrong."))
        self._draw()

    def _draw(self) -> None:
        if self._faults is None:
            name, token = "info", "muted"
        elif any(fault["severity"] == "error" for fault in self._faults):
            name, token = "error", "error"
        else:
            name, token = "ok", "success"
        self.icon.setPixmap(self._desk.theme.icon(name, token).pixmap(20, 20))

    def _grey(self, is_stale: bool) -> None:
        """Labels only: what is shown stays in reach of the keyboard."""
        for card in (self.steps, self.parts, self.memory):
            for label in card.findChildren(QLabel):
                label.setEnabled(not is_stale)

    def _on_checking(self, is_checking: bool) -> None:
        if is_checking:
            self._timer.start()
        else:
            self._timer.stop()
            self.busy.hide()
            self._grey(self._is_outdated)

    def _on_slow(self) -> None:
        self.busy.show()
        self._grey(True)

    def _on_died(self, sentence: str) -> None:
        self._timer.stop()
        self.busy.hide()
        self.verdict.setText(self._desk.language.sentence(sentence))
        self.icon.setPixmap(self._desk.theme.icon("warning", "warning").pixmap(20, 20))
        self._grey(True)
