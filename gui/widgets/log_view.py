"""The console log of a run: the last ten thousand lines, a filter, only what speaks of errors."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.desk import Desk
from gui.log_tail import LogTail
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel, shortened

BLOCKS = 10_000
AT_ONCE = 500  # lines added in one turn of the event loop
CHARACTERS_AT_ONCE = 100_000
FILTER_MILLISECONDS = 200
TROUBLE = re.compile(r"error|exception|traceback|fatal|failed|killed|out of memory|warning", re.IGNORECASE)


class Sieve:
    """Which lines are wanted. A traceback is kept whole: its indented lines and the one that ends it."""

    def __init__(self, text: str = "", errors_only: bool = False) -> None:
        self._text, self._errors_only = text.casefold(), errors_only
        self._in_traceback = False

    def wanted(self, lines: Iterable[str]) -> Iterator[str]:
        return (line for line in lines if self._speaks_of_trouble(line) and self._text in line.casefold())

    def _speaks_of_trouble(self, line: str) -> bool:
        if not self._errors_only:
            return True
        inside = self._in_traceback
        if inside and not line.startswith((" ", "\t")):
            self._in_traceback = False
        if line.startswith("Traceback "):
            self._in_traceback = True
        return inside or bool(TROUBLE.search(line))


class LogView(QFrame):
    """`follow` a log; `show_failure` puts the sentence above it that the log has many lines for.

    Signals:
        folded: whether only its title is shown.
    """

    folded = Signal(bool)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._tail: LogTail | None = None
        self._sieve = Sieve()
        self._told: deque[str] = deque(maxlen=BLOCKS)  # for a filter
        self._waiting: deque[str] = deque(maxlen=BLOCKS)  # wanted, but not shown yet
        self.fold_button = QToolButton()
        self.fold_button.setCheckable(True)
        self.fold_button.setChecked(True)
        self.fold_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.filter_box = QLineEdit(clearButtonEnabled=True)
        self.filter_box.setMaximumWidth(240)
        self.errors_box, self.follow_box = QCheckBox(), QCheckBox()
        self.follow_box.setChecked(True)
        self.copy_button = QToolButton()
        self.failure = PlainLabel(role="error", wrap=True)
        self.text = QPlainTextEdit(readOnly=True, undoRedoEnabled=False)
        self.text.setMaximumBlockCount(BLOCKS)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family(), 9))
        self.text.setTabChangesFocus(True)
        self.unfinished = ElidedLabel(role="muted")
        self._add_timer = QTimer(self, singleShot=True, interval=0)
        self._filter_timer = QTimer(self, singleShot=True, interval=FILTER_MILLISECONDS)
        self._lay_out()
        self._connect()
        self.failure.hide()
        self.unfinished.hide()
        self._recolor()
        self.retranslate()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.fold_button)
        top.addStretch(1)
        for widget in (self.filter_box, self.errors_box, self.follow_box, self.copy_button):
            top.addWidget(widget)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(SMALL)
        for part in (self.failure, self.text, self.unfinished):
            body.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, SMALL, GAP, SMALL)
        column.setSpacing(SMALL)
        column.addLayout(top)
        column.addWidget(self._body, 1)

    def _connect(self) -> None:
        self._add_timer.timeout.connect(self._add_some)
        self._filter_timer.timeout.connect(self._fill)
        self.filter_box.textChanged.connect(lambda _: self._filter_timer.start())
        self.errors_box.toggled.connect(lambda _: self._fill())
        self.follow_box.toggled.connect(lambda on: self._to_end() if on else None)
        self.copy_button.clicked.connect(self._copy)
        self.fold_button.toggled.connect(self._on_fold_toggled)
        self._desk.language.changed.connect(self.retranslate)
        self._desk.theme.changed.connect(self._recolor)

    def follow(self, tail: LogTail | None) -> None:
        """Show this log, which was just opened; the caller keeps and closes it."""
        if self._tail is not None:
            self._tail.lines_added.disconnect(self._on_lines_added)
            self._tail.unfinished_changed.disconnect(self._show_unfinished)
        self._tail = tail
        if tail is not None:
            tail.lines_added.connect(self._on_lines_added)
            tail.unfinished_changed.connect(self._show_unfinished)
        self._told.clear()
        self._show_unfinished(tail.unfinished if tail is not None else "")
        self._fill()

    def show_failure(self, sentence: str) -> None:
        self.failure.setText(sentence)
        self.failure.setVisible(bool(sentence))

    def show_errors(self) -> None:
        """Unfold, and show what speaks of errors."""
        self.fold_button.setChecked(True)
        self.errors_box.setChecked(True)
        self.text.setFocus()

    def _on_lines_added(self, lines: list[str]) -> None:
        self._told.extend(lines)
        self._waiting.extend(self._sieve.wanted(lines))
        self._add_timer.start()

    def _fill(self) -> None:
        """Everything again that is kept and wanted, a part at a time."""
        self._filter_timer.stop()
        self._sieve = Sieve(self.filter_box.text(), self.errors_box.isChecked())
        self.text.clear()
        self._waiting.clear()
        self._waiting.extend(self._sieve.wanted(self._told))
        self._add_timer.start()

    def _add_some(self) -> None:
        part: list[str] = []
        characters = 0
        while self._waiting and len(part) < AT_ONCE and characters < CHARACTERS_AT_ONCE:
            part.append(shortened(self._waiting.popleft()))
            characters += len(part[-1])
        bar = self.text.verticalScrollBar()
        place = bar.value()
        if part:
            self.text.appendPlainText("\n".join(part))
        if self.follow_box.isChecked():
            self._to_end()
        else:
            bar.setValue(place)
        if self._waiting:
            self._add_timer.start()

    def _to_end(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _show_unfinished(self, line: str) -> None:
        self.unfinished.setText(line)
        self.unfinished.setVisible(bool(line))

    def _copy(self) -> None:
        chosen = self.text.textCursor().selectedText().replace("\u2029", "\n")
        QGuiApplication.clipboard().setText(chosen or self.text.toPlainText())

    def _on_fold_toggled(self, open_: bool) -> None:
        for widget in (self._body, self.filter_box, self.errors_box, self.follow_box, self.copy_button):
            widget.setVisible(open_)
        self._recolor()
        self.folded.emit(not open_)

    def retranslate(self) -> None:
        self.fold_button.setText(self.tr("Log"))
        self.fold_button.setAccessibleName(self.tr("Show or hide the log"))
        self.filter_box.setPlaceholderText(self.tr("Filter the log"))
        self.filter_box.setAccessibleName(self.tr("Filter the log"))
        self.errors_box.setText(self.tr("Errors only"))
        self.errors_box.setToolTip(self.tr("Lines that speak of errors or warnings, and tracebacks"))
        self.follow_box.setText(self.tr("Follow the end"))
        self.copy_button.setToolTip(self.tr("Copy what is selected, or everything shown"))
        self.copy_button.setAccessibleName(self.tr("Copy the log"))
        self.text.setAccessibleName(self.tr("Log of the training process"))
        self.text.setPlaceholderText(self.tr("Nothing was written yet, or nothing that matches the filter."))

    def _recolor(self) -> None:
        with QSignalBlocker(self.fold_button):
            name = "chevron-down" if self.fold_button.isChecked() else "chevron-right"
            self.fold_button.setIcon(self._desk.theme.icon(name, "muted"))
        self.copy_button.setIcon(self._desk.theme.icon("copy", "muted"))
