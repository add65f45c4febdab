"""A look over all pictures of the preset, and the plan that mends: a clean copy in a new folder. Nothing is deleted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.desk import Desk
from gui.process import DATASET_TOOL, Child, Outcome
from gui.theme import GAP, SMALL
from gui.widgets.health_results import HealthResults
from gui.widgets.text import PlainLabel, shortened

ROOT = Path(__file__).parent.parent.parent
FOLDER_KEY = "data.train_data_dir"
REASONS = ("duplicate", "damaged", "soft", "small", "long")
USUAL = ("duplicate", "damaged")
COMMAND = (sys.executable, "-m", "dataset_tools")


class HealthCard(QFrame):
    """The work is done by a child process; what it decoded is remembered, so that a second look takes seconds."""

    def __init__(self, desk: Desk, command: Sequence[str] = COMMAND, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk, self._command = desk, tuple(command)
        self._report: dict[str, Any] = {}
        self._doing = ""  # "health" or "clean" while the child works
        self._last: dict[str, Any] = {}
        self._made = ""  # the folder of the clean copy
        self.child = Child(DATASET_TOOL, self)
        self.heading = PlainLabel(role="heading")
        self.lesson = PlainLabel(role="muted", wrap=True)
        self.look, self.stop = QPushButton(), QPushButton()
        self.bar = QProgressBar()
        self.said = PlainLabel(role="muted", wrap=True)
        self.results = HealthResults(desk)
        self.plan = QWidget()
        self._plan_words = PlainLabel(wrap=True)
        self.reasons = {reason: QCheckBox() for reason in REASONS}
        self.on_white = QCheckBox()
        self._target_label, self.target = PlainLabel(), QLineEdit()
        self.make, self.use = QPushButton(), QPushButton()
        self._lay_out()
        self._connect()
        self.retranslate()
        self._show_state()

    def show_report(self, report: dict[str, Any]) -> None:
        """The newest report of a check: it names the folders and the size they are trained in."""
        self._report = report
        self._show_state()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Health of the pictures"))
        self.lesson.setText(
            self.tr(
                "Decodes every picture once and looks for near-duplicates, damaged, blurred, too small, very long and "
                "transparent ones. Nothing is changed."
            )
        )
        self.look.setText(self.tr("Look the pictures over"))
        self.stop.setText(self.tr("Stop"))
        self.stop.setAccessibleName(self.tr("Stop looking the pictures over"))
        self.bar.setAccessibleName(self.tr("Pictures looked at"))
        self._plan_words.setText(
            self.tr("Make a clean copy of the folder. The pictures you have stay as they are. Leave out:")
        )
        names = {
            "duplicate": self.tr("Near-duplicates, but for the best of each group"),
            "damaged": self.tr("Damaged ones"),
            "soft": self.tr("Blurred ones"),
            "small": self.tr("Too small ones"),
            "long": self.tr("Very long ones"),
        }
        for reason, box in self.reasons.items():
            box.setText(names[reason])
        self.on_white.setText(self.tr("Lay transparent ones on white"))
        self._target_label.setText(self.tr("New folder"))
        self.target.setAccessibleName(self.tr("New folder"))
        self.make.setText(self.tr("Make the clean copy"))
        self.use.setText(self.tr("Train the clean copy"))
        self.use.setAccessibleName(self.tr("Name the clean copy in the preset"))
        self.results.retranslate()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        for part in (self.look, self.stop):
            buttons.addWidget(part)
        buttons.addWidget(self.bar, 1)
        buttons.addStretch()
        rows = QVBoxLayout(self.plan)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(SMALL)
        rows.addWidget(self._plan_words)
        for box in (*self.reasons.values(), self.on_white):
            rows.addWidget(box)
        place = QHBoxLayout()
        place.setSpacing(GAP)
        self._target_label.setBuddy(self.target)
        place.addWidget(self._target_label)
        place.addWidget(self.target, 1)
        place.addWidget(self.make)
        place.addWidget(self.use)
        rows.addLayout(place)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        column.setSpacing(SMALL)
        column.addWidget(self.heading)
        column.addWidget(self.lesson)
        column.addLayout(buttons)
        for widget in (self.said, self.results, self.plan):
            column.addWidget(widget)
        self.target.setMaxLength(4096)
        self.bar.setTextVisible(False)
        for reason in USUAL:
            self.reasons[reason].setChecked(True)
        self.results.hide()
        self.plan.hide()
        self.use.hide()

    def _connect(self) -> None:
        self.look.clicked.connect(self._on_look_clicked)
        self.stop.clicked.connect(self.child.stop)
        self.make.clicked.connect(self._on_make_clicked)
        self.use.clicked.connect(self._on_use_clicked)
        self.child.line_received.connect(self._on_line)
        self.child.ended.connect(self._on_ended)
        self._desk.language.changed.connect(self.retranslate)

    # what is done

    @property
    def folder(self) -> str:
        """The preset's own folder, absolute; "" where it names none."""
        given = self._desk.document.value(FOLDER_KEY)
        if not isinstance(given, str) or not given:
            return ""
        return os.path.normpath(os.path.join(str(self._desk.document.folder), os.path.expanduser(given)))

    def _on_look_clicked(self) -> None:
        folders = [str(row["folder"]) for row in self._report.get("concepts") or () if row["images"]]
        self._start("health", [*folders, "--json", *self._resolution()])

    def _on_make_clicked(self) -> None:
        reasons = ",".join(reason for reason, box in self.reasons.items() if box.isChecked())
        white = ["--background", "white"] if self.on_white.isChecked() else []
        self._made = os.path.normpath(os.path.expanduser(self.target.text().strip()))
        if not os.path.isabs(self._made):
            self._made = os.path.normpath(os.path.join(self.folder, os.pardir, self._made))
        self._start("clean", [self.folder, self._made, "--without", reasons, "--json", *white, *self._resolution()])

    def _on_use_clicked(self) -> None:
        self._desk.document.set(FOLDER_KEY, self._made)
        self._desk.wishes.said.emit(self.tr("The preset names the clean copy now. Undo takes it back."))
        self.use.hide()

    def _resolution(self) -> list[str]:
        model = self._report.get("model") or {}
        size = model.get("resolution") or (512, 512)
        return ["--resolution", f"{size[0]}x{size[1]}"]

    def _start(self, verb: str, arguments: Sequence[str]) -> None:
        self._doing, self._last = verb, {}
        self.said.setText("")
        self.bar.setRange(0, 0)
        program, *before = self._command
        self.child.start(program, [*before, verb, *arguments], folder=str(ROOT))
        self._show_state()

    def _on_line(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        if "done" in said:
            self.bar.setRange(0, int(said["of"]))
            self.bar.setValue(int(said["done"]))
        else:
            self._last = said

    def _on_ended(self, outcome: Outcome) -> None:
        doing, self._doing = self._doing, ""
        if not outcome.is_good or not self._last:
            self.said.setText(self._failed(outcome))
        elif doing == "health":
            self.results.show_health(self._last)
            self._desk.health = self._last
            self._desk.wishes.pictures_looked_over.emit()
            self.results.show()
            self.plan.setVisible(bool(self._last["groups"] or self._last["findings"]))
            if not self.target.text() and self.folder:
                self.target.setText(f"{self.folder} clean")
        else:
            words = self.tr("{made} pictures copied, {there} were there already, {out} left out, {failed} failed.")
            counts = {name: whole(int(self._last[name])) for name in ("made", "there")}
            out, failed = whole(int(self._last["left_out"])), whole(len(self._last["failed"]))
            self.said.setText(words.format(**counts, out=out, failed=failed))
            self.use.setVisible(self._made != self.folder)
        self._show_state()

    def _failed(self, outcome: Outcome) -> str:
        if outcome.state == "stopped":
            return self.tr("Stopped. What was looked at is remembered.")
        said = " - ".join(self._desk.language.sentence(line.strip()) for line in outcome.sentences)
        return shortened(said, 1000)

    def _show_state(self) -> None:
        is_busy = bool(self._doing)
        has_pictures = any(row["images"] for row in self._report.get("concepts") or ())
        self.look.setEnabled(has_pictures and not is_busy)
        self.stop.setVisible(is_busy)
        self.bar.setVisible(is_busy)
        self.make.setEnabled(bool(self.folder) and not is_busy)
        self.said.setVisible(bool(self.said.text()))
