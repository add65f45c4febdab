"""The plot: it draws what the data says, stays where it was zoomed to, and says its values in words."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.run_data import RunData
from gui.run_events import parse
from gui.widgets.plot import LossPlot
from gui.widgets.plot_canvas import POINTS, PlotCanvas
from kohya_like.events import Event, Sample, Saved, Started, Step, Validation, encode
from tests.gui.desk import make_desk

NOT_MARKUP = '<img src="file:///etc/hostname">'


def run_data(steps: int, *more: Event, group: str = "unet", spike: int = 0) -> RunData:
    data = RunData()
    begun = Started(steps, 10, max(1, steps // 10), {group: 1e-4}, 7)
    rows = [
        Step(n, 1, 5.0 if n == spike else 0.1 + 1 / (n + 5), {group: 1e-4 / n}, 0.1, 10, 1.0)
        for n in range(1, steps + 1)
    ]
    data.add(parse([encode(event, 1.0 + n).strip() for n, event in enumerate([begun, *rows, *more])]))
    return data


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = make_desk(tmp_path)
    yield desk
    desk.service.close()


@pytest.fixture
def plot(qtbot: QtBot, desk: Desk) -> LossPlot:
    plot = LossPlot(desk)
    qtbot.addWidget(plot)
    plot.resize(500, 320)
    plot.show()
    qtbot.waitUntil(lambda: plot.canvas is not None)
    return plot


def canvas_of(plot: LossPlot) -> PlotCanvas:
    assert plot.canvas is not None
    return plot.canvas


def test_what_is_drawn_is_the_data(plot: LossPlot) -> None:
    data = run_data(300, Sample(100, "a", 0, 1, "a.png"), Saved(200, "a", "network"), Validation(150, 1, 0.3))
    plot.show_data(data)
    canvas = canvas_of(plot)
    assert list(canvas.raw.xData) == list(data.steps) and list(canvas.raw.yData) == list(data.loss)
    assert list(canvas.smooth.yData) == list(data.smooth)
    assert list(canvas.rates["unet"].yData) == list(data.rates["unet"])
    assert (list(canvas.saves.xData), list(canvas.shots.xData)) == ([200], [100])
    assert (list(canvas.validation.xData), list(canvas.validation.yData)) == ([150], [0.3])
    assert canvas.loss_plot.viewRange()[0][0] <= 1 and canvas.loss_plot.viewRange()[0][1] >= 300


def test_a_long_run_is_drawn_from_few_points_and_keeps_its_extremes(plot: LossPlot) -> None:
    data = run_data(30_000, spike=12_345)
    plot.show_data(data)
    canvas = canvas_of(plot)
    assert len(canvas.raw.xData) <= 2 * POINTS + 2 and len(canvas.smooth.xData) <= POINTS + 1
    assert max(canvas.raw.yData) == 5.0 and min(canvas.raw.yData) == min(data.loss)


def test_outliers_are_clipped_unless_they_are_wanted(plot: LossPlot) -> None:
    plot.show_data(run_data(500, spike=250))
    assert canvas_of(plot).loss_plot.viewRange()[1][1] < 1
    plot.clip_box.setChecked(False)
    assert canvas_of(plot).loss_plot.viewRange()[1][1] >= 5


def test_a_logarithm_leaves_out_what_has_none(plot: LossPlot) -> None:
    data = run_data(50)
    data.loss[10], data.loss[11] = 0.0, -1.0
    plot.show_data(data)
    plot.log_box.setChecked(True)
    canvas = canvas_of(plot)
    drawn = canvas.raw.getOriginalDataset()[1]
    assert math.isnan(drawn[10]) and math.isnan(drawn[11]) and drawn[12] == data.loss[12]
    low, high = canvas.loss_plot.viewRange()[1]
    assert low < math.log10(data.loss[49]) < high < 0
    plot.log_box.setChecked(False)
    assert list(canvas.raw.yData) == list(data.loss) and canvas.loss_plot.viewRange()[1][1] > 0


def test_it_follows_until_somebody_zooms_and_again_after_a_double_click(plot: LossPlot) -> None:
    plot.show_data(run_data(100))
    canvas = canvas_of(plot)
    canvas.loss_plot.setXRange(20, 40, padding=0)
    canvas.loss_plot.vb.sigRangeChangedManually.emit([True, True])
    canvas.draw(run_data(200))
    assert canvas.loss_plot.viewRange()[0] == [20, 40]
    assert min(canvas.raw.xData) == 20 and max(canvas.raw.xData) == 40  # the detail of what is seen
    place = QPointF(5, 5)
    kind, button = QMouseEvent.Type.MouseButtonDblClick, Qt.MouseButton.LeftButton
    canvas.mouseDoubleClickEvent(QMouseEvent(kind, place, place, button, button, Qt.KeyboardModifier.NoModifier))
    canvas.draw(run_data(200))
    assert canvas.loss_plot.viewRange()[0][1] >= 200


def test_it_draws_at_most_twice_a_second(plot: LossPlot, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    plot.show_data(run_data(10))
    drawn: list[int] = []
    monkeypatch.setattr(canvas_of(plot), "draw", lambda data: drawn.append(1))
    for _ in range(50):
        plot.data_changed()
    assert drawn == [] and plot._pause.isActive()
    qtbot.waitUntil(lambda: drawn == [1], timeout=3000)
    plot.hide()
    plot._pause.stop()
    plot.data_changed()
    assert drawn == [1]  # what nobody sees is not drawn
    plot.show()
    assert drawn == [1, 1]


def test_the_values_are_words_and_the_arrows_move(plot: LossPlot, qtbot: QtBot) -> None:
    data = run_data(100)
    plot.show_data(data)
    assert plot.values.text().startswith("step 100 · loss 0.1095 · smoothed ")
    assert plot.values.text().endswith("lr UNet 1e-06")
    assert plot.values.accessibleName() == plot.values.text()
    for key, step in ((Qt.Key.Key_Left, 99), (Qt.Key.Key_Home, 1), (Qt.Key.Key_PageDown, 11), (Qt.Key.Key_Right, 12)):
        qtbot.keyClick(plot, key)
        assert plot.values.text().startswith(f"step {step} ")
        assert canvas_of(plot)._lines[0].value() == step and canvas_of(plot)._lines[0].isVisible()
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.values.text().startswith("step 100 ") and not canvas_of(plot)._lines[0].isVisible()


def test_the_mouse_points_at_a_step(plot: LossPlot) -> None:
    plot.show_data(run_data(100))
    canvas = canvas_of(plot)
    place = QPointF(canvas.mapFromScene(canvas.loss_plot.vb.mapViewToScene(QPointF(50.2, 0.15))))
    button, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    canvas.mouseMoveEvent(QMouseEvent(QMouseEvent.Type.MouseMove, place, place, button, button, none))
    assert plot.values.text().startswith(("step 50 ", "step 51 "))


def test_names_of_parts_are_no_markup(plot: LossPlot) -> None:
    plot.show_data(run_data(10, group=NOT_MARKUP))
    label = canvas_of(plot).rate_legend.items[0][1]
    assert NOT_MARKUP in label.item.toPlainText()
    assert NOT_MARKUP in plot.values.text() and plot.values.textFormat() == Qt.TextFormat.PlainText


def test_colours_and_words_change_while_it_is_open(plot: LossPlot, desk: Desk) -> None:
    plot.show_data(run_data(10))
    before = canvas_of(plot).smooth.opts["pen"].color()
    desk.theme.set("dark")
    assert canvas_of(plot).smooth.opts["pen"].color() == desk.theme.color("plot1") != before
    assert canvas_of(plot).backgroundBrush().color() == desk.theme.color("surface")


def test_an_empty_run_says_so(plot: LossPlot) -> None:
    plot.show_data(RunData())
    assert plot._placeholder.isVisible() and plot.values.text() == ""


def test_the_drawing_library_is_not_loaded_with_the_page() -> None:
    code = "import sys, gui.pages.runs; print([m for m in ('numpy', 'pyqtgraph', 'PIL', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.strip() == "[]", done.stderr
