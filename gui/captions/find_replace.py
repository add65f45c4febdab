"""Find and replace in captions: plain text or a regular expression; its changes are shown before they are made."""

from __future__ import annotations

import regex
from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from dataset_tools.edit_words import Scope
from dataset_tools.edits import RegexReplace
from dataset_tools.preview import Preview
from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.captions.diff_view import DiffView
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel, plain_tooltip
from kohya_like.schema.errors import UserError

TYPING_MILLISECONDS = 300
WHERE: tuple[Scope, ...] = ("tags", "line", "text")
PICTURES = ("selection", "shown", "all")
LONGEST = 5_000  # characters


class FindReplace(QWidget):
    """A tool of the captions page. Plain text is looked for as it is; \\1 and \\g<name> are groups of an expression."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.wanted, self.replacement = QLineEdit(), QLineEdit()
        self.is_regex, self.any_case = QCheckBox(), QCheckBox()
        self.where, self.pictures, self.apply = QuietComboBox(), QuietComboBox(), QPushButton()
        self.said, self.diff = PlainLabel(role="muted", wrap=True), DiffView(desk)
        self.apply.setProperty("role", "primary")
        self._asked = 0
        self._made: tuple[RegexReplace, list[int]] | None = None  # what the preview shows
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self.look)
        self._lay_out()
        self._connect()
        self.retranslate()

    def _lay_out(self) -> None:
        for line in (self.wanted, self.replacement):
            line.setMaxLength(LONGEST)
            line.setClearButtonEnabled(True)
        for box, values in ((self.where, WHERE), (self.pictures, PICTURES)):
            for value in values:
                box.addItem("", value)
        self.pictures.setCurrentIndex(1)
        lines = QGridLayout()
        lines.setSpacing(SMALL)
        lines.addWidget(self.wanted, 0, 0)
        lines.addWidget(self.replacement, 0, 1)
        lines.addWidget(self.apply, 0, 2)
        choices = QHBoxLayout()
        choices.setSpacing(GAP)
        for widget in (self.is_regex, self.any_case, self.where, self.pictures):
            choices.addWidget(widget)
        choices.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(lines)
        column.addLayout(choices)
        column.addWidget(self.said)
        column.addWidget(self.diff, 1)

    def _connect(self) -> None:
        desk = self._desk
        for line in (self.wanted, self.replacement):
            line.textChanged.connect(lambda _: self._begin())
            line.returnPressed.connect(self.look)
        for check in (self.is_regex, self.any_case):
            check.toggled.connect(lambda _: self._begin())
        for box in (self.where, self.pictures):
            box.currentIndexChanged.connect(lambda _: self._begin())
        self.apply.clicked.connect(self._do)
        for signal in (desk.texts_changed, desk.selection_changed):
            signal.connect(lambda _: self._again())
        for signal in (desk.filtered, desk.ready):
            signal.connect(self._again)
        desk.desk.language.changed.connect(self.retranslate)

    def take_keyboard(self) -> None:
        self.wanted.setFocus()
        self.wanted.selectAll()

    def edit(self) -> RegexReplace | None:
        """What was asked for; None while nothing is looked for."""
        text, replacement = self.wanted.text(), self.replacement.text()
        if not text:
            return None
        if not self.is_regex.isChecked():
            text, replacement = regex.escape(text), replacement.replace("\\", r"\\")
        return RegexReplace(text, replacement, self.where.currentData(), self.any_case.isChecked())

    def ids(self) -> list[int]:
        """The pictures that are looked at."""
        desk, wanted = self._desk, self.pictures.currentData()
        if wanted == "selection":
            return list(desk.selection)
        if wanted == "shown" or desk.library is None:
            return desk.shown.ids.tolist()
        return desk.library.ids().tolist()

    # what would change

    def _again(self) -> None:
        if self.isVisible():
            self._name_pictures()
            self._begin()

    def _begin(self) -> None:
        """Nothing can be applied that was not shown."""
        self._asked += 1
        self._made = None
        self.apply.setEnabled(False)
        self._timer.start()

    def look(self) -> None:
        """Show what would change, in the worker."""
        self._begin()
        self._timer.stop()
        edit = self.edit()
        if edit is None or self._desk.session is None:
            self.said.setText("")
            self.diff.show_changes([])
            return
        number, ids, library = self._asked, self.ids(), self._desk.library
        assert library is not None
        from dataset_tools.preview import preview

        self._desk.work(
            lambda: preview(library, ids, edit, lambda: number != self._asked),
            lambda made: self._show(number, edit, ids, made),
            lambda fault: self._refuse(number, fault),
            self,
        )

    def _show(self, number: int, edit: RegexReplace, ids: list[int], made: Preview) -> None:
        if number != self._asked:
            return
        count = len(made.changes)
        self._made = (edit, ids) if count else None
        self.apply.setEnabled(count > 0)
        said = self.tr("Captions that would change: {count}") if count else self.tr("Nothing is found.")
        faults = [self._desk.desk.language.sentence(sentence) for sentence in made.faults[:3]]
        self.said.setText(" ".join([said.format(count=whole(count)), *faults]))
        self.diff.show_changes(made.changes)

    def _refuse(self, number: int, fault: Exception) -> None:
        if not isinstance(fault, UserError | OSError):
            raise fault
        if number == self._asked:
            self.said.setText(self._desk.desk.language.sentence(str(fault)))
            self.diff.show_changes([])

    def _do(self) -> None:
        if self._made is not None:
            edit, ids = self._made
            self._begin()
            self._timer.stop()
            self.diff.show_changes([])
            self._desk.apply(edit, ids)

    # words

    def retranslate(self) -> None:
        self.wanted.setPlaceholderText(self.tr("Find"))
        self.replacement.setPlaceholderText(self.tr("Replace by (nothing: remove)"))
        self.is_regex.setText(self.tr("Regular expression"))
        self.any_case.setText(self.tr("Ignore case"))
        self.apply.setText(self.tr("Replace"))
        tip = self.tr("\\1 is the first group, \\g<name> a named one; (?i) and the rest as in Python's regex")
        self.is_regex.setToolTip(plain_tooltip(tip))
        for row, name in enumerate(
            (self.tr("in each tag"), self.tr("in the first line"), self.tr("in the whole file"))
        ):
            self.where.setItemText(row, name)
        for widget, name in (
            (self.wanted, self.tr("Find")),
            (self.replacement, self.tr("Replace by")),
            (self.where, self.tr("Where to look")),
            (self.pictures, self.tr("Which pictures")),
        ):
            widget.setAccessibleName(name)
        self._name_pictures()
        self._again()

    def _name_pictures(self) -> None:
        desk = self._desk
        chosen, listed = whole(len(desk.selection)), whole(len(desk.shown.ids))
        self.pictures.setItemText(0, self.tr("the chosen ({count})").format(count=chosen))
        self.pictures.setItemText(1, self.tr("the listed ({count})").format(count=listed))
        self.pictures.setItemText(2, self.tr("all pictures"))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._again()
