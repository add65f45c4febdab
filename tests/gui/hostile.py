"""A whole window in which every text that strangers may have written is hostile. A program, run under strace.

    python -m tests.gui.hostile FOLDER PROBE [--control]

Fills the preset, captions, concepts, runs, their logs and prompts, settings, dialogs, banners and tooltips with markup
that names the file PROBE, with marks that turn the writing, and with a line of a megabyte; shows everything; prints as
JSON what is shown and where a law was broken. With --control one careless label is shown as well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QMenu,
    QMessageBox,
    QTabBar,
    QToolButton,
    QToolTip,
    QWidget,
)

from gui.compare import CompareDialog
from gui.fetch_dialog import FetchDialog
from gui.main_window import PAGES, MainWindow
from gui.widgets.text import LIMIT
from kohya_like.events import Event, Failed, Finished, Phase, Sample, Saved, Started, Warned
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document
from tests.gui.desk import StillService, still_desk
from tests.gui.fake_trainer import line
from tests.gui.looks import TABS, settle
from tests.gui.reports import answer, concept, with_fix
from tests.gui.run_folders import DEAD, ME, make
from tests.gui.test_form_round_trip import EVERY

TURNED = "\u202egpj.exe\u2066"
MARKS = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
LONG = 1_000_000
LONG_PRESET = "[model]\nbase = {0}\n[data]\ncaption_prefix = {0}\n[sample]\nprompts = [{0}]\n"


class Hostile:
    """The window and its hostile surroundings."""

    def __init__(self, folder: Path, probe: str) -> None:
        self.folder, self.probe = folder, probe
        self.mark = f"<img src='file://{probe}'>{TURNED}"
        self.name = f"<img src={Path(probe).name}>{TURNED}"  # fit for a file name
        self.texts = (self.mark, self.mark + "x" * LONG)
        self.desk = still_desk(folder)
        self.desk.settings.recent = [f"/x/{self.name}.toml"]
        self.desk.settings.run_roots = [f"/x/{self.name}"]
        for key in ("model.base", "data.train_data_dir"):
            self.desk.settings.remember_path(key, f"/x/{self.name}")
        self.desk.runs.add_root(folder)
        self.make_runs()
        self.window = MainWindow(self.desk)
        self.window.resize(1280, 720)
        self.window.show()
        self.shown: set[str] = set()
        self.tips: set[str] = set()
        self.broken: list[str] = []

    def make_runs(self) -> None:
        mark, long = self.mark, self.texts[1]
        begun = Started(100, 1, 100, {mark: 1e-4}, 7, version=mark)
        steps = [line(60.0 + n, "step", step=n, epoch=1, loss=0.1, lr={mark: 1e-4}, seconds=0.1, memory_bytes=1,
                      gradient_norm=1.0) for n in range(1, 20)]  # fmt: skip
        seen: tuple[Event | str, ...] = (
            begun,
            *steps,
            Sample(5, mark, 0, 1, f"/x/{self.name}.png"),
            Sample(5, long, 1, 1, mark),
        )
        ends = (Saved(20, mark, "network"), Failed(mark, f"{mark}; train.seed = {mark}"))
        make(self.folder, f"{self.name}-20260103-120000", DEAD, {"code": 1}, (*seen, *ends), state=True)
        make(self.folder, "long-20260102-120000", DEAD, {"code": 1}, (*seen, Failed(long, long)), state=True)
        live = (*seen, Phase(mark, 1, 9), Warned(mark, mark), Warned(long, long))
        make(self.folder, f"live{self.name}", ME, None, live)
        make(self.folder, "done", DEAD, {}, (*seen, Saved(20, mark, "network"), Finished("done", 20, mark)))
        for run in (self.folder / "runs").iterdir():
            log = f"{mark}\nTraceback (most recent call last):\nRuntimeError: {mark}\n{long}\n"
            (run / "console.log").write_text(log, encoding="utf-8")

    def fill(self, text: str) -> None:
        """The preset, the report and everything that is said."""
        self.desk.document.new(
            self.preset(text) if len(text) < LIMIT else LONG_PRESET.format(json.dumps(text[:50_000]))
        )
        short = text[:5000]
        faults = [
            Fault(text, key, short, text, severity)
            for key in ("network.dim", "data.train_data_dir", "", text[:500])
            for severity in ("error", "warning", "hint")
        ]
        fix = with_fix(Fault(text, "train.seed"), f"Rename {short} to {short}", {short: short}, {short: short})
        report = answer(
            [*faults, fix],
            concepts=(concept(text, f"/x/{short}", class_tokens=text, captions={text: 1}), concept(short, "/y")),
        )
        self.put_into(report["report"], text)
        self.desk.service.latest = report
        self.desk.service.checked.emit(report)
        self.desk.wishes.said.emit(text)
        self.desk.service.refused.emit([{"text": text, "key": short, "mend": text}])
        self.desk.document.failed.emit(text, text)
        self.window.notice.show_message(text, [(short[:200], lambda: None)])

    def preset(self, text: str) -> str:
        """Every option holds the text, and there is a key of that name."""
        document = Document("# " + self.mark.replace("\u202e", "") + "\n")
        document.add_item("data.subsets", {"image_dir": text})
        for field in EVERY:
            if not field.key.endswith(".name") and not field.key.startswith("data.subsets"):
                document.set(field.key, [text] if field.kind == "lines" else text)
        document.set("optimizer.optimizer_args", {text: text})
        document.set(f'network."{text}"'.replace("'", ""), text)
        return document.text()

    def put_into(self, node: object, text: str) -> None:
        """Every text of a report below the first two levels that is no word of ours."""
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and key in (
                    "path",
                    "folder",
                    "name",
                    "what",
                    "why",
                    "detail",
                    "note",
                    "label",
                ):
                    node[key] = value if value in ("unet", "text_encoder") else text
                else:
                    self.put_into(value, text)
        elif isinstance(node, list):
            for value in node:
                self.put_into(value, text)

    def show_all(self, language: str) -> None:
        """Every page, tab and run; what is seen is noted."""
        self.desk.language.set(language)
        for name in PAGES:
            self.window.show_page(name)
            settle(2000)
            page = self.window.pages[name]
            for tab in TABS if name == "train" else ():
                page.open_tab(tab)  # type: ignore[attr-defined]
                settle(2000)
                self.look(page.forms[tab])  # type: ignore[attr-defined]
            for row in self.desk.runs.runs if name == "runs" else ():
                page.show_run(row.path)  # type: ignore[attr-defined]
                settle(2000)
                self.look(page)
            self.look(self.window)

    def show_dialogs(self) -> None:
        compare = CompareDialog(self.desk, self.mark, self.texts[1])
        fetch = FetchDialog(self.desk, self.mark)
        listing = {"name": self.mark, "endpoint": self.mark, "licence": self.mark, "revision": self.mark, "total": 5,
                   "files": [{"name": self.mark, "size": 5}]}  # fmt: skip
        fetch._on_looked_up(listing)
        self.desk.service.look_up_failed.emit(self.mark, self.mark)
        for dialog in (compare, fetch):
            dialog.show()
            settle(2000)
            self.look(dialog)
            dialog.hide()
        bar = self.window.pages["train"].bar  # type: ignore[attr-defined]
        for how in ("changed", "deleted"):
            bar._on_changed_outside(how)
        QMessageBox.exec = lambda box: self.look_at_question(box)  # type: ignore[method-assign,assignment]
        path = self.folder / f"{self.name}.toml"
        path.write_text("")
        self.window.files.open(str(path))
        settle(2000)
        self.desk.document.open(path)
        settle(2000)
        self.desk.document.set("network.dim", 4)
        self.window.files.new()
        self.look(self.window)

    def look_at_question(self, box: QDialog) -> int:
        box.show()
        self.look(box)
        box.hide()
        return int(QMessageBox.StandardButton.Cancel.value)

    # what is seen

    def look(self, top: QWidget) -> None:
        top.grab()
        for widget in (top, *top.findChildren(QWidget)):
            if widget.metaObject().className() != "QTipLabel":  # Qt's own, for tooltips
                self.look_at(widget)

    def look_at(self, widget: QWidget) -> None:
        where = type(widget).__name__
        if isinstance(widget, QLabel) and widget.text():
            self.note(where, widget.text())
            if widget.textFormat() != Qt.TextFormat.PlainText:
                self.broken.append(f"{where} guesses whether it is markup: {widget.text()[:80]!r}")
        for text in texts_of(widget):
            self.note(where, text)
        for tip in {widget.toolTip(), *tips_of(widget)}:
            if tip:
                self.note(f"tooltip of {where}", tip)
                if "img" in tip and tip not in self.tips:
                    QToolTip.showText(QPoint(5, 5), tip, widget)
                    self.tips.add(tip)
                if "<img" in tip:
                    self.broken.append(f"tooltip of {where} is markup: {tip[:80]!r}")
        if isinstance(widget, QToolButton) and widget.menu() is not None:
            widget.menu().aboutToShow.emit()
            widget.menu().grab()

    def note(self, where: str, text: str) -> None:
        if "img" in text:
            self.shown.add(where)
        if len(text) > 2 * LIMIT:
            self.broken.append(f"{where} shows {len(text)} characters: {text[:80]!r}")
        if any(mark in text for mark in MARKS):
            self.broken.append(f"{where} turns the writing: {text[:80]!r}")


def texts_of(widget: QWidget) -> Iterator[str]:
    """What a widget shows beside the text of a label; not the value inside an editor, which is kept as it is."""
    if isinstance(widget, QAbstractButton):
        yield widget.text()
    if isinstance(widget, QComboBox) and not widget.isEditable():
        yield from (widget.itemText(at) for at in range(widget.count()))
    if isinstance(widget, QTabBar):
        yield from (widget.tabText(at) for at in range(widget.count()))
    if isinstance(widget, QMenu):
        yield from (action.text() for action in widget.actions())
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        yield from data_of(widget.model(), Qt.ItemDataRole.DisplayRole)
    if widget.isWindow():
        yield widget.windowTitle()


def tips_of(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        yield from data_of(widget.model(), Qt.ItemDataRole.ToolTipRole)


def data_of(model: QAbstractItemModel, role: Qt.ItemDataRole) -> Iterator[str]:
    for row in range(min(model.rowCount(), 20)):
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount()):
            value = model.index(row, column).data(role)
            if isinstance(value, str):
                yield value


def main(folder: Path, probe: str, control: bool) -> int:
    application = QApplication(sys.argv[:1])
    hostile = Hostile(folder, probe)
    assert isinstance(hostile.desk.service, StillService)
    if control:
        careless = QLabel(hostile.mark)
        careless.show()
        hostile.look(careless)
        print(json.dumps({"shown": [], "broken": hostile.broken}))
        return 0
    for text, language in zip(hostile.texts, ("en", "zh_CN")):
        hostile.fill(text)
        hostile.show_all(language)
    hostile.show_dialogs()
    application.processEvents()
    hostile.window.pages["runs"]._close_readers()  # type: ignore[attr-defined]
    hostile.desk.runs.close()
    print(json.dumps({"shown": sorted(hostile.shown), "broken": sorted(set(hostile.broken))}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], "--control" in sys.argv))
