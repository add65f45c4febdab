"""Changes of captions as people read them: the name, and the caption with what goes struck out and what comes bold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from PySide6.QtGui import QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from dataset_tools.preview import Change
from gui.captions.desk import CaptionDesk
from gui.widgets.text import shortened

MOST_SHOWN = 60  # changes; the number of all of them is said in words
LONGEST = 1_500  # characters of a caption
CONTEXT = 36  # characters that are left of what stays, at either side of a change
SAME, GOES, COMES = "same", "goes", "comes"


def pieces(before: str, after: str) -> Iterator[tuple[str, str]]:
    """(SAME | GOES | COMES, text) in order; tags and words are compared, not letters."""
    old, new = _words(before), _words(after)
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield SAME, "".join(old[a:b])
            continue
        if gone := "".join(old[a:b]):
            yield GOES, gone
        if come := "".join(new[c:d]):
            yield COMES, come


def _words(text: str) -> list[str]:
    """Tags, the commas between them, and line ends."""
    return re.findall(r"[^,\n]+|,[ \t]*|\n", text)


def _cut(text: str, is_first: bool, is_last: bool) -> str:
    """What stays, without its middle where it is long."""
    head = 0 if is_first else CONTEXT
    tail = 0 if is_last else CONTEXT
    if len(text) <= head + tail + 5:
        return text
    before = text[:head].rpartition(",")[0] + ", " if "," in text[:head] else text[:head]
    after = text[len(text) - tail :].partition(",")[2] if "," in text[len(text) - tail :] else text[len(text) - tail :]
    return f"{before}... {after.lstrip()}" if tail else f"{before}..."


class DiffView(QPlainTextEdit):
    """Read-only. What goes is struck out, what comes is bold: colour only stresses."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._changes: Sequence[Change] = ()
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._fill)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("What would change"))

    def show_changes(self, changes: Sequence[Change]) -> None:
        """The first of them."""
        self._changes = changes[:MOST_SHOWN]
        self._fill()

    def _fill(self) -> None:
        self.clear()
        forms, cursor = self._forms(), self.textCursor()
        cursor.beginEditBlock()
        for place, change in enumerate(self._changes):
            picture = self._desk.picture(change.picture)
            name = shortened(picture.name, 200) if picture is not None else ""
            cursor.insertText(f"\n{name}\n" if place else f"{name}\n", forms["name"])
            self._insert(cursor, change, forms)
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _insert(self, cursor: QTextCursor, change: Change, forms: dict[str, QTextCharFormat]) -> None:
        parts = list(pieces(_shown(change.before), _shown(change.after)))
        for place, (kind, text) in enumerate(parts):
            if kind == SAME:
                text = _cut(text, place == 0, place == len(parts) - 1)
            elif kind == COMES and place and parts[place - 1][0] == GOES:
                cursor.insertText(" \u2192 ", forms["name"])
            cursor.insertText(text.replace("\n", "\u23ce\n" if kind != SAME else "\n"), forms[kind])

    def _forms(self) -> dict[str, QTextCharFormat]:
        theme = self._desk.desk.theme
        forms = {kind: QTextCharFormat() for kind in ("name", SAME, GOES, COMES)}
        for kind, token in (("name", "muted"), (SAME, "text"), (GOES, "error"), (COMES, "success")):
            forms[kind].setForeground(theme.color(token))
        forms["name"].setFontPointSize(max(7.0, self.font().pointSizeF() - 1))
        forms[GOES].setFontStrikeOut(True)
        forms[COMES].setFontWeight(QFont.Weight.Bold)
        return forms


def _shown(text: str | None) -> str:
    return shortened((text or "").replace("\r\n", "\n").rstrip("\n"), LONGEST)
