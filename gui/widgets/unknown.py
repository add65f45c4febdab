"""A key of the preset that is no option: kept as it is, shown as an error, with what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel, shortened
from gui.written import literal
from kohya_like.schema.errors import Fault

SHOWN_VALUE = 200


class UnknownRow(QFrame):
    """The key with its value, the sentence, and the buttons Rename (where that is certain enough) and Remove."""

    def __init__(self, desk: Desk, fault: Fault, rename_to: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self.fault, self._new = desk, fault, rename_to
        self.icon = QLabel()
        self.line = ElidedLabel(role="mono")
        self.sentence = PlainLabel(role="error", wrap=True)
        self.rename, self.remove = QPushButton(), QPushButton()
        if not rename_to:
            self.rename.hide()
        self.rename.clicked.connect(lambda: desk.document.set_many({}, {fault.key: rename_to}, label=fault.key))
        self.remove.clicked.connect(lambda: desk.document.set_many({fault.key: None}, label=fault.key))
        self._lay_out()
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()

    def retranslate(self) -> None:
        say, key = self._desk.language.sentence, shortened(self.fault.key, 80)
        value = shortened(literal(self._desk.document.value(self.fault.key)), SHOWN_VALUE)
        self.line.setText(f"{shortened(self.fault.key, SHOWN_VALUE)} = {value}")
        mend = f" ({say(self.fault.mend)})" if self.fault.mend else ""
        self.sentence.setText(shortened(say(self.fault.text) + mend, 500))
        new = shortened(self._new, 80)
        self.rename.setText(self.tr("Rename to {key}").format(key=new).replace("&", "&&"))
        self.remove.setText(self.tr("Remove"))
        self.rename.setAccessibleName(self.tr("Rename {old} to {new}").format(old=key, new=new))
        self.remove.setAccessibleName(self.tr("Remove {key} from the preset").format(key=key))

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SMALL)
        buttons.addWidget(self.rename)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(SMALL)
        words.addWidget(self.line)
        words.addWidget(self.sentence)
        words.addLayout(buttons)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, SMALL, 0, SMALL)
        grid.setHorizontalSpacing(GAP)
        grid.addWidget(self.icon, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(words, 0, 1)
        grid.setColumnStretch(1, 1)

    def _draw(self) -> None:
        self.icon.setPixmap(self._desk.theme.icon("error", "error").pixmap(18, 18))
        self.remove.setIcon(self._desk.theme.icon("remove"))
