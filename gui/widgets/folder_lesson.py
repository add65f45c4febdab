"""How folders become concepts and concepts become steps: what a page without pictures teaches."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.desk import Desk
from gui.theme import GAP
from gui.widgets.text import PlainLabel


class FolderLesson(QWidget):
    """Words only. The words of the tutorials: `repeat_stylename`, steps = images x repeats x epochs / batch."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rule, self.tree = PlainLabel(wrap=True), PlainLabel()
        self.formula, self.advice = PlainLabel(wrap=True), PlainLabel(role="muted", wrap=True)
        self.tree.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for part in (self.rule, self.tree, self.formula, self.advice):
            layout.addWidget(part)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        self.rule.setText(
            self.tr(
                "Each concept is a folder whose name is repeat_stylename: how often each picture is seen per epoch, "
                "an underscore, and the words for what the pictures show. Choose the folder that holds such folders."
            )
        )
        rows = (
            ("my pictures", self.tr("choose this one")),
            ("  10_sks cat", self.tr('10 repeats, class words "sks cat"')),
            ("    01.png", self.tr("a picture")),
            ("    01.txt", self.tr("its caption")),
        )
        self.tree.setText("\n".join(f"{name:<16}{said}" for name, said in rows))
        self.formula.setText(
            self.tr(
                "steps = images x repeats x epochs / batch. For example: 20 images x 10 repeats x 5 epochs / batch 2 "
                "= 500 steps."
            )
        )
        self.advice.setText(
            self.tr(
                "Good to begin with: 20 pictures or more, at least 512 pixels a side for SD 1.5 and 1024 for SDXL, "
                "no near duplicates, a caption for each. Your pictures are only read: never moved, renamed or changed."
            )
        )
