"""The whole caption file of one picture as text. What is typed becomes an edit after a pause, or when one leaves."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from dataset_tools.caption_file import line_of
from dataset_tools.edits import SetText
from dataset_tools.library import Picture
from dataset_tools.token_count import token_counts
from gui.captions.desk import CaptionDesk

TYPING_MILLISECONDS = 500
LONGEST = 20_000  # characters that can be edited here
SHOWN = 2_000  # characters of a longer file
COUNTED = 1_000  # characters whose tokens are counted with every letter; Chinese without a blank takes 30 ms then
_LINE_END = re.compile(r"(\r\n|\r|\n)")
PARAGRAPH = "\u2029"  # what Qt puts between the lines of a text


class RawText(QPlainTextEdit):
    """Line ends of lines that were not edited stay as they are in the file."""

    tokens_changed = Signal(int)  # while typing

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._picture: Picture | None = None
        self._filling = False
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)  # one history for everything: the desk's
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._timer.timeout.connect(self.commit)
        self.textChanged.connect(self._on_text)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_picture(self, picture: Picture | None, editable: bool) -> None:
        """Another picture, or the same with another text. What was typed for the last one is kept as an edit first."""
        if picture is None or self._picture is None or picture.id != self._picture.id:
            self.commit()
        text = picture.text if picture is not None else ""
        if self.is_edited and picture is not None:  # the caption changed below what is being typed, which is kept
            self._picture = picture
            return
        self._timer.stop()
        self._picture = picture
        self._fill(text)
        is_whole = len(text) <= LONGEST and self._raw() == "\n".join(line for line, _ in _lines(text))
        self.setReadOnly(not (editable and picture is not None and is_whole))
        self.setEnabled(picture is not None)

    def _fill(self, text: str) -> None:
        if len(text) <= LONGEST and self._raw() == "\n".join(line for line, _ in _lines(text)):
            return  # it would move the cursor
        self._filling = True
        self.setPlainText(text if len(text) <= LONGEST else f"{text[:SHOWN]} ...")
        self._filling = False

    @property
    def is_edited(self) -> bool:
        """Something was typed that is no edit yet."""
        return self._timer.isActive()

    def typed(self) -> str:
        """The text as it would be written."""
        return with_line_ends(self._picture.text if self._picture is not None else "", self._raw())

    def commit(self) -> None:
        """Make what was typed an edit now."""
        if not self.is_edited or self._picture is None:
            return
        self._timer.stop()
        text = self.typed()
        if text != self._picture.text:
            self._desk.apply(SetText(text), [self._picture.id])

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Caption file as text"))
        self.setPlaceholderText(self.tr("The caption is empty."))

    def _raw(self) -> str:
        return self.document().toRawText().replace(PARAGRAPH, "\n")  # toPlainText would turn hard spaces into others

    def _on_text(self) -> None:
        if not self._filling and self._picture is not None and not self.isReadOnly():
            self._timer.start()
            line = line_of(self._raw())
            if len(line) <= COUNTED:
                self.tokens_changed.emit(token_counts().of(line))

    def event(self, event: QEvent) -> bool:
        """Undo and redo are the page's; what is being typed is an edit before."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_history(event):
            self.commit()
            event.ignore()
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not _is_history(event):
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.commit()
        super().focusOutEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.commit()
        super().hideEvent(event)


def _is_history(event: QKeyEvent) -> bool:
    return event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)


def with_line_ends(original: str, edited: str) -> str:
    """`edited` (lines with \\n) with the line ends of `original`; new lines get the most frequent one."""
    old = _lines(original)
    ends = [end for _, end in old if end]
    usual = max(set(ends), key=ends.count) if ends else "\n"
    if usual == "\n" and len(set(ends)) <= 1:
        return edited
    new = edited.split("\n")
    kept: dict[int, str] = {}
    matcher = SequenceMatcher(None, [line for line, _ in old], new, autojunk=False)
    for tag, first, last, start, stop in matcher.get_opcodes():
        if tag == "equal" or (tag == "replace" and last - first == stop - start):
            kept |= {start + i: old[first + i][1] for i in range(last - first)}
    parts = [line + (kept.get(row) or usual) for row, line in enumerate(new[:-1])]
    return "".join([*parts, new[-1]])


def _lines(text: str) -> list[tuple[str, str]]:
    """Each line with its end, as Qt cuts them; the last one has none."""
    parts = _LINE_END.split(text)
    return [*zip(parts[0:-1:2], parts[1::2]), (parts[-1], "")]
