"""The Runs page: all runs, and one of them as it goes: how far, the curves, the samples, the log."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.log_tail import LogTail
from gui.run_data import RunData
from gui.run_reader import RunReader
from gui.run_row import RunRow
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.log_view import LogView
from gui.widgets.plot import LossPlot
from gui.widgets.run_header import RunHeader
from gui.widgets.run_list import RunList
from gui.widgets.run_message import RunMessage
from gui.widgets.run_orders import ENDING, Orders
from gui.widgets.samples import SampleGrid
from gui.widgets.text import PlainLabel
from kohya_like.events import CONSOLE

LIST_WIDTH = 216
SILENCE_MILLISECONDS = 60_000  # after an order to end


class RunsPage(QWidget):
    """`show_run` with a run folder. Reads only the run that is shown, in threads."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.run = ""
        self.reader: RunReader | None = None
        self._tail: LogTail | None = None
        self._orders: dict[str, Orders] = {}
        self._resuming = ""
        self.list = RunList(desk)
        self.header = RunHeader(desk)
        self.message = RunMessage(desk, self._resume, self._show_log)
        self.plot, self.samples, self.log = LossPlot(desk), SampleGrid(desk), LogView(desk)
        self._empty_text, self.start_button = PlainLabel(wrap=True), QPushButton()
        self._stack = QStackedWidget()
        self._silence = QTimer(self, singleShot=True, interval=SILENCE_MILLISECONDS)
        self._lay_out()
        self._connect()
        self.retranslate()
        self._on_runs_changed()

    # how it is laid out

    def _lay_out(self) -> None:
        self._middle = QSplitter(Qt.Orientation.Horizontal)
        self._middle.addWidget(_card(self.plot))
        self._middle.addWidget(_card(self.samples))
        self._middle.setStretchFactor(0, 3)
        self._middle.setStretchFactor(1, 2)
        self._middle.setSizes([540, 360])
        self._below = QSplitter(Qt.Orientation.Vertical)
        self._below.addWidget(self._middle)
        self._below.addWidget(self.log)
        self._below.setStretchFactor(0, 3)
        self._below.setStretchFactor(1, 1)
        self._below.setSizes([350, 110])
        for splitter in (self._middle, self._below):
            splitter.setHandleWidth(GAP)
            splitter.setChildrenCollapsible(False)
        chosen = QWidget()
        column = QVBoxLayout(chosen)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.message.banner)
        column.addWidget(self.header)
        column.addWidget(self._below, 1)
        self._stack.addWidget(self._empty_state())
        self._stack.addWidget(chosen)
        self.list.setFixedWidth(LIST_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, GAP, GAP, GAP)
        row.setSpacing(GAP)
        row.addWidget(self.list)
        row.addWidget(self._stack, 1)

    def _empty_state(self) -> QWidget:
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.setSpacing(WIDE)
        self._empty_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)
        column.addWidget(self._empty_text)
        column.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return empty

    def _connect(self) -> None:
        desk = self._desk
        self.list.run_chosen.connect(self.show_run)
        self.list.resume_requested.connect(self._resume)
        self.header.requested.connect(self._on_requested)
        self.header.list_toggled.connect(self.list.setVisible)
        self.log.folded.connect(self._on_log_folded)
        self.start_button.clicked.connect(lambda: desk.wishes.page_requested.emit("train"))
        self._silence.timeout.connect(self._on_silence)
        desk.runs.changed.connect(self._on_runs_changed)
        desk.runs.run_lost.connect(self._on_run_lost)
        desk.runs.command_failed.connect(self._on_command_failed)
        desk.service.refused.connect(self._on_refused)
        desk.service.died.connect(lambda sentence: self._on_refused([{"text": sentence}]))
        desk.service.started.connect(self._on_started)
        desk.language.changed.connect(self.retranslate)

    # which run is shown

    def show_run(self, path: str) -> None:
        """Show this run from now on."""
        self._stack.setCurrentIndex(1)
        if path != self.run:
            self._close_readers()
            self.run = path
            self.reader = RunReader(Path(path), self)
            self.reader.batch_read.connect(self._on_batch_read)
            self._tail = LogTail(Path(path) / CONSOLE, self)
            self.log.follow(self._tail)
            self.plot.show_data(self.reader.data)
            self.samples.show_samples([])
        self.list.choose(path)
        if self._row() is None:
            self._desk.runs.attend(path)
        self._show_state()

    def refresh(self) -> None:
        """Look at all runs now."""
        self._desk.runs.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _close_readers(self) -> None:
        self._silence.stop()
        for reader in (self.reader, self._tail):
            if reader is not None:
                reader.close()
                reader.deleteLater()
        self.log.follow(None)
        self.reader = self._tail = None

    def _row(self) -> RunRow | None:
        return self._desk.runs.row(self.run) if self.run else None

    def _on_runs_changed(self) -> None:
        rows = self._desk.runs.runs
        self.list.setVisible(bool(rows) and self.header.list_button.isChecked())
        self.list.show_rows(rows)
        if not self.run and rows:
            live = [row for row in rows if row.status == "running"]
            self.show_run((live or rows)[0].path)
        self._show_state()

    def _on_run_lost(self, run: str, sentence: str) -> None:
        if run == self.run:
            self._close_readers()
            self.run = ""
            self.message.show_lost(sentence)
            self.header.show_run(None, RunData(), Orders())

    # what it says

    def _on_batch_read(self) -> None:
        if self.reader is None or self.sender() is not self.reader:
            return
        self.plot.data_changed()
        with self.reader.data.lock:
            samples = list(self.reader.data.samples)
        self.samples.show_samples(samples)
        self._show_state()

    def _show_state(self) -> None:
        if not self.run or self.reader is None:
            return
        row, data, orders = self._row(), self.reader.data, self._orders.setdefault(self.run, Orders())
        orders.look(data.controls, row is None or row.status in ("running", "new"))
        if not any(verb in orders.states for verb in ENDING):
            self._silence.stop()
        self.message.show_run(row, data.warnings)
        self.log.show_failure(self.message.failure())
        self.header.show_run(row, data, orders)

    # what it is told

    def _on_requested(self, verb: str) -> None:
        if verb == "resume":
            self._resume(self.run)
            return
        runs = self._desk.runs
        send = {
            "pause": runs.pause,
            "stop": runs.stop,
            "stop_after_epoch": runs.stop_after_epoch,
            "save": runs.save_now,
            "sample": runs.sample_now,
        }[verb]
        if self.reader is not None:
            self._orders.setdefault(self.run, Orders()).ask(verb, self.reader.data.controls)
        send(self.run)
        if verb in ("stop", "pause"):
            self._silence.start()
        self._show_state()

    def _resume(self, run: str) -> None:
        self._resuming = run
        self._desk.wishes.said.emit(self.tr("Resuming {run} ...").format(run=Path(run).name))
        self._desk.service.resume(run)

    def _on_started(self, run: str) -> None:
        self._resuming = ""
        self._desk.runs.attend(run)

    def _on_refused(self, faults: list[dict[str, str]]) -> None:
        if self._resuming:
            self._resuming = ""
            self.message.show_refusal(faults)

    def _on_command_failed(self, _sentence: str) -> None:
        """The window's last line says why; here nothing waits for an answer any more."""
        orders = self._orders.get(self.run, Orders())
        for verb in [verb for verb, state in orders.states.items() if state == "asked"]:
            orders.drop(verb)
        self._show_state()

    def _on_silence(self) -> None:
        run = self.run
        self.message.show_silence(lambda: self._desk.runs.kill(run))

    def _show_log(self) -> None:
        self.log.show_errors()

    def _on_log_folded(self, folded: bool) -> None:
        self.log.setMaximumHeight(self.log.minimumSizeHint().height() if folded else 16_777_215)

    def retranslate(self) -> None:
        self._empty_text.setText(self.tr("No runs yet. Start one on the Train page (F5)."))
        self.start_button.setText(self.tr("Go to the Train page"))
        self.start_button.setAccessibleName(self.tr("Go to the Train page"))


def _card(content: QWidget) -> QFrame:
    card = QFrame()
    card.setProperty("role", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(GAP, SMALL, GAP, SMALL)
    column.addWidget(content)
    return card
