"""Which of a tagger's tags are taken, and how they come into a caption. It may be changed after the model has run."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLineEdit, QSlider, QWidget

from dataset_tools.proposals import MODES, Mode, Selection
from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel

CATEGORIES = ("general", "character")


class ChoiceForm(QWidget):
    """`selection` and `mode`; `changed` with each of them."""

    changed = Signal()

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.mode_box = QuietComboBox()
        self.thresholds = {name: QSlider(Qt.Orientation.Horizontal) for name in CATEGORIES}
        self._shown = {name: PlainLabel() for name in CATEGORIES}
        self.blacklist = QLineEdit()
        self.boxes = {name: QCheckBox() for name in ("mcut", "rating", "spaces", "escape")}
        self._labels = {name: PlainLabel() for name in ("mode", *CATEGORIES, "blacklist")}
        self._lay_out()
        self._connect()
        self.retranslate()

    @property
    def mode(self) -> Mode:
        return MODES[max(0, self.mode_box.currentIndex())]

    @property
    def selection(self) -> Selection:
        usual = Selection()
        given = {name: slider.value() / 100 for name, slider in self.thresholds.items()}
        thresholds = {**usual.thresholds, **given, "copyright": given["character"]}
        barred = frozenset(tag.strip() for tag in self.blacklist.text().split(",") if tag.strip())
        on = {name: box.isChecked() for name, box in self.boxes.items()}
        return replace(
            usual, thresholds=thresholds, threshold=given["general"], blacklist=barred, mcut=on["mcut"],
            rating=on["rating"], spaces=on["spaces"], escape=on["escape"],
        )  # fmt: skip

    def retranslate(self) -> None:
        modes = {
            "replace": self.tr("replace the caption"),
            "append": self.tr("behind the caption"),
            "prepend": self.tr("before the caption"),
            "only-empty": self.tr("only where there is none"),
        }
        for row, mode in enumerate(MODES):
            self.mode_box.setItemText(row, modes[mode])
        names = {
            "mode": self.tr("Put them"),
            "general": self.tr("Sure from"),
            "character": self.tr("Characters from"),
            "blacklist": self.tr("Never"),
        }
        for name, label in self._labels.items():
            label.setText(names[name])
        self.mode_box.setAccessibleName(names["mode"])
        self.blacklist.setAccessibleName(names["blacklist"])
        self.blacklist.setPlaceholderText(self.tr("tags, with commas between"))
        for name, slider in self.thresholds.items():
            slider.setAccessibleName(names[name])
        boxes = {
            "mcut": self.tr("threshold of each picture's own (MCut)"),
            "rating": self.tr("with the rating"),
            "spaces": self.tr("spaces for underscores"),
            "escape": self.tr("backslash before brackets"),
        }
        for name, box in self.boxes.items():
            box.setText(boxes[name])
        self._show_numbers()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(GAP)
        form.setVerticalSpacing(SMALL)
        for mode in MODES:
            self.mode_box.addItem("", mode)
        self.mode_box.setCurrentIndex(MODES.index("append"))
        form.addRow(self._labels["mode"], self.mode_box)
        usual = Selection().thresholds
        for name, slider in self.thresholds.items():
            slider.setRange(1, 100)
            slider.setValue(round(usual[name] * 100))
            slider.setMinimumWidth(90)
            self._shown[name].setMinimumWidth(self.fontMetrics().horizontalAdvance("0.000"))
            row = QHBoxLayout()
            row.addWidget(slider, 1)
            row.addWidget(self._shown[name])
            form.addRow(self._labels[name], row)
            self._labels[name].setBuddy(slider)
        form.addRow(self._labels["blacklist"], self.blacklist)
        self.blacklist.setMaxLength(20_000)
        self.boxes["spaces"].setChecked(True)
        for box in self.boxes.values():
            form.addRow(box)

    def _connect(self) -> None:
        self.mode_box.currentIndexChanged.connect(lambda _: self.changed.emit())
        for slider in self.thresholds.values():
            slider.valueChanged.connect(lambda _: self._show_numbers())
            slider.valueChanged.connect(lambda _: self.changed.emit())
        self.blacklist.textChanged.connect(lambda _: self.changed.emit())
        for box in self.boxes.values():
            box.toggled.connect(lambda _: self.changed.emit())
        self._desk.desk.language.changed.connect(self.retranslate)

    def _show_numbers(self) -> None:
        for name, slider in self.thresholds.items():
            self._shown[name].setText(f"{slider.value() / 100:.2f}")
            slider.setEnabled(not (name == "general" and self.boxes["mcut"].isChecked()))
