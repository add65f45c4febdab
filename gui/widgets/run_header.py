"""How the chosen run stands, and the buttons that tell it what to do."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.amounts import size, whole
from gui.desk import Desk
from gui.run_data import RunData
from gui.run_row import RunRow
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.run_orders import Orders, allowed
from gui.widgets.run_words import ICONS, RunWords
from gui.widgets.text import ElidedLabel, PlainLabel, plain_tooltip

BUTTONS = {  # verb: icon
    "pause": "pause",
    "resume": "resume",
    "stop_after_epoch": "stop",
    "stop": "stop",
    "save": "save",
    "sample": "picture",
}
FIGURES = ("step", "epoch", "left", "speed", "elapsed", "memory")
PROGRESS = 1000


class RunHeader(QFrame):
    """`show_run` draws everything anew; it is cheap.

    Signals:
        requested: a verb of the trainer, or "resume".
        list_toggled: whether the list of runs is wanted.
    """

    requested = Signal(str)
    list_toggled = Signal(bool)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._words = RunWords(desk, self)
        self._row: RunRow | None = None
        self._data = RunData()
        self._orders = Orders()
        self.list_button = QToolButton()
        self.list_button.setCheckable(True)
        self.list_button.setChecked(True)
        self._icon = QLabel()
        self.status = PlainLabel(role="heading")
        self.name = ElidedLabel(role="heading")
        self.phase = PlainLabel(role="muted")
        self.progress = QProgressBar(maximum=PROGRESS, textVisible=False)
        self.figures = {name: PlainLabel("-", role="heading") for name in FIGURES}
        self._captions = {name: PlainLabel(role="muted") for name in FIGURES}
        self.buttons = {verb: QPushButton() for verb in BUTTONS}
        self.buttons["resume"].setProperty("role", "primary")
        self.buttons["stop"].setProperty("role", "danger")
        self.note = ElidedLabel(role="hint")
        self._lay_out()
        self.list_button.toggled.connect(self.list_toggled)
        for verb, button in self.buttons.items():
            button.clicked.connect(lambda _=False, verb=verb: self.requested.emit(verb))
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._recolor)
        self.retranslate()
        self._recolor()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP)
        for widget in (self.list_button, self._icon, self.status):
            top.addWidget(widget)
        top.addWidget(self.name, 1)
        top.addWidget(self.phase)
        figures = QGridLayout()
        figures.setHorizontalSpacing(WIDE)
        figures.setVerticalSpacing(0)
        for place, name in enumerate(FIGURES):
            figures.addWidget(self._captions[name], 0, place)
            figures.addWidget(self.figures[name], 1, place)
            figures.setColumnStretch(place, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        for button in self.buttons.values():
            buttons.addWidget(button)
        buttons.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.progress)
        column.addLayout(figures)
        column.addLayout(buttons)

    def show_run(self, row: RunRow | None, data: RunData, orders: Orders) -> None:
        """Show where the run is now."""
        self._row, self._data, self._orders = row, data, orders
        status = row.status if row is not None else "new"
        icon, token = ICONS[status]
        self._icon.setPixmap(self._desk.theme.icon(icon, token).pixmap(20, 20))
        self.status.setText(self._words.status(status))
        self.name.setText(row.name if row is not None else "")
        self._show_progress(status)
        self._show_figures(status)
        self._show_buttons(status)

    def _show_progress(self, status: str) -> None:
        phase, total = self._data.phase, self._data.total
        step = self._data.last.step if self._data.last is not None else 0
        words = ""
        if status == "running" and phase is not None:
            words = self._words.sentence(phase.name)
            counted = bool(phase.total) and phase.name != "train"
            if counted:
                words = f"{words} {whole(phase.done)} / {whole(phase.total)}"
                if not step:
                    step, total = phase.done, phase.total
        self.phase.setText(words)
        self.progress.setValue(round(PROGRESS * min(1, step / total)) if total else 0)
        self.progress.setAccessibleDescription(f"{whole(step)} / {whole(total)}")

    def _show_figures(self, status: str) -> None:
        data, last = self._data, self._data.last
        speed = data.speed()
        started = data.started
        running = status == "running"
        shown = {
            "step": f"{whole(last.step)} / {whole(data.total)}" if last is not None else "-",
            "epoch": f"{whole(last.epoch)} / {whole(started.epochs)}" if last and started else "-",
            "left": self._words.time_left(speed.left, speed.spread) if running else "-",
            "speed": self._words.speed(speed.steps_per_second),
            "elapsed": self._words.duration(data.elapsed if data.elapsed else math.nan),
            "memory": size(last.memory_bytes) if last is not None and last.memory_bytes else "-",
        }
        for name, text in shown.items():
            self.figures[name].setText(text)
            self.figures[name].setAccessibleName(f"{self._captions[name].text()}: {text}")

    def _show_buttons(self, status: str) -> None:
        row = self._row
        possible = allowed(status, row is not None and row.can_resume, self._data.last is not None)
        for verb, button in self.buttons.items():
            button.setEnabled(verb in possible and verb not in self._orders.states)
        self.buttons["resume"].setVisible(status not in ("running", "new", "finished"))
        self.buttons["pause"].setVisible(status in ("running", "new", "finished"))
        said = [self._said(verb, state) for verb, state in self._orders.states.items()]
        self.note.setText(" · ".join(said))

    def _said(self, verb: str, state: str) -> str:
        name = self.buttons[verb].text()
        if state == "asked":
            return self.tr("{what}: asked, waits for the end of the step").format(what=name)
        if verb == "stop_after_epoch":
            return self.tr("{what}: accepted, ends with this epoch").format(what=name)
        return self.tr("{what}: accepted, the state is being saved").format(what=name)

    def retranslate(self) -> None:
        captions = {
            "step": self.tr("Step"),
            "epoch": self.tr("Epoch"),
            "left": self.tr("Time left"),
            "speed": self.tr("Speed"),
            "elapsed": self.tr("Elapsed"),
            "memory": self.tr("Memory (peak)"),
        }
        for name, text in captions.items():
            self._captions[name].setText(text)
        for verb, (text, help_text) in self._button_words().items():
            self.buttons[verb].setText(text)
            self.buttons[verb].setAccessibleName(text)
            self.buttons[verb].setToolTip(plain_tooltip(help_text))
        self.list_button.setToolTip(self.tr("Show or hide the list of runs"))
        self.list_button.setAccessibleName(self.tr("List of runs"))
        self.progress.setAccessibleName(self.tr("Progress"))
        self.show_run(self._row, self._data, self._orders)

    def _button_words(self) -> dict[str, tuple[str, str]]:
        return {
            "pause": (
                self.tr("Pause"),
                self.tr("Saves the state, ends the process and frees the GPU. Resume goes on exactly there."),
            ),
            "resume": (self.tr("Resume"), self.tr("Goes on from the newest saved state, in a new process.")),
            "stop_after_epoch": (
                self.tr("Stop after epoch"),
                self.tr("Trains to the end of this epoch, saves, and ends."),
            ),
            "stop": (self.tr("Stop"), self.tr("Ends after this step. The file and the state are saved first.")),
            "save": (self.tr("Save now"), self.tr("Writes a file and a state, and goes on.")),
            "sample": (self.tr("Sample now"), self.tr("Draws the preview pictures of the preset, and goes on.")),
        }

    def _recolor(self) -> None:
        theme = self._desk.theme
        for verb, name in BUTTONS.items():
            token = {"resume": "accent_text", "stop": "error"}.get(verb, "text")
            self.buttons[verb].setIcon(theme.icon(name, token))
        self.list_button.setIcon(theme.icon("runs", "muted"))
        self.show_run(self._row, self._data, self._orders)
