"""The walk of a first user, with a mouse and a keyboard, in a real window.

    xvfb-run -s "-screen 0 1280x800x24" python -m tests.gui.walk OUT [--language zh_CN] [--theme dark] [--part captions]

Opens the demo preset, chooses the embedded model and the ghost folder, changes fields, watches the steps, starts, sees
loss and samples, pauses (no trainer process is left), resumes, closes the window during the run, opens a new one that
finds the run again, and stops it. Then the captions of 10,000 pictures (`walk_captions`). Pictures of each station go
to OUT. Asserts at every station; prints JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from gui.app import make_window
from gui.main_window import MainWindow
from kohya_like.supervise import status
from tests.gui.walk_captions import walk_captions

PARTS = ("training", "captions")
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "kohya_like" / "demo"


class Walk:
    """One person at one window; `shots` is where the pictures go."""

    def __init__(self, folder: Path, shots: Path, language: str, theme: str) -> None:
        self.folder, self.shots, self.language, self.theme = folder, shots, language, theme
        self.station = 0
        self.answers: list[dict[str, Any]] = []
        self.window = self.open()

    def open(self, preset: str = "") -> MainWindow:
        window = make_window(self.folder / "settings", preset)
        window.desk.settings.language, window.desk.settings.theme = self.language, self.theme
        window.desk.language.set(self.language)
        window.desk.theme.set(self.theme)
        window.resize(1280, 720)
        window.show()
        window.desk.service.checked.connect(self.answers.append)
        self.window = window
        return window

    def until(self, true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Let the window live until something is so."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                self.shot(f"never-{what.replace(' ', '-')}")
                raise AssertionError(f"never happened: {what}")
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)

    def shot(self, name: str) -> None:
        for _ in range(3):
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        self.station += 1
        self.window.grab().save(str(self.shots / f"{self.station:02d}-{name}-{self.language}-{self.theme}.png"))

    def click(self, widget: QWidget) -> None:
        assert widget.isVisible() and widget.isEnabled(), f"{widget.accessibleName()!r} cannot be clicked"
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type_into(self, key: str, text: str) -> None:
        """Find a field as a person does, by the search or the eye, and type over what it holds."""
        train = self.window.pages["train"]
        train.show_field(key)  # type: ignore[attr-defined]
        self.until(lambda: self.window.focusWidget() is not None, f"the cursor in {key}", 10)
        field = self.window.focusWidget()
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Tab)
        shown = str(self.window.desk.document.value(key))
        assert shown == text or float(shown) == float(text), f"{key} is {shown!r} after typing {text!r}"

    def steps(self) -> int:
        """The number of steps that the newest report names."""
        report = self.answers[-1].get("report") if self.answers else None
        return int(report["steps"]["total"]) if report and report.get("steps") else 0


def steps_of(page: Any) -> int:
    """The last step that the run page has read."""
    last = page.reader.data.last if page.reader is not None else None
    return last.step if last is not None else 0


def walk(person: Walk) -> dict[str, Any]:
    window, folder = person.window, person.folder
    preset = folder / "my first.toml"
    preset.write_text("# my notes stay\n[save]\noutput_name = 'ghost'  # its name\n", encoding="utf-8")
    window.files.open(str(preset))
    person.until(lambda: window.desk.document.path == preset, "the preset is open")
    person.until(lambda: person.answers, "the first check")
    assert not window.footer.start_button.isEnabled(), "there is no model and no folder yet"
    person.shot("opened")
    person.type_into("model.base", str(DEMO / "base"))
    person.type_into("data.train_data_dir", str(DEMO / "dataset" / "train"))
    window.desk.document.set("data.resolution", 64)
    person.until(lambda: person.steps() > 0, "steps are counted")
    person.shot("folders")
    before = person.steps()
    person.type_into("train.train_batch_size", "4")
    person.type_into("train.max_train_epochs", "60")
    person.until(lambda: person.steps() not in (0, before), "the steps follow the fields")
    person.type_into("optimizer.learning_rate", "3e-3")
    person.type_into("save.output_dir", str(folder / "out"))
    for key, value in {
        "sample.prompts": ["sks ghost on a blue background", "an orange cat in a field"],
        "sample.sample_every_n_steps": 10,
        "sample.steps": 8,
        "hardware.threads": 1,
        "network.dim": 8,
    }.items():
        window.desk.document.set(key, value)
    person.until(lambda: window.footer.start_button.isEnabled(), "Start can be pressed")
    person.shot("ready")
    window.files.save()
    person.until(lambda: not window.desk.document.modified, "the preset is saved")
    saved = preset.read_text(encoding="utf-8")
    assert saved.startswith("# my notes stay\n") and "'ghost'  # its name" in saved, "comments were lost"
    person.click(window.footer.start_button)
    return follow(person)


def follow(person: Walk) -> dict[str, Any]:
    """From Start to the end of the run."""
    window = person.window
    runs = window.desk.runs
    person.until(lambda: runs.runs and runs.runs[0].status == "running", "the run is listed as running")
    run = Path(runs.runs[0].path)
    page = window.pages["runs"]
    person.until(lambda: steps_of(page) > 12 and len(page.reader.data.samples) >= 4, "loss and samples appear", 180)  # type: ignore[attr-defined]
    person.shot("running")
    person.click(page.header.buttons["pause"])  # type: ignore[attr-defined]
    person.until(lambda: runs.runs[0].status == "paused", "the run is paused", 120)
    assert status(run) == "finished", "a trainer process is left after Pause"
    paused_at = steps_of(page)
    person.shot("paused")
    person.click(page.header.buttons["resume"])  # type: ignore[attr-defined]
    person.until(lambda: runs.runs[0].status == "running", "the run goes on", 60)
    person.until(lambda: steps_of(page) > paused_at, "further steps", 120)  # type: ignore[attr-defined]
    window.close()
    person.until(lambda: not window.isVisible(), "the window is closed")
    assert status(run) == "running", "closing the window ended the training"
    window = person.open()
    person.until(
        lambda: window.desk.runs.runs and window.desk.runs.runs[0].status == "running", "the run is found again"
    )
    person.until(window.footer.live.isVisible, "the footer names the run")
    person.shot("reopened")
    person.click(window.footer.live)
    page = window.pages["runs"]
    person.until(lambda: steps_of(page) > paused_at, "all its steps are shown again", 60)  # type: ignore[attr-defined]
    person.click(page.header.buttons["stop"])  # type: ignore[attr-defined]
    person.until(lambda: window.desk.runs.runs[0].status == "stopped", "the run is stopped", 120)
    person.shot("stopped")
    window.close()
    person.until(lambda: not window.isVisible(), "the window is closed again")
    files = sorted(path.name for path in (run.parents[1]).glob("*.safetensors"))
    return {"run": run.name, "paused_at": paused_at, "files": files, "shots": person.station}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--theme", default="light")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    for part in arguments.part:
        work = arguments.out.absolute() / f"work-{part}-{arguments.language}-{arguments.theme}"
        work.mkdir()
        # the cache and the journals of this user stay as they are
        os.environ |= {"XDG_CACHE_HOME": str(work / "cache"), "KOHYA_LIKE_STATE_DIR": str(work / "state")}
        person = Walk(work, arguments.out, arguments.language, arguments.theme)
        print(json.dumps(walk(person) if part == "training" else walk_captions(person, work)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
