"""What `check` found, worst first, with chips that choose between errors, warnings and hints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.theme import SMALL
from gui.widgets.fault_row import FaultRow, words_of_fix
from gui.widgets.text import PlainLabel

SEVERITIES = ("error", "warning", "hint")
SHOWN = 200  # rows; nobody reads more, and each costs memory
AT_ONCE = 8  # rows made before the window may answer again


class FaultList(QWidget):
    """`show_faults` keeps the rows of faults that are still there, so that nothing moves under the hand."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.faults: list[dict[str, Any]] = []
        self._is_known = False  # there was an answer
        self._rows: dict[str, FaultRow] = {}
        self._missing: list[tuple[str, dict[str, Any]]] = []  # to be placed, in order
        self._place = 0  # of the next one
        self.chips = {severity: self._chip(severity) for severity in SEVERITIES}
        self.all_well = PlainLabel(role="success", wrap=True)
        self.more = PlainLabel(role="muted", wrap=True)
        chips = QHBoxLayout()
        chips.setSpacing(SMALL)
        for chip in self.chips.values():
            chips.addWidget(chip)
        chips.addStretch()
        self._column = QVBoxLayout()
        self._column.setSpacing(SMALL)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(chips)
        layout.addWidget(self.all_well)
        layout.addLayout(self._column)
        layout.addWidget(self.more)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._make_some)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()

    def show_faults(self, faults: Sequence[dict[str, Any]]) -> None:
        """Show these; nothing happens if they are those that are shown."""
        if list(faults) == self.faults and self._is_known:
            return
        self._is_known = True
        self.faults = list(faults)
        self._count()
        self._settle()

    def forget(self) -> None:
        """Nothing is known yet: neither faults nor that there are none."""
        self.show_faults([])
        self._is_known = False
        self._count()

    def rows(self) -> list[FaultRow]:
        """The rows that are there, from the top."""
        return sorted(self._rows.values(), key=self._column.indexOf)

    def retranslate(self) -> None:
        tips = {
            "error": self.tr("Show errors: they keep a training from starting"),
            "warning": self.tr("Show warnings: the training starts, but may disappoint"),
            "hint": self.tr("Show hints"),
        }
        for severity, chip in self.chips.items():
            chip.setToolTip(tips[severity])
        for row in self._rows.values():
            row.retranslate()
        self.all_well.setText(self.tr("Nothing to mend."))
        self._count()
        self._tell_more()

    def _chip(self, severity: str) -> QToolButton:
        chip = QToolButton()
        chip.setCheckable(True)
        chip.setChecked(True)
        chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        chip.toggled.connect(lambda _: self._settle())
        return chip

    def _count(self) -> None:
        words = {
            "error": self.tr("Errors: {count}"),
            "warning": self.tr("Warnings: {count}"),
            "hint": self.tr("Hints: {count}"),
        }
        for severity, chip in self.chips.items():
            count = sum(fault["severity"] == severity for fault in self.faults)
            chip.setText(words[severity].format(count=whole(count)))
            chip.setAccessibleName(chip.text())
            chip.setVisible(count > 0)
        self.all_well.setVisible(self._is_known and not self.faults)

    def _chosen(self) -> list[dict[str, Any]]:
        wanted = [severity for severity in SEVERITIES if self.chips[severity].isChecked()]
        return [fault for severity in wanted for fault in self.faults if fault["severity"] == severity]

    def _settle(self) -> None:
        """Take away the rows of faults that are gone; put the others in order, and make the new ones bit by bit."""
        wanted = {json.dumps(fault, sort_keys=True): fault for fault in self._chosen()[:SHOWN]}
        for name in [name for name in self._rows if name not in wanted]:
            row = self._rows.pop(name)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._missing = list(wanted.items())
        self._place = 0
        self._tell_more()
        self._make_some()

    def _make_some(self) -> None:
        made = 0
        while self._missing and made < AT_ONCE:
            name, fault = self._missing.pop(0)
            row = self._rows.get(name)
            if row is None:
                row = self._rows[name] = FaultRow(self._desk, fault)
                row.fix_requested.connect(self._on_fix_requested)
                made += 1
            if self._column.indexOf(row) != self._place:
                self._column.insertWidget(self._place, row)
            self._place += 1
        if self._missing:
            self._timer.start()
        else:
            self._timer.stop()

    def _tell_more(self) -> None:
        more = len(self._chosen()) - SHOWN
        self.more.setVisible(more > 0)
        self.more.setText(self.tr("and {count} more").format(count=whole(max(0, more))))

    def _on_fix_requested(self, fault: dict[str, Any]) -> None:
        fix = fault["fix"]
        label = words_of_fix(self._desk, fix)
        self._desk.document.set_many(fix.get("edits") or {}, fix.get("renames") or {}, label)
        self._desk.wishes.said.emit(self.tr("Done: {what}. Undo takes it back.").format(what=label))

    def _draw(self) -> None:
        for severity, chip in self.chips.items():
            chip.setIcon(self._desk.theme.icon(severity, severity))
