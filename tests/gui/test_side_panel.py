"""The column at the right: numbers, verdict and faults of the newest answer; old numbers stay in grey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.side_panel import SidePanel
from gui.widgets.meter import Meter
from kohya_like.data.plan import steps
from kohya_like.preflight.estimate import GIB, DiskNeed, MemoryEstimate, Share
from kohya_like.preflight.report import PartRow
from kohya_like.schema.errors import Fault
from tests.gui.desk import make_desk
from tests.gui.reports import FEW, HOSTILE, ODD, PROBE, WRONG, answer, concept
from tests.gui.watch import io_of_main_thread


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.service.close()


@pytest.fixture
def panel(qtbot: QtBot, desk: Desk) -> SidePanel:
    made = SidePanel(desk)
    qtbot.addWidget(made)
    made.resize(330, 700)
    made.show()
    return made


def all_text(panel: SidePanel) -> str:
    return "\n".join(label.text() for label in panel.findChildren(QLabel) if label.isVisibleTo(panel))


def test_before_the_first_answer_nothing_is_promised(panel: SidePanel) -> None:
    assert panel.verdict.text() == "Not checked yet."
    assert panel.steps.total.text() == "–"
    assert "as soon as the preset can be read" in panel.steps.formula.text()


def test_steps_and_how_they_come_about(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer())
    assert panel.steps.total.text() == "505"
    assert "20 pictures x 10 repeats = 201 samples / batch 2 in 2 buckets" in panel.steps.formula.text()
    facts = dict(panel.steps.facts.rows())
    assert facts == {"Pictures": "20", "Epochs": "5", "Steps per epoch": "101", "Warm-up steps": "50"}
    assert "The formula of the tutorials gives 503." in panel.steps.usual.text()
    assert dict(panel.steps.files.rows()) == {
        "Saved during the run": "5", "Kept of them": "3", "The last one": "cat.safetensors",
        "Size of each": "about 2.0 MB",
    }  # fmt: skip


def test_the_usual_formula_is_not_mentioned_where_it_agrees(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer(steps=steps(100, 1, 5, None, samples=200, batch_size=2)))
    assert panel.steps.total.text() == "500" and panel.steps.usual.isHidden()


def test_each_bucket_is_counted_and_many_are_summed(desk: Desk, panel: SidePanel) -> None:
    from kohya_like.preflight.report import BucketRow

    buckets = tuple(BucketRow(64 * n, 512, 2, 1) for n in range(1, 31))
    desk.service.checked.emit(answer(buckets=buckets))
    panel.steps._fold.heading.click()
    rows = panel.steps.buckets.rows()
    assert rows[0] == ("64 x 512", "samples 2, batches 1")
    assert rows[-1] == ("18 more", "samples 36, batches 18") and len(rows) == 13


def test_ready_or_how_many_errors(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer([FEW, ODD]))
    assert panel.verdict.text() == "Ready to start."
    desk.service.checked.emit(answer([FEW, WRONG]))
    assert panel.verdict.text() == "One error to mend first."
    desk.service.checked.emit(answer([WRONG, Fault("also wrong")]))
    assert panel.verdict.text() == "2 errors to mend first."


def test_a_preset_that_cannot_be_read_keeps_the_numbers_in_grey(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer())
    assert panel.steps.total.isEnabled() and panel.note.isHidden()
    broken = Fault("line 3: expected a value", where="my.toml:3")
    desk.service.checked.emit({"ok": False, "report": None, "faults": [{**broken.as_dict(), "fix": None}]})
    assert panel.steps.total.text() == "505" and not panel.steps.total.isEnabled()
    assert "are from before" in panel.note.text() and not panel.note.isHidden()
    assert panel.faults.rows()[0].sentence.text() == "line 3: expected a value"
    desk.service.checked.emit(answer())
    assert panel.steps.total.isEnabled() and panel.note.isHidden()


def test_numbers_without_the_options_that_are_wrong_say_so(desk: Desk, panel: SidePanel) -> None:
    found = answer([WRONG])
    found["report"]["partial"] = True
    desk.service.checked.emit(found)
    assert "take the default" in panel.note.text() and not panel.note.isHidden()
    assert panel.steps.total.isEnabled()


def test_only_a_slow_check_is_seen(desk: Desk, panel: SidePanel, qtbot: QtBot) -> None:
    panel._timer.setInterval(0)
    desk.service.checked.emit(answer())
    desk.service.checking.emit(True)
    desk.service.checking.emit(False)
    assert panel.busy.isHidden() and panel.steps.total.isEnabled()
    desk.service.checking.emit(True)
    qtbot.waitUntil(lambda: not panel.busy.isHidden())
    assert panel.steps.total.text() == "505" and not panel.steps.total.isEnabled()
    desk.service.checked.emit(answer())
    assert panel.busy.isHidden() and panel.steps.total.isEnabled()


def test_another_preset_forgets_the_numbers(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer([WRONG]))
    desk.document.new()
    assert panel.steps.total.text() == "–" and panel.faults.rows() == []
    assert panel.verdict.text() == "Not checked yet."


def test_a_dead_service_is_said(desk: Desk, panel: SidePanel) -> None:
    desk.service.died.emit("The service ended with code 3, 3 times in a row")
    assert "ended with code 3" in panel.verdict.text()


def test_parts_lead_to_the_option_of_their_rate(desk: Desk, panel: SidePanel, qtbot: QtBot) -> None:
    desk.service.checked.emit(answer())
    unet, text = panel.parts.blocks
    assert unet.name.text() == "UNet: trained" and text.name.text() == "Text encoder: not trained"
    assert unet.amount.text() == "192 layers, 313,344 numbers" and text.amount.isHidden()
    assert unet.link.text().endswith(": 0.0001")
    with qtbot.waitSignal(desk.wishes.field_requested) as asked:
        unet.link.click()
    assert asked.args == ["optimizer.unet_lr"]
    desk.service.checked.emit(answer(parts=(PartRow("unet", True, 1e-4, "optimizer.unet_lr", None, None),)))
    assert "cannot be read" in unet.amount.text() and text.isHidden()


def test_memory_and_disk_in_words_and_bars(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer())
    assert panel.memory.memory.words.text() == "About 3.0 GB to 5.0 GB on the GPU; 8.0 GB free"
    assert panel.memory.memory.meter.share == 0.5
    assert "50.0 GB free" in panel.memory.disks[0].words.text()
    assert "More than is free" not in all_text(panel)
    short = MemoryEstimate((Share("UNet", 9 * GIB),), (), "cuda", 8 * GIB)
    desk.service.checked.emit(answer(memory=short, disks=(DiskNeed("/r", "files", 2 * GIB, GIB),)))
    assert "training would probably stop" in all_text(panel) and "saving would fail" in all_text(panel)
    unknown = MemoryEstimate((Share("UNet", GIB),), (), "cuda", None)
    desk.service.checked.emit(answer(memory=unknown, disks=()))
    assert "not known" in panel.memory.memory.words.text() and panel.memory.memory.meter.isHidden()
    assert dict(panel.memory.shares.rows())["UNet"] == "1.0 GB"


def test_language_and_theme_are_switched_while_it_is_open(desk: Desk, panel: SidePanel) -> None:
    desk.service.checked.emit(answer([WRONG]))
    before = panel.grab().toImage()
    desk.theme.set("dark")
    assert panel.grab().toImage() != before
    desk.language.set("zh_CN")
    assert panel.faults.rows()[0].jump.text() == desk.language.texts.label_of("network.dim") != "Network dim"
    desk.language.set("en")
    assert panel.verdict.text() == "One error to mend first."


def test_foreign_text_stays_text_and_opens_nothing(desk: Desk, panel: SidePanel, qtbot: QtBot) -> None:
    faults = [Fault(text, "data.subsets[0].image_dir", text[:300], text) for text in HOSTILE]
    with io_of_main_thread() as touched:
        desk.service.checked.emit(answer(faults, concepts=(concept(PROBE, PROBE),)))
        qtbot.waitUntil(lambda: PROBE in all_text(panel))
        panel.grab()
    assert not [one for one in touched if "PROBE" in one] and not [one for one in touched if "open /" in one]
    labels = panel.findChildren(QLabel)
    assert {label.textFormat() for label in labels if label.text()} == {Qt.TextFormat.PlainText}
    assert max(len(label.text()) for label in labels) < 12_000
    assert len(panel.faults.rows()) == 3 and "\u202e" not in all_text(panel)
    assert not [w.toolTip() for w in panel.findChildren(QLabel) if "<img" in w.toolTip()]


def test_everything_has_a_name_and_nothing_is_cut(desk: Desk, panel: SidePanel, qtbot: QtBot) -> None:
    desk.service.checked.emit(answer([WRONG, FEW, ODD]))
    assert all(button.accessibleName() for button in panel.findChildren(QAbstractButton))
    assert all(meter.accessibleName() for meter in panel.findChildren(Meter) if meter.isVisible())
    for button in panel.findChildren(QAbstractButton):
        assert not button.isVisible() or button.width() >= button.sizeHint().width(), button.text()
    content = panel._scroll.widget()
    assert content is not None and content.width() <= panel._scroll.viewport().width()
