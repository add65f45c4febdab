"""One thing that `check` found: how bad, which field, what, and what can be done about it."""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel, plain_tooltip, shortened

LONGEST_FIELD = 32  # characters of a field's name
MOST_NAMES = 50  # keys of a fix that are shown by name
SHOWN = 1500  # characters of a sentence; the whole of a longer one helps nobody
_LINE = re.compile(r":(\d+)$")  # "preset.toml:14"


class FaultRow(QFrame):
    """Jump shows the field, Fix mends it (and can be undone). All text is plain."""

    fix_requested = Signal(object)  # the fault

    def __init__(self, desk: Desk, fault: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self.fault = desk, fault
        self._icon = QLabel()
        self._icon.setFixedWidth(16)
        self.severity = PlainLabel(role=fault["severity"])
        self.line, self.place = PlainLabel(role="muted"), ElidedLabel(role="muted")
        self.sentence = PlainLabel(wrap=True)
        self.mend = PlainLabel(role="muted", wrap=True)
        self.jump = QPushButton()
        self.jump.setProperty("role", "link")
        self.fix = QPushButton()
        self.jump.clicked.connect(self._on_jump_clicked)
        self.fix.clicked.connect(lambda: self.fix_requested.emit(self.fault))
        self._lay_out()
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()

    def retranslate(self) -> None:
        """Called by the list when the language changes."""
        say, fault = self._desk.language.sentence, self.fault
        words = {"error": self.tr("Error"), "warning": self.tr("Warning"), "hint": self.tr("Hint")}
        self.severity.setText(words[fault["severity"]])
        field = shortened(self._desk.language.texts.label_of(fault["key"]), LONGEST_FIELD) if fault["key"] else ""
        line, place = self._where()
        self.line.setText(line)
        self.place.setText(place)
        self.place.setVisible(bool(self.place.text()))
        self.sentence.setText(shortened(say(fault["text"]), SHOWN))
        fix = words_of_fix(self._desk, fault["fix"]) if fault.get("fix") else ""
        mends = [shortened(say(fault["mend"]), SHOWN)] if fault["mend"] else []
        if fix:
            mends.append(self.tr("Fix: {what}").format(what=shortened(fix, SHOWN)))
        self.mend.setText("\n".join(mends))
        self.mend.setVisible(bool(mends))
        self.jump.setText(field.replace("&", "&&"))
        self.jump.setAccessibleName(self.tr("Go to the field {field}").format(field=field))
        self.jump.setToolTip(plain_tooltip(fault["key"]))
        self.fix.setText(self.tr("Fix"))
        self.fix.setAccessibleName(self.tr("Fix: {what}").format(what=shortened(fix, 200)))
        self.fix.setToolTip(plain_tooltip(fix))
        self.setAccessibleName(f"{self.severity.text()}. {field}: {shortened(self.sentence.text(), 200)}")

    def _where(self) -> tuple[str, str]:
        """A line of the preset, which is open and needs no name; or the path of another file or folder."""
        where = str(self.fault["where"])
        line = _LINE.search(where[-20:])
        if line:
            return self.tr("line {number}").format(number=line[1]), ""
        return "", "" if where == str(self._desk.document.path) else where

    def _lay_out(self) -> None:
        title = QHBoxLayout()
        title.setSpacing(SMALL)
        title.addWidget(self.severity)
        title.addWidget(self.jump)
        title.addStretch()
        title.addWidget(self.line)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, SMALL)
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(SMALL // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._icon, 0, 0)
        grid.addLayout(title, 0, 1)
        for row, part in enumerate((self.place, self.sentence, self.mend), start=1):
            grid.addWidget(part, row, 1)
        grid.addWidget(self.fix, 4, 1, Qt.AlignmentFlag.AlignLeft)
        self.jump.setVisible(bool(self.fault["key"]))
        self.fix.setVisible(bool(self.fault.get("fix")))

    def _draw(self) -> None:
        theme, severity = self._desk.theme, self.fault["severity"]
        self._icon.setPixmap(theme.icon(severity, severity).pixmap(16, 16))
        self.jump.setIcon(theme.icon("jump", "accent"))
        self.fix.setIcon(theme.icon("fix"))

    def _on_jump_clicked(self) -> None:
        self._desk.wishes.field_requested.emit(self.fault["key"])


def words_of_fix(desk: Desk, fix: dict[str, Any]) -> str:
    """What a fix does, with the names that the form shows instead of keys: "Set Network Alpha to 8"."""
    said = desk.language.sentence(fix["label"])
    for key in list(fix.get("edits") or {})[:MOST_NAMES]:
        label = desk.language.texts.label_of(key).replace("\\", r"\\")
        said = re.sub(rf"(?<![\w.]){re.escape(key)}(?![\w.\[])", label, said)
    return said
