"""The drawing of a run: loss above, marks of files and samples, learning rates below. Loaded late, see `plot.py`."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from gui.run_data import Curve, RunData
from gui.theme import Theme

POINTS = 2000
CLIPPED_SHARE = 0.01  # of the raw values at each end, where outliers are clipped
RAW_STRENGTH = 0.4  # of the raw line's colour; the rest is the ground's, since transparent lines add up where dense
LEGEND_HEIGHT = 30  # pixels at the top of a plot
AXIS_WIDTH = 58
LINES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class PlotCanvas(pg.GraphicsLayoutWidget):
    """Draws what it is given, once built. Follows the run until somebody zooms or drags; a double click follows again.

    Signals:
        step_pointed: the step under the crosshair; NaN when it left.
        view_changed: by hand; the lines want to be drawn again in the detail of the new range.
    """

    step_pointed = Signal(float)
    view_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._curve = Curve(array("d"), array("d"), array("d"), array("d"), {})
        self._usual = array("d")  # some of the losses, to find the range of most
        self._log = False
        self._clip = True
        self._with_validation = False
        self._names: dict[str, str] = {}
        self._parts: Mapping[str, str] = {}
        self.following = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 4, 4, 0)

    def build(self) -> Iterator[None]:
        """Make the plots, a part at a time: all of them at once would stop the window for a tenth of a second."""
        self.loss_plot = self._plot(0)
        yield
        self.mark_plot = self._plot(1)
        self.mark_plot.setFixedHeight(24)
        yield
        self.rate_plot = self._plot(2)
        self.ci.layout.setRowStretchFactor(0, 7)
        self.ci.layout.setRowStretchFactor(2, 3)
        yield
        self._add_items()
        yield
        self.recolor()

    def _plot(self, row: int) -> pg.PlotItem:
        plot = self.addPlot(row=row, col=0)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.disableAutoRange()
        plot.getAxis("left").setWidth(AXIS_WIDTH)
        for axis in ("left", "bottom"):
            plot.getAxis(axis).enableAutoSIPrefix(False)
        if row:
            plot.setXLink(self.loss_plot)
        if row < 2:
            plot.getAxis("bottom").setStyle(showValues=False)
        plot.vb.sigRangeChangedManually.connect(self._on_zoomed)
        return plot

    def _add_items(self) -> None:
        self.raw = self.loss_plot.plot(connect="finite")
        self.smooth = self.loss_plot.plot(connect="finite")
        self.validation = self.loss_plot.plot(connect="finite", symbolSize=7)
        self.legend, self.rate_legend = _legend(self.loss_plot), _legend(self.rate_plot)
        self.rates: dict[str, pg.PlotDataItem] = {}
        self.saves = self.mark_plot.plot(pen=None, symbol="t1", symbolSize=8)
        self.shots = self.mark_plot.plot(pen=None, symbol="o", symbolSize=6)
        self.mark_plot.setYRange(0, 1, padding=0)
        self.mark_plot.setMouseEnabled(y=False)
        self.mark_plot.getAxis("left").setStyle(showValues=False, tickLength=0)
        self.mark_plot.getAxis("bottom").setHeight(0)
        self.loss_plot.getAxis("bottom").setHeight(0)
        self._lines = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        for plot, line in zip((self.loss_plot, self.rate_plot), self._lines):
            line.hide()
            plot.addItem(line, ignoreBounds=True)

    # what is drawn

    def draw(self, data: RunData) -> None:
        """Take the run's newest numbers; the work is bounded by POINTS, not by the length of the run."""
        first, last = (-math.inf, math.inf) if self.following else self.loss_plot.viewRange()[0]
        with data.lock:
            self._curve = curve = data.curve(POINTS, first, last)
            self._usual = data.loss[:: max(1, len(data.loss) // POINTS)]
            ends = (data.steps[0], max(data.steps[-1], data.steps[0] + 1)) if data.steps else (0.0, 1.0)
            saved = sorted({event.step for event in data.saved if event.what != "state"})
            sampled = sorted({event.step for event in data.samples})
            checked = [(event.step, event.loss) for event in data.validations]
        if sampled and sampled[0] < ends[0]:
            ends = (float(sampled[0]), ends[1])
        self.raw.setData(_numpy(curve.x), self._drawable(curve.y))
        self.smooth.setData(_numpy(curve.smooth_x), self._drawable(curve.smooth))
        self.validation.setData([x for x, _ in checked], self._drawable([y for _, y in checked]))
        self.saves.setData(saved, [0.7] * len(saved))
        self.shots.setData(sampled, [0.25] * len(sampled))
        self._draw_rates(curve)
        self._with_validation = bool(checked)
        self._show_legends()
        if self.following:
            self._follow(ends)

    def set_log(self, on: bool, data: RunData) -> None:
        """Loss on a logarithmic axis."""
        self._log = on
        self.loss_plot.setLogMode(y=on)
        self.draw(data)
        if not self.following:
            self._fit_loss()

    def set_clip(self, on: bool, data: RunData) -> None:
        """Whether the range leaves out the rarest values."""
        self._clip = on
        self.draw(data)

    def _drawable(self, values: array | list[float]) -> np.ndarray:
        """A logarithm wants positive numbers; the others are gaps."""
        column = _numpy(values)
        return np.where(column > 0, column, np.nan) if self._log else column

    def _draw_rates(self, curve: Curve) -> None:
        for name in [name for name in self.rates if name not in curve.rates]:
            self.rate_plot.removeItem(self.rates.pop(name))
        for name, column in curve.rates.items():
            if name not in self.rates:
                self.rates[name] = self.rate_plot.plot(connect="finite")
                self._color_rates()
            self.rates[name].setData(_numpy(curve.smooth_x), _numpy(column))

    def _follow(self, ends: tuple[float, float]) -> None:
        self.loss_plot.setXRange(*ends, padding=0.01)
        self._fit_loss()
        rates = [_numpy(column) for column in self._curve.rates.values()]
        top = max((float(np.nanmax(column)) for column in rates if np.isfinite(column).any()), default=0.0)
        self.rate_plot.setYRange(0, top / _below_legend(self.rate_plot) or 1.0, padding=0)

    def _fit_loss(self) -> None:
        shown = self._drawable(self._usual if self._clip else self._curve.y)
        shown = shown[np.isfinite(shown)]
        if not len(shown):
            return
        shown = np.sort(shown)  # not np.percentile, which loads numpy.ma for a twentieth of a second
        cut = int(len(shown) * CLIPPED_SHARE) if self._clip else 0
        low, high = float(shown[cut]), float(shown[len(shown) - 1 - cut])
        smooth = self._drawable(self._curve.smooth)
        if np.isfinite(smooth).any():
            low, high = min(low, float(np.nanmin(smooth))), max(high, float(np.nanmax(smooth)))
        if self._log:
            low, high = math.log10(low), math.log10(high)
        elif low > 0 and low < high / 3:
            low = 0.0
        high = high if high > low else low + 1
        self.loss_plot.setYRange(low, low + (high - low) / _below_legend(self.loss_plot), padding=0.02)

    # colours and words

    def recolor(self) -> None:
        """Take the theme's colours."""
        color = self._theme.color
        self.setBackground(color("surface"))
        for plot in (self.loss_plot, self.mark_plot, self.rate_plot):
            for name in ("left", "bottom"):
                axis = plot.getAxis(name)
                axis.setPen(color("border"))
                axis.setTickPen(color("grid"))
                axis.setTextPen(color("muted"))
                axis.setTickFont(QFont(self.font().family(), 8))
            plot.showGrid(x=plot is not self.mark_plot, y=plot is not self.mark_plot, alpha=0.9)
        self.raw.setPen(pg.mkPen(_mixed(color("plot1"), color("surface"), RAW_STRENGTH), width=1))
        self.smooth.setPen(pg.mkPen(color("plot1"), width=2))
        self.validation.setPen(pg.mkPen(color("plot2"), width=1, style=Qt.PenStyle.DashLine))
        for marks, token in ((self.validation, "plot2"), (self.saves, "plot3"), (self.shots, "plot2")):
            marks.setSymbol("d" if marks is self.validation else marks.opts["symbol"])
            marks.setSymbolBrush(color(token))
            marks.setSymbolPen(None)
        for line in self._lines:
            line.setPen(pg.mkPen(color("muted"), width=1, style=Qt.PenStyle.DotLine))
        self._color_rates()
        self._show_legends()

    def _color_rates(self) -> None:
        for i, item in enumerate(self.rates.values()):
            item.setPen(pg.mkPen(self._theme.color(f"plot{(i + 2) % 3 + 1}"), width=2, style=LINES[i % len(LINES)]))

    def set_names(self, raw: str, smooth: str, validation: str, rate: str, parts: Mapping[str, str]) -> None:
        """Words of the legends; `rate` is shown before the name of each part, which `parts` may know."""
        self._parts = parts
        self._names = {"raw": raw, "smooth": smooth, "validation": validation, "rate": rate}
        self._show_legends()

    def _show_legends(self) -> None:
        wanted = [(self.raw, self._names.get("raw", "")), (self.smooth, self._names.get("smooth", ""))]
        if self._with_validation:
            wanted.append((self.validation, self._names.get("validation", "")))
        rate, shown = self._names.get("rate", ""), list(self.rates.items())[:4]
        rates = [(item, f"{rate} {self._parts.get(name, name)}") for name, item in shown]
        self._fill(self.legend, wanted)
        self._fill(self.rate_legend, rates)

    def _fill(self, legend: pg.LegendItem, wanted: list[tuple[pg.PlotDataItem, str]]) -> None:
        """The names of parts come from a file; a legend reads markup, so they are escaped."""
        text = self._theme.color("text").name()
        state = [(id(item), name, text) for item, name in wanted]
        if getattr(legend, "shown", None) == state:
            return
        legend.shown = state
        legend.clear()
        legend.setLabelTextColor(text)
        ground = self._theme.color("surface")
        ground.setAlpha(235)
        legend.setBrush(ground)
        for item, name in wanted:
            legend.addItem(item, escape(name))

    # the crosshair

    def point_at(self, step: float) -> None:
        """Put the crosshair on a step; NaN hides it."""
        there = not math.isnan(step)
        for line in self._lines:
            line.setVisible(there)
            if there:
                line.setPos(step)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        place: QPointF = self.loss_plot.vb.mapSceneToView(self.mapToScene(event.position().toPoint()))
        self.step_pointed.emit(place.x())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.step_pointed.emit(math.nan)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.following = True
        self.view_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # arrows move the crosshair, see `plot.py`; pyqtgraph's own keys are not wanted

    def _on_zoomed(self, *_: object) -> None:
        self.following = False
        self.view_changed.emit()


def _legend(plot: pg.PlotItem) -> pg.LegendItem:
    """In a line at the top, where no curve comes: see `_below_legend`."""
    legend = pg.LegendItem(offset=(-4, 1), labelTextSize="9pt", verSpacing=-6, colCount=4)
    legend.layout.setContentsMargins(6, 0, 6, 0)
    legend.setParentItem(plot)
    legend.setZValue(10)  # above the grid, which the axes draw
    return legend


def _below_legend(plot: pg.PlotItem) -> float:
    """The share of a plot's height that is left for its curves."""
    return 1 - min(0.6, LEGEND_HEIGHT / max(plot.vb.height(), 1))


def _numpy(values: array | list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _mixed(color: QColor, ground: QColor, share: float) -> QColor:
    red, green, blue = (
        share * a + (1 - share) * b
        for a, b in (
            (color.redF(), ground.redF()),
            (color.greenF(), ground.greenF()),
            (color.blueF(), ground.blueF()),
        )
    )
    return QColor.fromRgbF(red, green, blue)
