"""Painting a mask: what is painted is saved by itself, where training finds it, and is what training uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.captions.desk import CaptionDesk
from gui.captions.mask_tool import MaskTool
from kohya_like.config import TrainConfig
from kohya_like.preflight.readers import FRESH
from kohya_like.sample_preview import sample_preview
from kohya_like.schema.validate import build
from tests.dataset_tools.made_pictures import put, scene
from tests.gui.desk import still_desk
from tests.test_sample_preview import picture_of

PATIENCE = 20_000


@pytest.fixture
def tool(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MaskTool]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("KOHYA_LIKE_STATE_DIR", raising=False)
    for number in range(3):
        put(tmp_path / "set" / "1_cat", f"{number}.png", scene(number, (256, 128)))
    desk = still_desk(tmp_path)
    desk.document.set("data.train_data_dir", str(tmp_path / "set"))
    captions = CaptionDesk(desk)
    with qtbot.waitSignal(captions.ready, timeout=PATIENCE):
        captions.open([str(tmp_path / "set")])
    tool = MaskTool(captions)
    qtbot.addWidget(tool)
    tool.resize(900, 300)
    tool.show()
    choose(qtbot, tool, 0)
    yield tool
    captions.close()
    assert wait_for_all(PATIENCE)


def choose(qtbot: QtBot, tool: MaskTool, number: int) -> None:
    tool._desk.select([tool._desk.shown.ids[number]])
    qtbot.waitUntil(lambda: not tool.canvas.picture.isNull() and tool._path.endswith(f"{number}.png"), timeout=PATIENCE)


def at(tool: MaskTool, across: float, down: float) -> QPoint:
    where = tool.canvas.picture_rect()
    return QPoint(round(where.x() + across * where.width()), round(where.y() + down * where.height()))


def values(mask: QImage) -> np.ndarray:
    rows = np.frombuffer(mask.constBits(), np.uint8).reshape(mask.height(), mask.bytesPerLine())
    return rows[:, : mask.width()].copy()


def paint_left_half(tool: MaskTool) -> None:
    tool.canvas.set_brush(128)
    button = Qt.MouseButton.LeftButton
    QTest.mousePress(tool.canvas, button, pos=at(tool, 0.0, 0.5))
    QTest.mouseMove(tool.canvas, at(tool, 0.1, 0.5))
    QTest.mouseRelease(tool.canvas, button, pos=at(tool, 0.25, 0.5))


def saved(qtbot: QtBot, tool: MaskTool) -> None:
    tool._save_now()
    assert wait_for_all(PATIENCE)


def use_folder(tool: MaskTool) -> None:
    tool.use.click()
    assert wait_for_all(PATIENCE)  # the picture is read again, with the mask that may lie there


def test_the_offer_names_a_folder_and_what_is_painted_is_trained(qtbot: QtBot, tool: MaskTool, tmp_path: Path) -> None:
    paint_left_half(tool)
    saved(qtbot, tool)
    assert not tool.offer.isHidden() and not (tmp_path / "set masks").exists(), "nowhere without being asked"
    tool.use.click()
    document = tool._desk.desk.document
    assert (document.value("data.mask_dir"), document.value("data.masked_loss")) == (f"{tmp_path / 'set'} masks", True)
    saved(qtbot, tool)
    place = tmp_path / "set masks" / "1_cat" / "0.png"
    assert np.array_equal(np.asarray(Image.open(place)), values(tool.canvas.painted))
    assert tool.offer.isHidden()
    config = build(TrainConfig, {
        "model": {"family": "sd1", "base": "x"},
        "data": {"train_data_dir": str(tmp_path / "set"), "mask_dir": f"{tmp_path / 'set'} masks", "masked_loss": True,
                 "resolution": [256, 128], "min_bucket_reso": 64},
    })  # fmt: skip
    trained = picture_of(sample_preview(config, FRESH, 0, 0).mask) / 255
    painted = values(tool.canvas.painted).reshape(16, 8, 32, 8).mean((1, 3)) / 255
    assert trained.shape == (16, 32) and np.abs(trained - painted).max() < 0.02
    assert trained[8, 4] == 1 and trained[8, 28] == 0


def test_what_the_check_said_before_a_mask_was_written_is_asked_anew(qtbot: QtBot, tool: MaskTool) -> None:
    use_folder(tool)
    told: list[bool] = []
    tool._desk.desk.wishes.files_written.connect(lambda: told.append(Path(tool.rules.mask_dir).is_dir()))
    saved(qtbot, tool)
    assert told == [], "nothing was painted"
    paint_left_half(tool)
    saved(qtbot, tool)
    assert told == [True]


def test_the_right_button_takes_away_and_strokes_are_undone(tool: MaskTool) -> None:
    tool.canvas.set_brush(20)
    QTest.mouseClick(tool.canvas, Qt.MouseButton.RightButton, pos=at(tool, 0.5, 0.5))
    mask = values(tool.canvas.painted)
    assert (mask[64, 128], mask[10, 10]) == (0, 255), "all counts but for the stroke"
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(tool.canvas, Qt.MouseButton.LeftButton, shift, at(tool, 0.1, 0.5))
    assert values(tool.canvas.painted)[64, 26] == 0
    tool.undo.click()
    assert np.array_equal(values(tool.canvas.painted), mask)
    tool.undo.click()
    assert tool.canvas.painted.isNull() and not tool.undo.isEnabled()
    tool.redo.click()
    assert np.array_equal(values(tool.canvas.painted), mask)
    tool.invert.click()
    assert np.array_equal(values(tool.canvas.painted), 255 - mask)


def test_another_picture_has_its_own_mask_and_the_first_is_saved(qtbot: QtBot, tool: MaskTool, tmp_path: Path) -> None:
    use_folder(tool)
    tool.everything.click()
    choose(qtbot, tool, 1)
    assert tool.canvas.painted.isNull()
    choose(qtbot, tool, 0)
    qtbot.waitUntil(lambda: not tool.canvas.painted.isNull(), timeout=PATIENCE)
    assert values(tool.canvas.painted).min() == 255
    tool.remove.click()
    saved(qtbot, tool)
    assert not (tmp_path / "set masks" / "1_cat" / "0.png").exists()
    assert list((tmp_path / "state").rglob("0.png")), "a copy is kept"


def test_a_mask_that_cannot_be_written_is_said_and_kept(qtbot: QtBot, tool: MaskTool, tmp_path: Path) -> None:
    said: list[str] = []
    tool._desk.said.connect(said.append)
    use_folder(tool)
    (tmp_path / "set masks").write_text("a file where the folder should be")
    tool.everything.click()
    saved(qtbot, tool)
    assert any("The mask is not saved" in one for one in said)
    choose(qtbot, tool, 1)
    assert wait_for_all(PATIENCE)
    (tmp_path / "set masks").unlink()
    choose(qtbot, tool, 0)
    qtbot.waitUntil(lambda: not tool.canvas.painted.isNull(), timeout=PATIENCE)
    saved(qtbot, tool)
    assert (tmp_path / "set masks" / "1_cat" / "0.png").exists()


def test_the_brush(tool: MaskTool) -> None:
    before = tool.canvas.brush
    QTest.keyClick(tool.canvas, Qt.Key.Key_BracketRight)
    assert tool.brush.value() == tool.canvas.brush > before
    tool.brush.setValue(5)
    assert tool.canvas.brush == 5
