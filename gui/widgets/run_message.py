"""What has to be said of the chosen run: why it failed, that it was cut off, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject

from gui.desk import Desk
from gui.run_row import RunRow
from gui.widgets.banner import Action, Banner
from gui.widgets.run_words import RunWords
from kohya_like.events import Warned

OPTION = re.compile(r"\b[a-z_]+\.[a-z_]+\b")
MOST_CHANGES = 3  # offered with a failure


class RunMessage(QObject):
    """Fills a banner. Said once for each state of a run, so that a message put away stays away."""

    def __init__(self, desk: Desk, resume: Callable[[str], None], show_log: Callable[[], None]) -> None:
        super().__init__()
        self._desk, self._resume, self._show_log = desk, resume, show_log
        self.banner = Banner(desk, "error")
        self._words = RunWords(desk, self)
        self._said: tuple[object, ...] = ()
        self._row: RunRow | None = None
        self._warning: Warned | None = None
        desk.language.changed.connect(self.retranslate)

    def show_run(self, row: RunRow | None, warnings: Sequence[Warned] = ()) -> None:
        """Speak if the run has come to another state since, or has warned of something new."""
        running = row is not None and row.status == "running"
        warning = warnings[-1] if warnings and running else None
        # while it runs, the row's text is only its phase
        state = (row.path, row.status, "" if running else row.text, warning, len(warnings)) if row is not None else ()
        if state == self._said:
            return
        self._said, self._row, self._warning = state, row, warning
        self._speak()

    def failure(self) -> str:
        """Why the run failed, in one sentence; empty if it did not."""
        row = self._row
        return self._words.sentence(row.text) if row is not None and row.status == "failed" else ""

    def show_refusal(self, faults: Sequence[dict[str, str]]) -> None:
        """The run could not be resumed."""
        texts = [fault.get(part, "") for part in ("text", "mend") for fault in faults[:3]]
        reason = self._desk.language.sentence("; ".join(filter(None, texts)))
        said = self.tr("The run was not resumed: {reason}").format(reason=reason)
        self.banner.show_message(said, [(self.tr("Show log"), self._show_log)], "error")

    def show_lost(self, sentence: str) -> None:
        """The folder has gone."""
        self._said, self._row = (), None
        self.banner.show_message(self._words.sentence(sentence), (), "warning")

    def show_silence(self, end: Callable[[], None]) -> None:
        """It was asked to end and does not answer."""
        said = self.tr("The training process has not answered for a while. What it saved last stays if you end it now.")
        self.banner.show_message(said, [(self.tr("End it now"), end)], "warning")

    def retranslate(self) -> None:
        if not self.banner.isHidden():
            self._speak()

    def _speak(self) -> None:
        row = self._row
        if self._warning is not None:
            said = self.tr("Warning: {reason}").format(reason=self._joined(self._warning.text, self._warning.hint))
            self.banner.show_message(said, (), "warning")
            return
        if row is None or row.status not in ("failed", "interrupted"):
            self.banner.hide()
            return
        resume: list[Action] = [(self.tr("Resume"), lambda: self._resume(row.path))] if row.can_resume else []
        log: Action = (self.tr("Show log"), self._show_log)
        if row.status == "failed":
            said = self.tr("Failed: {reason}").format(reason=self._joined(row.text, row.hint))
            self.banner.show_message(said, [*self._changes(row.hint), log, *resume], "error")
        else:
            said = self.tr("Interrupted: {reason}").format(reason=self._joined(row.text, row.hint))
            self.banner.show_message(said, [log, *resume], "warning")

    def _joined(self, text: str, hint: str) -> str:
        what, mend = self._desk.language.sentence(text).rstrip(".\u3002"), self._words.sentence(hint)
        return self.tr("{what}. {mend}").format(what=what, mend=mend) if what and mend else what or mend

    def _changes(self, hint: str) -> list[Action]:
        """The options that the hint names, each a button that opens its field of the preset."""
        texts = self._desk.language.texts
        keys = [key for key in dict.fromkeys(OPTION.findall(hint)) if texts.label_of(key) != key]
        request = self._desk.wishes.field_requested
        said = self.tr("Change {option}")
        return [(said.format(option=texts.label_of(key)), partial(request.emit, key)) for key in keys[:MOST_CHANGES]]
