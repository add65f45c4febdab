"""Changes of captions as people read them: the name, the line that goes in one colour and the one that comes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QFontDatabase, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from dataset_tools.preview import Change
from gui.captions.desk import CaptionDesk
from gui.widgets.text import shortened

MOST_SHOWN = 200  # changes
LONGEST = 1_500  # characters of a caption


class DiffView(QPlainTextEdit):
    """Read-only text. A line that goes begins with -, one that comes with +: colour only stresses."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._colours = _Colours(desk, self.document())
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._colours.rehighlight)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("What would change"))

    def show_changes(self, changes: Sequence[Change]) -> None:
        """The first of them."""
        self.setPlainText("\n".join(self._lines(change) for change in changes[:MOST_SHOWN]))

    def _lines(self, change: Change) -> str:
        picture = self._desk.picture(change.picture)
        name = shortened(picture.name, 200) if picture is not None else ""
        before, after = (_line(text) for text in (change.before, change.after))
        return "\n".join([name, *_marked(before, "- "), *_marked(after, "+ ")])


def _marked(text: str, mark: str) -> list[str]:
    """Each line of a caption behind its mark; none for a caption that is not there."""
    return [mark + line for line in text.split("\n")] if text else []


def _line(text: str | None) -> str:
    return shortened((text or "").rstrip("\r\n"), LONGEST)


class _Colours(QSyntaxHighlighter):
    def __init__(self, desk: CaptionDesk, document: QTextDocument) -> None:
        super().__init__(document)
        self._desk = desk

    def highlightBlock(self, text: str) -> None:
        theme = self._desk.desk.theme
        token = {"- ": "error", "+ ": "success"}.get(text[:2], "muted")
        form = QTextCharFormat()
        form.setForeground(theme.color(token))
        self.setFormat(0, len(text), form)
