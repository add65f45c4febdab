"""What to do first: shown over an empty preset, gone with the first value."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from gui.desk import Desk
from gui.file_actions import FileActions
from gui.theme import GAP, SMALL
from gui.widgets.text import PlainLabel

DEMO = "demo"  # the example that needs no download and no GPU


class FirstSteps(QFrame):
    """Three steps in words, and the two ways to begin with something that is there already."""

    def __init__(self, desk: Desk, files: FileActions) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._desk, self._files = desk, files
        self._demo = ""
        self._heading, self._text = PlainLabel(role="heading"), PlainLabel(wrap=True)
        self.open, self.demo = QPushButton(), QPushButton()
        self.demo.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        buttons.addWidget(self.open)
        buttons.addWidget(self.demo)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP + SMALL)
        column.setSpacing(GAP)
        column.addWidget(self._heading)
        column.addWidget(self._text)
        column.addLayout(buttons)
        self.open.clicked.connect(files.open_dialog)
        self.demo.clicked.connect(lambda: files.open_example(self._demo))
        files.examples_found.connect(self._on_examples_found)
        desk.document.edited.connect(lambda _: self._show())
        desk.document.opened.connect(self._show)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()
        if not self._is_wanted():
            self.hide()  # but never shown from here: without a parent it would be a window

    def retranslate(self) -> None:
        self._heading.setText(self.tr("First steps"))
        self._text.setText(
            self.tr(
                "1. Choose a base model below.\n"
                "2. Choose the folder of your pictures on the tab Folders.\n"
                "3. Press Start training. What is still missing is listed at the right."
            )
        )
        self.open.setText(self.tr("Open a configuration file ..."))
        self.demo.setText(self.tr("Try the demo"))
        self.demo.setToolTip(self.tr("A tiny model and a few pictures that come with the program: any machine will do"))

    def _is_wanted(self) -> bool:
        document = self._desk.document
        return document.path is None and not document.text.strip()

    def _show(self) -> None:
        self.setVisible(self._is_wanted())

    def _on_examples_found(self, paths: list[str]) -> None:
        self._demo = next((path for path in paths if Path(path).stem == DEMO), "")
        self.demo.setVisible(bool(self._demo))

    def _draw(self) -> None:
        self.open.setIcon(self._desk.theme.icon("open"))
        self.demo.setIcon(self._desk.theme.icon("start"))
