"""A line for a file, with a button that opens a dialog."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from gui.captions.desk import CaptionDesk


class PathLine(QLineEdit):
    """The path is typed, pasted or chosen."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.browse = QAction(self)
        self.addAction(self.browse, QLineEdit.ActionPosition.TrailingPosition)
        self.browse.triggered.connect(self._choose)
        desk.desk.theme.changed.connect(self._draw)
        desk.desk.language.changed.connect(self.retranslate)
        self._draw()
        self.retranslate()

    def retranslate(self) -> None:
        self.browse.setToolTip(self.tr("Choose a file ..."))

    def _draw(self) -> None:
        self.browse.setIcon(self._desk.desk.theme.icon("folder", "muted"))

    def _choose(self) -> None:
        kinds = self.tr("Tables (*.txt *.csv *.tsv);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a file"), self.text(), kinds)
        if path:
            self.setText(path)
