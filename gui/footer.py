"""The line at the bottom: what was last said, the training that runs, and Start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from gui.amounts import whole
from gui.desk import Desk
from gui.theme import GAP, WIDE
from gui.widgets.text import ElidedLabel, plain_tooltip, shortened

CHECK_AFTER_EDIT_MILLISECONDS = 0  # the service waits for a pause in typing itself


class Footer(QFrame):
    """Knows why Start is off, and says it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setProperty("role", "footer")
        self._desk = desk
        self._report_errors: int | None = None  # None: not checked yet
        self._first = ""  # the option of the first error
        self._starting = False
        self._words: Callable[[], str] = str  # what is said, in the language of the moment
        self.said = ElidedLabel(role="muted")
        self.live = QPushButton()
        self.live.setProperty("role", "link")
        self.why = QPushButton()  # Start is off
        self.why.setProperty("role", "link-error")
        self.start_button = QPushButton()
        self.start_button.setProperty("role", "primary")
        row = QHBoxLayout(self)
        row.setContentsMargins(WIDE, GAP, GAP, GAP)
        row.setSpacing(GAP)
        row.addWidget(self.said, 1)
        row.addWidget(self.live)
        row.addWidget(self.why)
        row.addWidget(self.start_button)
        self.start_button.clicked.connect(self.start)
        self.live.clicked.connect(self._on_live_clicked)
        self.why.clicked.connect(self._on_why_clicked)
        desk.wishes.said.connect(self._on_said)
        desk.document.edited.connect(lambda _: self.check())
        desk.wishes.files_written.connect(self.check)
        desk.service.checked.connect(self._on_checked)
        desk.service.started.connect(self._on_started)
        desk.service.refused.connect(self._on_refused)
        desk.service.died.connect(self._on_died)
        desk.runs.changed.connect(self._show_live)
        desk.runs.command_failed.connect(lambda text: self._say(lambda: desk.language.sentence(text)))
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)
        self.retranslate()
        self._draw()
        QTimer.singleShot(CHECK_AFTER_EDIT_MILLISECONDS, self.check)

    def start(self) -> None:
        """Check once more and start the training; a second call while one is under way does nothing."""
        if not self.start_button.isEnabled():
            self._say(self._why_not)
            return
        document = self._desk.document
        self._starting = True
        self._say(lambda: self.tr("Checking and starting ..."))
        self._show_start()
        asked = document.text, _source(self._desk), str(document.folder)
        self._desk.before_start(lambda: self._desk.service.start(*asked))

    def _say(self, words: Callable[[], str]) -> None:
        self._words = words
        self.said.setText(words())

    def _on_said(self, text: str) -> None:
        """It was put into words elsewhere, so it is gone when the language changes."""
        self._words = str
        self.said.setText(text)

    def check(self) -> None:
        """Ask for a check of what is there now."""
        document = self._desk.document
        self._desk.service.check(document.text, _source(self._desk), str(document.folder))
        self._show_start()

    def _on_checked(self, answer: dict[str, object]) -> None:
        report = answer.get("report")
        found = report.get("faults") if isinstance(report, dict) else answer.get("faults")
        faults = found if isinstance(found, list) else []
        errors = [fault for fault in faults if fault.get("severity") == "error"]
        self._report_errors = len(errors)
        self._first = next((str(fault["key"]) for fault in errors if fault.get("key")), "")
        self._show_start()

    def _on_started(self, run: str) -> None:
        self._starting = False
        self._say(lambda: self.tr("Started: {run}").format(run=Path(run).name))
        self._show_start()

    def _on_refused(self, faults: list[dict[str, str]]) -> None:
        self._starting = False
        self._say(lambda: self._refusal(faults[0] if faults else {}))
        self._show_start()

    def _refusal(self, fault: dict[str, str]) -> str:
        first = self._desk.language.sentence(fault.get("text", ""))
        key = fault.get("key", "")
        label = self._desk.language.texts.label_of(key) if key else ""
        return " ".join(filter(None, [self.tr("Not started:"), label, first]))

    def _on_died(self, sentence: str) -> None:
        self._starting = False
        self._say(lambda: self._desk.language.sentence(sentence))
        self._show_start()

    def _why_not(self) -> str:
        if self._starting:
            return self.tr("The training is being started.")
        count = self._errors()
        if count:
            return self.tr("Errors to mend first: {count}. The Train page names them.").format(count=whole(count))
        return ""

    def _errors(self) -> int:
        own = sum(fault.severity == "error" for fault in self._desk.document.faults)
        return max(own, self._report_errors or 0)

    def _show_start(self) -> None:
        reason = self._why_not()
        self.start_button.setEnabled(not reason)
        self.start_button.setToolTip(plain_tooltip(reason or self.tr("Check once more and start the training (F5)")))
        self.why.setVisible(bool(reason) and not self._starting)
        self.why.setText(self.tr("Errors to mend first: {count}").format(count=whole(self._errors())))

    def _show_live(self) -> None:
        live = [row for row in self._desk.runs.runs if row.status == "running"]
        self.live.setVisible(bool(live))
        if live:
            said = self.tr("Training: {name}, step {step} of {total}") if live[0].total else self.tr("Training: {name}")
            row = live[0]
            name = shortened(row.name, 40).replace("&", "&&")
            self.live.setText(said.format(name=name, step=whole(row.step), total=whole(row.total)))

    def _on_live_clicked(self) -> None:
        live = [row.path for row in self._desk.runs.runs if row.status == "running"]
        if live:
            self._desk.wishes.run_requested.emit(live[0])

    def _on_why_clicked(self) -> None:
        """To the first thing to mend: its field, or the list of all."""
        own = next((fault.key for fault in self._desk.document.faults if fault.severity == "error"), "")
        if key := own or self._first:
            self._desk.wishes.field_requested.emit(key)
        else:
            self._desk.wishes.page_requested.emit("train")

    def retranslate(self) -> None:
        self.start_button.setText(self.tr("Start training"))
        self.start_button.setAccessibleName(self.tr("Start training"))
        self.live.setAccessibleName(self.tr("Show the training that runs"))
        self.why.setToolTip(self.tr("Go to the first of them"))
        self.said.setText(self._words())
        self._show_start()
        self._show_live()

    def _draw(self) -> None:
        self.start_button.setIcon(self._desk.theme.icon("start", "accent_text"))
        self.live.setIcon(self._desk.theme.icon("runs", "accent"))
        self.why.setIcon(self._desk.theme.icon("error", "error"))


def _source(desk: Desk) -> str:
    return str(desk.document.path) if desk.document.path else ""
