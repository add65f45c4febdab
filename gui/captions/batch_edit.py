"""The tool for many captions: an operation, what it asks for, on which pictures, what would change, and the button."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from dataset_tools.edits import Edit
from dataset_tools.preview import Preview
from gui.amounts import whole
from gui.captions.batch_operations import CHOICES, OPERATIONS, TAG_INPUTS, Operation
from gui.captions.completer import TagLine
from gui.captions.desk import CaptionDesk
from gui.captions.diff_view import DiffView
from gui.captions.path_line import PathLine
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel
from kohya_like.schema.errors import UserError

TYPING_MILLISECONDS = 250
SCOPES = ("selection", "shown", "all")


class BatchEdit(QWidget):
    """A tool of the captions page. Nothing changes before the button is pressed; then it is one entry of undo."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.operation, self.scope, self.apply = QuietComboBox(), QuietComboBox(), QPushButton()
        self.apply.setProperty("role", "primary")
        self.inputs: dict[str, QLineEdit | QComboBox] = {}
        self.said, self.diff = PlainLabel(role="muted", wrap=True), DiffView(desk)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self._look)
        self._lay_out()
        self._connect()
        self.retranslate()
        self._show_inputs()

    def _lay_out(self) -> None:
        for operation in OPERATIONS:
            self.operation.addItem("", operation.name)
            for name in operation.inputs:
                self.inputs.setdefault(name, _input(name, self._desk))
        for scope in SCOPES:
            self.scope.addItem("", scope)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.operation)
        for widget in self.inputs.values():
            row.addWidget(widget, 1)
        row.addStretch(0)
        below = QHBoxLayout()
        below.setSpacing(GAP)
        below.addWidget(self.said, 1)
        below.addWidget(self.scope)
        below.addWidget(self.apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self.diff, 1)

    def _connect(self) -> None:
        desk = self._desk
        self.operation.currentIndexChanged.connect(lambda _: self._show_inputs())
        self.scope.currentIndexChanged.connect(lambda _: self._timer.start())
        for widget in self.inputs.values():
            if isinstance(widget, QLineEdit):
                widget.textChanged.connect(lambda _: self._timer.start())
                widget.returnPressed.connect(self._do)
            else:
                widget.currentIndexChanged.connect(lambda _: self._timer.start())
        self.apply.clicked.connect(self._do)
        for signal in (desk.selection_changed, desk.texts_changed):
            signal.connect(lambda _: self._later())
        for signal in (desk.filtered, desk.ready):
            signal.connect(self._later)
        desk.desk.language.changed.connect(self.retranslate)

    def choose(self, name: str) -> None:
        """Show an operation, ready to be filled in."""
        self.operation.setCurrentIndex([one.name for one in OPERATIONS].index(name))
        self.take_keyboard()

    def choose_scope(self, name: str) -> None:
        """One of SCOPES."""
        self.scope.setCurrentIndex(SCOPES.index(name))

    def take_keyboard(self) -> None:
        first = next((self.inputs[name] for name in self._chosen().inputs), self.operation)
        first.setFocus()

    def retranslate(self) -> None:
        names = self._operation_names()
        for row, operation in enumerate(OPERATIONS):
            self.operation.setItemText(row, names[operation.name])
        self.operation.setAccessibleName(self.tr("What to do"))
        asked = self._input_names()
        for name, widget in self.inputs.items():
            widget.setAccessibleName(asked[name])
            if isinstance(widget, QLineEdit):
                widget.setPlaceholderText(asked[name])
            else:
                words = self._choice_names(name)
                for row in range(widget.count()):
                    widget.setItemText(row, words[row])
        self.scope.setAccessibleName(self.tr("Which pictures"))
        self._name_scopes()
        self._look()

    def _operation_names(self) -> dict[str, str]:
        return {
            "add": self.tr("Add tags"),
            "remove": self.tr("Remove tags"),
            "rename": self.tr("Rename a tag"),
            "replace": self.tr("Replace a tag by others"),
            "move": self.tr("Move a tag"),
            "implied": self.tr("Add implied tags"),
            "trigger": self.tr("Put a trigger word first"),
            "dedupe": self.tr("Remove repeated tags"),
            "sort": self.tr("Sort tags"),
            "case": self.tr("Letters"),
            "underscores": self.tr("Underscores"),
            "rare": self.tr("Remove rare tags"),
            "prefix": self.tr("Text before the caption"),
            "suffix": self.tr("Text behind the caption"),
            "convert": self.tr("Convert files to UTF-8"),
        }

    def _input_names(self) -> dict[str, str]:
        return {
            "tags": self.tr("tags, with commas between"),
            "place": self.tr("where"),
            "old": self.tr("old tag"),
            "new": self.tr("new tag"),
            "word": self.tr("trigger word"),
            "table": self.tr("table of implied tags"),
            "order": self.tr("by what"),
            "case": self.tr("letters"),
            "spaces": self.tr("into what"),
            "minimum": self.tr("in fewer captions than"),
            "text": self.tr("text, with its commas and spaces"),
            "encoding": self.tr("what the files are in now"),
        }

    def _choice_names(self, name: str) -> tuple[str, ...]:
        return {
            "place": (self.tr("at the end"), self.tr("at the start")),
            "order": (self.tr("by name"), self.tr("the most frequent first"), self.tr("the shortest first")),
            "case": (self.tr("small letters"), self.tr("LARGE LETTERS"), self.tr("Large First Letters")),
            "spaces": (self.tr("to spaces"), self.tr("from spaces")),
            "encoding": ("GBK / GB18030", "Big5", "Shift JIS", "UTF-16", "Windows-1252"),
        }[name]

    # what is asked for

    def _chosen(self) -> Operation:
        return OPERATIONS[max(0, self.operation.currentIndex())]

    def _show_inputs(self) -> None:
        wanted = self._chosen().inputs
        for name, widget in self.inputs.items():
            widget.setVisible(name in wanted)
        self._look()

    def _edit(self) -> Edit:
        given = {
            name: widget.text() if isinstance(widget, QLineEdit) else str(widget.currentData())
            for name, widget in self.inputs.items()
        }
        return self._chosen().make(given)

    def _ids(self) -> list[int]:
        scope, desk = SCOPES[max(0, self.scope.currentIndex())], self._desk
        if scope == "selection":
            return desk.selection
        if scope == "shown" or desk.library is None:
            return desk.shown.ids.tolist()
        return desk.library.ids().tolist()

    def _name_scopes(self) -> None:
        desk = self._desk
        counts = (len(desk.selection), len(desk.shown.ids))
        self.scope.setItemText(0, self.tr("the chosen ({count})").format(count=whole(counts[0])))
        self.scope.setItemText(1, self.tr("the listed ({count})").format(count=whole(counts[1])))
        self.scope.setItemText(2, self.tr("all pictures"))

    # what would change

    def _later(self) -> None:
        if self.isVisible():
            self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def _look(self) -> None:
        self._timer.stop()
        self._name_scopes()
        self._show_count(0)
        desk = self._desk
        if desk.session is None or not self.isVisible():
            self.said.setText("")
            return
        try:
            edit = self._edit()
        except UserError as error:
            self.diff.show_changes([])
            is_begun = any(isinstance(w, QLineEdit) and w.isVisibleTo(self) and w.text() for w in self.inputs.values())
            self.said.setText(desk.desk.language.sentence(str(error)) if is_begun else "")
            return
        desk.preview(edit, self._ids(), self._show_preview, self)

    def _show_preview(self, preview: Preview) -> None:
        count = len(preview.changes)
        said = (
            self.tr("{count} captions would change.").format(count=whole(count))
            if count
            else self.tr("No caption would change.")
        )
        faults = [self._desk.desk.language.sentence(sentence) for sentence in preview.faults[:3]]
        self.said.setText(" ".join([said, *faults]))
        self.diff.show_changes(preview.changes)
        self._show_count(count)

    def _show_count(self, count: int) -> None:
        said = self.tr("Change {count}").format(count=whole(count)) if count else self.tr("Change")
        self.apply.setText(said)
        self.apply.setEnabled(bool(count))

    def _do(self) -> None:
        try:
            edit = self._edit()
        except UserError as error:
            self.said.setText(self._desk.desk.language.sentence(str(error)))
            return
        self._desk.apply(edit, self._ids())


def _input(name: str, desk: CaptionDesk) -> QLineEdit | QComboBox:
    if name not in CHOICES:
        line = TagLine(desk) if name in TAG_INPUTS else PathLine(desk) if name == "table" else QLineEdit()
        line.setMinimumWidth(120)
        return line
    box = QuietComboBox()
    for value in CHOICES[name]:
        box.addItem("", value)
    return box
