"""A new dataset out of loose pictures: folders named `repeats_name`, by copying or linking. The sources stay."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.desk import Desk
from gui.process import DATASET_TOOL, Child, Outcome
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.paths import PathEdit
from gui.widgets.text import PlainLabel, shortened

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "dataset_tools")
FOLDER_KEY = "data.train_data_dir"
MOST_REPEATS, MOST_LINES = 10_000, 300


class _ConceptRow(QWidget):
    """Repeats (0: as many as the steps want), class words, and the folder that the pictures come from."""

    changed = Signal()
    removed = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.repeats, self.words, self.source = QSpinBox(), QLineEdit(), PathEdit()
        self.browse, self.remove = QToolButton(), QToolButton()
        self.repeats.setRange(0, MOST_REPEATS)
        self.words.setMaxLength(200)
        self.source.setMaxLength(4096)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SMALL)
        for widget, stretch in (
            (self.repeats, 0), (self.words, 1), (self.source, 2), (self.browse, 0), (self.remove, 0)
        ):  # fmt: skip
            row.addWidget(widget, stretch)
        self.repeats.valueChanged.connect(lambda _: self.changed.emit())
        self.words.textChanged.connect(lambda _: self.changed.emit())
        self.source.textChanged.connect(lambda _: self.changed.emit())
        self.source.path_dropped.connect(self.source.setText)
        self.browse.clicked.connect(self._on_browse_clicked)
        self.remove.clicked.connect(lambda: self.removed.emit(self))
        self.browse.setIcon(desk.theme.icon("folder"))
        self.remove.setIcon(desk.theme.icon("remove"))
        self.retranslate()

    @property
    def arguments(self) -> list[str]:
        """Of `--concept`; [] while something is missing."""
        source = self.source.text().strip()
        repeats = str(self.repeats.value()) if self.repeats.value() else "auto"
        return ["--concept", repeats, self.words.text().strip(), source] if source else []

    def retranslate(self) -> None:
        self.repeats.setSpecialValueText(self.tr("auto"))
        self.repeats.setAccessibleName(self.tr("Repeats; 0: as many as the steps want"))
        self.repeats.setToolTip(self.repeats.accessibleName())
        self.words.setPlaceholderText(self.tr("class words, such as: sks cat"))
        self.words.setAccessibleName(self.tr("Class words"))
        self.source.setPlaceholderText(self.tr("folder of pictures"))
        self.source.setAccessibleName(self.tr("Folder of pictures"))
        self.browse.setAccessibleName(self.tr("Choose the folder of pictures"))
        self.browse.setToolTip(self.browse.accessibleName())
        self.remove.setAccessibleName(self.tr("Take this concept out"))
        self.remove.setToolTip(self.remove.accessibleName())

    def _on_browse_clicked(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, self.source.accessibleName()):
            self.source.setText(folder)


class NewDatasetDialog(QDialog):
    """First the plan, then the making; what is made can be named in the preset. Does not stop the window."""

    def __init__(self, desk: Desk, parent: QWidget | None = None, command: Sequence[str] = COMMAND) -> None:
        super().__init__(parent)
        self._desk, self._command = desk, tuple(command)
        self._is_plan = False
        self._has_plan = False  # of what the form says now
        self.child = Child(DATASET_TOOL, self)
        self.lesson = PlainLabel(role="muted", wrap=True)
        self._parent_label, self.folder, self.browse = PlainLabel(), PathEdit(), QToolButton()
        self.rows: list[_ConceptRow] = []
        self._holder = QVBoxLayout()
        self.add = QPushButton()
        self._how_label, self.how = PlainLabel(), QComboBox()
        self._steps_label, self.steps = PlainLabel(), QSpinBox()
        self.shown, self.said = QPlainTextEdit(), PlainLabel(wrap=True)
        self.plan, self.make, self.use, self.close_button = (QPushButton() for _ in range(4))
        self._lay_out()
        self._connect()
        self.add_concept()
        self.retranslate()
        self.resize(760, 560)

    def add_concept(self) -> _ConceptRow:
        """One more line."""
        row = _ConceptRow(self._desk)
        row.changed.connect(self._on_changed)
        row.removed.connect(self._remove)
        self.rows.append(row)
        self._holder.addWidget(row)
        self._on_changed()
        return row

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("New dataset"))
        self.lesson.setText(
            self.tr(
                "Each line becomes a folder such as 10_sks cat. Your pictures are copied or linked; they stay where "
                "they are. Captions go along as copies."
            )
        )
        self._parent_label.setText(self.tr("Make it in"))
        self.folder.setAccessibleName(self.tr("Folder to make it in"))
        self.browse.setAccessibleName(self.tr("Choose the folder to make it in"))
        self.browse.setToolTip(self.browse.accessibleName())
        self.add.setText(self.tr("Add a concept"))
        self._how_label.setText(self.tr("Pictures are"))
        self.how.setItemText(0, self.tr("copied"))
        self.how.setItemText(1, self.tr("linked (takes no room, same disk only)"))
        self.how.setAccessibleName(self._how_label.text())
        self._steps_label.setText(self.tr("Steps for auto repeats"))
        self.steps.setAccessibleName(self._steps_label.text())
        self.shown.setAccessibleName(self.tr("The plan"))
        self.shown.setPlaceholderText(self.tr("Nothing is written before you press Make."))
        self.plan.setText(self.tr("Show the plan"))
        self.make.setText(self.tr("Make"))
        self.use.setText(self.tr("Train it"))
        self.use.setAccessibleName(self.tr("Name the new dataset in the preset"))
        self.close_button.setText(self.tr("Close"))
        for row in self.rows:
            row.retranslate()

    def _lay_out(self) -> None:
        place = QHBoxLayout()
        place.setSpacing(SMALL)
        place.addWidget(self.folder, 1)
        place.addWidget(self.browse)
        form = QFormLayout()
        form.setHorizontalSpacing(GAP)
        form.addRow(self._parent_label, place)
        form.addRow(self._how_label, self.how)
        form.addRow(self._steps_label, self.steps)
        self._parent_label.setBuddy(self.folder)
        self._how_label.setBuddy(self.how)
        self._steps_label.setBuddy(self.steps)
        for how in ("copy", "link"):
            self.how.addItem("", how)
        self.steps.setRange(1, 10_000_000)
        self.steps.setValue(4000)
        self._holder.setSpacing(SMALL)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        for button in (self.plan, self.make, self.use):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(self.lesson)
        column.addLayout(form)
        column.addLayout(self._holder)
        column.addWidget(self.add)
        column.addWidget(self.shown, 1)
        column.addWidget(self.said)
        column.addLayout(buttons)
        self.folder.setMaxLength(4096)
        self.shown.setReadOnly(True)
        self.shown.setTabChangesFocus(True)
        self.browse.setIcon(self._desk.theme.icon("folder"))
        self.add.setIcon(self._desk.theme.icon("add"))
        self.use.hide()
        for button in (self.plan, self.make, self.use, self.add, self.close_button):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._on_browse_clicked)
        self.folder.path_dropped.connect(self.folder.setText)
        self.add.clicked.connect(self.add_concept)
        self.plan.clicked.connect(lambda: self._run(dry=True))
        self.make.clicked.connect(lambda: self._run(dry=False))
        self.use.clicked.connect(self._on_use_clicked)
        self.close_button.clicked.connect(self.close)
        self.folder.textChanged.connect(lambda _: self._on_changed())
        self.how.currentIndexChanged.connect(lambda _: self._on_changed())
        self.steps.valueChanged.connect(lambda _: self._on_changed())
        self.child.line_received.connect(self._on_line)
        self.child.ended.connect(self._on_ended)
        self._desk.language.changed.connect(self.retranslate)

    def _remove(self, row: _ConceptRow) -> None:
        if len(self.rows) > 1:
            self.rows.remove(row)
            self._holder.removeWidget(row)
            row.deleteLater()
            self._on_changed()

    def _on_browse_clicked(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, self.folder.accessibleName()):
            self.folder.setText(folder)

    def _on_changed(self) -> None:
        """A plan holds for what was asked alone."""
        self._has_plan = False
        self._show_state()

    def _arguments(self) -> list[str]:
        value = self._desk.document.value
        numbers = {"--epochs": value("train.max_train_epochs"), "--batch": value("train.train_batch_size")}
        given = [part for row in self.rows for part in row.arguments]
        for name, number in numbers.items():
            if isinstance(number, int) and number > 0:
                given += [name, str(number)]
        link = ["--link"] if self.how.currentData() == "link" else []
        return [self.folder.text().strip(), *given, "--steps", str(self.steps.value()), *link]

    def _run(self, dry: bool) -> None:
        self._is_plan = dry
        self.shown.clear()
        self.said.setText("")
        program, *before = self._command
        self.child.start(
            program, [*before, "new", *self._arguments(), *(["--dry-run"] if dry else [])], folder=str(ROOT)
        )
        self._show_state()

    def _on_line(self, line: str) -> None:
        if self.shown.blockCount() < MOST_LINES:
            self.shown.appendPlainText(shortened(line, 500))

    def _on_ended(self, outcome: Outcome) -> None:
        if not outcome.is_good:
            said = " - ".join(self._desk.language.sentence(line.strip()) for line in outcome.sentences)
            self.said.setText(shortened(said, 1000))
        elif self._is_plan:
            self._has_plan = True
        else:
            self._has_plan = False
            self.said.setText(self.tr("The dataset is made."))
            self.use.show()
        self._show_state()

    def _on_use_clicked(self) -> None:
        self._desk.document.set(FOLDER_KEY, self.folder.text().strip())
        self._desk.wishes.said.emit(self.tr("The preset names the new dataset now. Undo takes it back."))
        self.close()

    def _show_state(self) -> None:
        is_whole = bool(self.folder.text().strip()) and all(row.arguments for row in self.rows)
        self.plan.setEnabled(is_whole and not self.child.is_running)
        self.make.setEnabled(self._has_plan and not self.child.is_running)
        for row in self.rows:
            row.remove.setEnabled(len(self.rows) > 1)
