"""Two steps of one prompt, before and after, each chosen by a slider of its own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.background import later
from gui.desk import Desk
from gui.pictures import read_picture
from gui.theme import GAP, WIDE
from gui.widgets.sample_model import SampleModel
from gui.widgets.slider import BeforeAfter
from gui.widgets.text import PlainLabel

LARGEST = QSize(2048, 2048)
USUAL = QSize(820, 680)


class CompareDialog(QDialog):
    """Does not stop the window. The left side starts at the first step, the right one at the newest."""

    def __init__(self, desk: Desk, model: SampleModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._model = desk, model
        self._row = 0
        self._shown = ["", ""]  # files
        self.slider = BeforeAfter(desk)
        self.prompt, self.seed = PlainLabel(wrap=True), PlainLabel(role="muted")
        self.prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.before, self.after = QPushButton(), QPushButton()
        self.scrubbers = [QSlider(Qt.Orientation.Horizontal), QSlider(Qt.Orientation.Horizontal)]
        self._names = [PlainLabel(), PlainLabel()]
        self._steps = [PlainLabel(), PlainLabel()]
        self.before.clicked.connect(lambda: self._move(-1))
        self.after.clicked.connect(lambda: self._move(1))
        for side, scrubber in enumerate(self.scrubbers):
            scrubber.valueChanged.connect(lambda _, side=side: self._show_side(side))
        self._lay_out()
        for key, by in ((Qt.Key.Key_Up, -1), (Qt.Key.Key_Down, 1)):
            QShortcut(QKeySequence(Qt.Modifier.ALT | key), self).activated.connect(lambda by=by: self._move(by))
        desk.language.changed.connect(self.retranslate)
        self.retranslate()
        self.resize(USUAL)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP)
        words = QVBoxLayout()
        words.addWidget(self.prompt)
        words.addWidget(self.seed)
        top.addLayout(words, 1)
        top.addWidget(self.before)
        top.addWidget(self.after)
        bottom = QGridLayout()
        bottom.setHorizontalSpacing(GAP)
        for side, scrubber in enumerate(self.scrubbers):
            self._names[side].setBuddy(scrubber)
            self._steps[side].setMinimumWidth(self.fontMetrics().horizontalAdvance("step 00000000"))
            scrubber.setPageStep(1)
            bottom.addWidget(self._names[side], side, 0)
            bottom.addWidget(scrubber, side, 1)
            bottom.addWidget(self._steps[side], side, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.slider, 1)
        column.addLayout(bottom)

    def show_prompt(self, prompt: int, step: int) -> None:
        """Open on the prompt of this number. A step that is not the first is shown at the right."""
        self._row = self._model.prompts.index(prompt)
        steps = self._model.steps
        self._set_range()
        self.scrubbers[0].setValue(0)
        place = steps.index(step) if step in steps else 0
        self.scrubbers[1].setValue(place if place else len(steps) - 1)
        self._show_prompt()
        self.show()
        self.raise_()
        self.slider.setFocus()

    def samples_changed(self) -> None:
        """The run has drawn more, or went back. Who looks at the newest step goes on with it."""
        scrubber = self.scrubbers[1]
        newest = scrubber.value() == scrubber.maximum()
        if not self._model.prompts:
            self.close()
            return
        self._row = min(self._row, len(self._model.prompts) - 1)
        self._set_range()
        if newest:
            scrubber.setValue(scrubber.maximum())
        self._show_prompt()

    def _set_range(self) -> None:
        for scrubber in self.scrubbers:
            scrubber.setRange(0, max(0, len(self._model.steps) - 1))

    def _move(self, by: int) -> None:
        """To another prompt; the steps stay."""
        self._row = min(max(self._row + by, 0), len(self._model.prompts) - 1)
        self._show_prompt()

    def _show_prompt(self) -> None:
        sample = self._model.prompt(self._row)
        self.prompt.setText(sample.prompt)
        self.seed.setText(self.tr("seed {seed}").format(seed=sample.seed))
        self.before.setEnabled(self._row > 0)
        self.after.setEnabled(self._row < len(self._model.prompts) - 1)
        for side in (0, 1):
            self._show_side(side)

    def _show_side(self, side: int) -> None:
        if not self._model.prompts or self.scrubbers[side].value() >= len(self._model.steps):
            return
        step = self._model.steps[self.scrubbers[side].value()]
        label = self.tr("step {step}").format(step=whole(step))
        self._steps[side].setText(label)
        self.scrubbers[side].setAccessibleDescription(label)
        sample = self._model.sample(self._model.prompts[self._row], step)
        if sample is None:
            self._shown[side] = ""
            self.slider.set_side(side, None, self.tr("{step}: not drawn").format(step=label))
            return
        path = self._shown[side] = sample.path
        later(
            lambda: read_picture(Path(path), LARGEST),
            lambda image: self._on_read(side, path, image, label),
            lambda error: self._on_read(side, path, None, self._desk.language.sentence(str(error))),
            owner=self,
        )

    def _on_read(self, side: int, path: str, image: QImage | None, label: str) -> None:
        if self._shown[side] == path:  # not an answer to an earlier question
            self.slider.set_side(side, image, label)

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Compare samples"))
        self.slider.setAccessibleName(self.tr("Divider between the two pictures"))
        self.slider.setToolTip(self.tr("Drag, or press Left and Right, to uncover one of the pictures"))
        self.before.setText(self.tr("Previous prompt"))
        self.before.setToolTip("Alt+Up")
        self.after.setText(self.tr("Next prompt"))
        self.after.setToolTip("Alt+Down")
        for label, scrubber, name in zip(self._names, self.scrubbers, (self.tr("Left"), self.tr("Right"))):
            label.setText(name)
            scrubber.setAccessibleName(self.tr("Step shown at: {side}").format(side=name))
        for button in (self.before, self.after):
            button.setAccessibleName(button.text())
        if self._model.prompts and self.isVisible():
            self._show_prompt()
