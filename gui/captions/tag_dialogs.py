"""A tag renamed or removed in all captions, after its changes were shown; and a tag's translation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from dataset_tools.caption_file import tags_of
from dataset_tools.edits import Edit, RemoveTags, RenameTag, ReplaceTag
from dataset_tools.preview import Preview
from gui.amounts import whole
from gui.captions.completer import TagLine
from gui.captions.desk import CaptionDesk
from gui.captions.diff_view import DiffView
from gui.captions.tag_sources import TagSources
from gui.theme import GAP, WIDE
from gui.widgets.text import PlainLabel, shortened

TYPING_MILLISECONDS = 250
SHOWN = 300  # characters of tags in a heading


class EverywhereDialog(QDialog):
    """Of all pictures that are open, whatever the filter; one entry of undo."""

    def __init__(self, desk: CaptionDesk, tags: Sequence[str], renames: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._tags = desk, list(tags)
        self.line = TagLine(desk, self) if renames else None
        self.said, self.diff = PlainLabel(role="muted", wrap=True), DiffView(desk)
        self.apply, self.cancel = QPushButton(), QPushButton()
        self.apply.setProperty("role", "primary")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self._look)
        self._asked = 0
        self._lay_out()
        self._look()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        heading = PlainLabel(shortened(", ".join(self._tags).replace("\n", " "), SHOWN), "heading", wrap=True)
        column.addWidget(heading)
        if self.line is not None:
            self.setWindowTitle(self.tr("Rename everywhere"))
            self.line.setAccessibleName(self.tr("New name of the tag"))
            self.line.setPlaceholderText(self.tr("New name of the tag"))
            self.line.setText(self._tags[0])
            self.line.selectAll()
            self.line.textChanged.connect(lambda _: self._timer.start())
            column.addWidget(self.line)
        else:
            self.setWindowTitle(self.tr("Remove everywhere"))
        column.addWidget(self.said)
        column.addWidget(self.diff, 1)
        self.apply.setText(self.tr("Change"))
        self.cancel.setText(self.tr("Cancel"))
        buttons = QDialogButtonBox()
        buttons.addButton(self.apply, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.resize(560, 420)

    def edit(self) -> Edit | None:
        """What was asked for; None while it is nothing."""
        if self.line is None:
            return RemoveTags(tuple(self._tags))
        new = tags_of(self.line.text())
        if not new or new == (self._tags[0],):
            return None
        return RenameTag(self._tags[0], new[0]) if len(new) == 1 else ReplaceTag(self._tags[0], new)

    def accept(self) -> None:
        edit, library = self.edit(), self._desk.library
        if edit is not None and library is not None:
            self._desk.apply(edit, list(library.ids()))
        super().accept()

    def _look(self) -> None:
        edit, library = self.edit(), self._desk.library
        self._asked += 1
        self.apply.setEnabled(False)
        if edit is None or library is None:
            self.diff.show_changes([])
            self.said.setText("")
            return
        number = self._asked
        self._desk.preview(edit, library.ids(), lambda made: self._show(number, made), self)

    def _show(self, number: int, made: Preview) -> None:
        if number != self._asked:
            return
        count = len(made.changes)
        self.apply.setEnabled(count > 0)
        said = self.tr("Captions that would change: {count}") if count else self.tr("No caption would change.")
        faults = [self._desk.desk.language.sentence(sentence) for sentence in made.faults[:3]]
        self.said.setText(" ".join([said.format(count=whole(count)), *faults]))
        self.diff.show_changes(made.changes)


class TranslationDialog(QDialog):
    """Goes into the person's own table, which wins over the one that comes with the program."""

    def __init__(self, desk: CaptionDesk, tag: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._sources, self._tag = TagSources.of(desk), tag
        self.setWindowTitle(self.tr("Translation"))
        self.line = QLineEdit(self._sources.translation(tag))
        self.line.setMaxLength(200)
        self.line.setAccessibleName(self.tr("Translation of the tag"))
        where = self.tr("Kept in {file}, which may be edited by hand: a tag, a tab, its translation.")
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(PlainLabel(shortened(tag.replace("\n", " "), SHOWN), "heading", wrap=True))
        column.addWidget(self.line)
        column.addWidget(PlainLabel(where.format(file=self._sources.table), "muted", wrap=True))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.resize(440, 210)

    def accept(self) -> None:
        self._sources.translate(self._tag, self.line.text())
        super().accept()
