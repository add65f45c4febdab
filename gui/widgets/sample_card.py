"""What training will see of a picture: the part that is cut out, its exact pixels, its mask and its final caption."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.background import later
from gui.desk import Desk
from gui.pictures import read_picture
from gui.theme import GAP, SMALL
from gui.widgets.facts import Facts
from gui.widgets.picture_pane import PicturePane
from gui.widgets.text import ElidedLabel, PlainLabel, shortened

WHOLE = QSize(640, 640)  # in which the untouched picture is decoded
PANE_HEIGHT = 260
MANY = 1_000_000


class SampleCard(QFrame):
    """Asks the service for one sample at a time, only while it is seen; while one is made, the newest wish waits."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._concept: int | None = None
        self._asked: tuple[str, str, int, int, int, int] | None = None  # the question that has no answer yet
        self._is_wanted = False
        self._sample: dict[str, Any] = {}
        self._cut, self._mask = QImage(), QImage()
        self.heading = PlainLabel(role="heading")
        self.name = ElidedLabel(role="muted")
        self.before, self.after = QPushButton(), QPushButton()
        self.picture, self.epoch, self.repeat = _number(), _number(), _number()
        self._labels = [PlainLabel(), PlainLabel(), PlainLabel()]
        self.original, self.trained = PicturePane(desk), PicturePane(desk, zoom=2.0)
        self._under = [PlainLabel(role="muted"), PlainLabel(role="muted")]
        self.masked = QCheckBox()
        self.caption_heading = PlainLabel(role="muted")
        self.caption = PlainLabel(wrap=True)
        self.caption.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.facts = Facts()
        self.note = PlainLabel(role="muted", wrap=True)
        self._lay_out()
        self._connect()
        self.retranslate()

    def show_concept(self, number: int | None) -> None:
        """The concept of that number in the report; None for none."""
        if number != self._concept:
            self._concept = number
            self.picture.setValue(1)
        self.setVisible(number is not None)
        self._ask()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("What training sees"))
        for label, box, name in zip(
            self._labels,
            (self.picture, self.epoch, self.repeat),
            (self.tr("Picture"), self.tr("Epoch"), self.tr("Repeat")),
        ):
            label.setText(name)
            label.setBuddy(box)
            box.setAccessibleName(name)
        self.before.setText(self.tr("Previous"))
        self.before.setAccessibleName(self.tr("Previous picture of the concept"))
        self.after.setText(self.tr("Next"))
        self.after.setAccessibleName(self.tr("Next picture of the concept"))
        self._under[0].setText(self.tr("The picture, and what is cut out of it"))
        self._under[1].setText(self.tr("The pixels that are trained"))
        self.original.setAccessibleName(self._under[0].text())
        self.trained.setAccessibleName(self._under[1].text())
        self.masked.setText(self.tr("Show the mask"))
        self.caption_heading.setText(self.tr("The caption that is trained"))
        if self._sample:
            self._show_words()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._is_wanted = False

    # layout

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.setSpacing(GAP)
        choice.addWidget(self.before)
        choice.addWidget(self.after)
        for label, box in zip(self._labels, (self.picture, self.epoch, self.repeat)):
            choice.addSpacing(SMALL)
            choice.addWidget(label)
            choice.addWidget(box)
        choice.addStretch(1)
        choice.addWidget(self.masked)
        panes = QGridLayout()
        panes.setHorizontalSpacing(GAP)
        panes.setVerticalSpacing(SMALL)
        for side, pane in enumerate((self.original, self.trained)):
            pane.setFixedHeight(PANE_HEIGHT)
            panes.addWidget(self._under[side], 0, side)
            panes.addWidget(pane, 1, side)
            panes.setColumnStretch(side, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        column.setSpacing(SMALL)
        column.addWidget(self.heading)
        column.addWidget(self.name)
        column.addLayout(choice)
        column.addLayout(panes)
        column.addWidget(self.caption_heading)
        column.addWidget(self.caption)
        column.addWidget(self.facts)
        column.addWidget(self.note)
        self.masked.hide()

    def _connect(self) -> None:
        desk = self._desk
        for box in (self.picture, self.epoch, self.repeat):
            box.valueChanged.connect(self._ask)
        self.before.clicked.connect(self.picture.stepDown)
        self.after.clicked.connect(self.picture.stepUp)
        self.masked.toggled.connect(self._show_cut)
        desk.service.sampled.connect(self._on_sampled)
        desk.service.sample_refused.connect(self._on_refused)
        desk.language.changed.connect(self.retranslate)

    # asking

    def _ask(self) -> None:
        if self._concept is None or not self.isVisible():
            return
        document = self._desk.document
        numbers = self._concept, self.picture.value() - 1, self.epoch.value(), self.repeat.value() - 1
        question = (document.text, str(document.folder), *numbers)
        if self._asked is not None:
            self._is_wanted = question != self._asked
            return
        self._asked, self._is_wanted = question, False
        self._desk.service.sample(*question)

    def _on_sampled(self, sample: dict[str, Any]) -> None:
        self._asked = None
        if self._is_wanted:
            self._ask()
            return
        self._sample = sample
        for box, most in ((self.picture, "pictures"), (self.epoch, "epochs"), (self.repeat, "repeats")):
            box.blockSignals(True)  # a number beyond the last was answered as the last
            box.setRange(1, int(sample[most]))
            box.blockSignals(False)
        self.before.setEnabled(self.picture.value() > 1)
        self.after.setEnabled(self.picture.value() < self.picture.maximum())
        self._show_words()
        path = str(sample["path"])
        later(
            lambda: (_decoded(sample["pixels"]), _decoded(sample["mask"]), read_picture(Path(path), WHOLE)),
            lambda images: self._on_decoded(path, *images),
            lambda error: self._fail(self._desk.language.sentence(str(error))),
            owner=self,
        )

    def _on_decoded(self, path: str, cut: QImage, mask: QImage, original: QImage) -> None:
        if path != self._sample.get("path"):
            return  # an earlier one
        (width, height), (left, top, right, bottom) = self._sample["size"], self._sample["box"]
        box = QRectF(left / width, top / height, (right - left) / width, (bottom - top) / height)
        self.original.show_image(original, box)
        self._cut, self._mask = cut, mask
        self.masked.setVisible(not mask.isNull())
        self._show_cut()

    def _show_cut(self) -> None:
        has_mask = self.masked.isChecked() and not self._mask.isNull()
        if not self._cut.isNull():
            self.trained.show_image(self._cut, None, self._mask if has_mask else None)

    def _on_refused(self, faults: list[dict[str, Any]]) -> None:
        self._asked = None
        if self._is_wanted:
            self._ask()
            return
        say = self._desk.language.sentence
        self._fail(" ".join(say(str(faults[0][part])) for part in ("text", "mend") if faults and faults[0][part]))

    def _fail(self, words: str) -> None:
        self._sample = {}
        self._cut = QImage()
        self.original.show_words("")
        self.trained.show_words(shortened(words, 500))
        self.caption.setText("")
        self.name.setText("")
        self.note.setText("")
        self.facts.show_rows([])

    def _show_words(self) -> None:
        one = self._sample
        self.name.setText(str(one["identity"]))
        empty = self.tr("(empty: dropped by chance, or there is none)")
        self.caption.setText(str(one["caption"]) or empty)
        (width, height), (scaled_w, scaled_h), (bucket_w, bucket_h) = one["size"], one["scaled"], one["bucket"]
        mirrored = self.tr("yes") if one["flipped"] else self.tr("no")
        self.facts.show_rows(
            [
                (self.tr("Size of the picture"), f"{width} x {height}"),
                (self.tr("Scaled to"), f"{scaled_w} x {scaled_h}"),
                (self.tr("Bucket, cut out of it"), f"{bucket_w} x {bucket_h}"),
                (self.tr("Mirrored"), mirrored),
                (self.tr("Tokens of the caption"), whole(int(one["tokens"]))),
                (self.tr("Batch, and step"), f"{whole(int(one['batch']))}, {whole(int(one['step']))}"),
            ]
        )
        drawn = self.tr(
            "The preset has no seed: a training draws its own, and shuffles, crops and mirrors otherwise than here. "
            "Give a seed to see exactly what will be trained."
        )
        self.note.setText(drawn if one["seed_is_drawn"] else "")
        self.note.setVisible(bool(one["seed_is_drawn"]))


def _number() -> QSpinBox:
    box = QSpinBox()
    box.setRange(1, MANY)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setKeyboardTracking(False)
    return box


def _decoded(text: str) -> QImage:
    """A PNG of our own service."""
    image = QImage()
    image.loadFromData(base64.b64decode(text), "PNG")
    return image
