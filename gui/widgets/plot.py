"""Loss and learning rate of a run, and a line of words that says the same. pyqtgraph is loaded in a thread."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.background import later
from gui.desk import Desk
from gui.run_data import RunData
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel

if TYPE_CHECKING:
    from gui.widgets.plot_canvas import PlotCanvas

REDRAW_MILLISECONDS = 500
LARGE_STEP = 0.1  # of the run, for Page Up and Page Down


class LossPlot(QWidget):
    """`show_data` gives it a run, `data_changed` says that the run has grown; it draws at most twice a second."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._data = RunData()
        self._pointed = math.nan
        self._loading = self._stale = False
        self.canvas: PlotCanvas | None = None
        self.log_box, self.clip_box, self.whole_button = QCheckBox(), QCheckBox(), QToolButton()
        self.clip_box.setChecked(True)
        self.values = ElidedLabel()
        self._marks = PlainLabel(role="muted")
        self._placeholder = PlainLabel(role="muted", wrap=True)
        self._placeholder.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pause = QTimer(self, singleShot=True, interval=REDRAW_MILLISECONDS)
        self._pause.timeout.connect(self._on_pause_over)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._lay_out()
        self.log_box.toggled.connect(self._on_log_toggled)
        self.clip_box.toggled.connect(self._on_clip_toggled)
        self.whole_button.clicked.connect(self._on_whole_clicked)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.log_box)
        top.addWidget(self.clip_box)
        top.addStretch(1)
        top.addWidget(self._marks)
        top.addWidget(self.whole_button)
        self._stack = QStackedLayout()
        self._placeholder.setParent(self)  # the layout shows it at once, and a widget without a parent is a window
        self._stack.addWidget(self._placeholder)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(top)
        column.addLayout(self._stack, 1)
        column.addWidget(self.values)

    # what is shown

    def show_data(self, data: RunData) -> None:
        """Show another run from its beginning."""
        self._data = data
        self._pointed = math.nan
        if self.canvas is not None:
            self.canvas.following = True
        self._pause.stop()
        self.data_changed()

    def data_changed(self) -> None:
        """The run has grown. Drawn now, or when half a second has passed since the last time."""
        self._stale = True
        if self.isVisible() and not self._pause.isActive():
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.canvas is None and not self._loading:
            self._loading = True
            later(_load, self._on_loaded, self._on_load_failed, owner=self)
        if self._stale:
            self._draw()

    def _on_loaded(self, kind: type[PlotCanvas]) -> None:
        canvas = kind(self._desk.theme, self)
        canvas.hide()
        self._build_on(canvas, canvas.build())

    def _build_on(self, canvas: PlotCanvas, parts: Iterator[None]) -> None:
        """One part in each turn of the event loop."""
        if next(parts, self) is not self:
            QTimer.singleShot(0, self, lambda: self._build_on(canvas, parts))
            return
        self.canvas = canvas
        canvas.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys are this widget's
        canvas.step_pointed.connect(self._on_step_pointed)
        canvas.view_changed.connect(self.data_changed)
        self._stack.addWidget(canvas)
        self.retranslate()
        self._draw()

    def _on_load_failed(self, error: Exception) -> None:
        self._placeholder.setText(self.tr("The plot cannot be shown: {reason}").format(reason=error))

    def _on_pause_over(self) -> None:
        if self._stale and self.isVisible():
            self._draw()

    def _draw(self) -> None:
        self._show_values()
        empty = not self._data.steps
        self._stack.setCurrentIndex(0 if empty or self.canvas is None else 1)
        if self.canvas is None:
            return
        self._stale = False
        self._pause.start()
        if not empty:
            self.canvas.draw(self._data)

    # one step, in words

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the crosshair from step to step, Escape takes it away."""
        large = max(1, int(len(self._data.steps) * LARGE_STEP))
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageUp: -large, Qt.Key.Key_PageDown: large}
        key = Qt.Key(event.key())
        if key in moves or key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._move_to({Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}.get(key), moves.get(key, 0))
        elif key == Qt.Key.Key_Escape and not math.isnan(self._pointed):
            self._on_step_pointed(math.nan)
        else:
            super().keyPressEvent(event)

    def _move_to(self, row: int | None, by: int) -> None:
        with self._data.lock:
            steps = self._data.steps
            if not steps:
                return
            if row is None:
                here = len(steps) - 1 if math.isnan(self._pointed) else self._data.row_at(self._pointed)
                row = min(max(here + by, 0), len(steps) - 1)
            step = steps[row]
        self._on_step_pointed(step)

    def _on_step_pointed(self, step: float) -> None:
        with self._data.lock:
            row = -1 if math.isnan(step) else self._data.row_at(step)
            self._pointed = self._data.steps[row] if row >= 0 else math.nan
        if self.canvas is not None:
            self.canvas.point_at(self._pointed)
        self._show_values()

    def _show_values(self) -> None:
        """The step under the crosshair; the newest where there is none."""
        data = self._data
        with data.lock:
            if not data.steps:
                self.values.setText("")
                return
            row = data.row_at(self._pointed) if not math.isnan(self._pointed) else len(data.steps) - 1
            step, loss, smooth = data.steps[row], data.loss[row], data.smooth[row]
            rates = {name: column[row] for name, column in data.rates.items()}
        said = self.tr("step {step} · loss {loss} · smoothed {smooth}").format(
            step=whole(step), loss=_figure(loss), smooth=_figure(smooth)
        )
        parts = self._parts()
        words = [f"{parts.get(name, name)} {value:.3g}" for name, value in rates.items() if not math.isnan(value)]
        lr = self.tr("lr {rates}").format(rates=", ".join(words))
        self.values.setText(f"{said} · {lr}" if words else said)
        self.values.setAccessibleName(self.values.text())

    # words and colours

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Loss and learning rate"))
        self.setAccessibleDescription(self.tr("Left and Right move the crosshair from step to step"))
        self.log_box.setText(self.tr("Logarithmic"))
        self.log_box.setToolTip(self.tr("Show the loss on a logarithmic axis"))
        self.clip_box.setText(self.tr("Clip outliers"))
        self.clip_box.setToolTip(self.tr("Choose the range without the rarest one percent of the values"))
        self.whole_button.setToolTip(self.tr("Show the whole run again (double click)"))
        self.whole_button.setAccessibleName(self.tr("Show the whole run"))
        self._marks.setText(self.tr("▲ saved   ● samples"))
        self._placeholder.setText(self.tr("The curves appear with the first step."))
        if self.canvas is not None:
            words = (self.tr("loss"), self.tr("smoothed"), self.tr("validation"), self.tr("lr"))
            self.canvas.set_names(*words, self._parts())
        self._show_values()

    def _parts(self) -> dict[str, str]:
        """What the parts of a model are called; others come as the run names them."""
        return {
            "unet": self.tr("UNet"),
            "text_encoder": self.tr("Text encoder"),
            "text_encoder_2": self.tr("Text encoder 2"),
        }

    def _recolor(self) -> None:
        self.whole_button.setIcon(self._desk.theme.icon("expand", "muted"))
        if self.canvas is not None:
            self.canvas.recolor()

    def _on_log_toggled(self, on: bool) -> None:
        if self.canvas is not None:
            self.canvas.set_log(on, self._data)

    def _on_clip_toggled(self, on: bool) -> None:
        if self.canvas is not None:
            self.canvas.set_clip(on, self._data)

    def _on_whole_clicked(self) -> None:
        if self.canvas is not None:
            self.canvas.following = True
            self.canvas.draw(self._data)


def _load() -> type[PlotCanvas]:
    from gui.widgets.plot_canvas import PlotCanvas

    return PlotCanvas


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
