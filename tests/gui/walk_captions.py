"""The walk over 10,000 pictures: open, filter, choose many, rename, regex, undo, auto-tag, accept, mask, save, train.

Part of `tests.gui.walk`. The pictures are the demo's, written many times with captions of their own.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget

from benchmarks.dataset_made import with_comment
from kohya_like.events import EVENTS
from tests.dataset_tools.taggers.tiny_taggers import tiny_wd14

if TYPE_CHECKING:
    from tests.gui.walk import Walk

DEMO = Path(__file__).parents[2] / "kohya_like" / "demo"
COUNT, SIDE, CHOSEN = 10_000, 128, 6
SPARE = ("simple background", "full body", "looking at viewer", "outdoors", "no humans", "soft light", "from above")
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def make_pictures(folder: Path, count: int = COUNT) -> Path:
    """Concept folders of the demo's pictures as JPEG, each with other bytes, and their captions as tags."""
    sources = sorted((DEMO / "dataset" / "train").glob("*/*.png"))
    bodies, captions = [], []
    for source in sources:
        buffer = io.BytesIO()
        Image.open(source).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(
            buffer, "JPEG", quality=90
        )
        bodies.append(buffer.getvalue())
        words = source.with_suffix(".txt").read_text(encoding="utf-8").strip().split(" ", 3)
        captions.append([" ".join(words[:2]), words[-1].removeprefix("a ").strip()])
    concepts = [folder / name for name in ("1_sks ghost", "1_ghosts at night")]
    for concept in concepts:
        concept.mkdir(parents=True)
    for number in range(count):
        which, stem = number * 7 % len(bodies), concepts[number % 2] / f"picture {number:05d}"
        stem.with_suffix(".jpg").write_bytes(with_comment(bodies[which], f"picture {number}"))
        tags = [*captions[which], *(SPARE[(number + k * k) % len(SPARE)] for k in range(number % 4))]
        if number % 50 != 49:  # some have none
            stem.with_suffix(".txt").write_text(", ".join(dict.fromkeys(tags)), encoding="utf-8")
    return folder


class CaptionsWalk:
    """What one person does on the captions page of a window whose preset trains `pictures`."""

    def __init__(self, person: Walk, pictures: Path) -> None:
        self.person, self.pictures = person, pictures
        self.window = person.window
        self.page: Any = None
        self.desk: Any = None

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.window.focusWidget() or self.window, key, modifier)

    def write(self, line: QWidget, text: str) -> None:
        """Click into a line and type over what it holds."""
        self.person.click(line)
        QTest.keyClick(line, Qt.Key.Key_A, CONTROL)
        QTest.keyClicks(line, text)

    def choose(self, box: QComboBox, value: object) -> None:
        """As a person does with the wheel of a list: only what the list offers."""
        row = next(row for row in range(box.count()) if box.itemData(row) == value)
        box.setCurrentIndex(row)
        box.activated.emit(row)

    def tool(self, key: Qt.Key) -> Any:
        self.page.gallery.take_keyboard()
        self.key(key, CONTROL)
        self.person.until(lambda: self.page.tools.isVisible(), "the tool is open")
        return self.page.tools.widgets[self.page.tools.name]

    def texts(self) -> list[str]:
        return list(self.desk.library.texts(self.desk.library.ids()))

    # stations

    def opened(self) -> None:
        person = self.person
        self.window.activateWindow()  # keys are heard by the active window alone
        person.until(self.window.isActiveWindow, "the window is active")
        person.click(self.window.buttons["captions"])
        self.page = self.window.pages["captions"]
        self.desk = self.page.captions
        person.until(lambda: self.desk.session is not None and self.page.panel is not None, "captions are read", 120)
        assert len(self.desk.shown.ids) == COUNT, f"{len(self.desk.shown.ids)} pictures are listed"
        person.until(lambda: self.page.gallery.cells.isVisible(), "the grid is shown")
        self.rest()
        person.shot("captions")

    def rest(self) -> None:
        """Until thumbnails have arrived and nothing is computed."""
        from gui.background import wait_for_all

        for _ in range(5):
            wait_for_all()
            QApplication.processEvents()

    def filtered(self) -> None:
        self.page.gallery.take_keyboard()
        QTest.keyClicks(self.window.focusWidget(), "/")
        line = self.page.filter.text
        assert line.hasFocus(), "/ does not lead to the filter"
        QTest.keyClicks(line, 'tag:"soft light" tags:>3')
        self.person.until(lambda: 0 < len(self.desk.shown.ids) < COUNT, "the filter shows some")
        for number in self.desk.shown.ids:
            tags = self.desk.library.tags(number)
            assert "soft light" in tags and len(tags) > 3, f"the filter lets {tags} through"
        self.key(Qt.Key.Key_Return)
        self.rest()
        self.person.shot("filtered")

    def many_chosen(self) -> None:
        cells, model = self.page.gallery.cells, self.page.gallery.model
        for row, modifier in ((0, Qt.KeyboardModifier.NoModifier), (CHOSEN - 1, SHIFT)):
            middle: QPoint = cells.visualRect(model.index(row)).center()
            QTest.mouseClick(cells.viewport(), Qt.MouseButton.LeftButton, modifier, middle)
        assert len(self.desk.selection) == CHOSEN, f"{len(self.desk.selection)} are chosen"
        QTest.keyClicks(self.window.focusWidget(), "a")
        line = self.page.panel.add.line
        assert line.hasFocus(), "A does not lead to the line for tags"
        QTest.keyClicks(line, "walked past")
        self.key(Qt.Key.Key_Return)
        chosen = list(self.desk.selection)
        self.person.until(
            lambda: all("walked past" in self.desk.library.tags(number) for number in chosen), "all chosen have the tag"
        )
        assert len(self.desk.library.ids_with("walked past")) == CHOSEN, "others have the tag as well"
        self.rest()
        self.person.shot("many-chosen")

    def renamed(self) -> None:
        self.write(self.page.filter.text, " ")
        self.page.filter.ask("")
        self.person.until(lambda: len(self.desk.shown.ids) == COUNT, "all are shown again")
        before = len(self.desk.library.ids_with("sks ghost"))
        tool = self.tool(Qt.Key.Key_E)
        self.choose(tool.operation, "rename")
        self.choose(tool.scope, "all")
        for name, text in (("old", "sks ghost"), ("new", "sks spirit")):
            line = tool.inputs[name]
            assert isinstance(line, QLineEdit)
            self.write(line, text)
        self.person.until(tool.apply.isEnabled, "the preview of the rename is there")
        self.rest()
        self.person.shot("rename-preview")
        assert len(self.desk.library.ids_with("sks spirit")) == 0, "a preview changed captions"
        self.person.click(tool.apply)
        self.person.until(lambda: len(self.desk.library.ids_with("sks spirit")) == before, "the tag is renamed")

    def replaced_and_undone(self) -> None:
        before = self.texts()
        tool = self.tool(Qt.Key.Key_R)
        self.person.until(tool.wanted.hasFocus, "the line to find is there")
        if not tool.is_regex.isChecked():
            self.person.click(tool.is_regex)
        self.write(tool.wanted, r"^(\w+) background$")
        self.write(tool.replacement, r"\1 backdrop")
        self.choose(tool.where, "tags")
        self.choose(tool.pictures, "all")
        self.person.until(tool.apply.isEnabled, "the preview of the expression is there")
        self.rest()
        self.person.shot("regex-preview")
        self.person.click(tool.apply)
        self.person.until(lambda: any("simple backdrop" in text for text in self.texts()), "the expression is applied")
        assert not any("simple background" in text for text in self.texts())
        self.page.gallery.take_keyboard()
        self.key(Qt.Key.Key_Z, CONTROL)
        self.person.until(lambda: self.texts() == before, "undo brings every caption back")
        self.person.shot("undone")

    def tagged(self, model: Path) -> None:
        self.page.filter.ask("missing:caption")
        self.person.until(lambda: len(self.desk.shown.ids) == COUNT // 50, "those without a caption are shown")
        tool = self.tool(Qt.Key.Key_T)
        self.choose(tool.tagger.kind, "wd14")
        self.write(tool.tagger.inputs["model"], str(model))
        self.choose(tool.scope, "shown")
        tool.choice.thresholds["general"].setValue(10)
        ids, before = list(self.desk.shown.ids), self.texts()
        self.person.click(tool.start)
        self.person.until(lambda: tool.child.is_busy, "the tagger works")
        counted = f"{COUNT // 50}"
        self.person.until(lambda: not tool.child.is_busy and counted in tool.accept.text(), "it proposes", 180)
        assert self.texts() == before, "a proposal changed a caption"
        self.rest()
        self.person.shot("proposals")
        self.person.click(tool.accept)
        self.person.until(lambda: any(self.desk.library.text(number) for number in ids), "proposals are accepted")
        self.page.filter.ask("")
        self.person.until(lambda: len(self.desk.shown.ids) == COUNT, "all are shown once more")

    def masked(self) -> Path:
        self.desk.select([self.desk.shown.ids[0]])
        tool = self.tool(Qt.Key.Key_M)
        self.person.until(lambda: not tool.canvas.picture.isNull(), "the picture is on the canvas")
        if tool.use.isVisible():
            self.person.click(tool.use)
        assert tool.rules.has_place, "there is no place for masks"
        self.person.until(lambda: not tool.canvas.picture.isNull(), "the picture is on the canvas")
        canvas, middle = tool.canvas, tool.canvas.rect().center()
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle - QPoint(40, 10))
        for step in range(8):
            QTest.mouseMove(canvas, middle + QPoint(10 * step - 40, 5 * (step % 3) - 10))
            self.person.until(lambda: True, "painting")
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
        folder = Path(tool.rules.mask_dir)
        self.person.until(lambda: list(folder.rglob("*.png")), "the mask is on the disk")
        self.rest()
        self.person.shot("mask")
        mask = next(iter(folder.rglob("*.png")))
        levels = Image.open(mask).convert("L").getextrema()
        assert levels == (0, 255), f"the mask has {levels}: nothing was painted"
        return mask

    def saved(self) -> None:
        self.page.tools.leave()
        self.page.gallery.take_keyboard()
        self.key(Qt.Key.Key_S, CONTROL)
        self.person.until(lambda: self.desk.unsaved == 0, "everything is in its file", 300)
        library = self.desk.library
        for number in list(library.ids())[:: COUNT // 200]:
            file = Path(library.caption_path(number))
            assert (file.read_text(encoding="utf-8") if file.exists() else "") == library.text(number), file
        self.rest()
        self.person.shot("saved")


def walk_captions(person: Walk, folder: Path) -> dict[str, Any]:
    """All stations; then the dataset, with its mask, is trained for a few steps."""
    window = person.window
    pictures, model = make_pictures(folder / "ten thousand"), tiny_wd14(folder / "tagger")
    preset = folder / "captions.toml"
    preset.write_text("[save]\noutput_name = 'spirit'\n", encoding="utf-8")
    window.files.open(str(preset))
    person.until(lambda: window.desk.document.path == preset, "the preset is open")
    for key, value in {
        "model.base": str(DEMO / "base"), "data.train_data_dir": str(pictures), "data.resolution": 64,
        "data.cache_latents": False, "train.max_train_steps": 3, "train.train_batch_size": 2, "network.dim": 4,
        "save.output_dir": str(folder / "out of captions"), "hardware.threads": 1,
    }.items():  # fmt: skip
        window.desk.document.set(key, value)
    one = CaptionsWalk(person, pictures)
    one.opened()
    one.filtered()
    one.many_chosen()
    one.renamed()
    one.replaced_and_undone()
    one.tagged(model)
    mask = one.masked()
    one.saved()
    window.show_page("train")
    person.until(window.footer.start_button.isEnabled, "Start can be pressed", 120)
    window.files.save()
    person.until(lambda: not window.desk.document.modified, "the preset is saved")
    assert "masked_loss = true" in preset.read_text(encoding="utf-8"), "the mask is not trained"
    person.click(window.footer.start_button)
    runs = window.desk.runs
    person.until(lambda: runs.runs and runs.runs[0].status == "finished", "the training is done", 300)
    run = Path(runs.runs[0].path)
    said = (run / EVENTS).read_text(encoding="utf-8")
    assert '"step": 3' in said or '"step":3' in said, "the training made no third step"
    person.shot("trained")
    window.close()
    person.until(lambda: not window.isVisible(), "the window is closed")
    return {"pictures": COUNT, "mask": mask.name, "run": run.name, "shots": person.station}
