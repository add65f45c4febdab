"""Which tagger, and what it is told. A key for a server lives in this form and nowhere else."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QToolButton, QWidget

from gui.captions.desk import CaptionDesk
from gui.theme import GAP, SMALL
from gui.widgets.paths import PathEdit
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel

FIELDS: dict[str, tuple[str, ...]] = {
    "wd14": ("model",),
    "blip": ("model", "prompt"),
    "clip": ("model", "vocabulary", "text_model"),
    "endpoint": ("address", "name", "question", "answer", "key"),
}
SENT = {"name": "model", "question": "prompt"}  # the form's fields whose setting has another name
FILES = ("vocabulary", "text_model")
SETTING = "captions.tagger"
QUESTION = "Describe this picture in one sentence."


class TaggerForm(QWidget):
    """`values` are those of `dataset_tools.tagger_settings`. What was written is remembered, but for the key."""

    edited = Signal()

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.kind = QuietComboBox()
        self.inputs: dict[str, QLineEdit | QComboBox] = {}
        self._rows: dict[str, tuple[PlainLabel, QWidget]] = {}
        self._browsers: dict[str, QToolButton] = {}
        self._kind_label = PlainLabel()
        self._lay_out()
        self._restore()
        self.kind.currentIndexChanged.connect(lambda _: self._on_kind())
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)
        self._draw()
        self.retranslate()
        self._on_kind()

    def values(self) -> dict[str, Any]:
        """Of the tagger chosen; empty lines are left out."""
        kind = self.kind.currentData()
        found: dict[str, Any] = {"kind": kind}
        for name in FIELDS[kind]:
            if said := self._said(name):
                found[SENT.get(name, name)] = said
        return found

    def set_model(self, folder: str) -> None:
        """A model that was just fetched."""
        line = self.inputs["model"]
        assert isinstance(line, QLineEdit)
        line.setText(folder)

    def remember(self) -> None:
        """Keep what was written for the next time; the key is not kept."""
        kept = {name: self._said(name) for name in self.inputs if name != "key"}
        self._desk.desk.settings.set(SETTING, {"kind": self.kind.currentData(), **kept})

    def retranslate(self) -> None:
        kinds = {
            "wd14": self.tr("WD14 tags (ONNX)"),
            "blip": self.tr("BLIP sentences"),
            "clip": self.tr("CLIP against a word list"),
            "endpoint": self.tr("A server (OpenAI-compatible)"),
        }
        for row in range(self.kind.count()):
            self.kind.setItemText(row, kinds[self.kind.itemData(row)])
        self._kind_label.setText(self.tr("Tagger"))
        self.kind.setAccessibleName(self.tr("Tagger"))
        names = {
            "model": self.tr("Model folder"),
            "prompt": self.tr("Begins with"),
            "vocabulary": self.tr("Word list"),
            "text_model": self.tr("Text encoder"),
            "address": self.tr("Address"),
            "name": self.tr("Model"),
            "question": self.tr("Question"),
            "answer": self.tr("Answer"),
            "key": self.tr("Key"),
        }
        hints = {
            "model": self.tr("folder with model.onnx and selected_tags.csv")
            if self.kind.currentData() == "wd14"
            else self.tr("folder as transformers saves it"),
            "prompt": self.tr("a photo of ..."),
            "vocabulary": self.tr("a text file, a word on each line"),
            "text_model": self.tr("base model, if the folder has no text half"),
            "address": "http://127.0.0.1:11434/v1",
            "name": "llava",
            "question": QUESTION,
            "key": self.tr("kept for this session only"),
        }
        for name, (label, _) in self._rows.items():
            label.setText(names[name])
            self.inputs[name].setAccessibleName(names[name])
            line = self.inputs[name]
            if isinstance(line, QLineEdit):
                line.setPlaceholderText(hints.get(name, ""))
        answers = self.inputs["answer"]
        assert isinstance(answers, QComboBox)
        for row, words in enumerate((self.tr("a sentence"), self.tr("tags, with commas between"))):
            answers.setItemText(row, words)
        for name, button in self._browsers.items():
            button.setAccessibleName(self.tr("Browse: {what}").format(what=names[name]))
            button.setToolTip(self.tr("Browse ..."))

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(GAP)
        form.setVerticalSpacing(SMALL)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for kind in FIELDS:
            self.kind.addItem("", kind)
        form.addRow(self._kind_label, self.kind)
        self._kind_label.setBuddy(self.kind)
        for name in dict.fromkeys(name for names in FIELDS.values() for name in names):
            widget = self._input(name)
            label = PlainLabel()
            label.setBuddy(self.inputs[name])
            form.addRow(label, widget)
            self._rows[name] = label, widget

    def _input(self, name: str) -> QWidget:
        if name == "answer":
            box = QuietComboBox()
            for value in ("sentence", "tags"):
                box.addItem("", value)
            self.inputs[name] = box
            return box
        line = PathEdit() if name in ("model", *FILES) else QLineEdit()
        line.setMaxLength(4096)
        line.setMinimumWidth(140)
        line.textChanged.connect(lambda _: self.edited.emit())
        self.inputs[name] = line
        if name == "key":
            line.setEchoMode(QLineEdit.EchoMode.Password)
        if not isinstance(line, PathEdit):
            return line
        line.path_dropped.connect(line.setText)
        button = QToolButton()
        button.clicked.connect(lambda: self._browse(name))
        self._browsers[name] = button
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SMALL)
        row.addWidget(line, 1)
        row.addWidget(button)
        return holder

    def _draw(self) -> None:
        for button in self._browsers.values():
            button.setIcon(self._desk.desk.theme.icon("folder"))

    def _browse(self, name: str) -> None:
        title = self._rows[name][0].text()
        if name in FILES:
            path, _ = QFileDialog.getOpenFileName(self, title)
        else:
            path = QFileDialog.getExistingDirectory(self, title)
        line = self.inputs[name]
        if path and isinstance(line, QLineEdit):
            line.setText(path)

    def _on_kind(self) -> None:
        for name, (label, widget) in self._rows.items():
            is_wanted = name in FIELDS[self.kind.currentData()]
            label.setVisible(is_wanted)
            widget.setVisible(is_wanted)
        self.retranslate()
        self.edited.emit()

    def _said(self, name: str) -> str:
        widget = self.inputs[name]
        return str(widget.currentData()) if isinstance(widget, QComboBox) else widget.text().strip()

    def _restore(self) -> None:
        kept = self._desk.desk.settings.get(SETTING, {})
        if not isinstance(kept, dict):
            return
        row = self.kind.findData(kept.get("kind"))
        self.kind.setCurrentIndex(max(0, row))
        for name, widget in self.inputs.items():
            said = kept.get(name)
            if isinstance(said, str) and isinstance(widget, QLineEdit):
                widget.setText(said)
            elif isinstance(widget, QComboBox):
                widget.setCurrentIndex(max(0, widget.findData(said)))
