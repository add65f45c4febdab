"""What is wrong with a value, beneath its editor: an icon, a word and a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from gui.desk import Desk
from gui.theme import SMALL
from gui.widgets.text import PlainLabel, shortened
from kohya_like.schema.errors import Fault

MOST = 300  # faults of a document that are looked through; more are a broken file, and the list beside the form says so
SHOWN = 500  # characters of a sentence
WORST = ("error", "warning", "hint")


@dataclass(frozen=True)
class Remark:
    """A fault as a row shows it, whether it comes from the schema or from the service."""

    text: str
    mend: str = ""
    severity: str = "error"


def remarks_for(key: str, faults: Sequence[Fault]) -> list[Remark]:
    """The schema's faults that belong to a key or to a part of its value."""
    return [Remark(f.text, f.mend, f.severity) for f in faults[:MOST] if is_of(f.key, key)]


def remarks_of_service(key: str, faults: Iterable[Mapping[str, object]]) -> list[Remark]:
    """Likewise, of faults as the service sends them."""
    found = []
    for fault in faults:
        if is_of(str(fault.get("key") or ""), key):
            text, mend, severity = (str(fault.get(name) or "") for name in ("text", "mend", "severity"))
            found.append(Remark(text, mend, severity if severity in WORST else "error"))
    return found


class FaultLines(QWidget):
    """Hidden while there is nothing to say."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._shown: list[Remark] = []
        self._parts: list[QWidget] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SMALL)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(1, 1)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self.retranslate)
        self.hide()

    def show_remarks(self, remarks: Sequence[Remark]) -> None:
        """Those given, each sentence once."""
        unique = list(dict.fromkeys(remarks))
        if unique != self._shown:
            self._shown = unique
            self.retranslate()
        self.setVisible(bool(unique))

    @property
    def text(self) -> str:
        """All of it in words, for a screen reader."""
        return "\n".join(part.text() for part in self._parts if isinstance(part, PlainLabel))

    @property
    def worst(self) -> str:
        """The gravest severity shown, "" if there is none."""
        return next((name for name in WORST if any(remark.severity == name for remark in self._shown)), "")

    def retranslate(self) -> None:
        words = {"error": self.tr("Error"), "warning": self.tr("Warning"), "hint": self.tr("Hint")}
        for part in self._parts:
            self._grid.removeWidget(part)
            part.hide()  # it is deleted only when the event loop comes round
            part.deleteLater()
        self._parts = []
        for line, remark in enumerate(self._shown):
            icon, label = QLabel(), PlainLabel(role=remark.severity, wrap=True)
            icon.setPixmap(self._desk.theme.icon(remark.severity, remark.severity).pixmap(16, 16))
            sentence = self._sentence(remark)
            label.setText(self.tr("{how_bad}: {what}").format(how_bad=words[remark.severity], what=sentence))
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            self._grid.addWidget(icon, line, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label, line, 1)
            self._parts += [icon, label]

    def _sentence(self, remark: Remark) -> str:
        say = self._desk.language.sentence
        text = say(remark.text)
        whole = self.tr("{what} ({mend})").format(what=text, mend=say(remark.mend)) if remark.mend else text
        return shortened(whole, SHOWN)


def is_of(fault_key: str, key: str) -> bool:
    """Whether a fault's key is this key or a part of its value."""
    return fault_key == key or fault_key.startswith((f"{key}.", f"{key}["))
