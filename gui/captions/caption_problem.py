"""Why a caption cannot be edited as it is, and the button that converts the file."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from dataset_tools.edits import ConvertEncoding
from dataset_tools.library import Picture
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel
from kohya_like.data.sidecar import PROBLEMS

ENCODINGS = {"gbk": "gb18030", "utf-16": "utf-16-le"}  # of problems whose encoding is nearly certain


class CaptionProblem(QFrame):
    """Hidden while there is none."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._picture: Picture | None = None
        self.setProperty("role", "banner-warning")
        self.said, self.convert = PlainLabel(wrap=True), QPushButton()
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, SMALL, GAP, SMALL)
        column.setSpacing(SMALL)
        column.addWidget(self.said)
        column.addWidget(self.convert)
        self.convert.clicked.connect(self._convert)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_picture(self, picture: Picture | None) -> None:
        self._picture = picture
        self.retranslate()

    def retranslate(self) -> None:
        problem = self._picture.problem if self._picture is not None else None
        self.setVisible(bool(problem))
        self.convert.setText(self.tr("Convert to UTF-8"))
        self.convert.setVisible(problem in ENCODINGS)
        if problem:
            what, cure = PROBLEMS[problem]
            sentence = self._desk.desk.language.sentence
            said = self.tr("Training does not read this caption file: {what}.").format(what=sentence(what))
            self.said.setText(said if problem in ENCODINGS else f"{said} {sentence(cure)}")

    def _convert(self) -> None:
        if self._picture is not None and self._picture.problem in ENCODINGS:
            self._desk.apply(ConvertEncoding(ENCODINGS[self._picture.problem]), [self._picture.id])
