"""How much memory and disk a training needs, beside what is free. All of it is an estimate and says so."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.amounts import size
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.facts import Facts
from gui.widgets.fold import Fold
from gui.widgets.meter import Meter
from gui.widgets.text import PlainLabel, plain_tooltip

SPREAD = 0.25  # a run differs from the estimate by up to a quarter (preflight/estimate.py)
SHOWN_DISKS = 4


class Need(QWidget):
    """A bar, its words, and a sentence with an icon where there is not enough."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.words = PlainLabel(wrap=True)
        self.meter = Meter(desk)
        self._icon = QLabel()
        self.warning = PlainLabel(role="error", wrap=True)
        self._over = QWidget()
        row = QHBoxLayout(self._over)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._icon)
        row.addWidget(self.warning, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SMALL)
        for part in (self.words, self.meter, self._over):
            layout.addWidget(part)
        desk.theme.changed.connect(self._draw)
        self._draw()

    def show_need(self, words: str, needed: float, free: float | None, warning: str) -> None:
        """`warning` is shown when more is needed than is free; None: how much that is, is not known."""
        self.words.setText(words)
        self.meter.setVisible(free is not None)
        share = needed / max(1.0, free) if free is not None else 0.0
        self.meter.show_share(share)
        self.meter.setAccessibleName(words)
        self.warning.setText(warning)
        self._over.setVisible(share > 1)

    def _draw(self) -> None:
        self._icon.setPixmap(self._desk.theme.icon("error", "error").pixmap(16, 16))


class MemoryCard(QFrame):
    """Shows `memory` and `disks` of a report."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._report: dict[str, Any] = {}
        self._heading = PlainLabel(role="heading")
        self._disk_heading = PlainLabel(role="heading")
        self.nothing = PlainLabel(role="muted", wrap=True)
        self.memory = Need(desk)
        self.shares = Facts()
        self._fold = Fold(desk, self.shares)
        self.disks: list[Need] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        self._column.setSpacing(SMALL)
        for part in (self._heading, self.nothing, self.memory, self._fold, self._disk_heading):
            self._column.addWidget(part)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_report(self, report: dict[str, Any]) -> None:
        self._report = report
        memory = report.get("memory")
        self.nothing.setVisible(not memory)
        self.memory.setVisible(bool(memory))
        self._fold.setVisible(bool(memory))
        if memory:
            self._show_memory(memory)
        self._show_disks((report.get("disks") or [])[:SHOWN_DISKS])

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Memory"))
        self._disk_heading.setText(self.tr("Disk"))
        self.nothing.setText(self.tr("Estimated as soon as the model can be read."))
        self._fold.set_title(self.tr("What takes it"))
        self.show_report(self._report)

    def _show_memory(self, memory: dict[str, Any]) -> None:
        peak, free = memory["peak"], memory["available"]
        low, high = size(peak * (1 - SPREAD)), size(peak * (1 + SPREAD))
        device = self.tr("CPU") if memory["device"] == "cpu" else self.tr("GPU")
        words = self.tr("About {low} to {high} on the {device}").format(low=low, high=high, device=device)
        if free is None:
            words = self.tr("{words}; how much is free is not known").format(words=words)
        else:
            words = self.tr("{words}; {free} free").format(words=words, free=size(free))
        self.memory.show_need(words, peak, free, self.tr("More than is free: the training would probably stop."))
        say = self._desk.language.sentence
        rows = [(say(share["name"]), size(share["bytes"])) for share in memory["shares"]]
        rows.append((self.tr("While training"), size(memory["training"])))
        rows += [(say(phase["name"]), size(phase["bytes"])) for phase in memory["other_phases"]]
        notes = [say(share["note"]) for share in memory["shares"]] + [""]
        notes += [say(phase["note"]) for phase in memory["other_phases"]]
        self.shares.show_rows(rows, notes)

    def _show_disks(self, disks: list[dict[str, Any]]) -> None:
        while len(self.disks) < len(disks):
            need = Need(self._desk)
            self.disks.append(need)
            self._column.addWidget(need)
        self._disk_heading.setVisible(bool(disks))
        for number, need in enumerate(self.disks):
            need.setVisible(number < len(disks))
            if number >= len(disks):
                continue
            disk = disks[number]
            words = self.tr("{needed} for {purpose}; {free} free").format(
                needed=size(disk["needed"]),
                purpose=self._desk.language.sentence(disk["purpose"]),
                free=size(disk["free"]) if disk["free"] is not None else "?",
            )
            need.show_need(words, disk["needed"], disk["free"], self.tr("More than is free: saving would fail."))
            need.setToolTip(plain_tooltip(disk["folder"]))
