"""The chosen concept: what the check counted in it, and whether the preset can leave it out."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.concepts import ConceptLine, problems_of
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.facts import Facts
from gui.widgets.fault_list import FaultList
from gui.widgets.text import ElidedLabel, PlainLabel, shortened

Faults = list[dict[str, object]]


def _is_of_pictures(fault: dict[str, object]) -> bool:
    """About an option of the data, or about a folder of pictures, which is named by its place alone."""
    key = str(fault["key"])
    return key.startswith("data.") or (not key and bool(fault["where"]))


class ConceptDetails(QFrame):
    """Without a chosen concept it shows the problems of all pictures."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._line: ConceptLine | None = None
        self._faults: Faults = []
        self.heading = PlainLabel(role="heading", wrap=True)
        self.folder = ElidedLabel(role="muted")
        self.facts = Facts()
        self.unread = PlainLabel(role="error", wrap=True)
        self.origin = PlainLabel(role="muted", wrap=True)
        self.problems = FaultList(desk)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        layout.setSpacing(SMALL)
        for part in (self.heading, self.folder, self.facts, self.unread, self.origin, self.problems):
            layout.addWidget(part)
        layout.addStretch(1)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_line(self, line: ConceptLine | None, faults: Faults) -> None:
        """`faults` are all of the report; those that name the concept are shown."""
        self._line, self._faults = line, faults
        self.retranslate()

    def retranslate(self) -> None:
        line = self._line
        self.folder.setVisible(line is not None)
        self.facts.setVisible(line is not None and line.counts is not None)
        self.origin.setVisible(line is not None)
        self.unread.setVisible(line is not None and line.counts is None)
        self.unread.setText(self.tr("The check counts nothing in this folder: is it there, and is it the right one?"))
        if line is None:
            self.problems.show()
            self.heading.setText(self.tr("Problems of the pictures"))
            self.problems.show_faults([fault for fault in self._faults if _is_of_pictures(fault)])
            return
        self.heading.setText(shortened(line.name, 120))
        self.folder.setText(line.folder)
        self.facts.show_rows(self._rows(line))
        self.origin.setText(self._origin(line))
        problems = problems_of(line, self._faults)
        self.problems.show_faults(problems)
        self.problems.setVisible(bool(problems) or line.counts is not None)

    def _rows(self, line: ConceptLine) -> list[tuple[str, str]]:
        rows = [
            (self.tr("Pictures that are trained"), whole(line.count("images"))),
            (self.tr("Samples per epoch"), whole(line.count("samples"))),
        ]
        problems = (
            (self.tr("Without a caption file"), "missing_captions"),
            (self.tr("Captions without a word"), "empty_captions"),
            (self.tr("Left out: cannot be read"), "unreadable"),
            (self.tr("Left out: too small"), "too_small"),
            (self.tr("Left out: too large"), "too_large"),
        )
        return rows + [(name, whole(line.count(key))) for name, key in problems if line.count(key)]

    def _origin(self, line: ConceptLine) -> str:
        if line.item is not None:
            return self.tr(
                "This folder is named in the preset. Removing it takes it out of the preset only; nothing on the disk "
                "is touched."
            )
        return self.tr(
            "This folder is found in the folder given above, so it cannot be removed here. To leave it out, move it "
            "elsewhere, or take the number off the front of its name."
        )
