"""The number of steps, how it comes about, and the files a run will leave."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.amounts import size, whole
from gui.desk import Desk
from gui.theme import GAP, SMALL
from gui.widgets.facts import Facts
from gui.widgets.fold import Fold
from gui.widgets.text import PlainLabel, plain_tooltip, shortened

SHOWN_BUCKETS = 12


class StepsCard(QFrame):
    """Shows `steps`, `buckets` and `files` of a report."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._report: dict[str, Any] = {}
        self._heading = PlainLabel(role="heading")
        self.total = PlainLabel(role="big")
        self.formula = PlainLabel(wrap=True)
        self.facts = Facts()
        self.usual = PlainLabel(role="muted", wrap=True)
        self.buckets = Facts()
        self._fold = Fold(desk, self.buckets)
        self._fold.opened.connect(lambda _: self._show_buckets())
        self._files_heading = PlainLabel(role="heading")
        self.files = Facts()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
        layout.setSpacing(SMALL)
        for part in (self._heading, self.total, self.formula, self.facts, self.usual, self._fold, self._files_heading,
                     self.files):  # fmt: skip
            layout.addWidget(part)
        layout.insertSpacing(layout.indexOf(self._files_heading), SMALL)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_report(self, report: dict[str, Any]) -> None:
        """Steps that could not be counted (no pictures, no readable preset) are said so."""
        self._report = report
        steps: dict[str, Any] = report.get("steps") or {}
        self.total.setText(whole(steps["total"]) if steps else "–")
        self.total.setAccessibleName(self._heading.text() + " " + self.total.text())
        self.formula.setText(self._desk.language.sentence(steps["formula"]) if steps else self._unknown())
        self.facts.setVisible(bool(steps))
        self.facts.show_rows(self._facts(report) if steps else [])
        usual = steps["kohya_formula"] if steps else None
        self.usual.setVisible(bool(steps) and usual != steps["total"])
        self.usual.setText(self._why_it_differs(usual or 0))
        self._fold.setVisible(bool(report.get("buckets")))
        self._show_buckets()
        self._show_files(report.get("files") if steps else None)

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Steps"))
        self._fold.set_title(self.tr("Count of each bucket"))
        self._files_heading.setText(self.tr("Files"))
        self.show_report(self._report)

    def _unknown(self) -> str:
        if not self._report:
            return self.tr("Counted as soon as the preset can be read.")
        return self.tr("Not known yet: there are no pictures to train on.")

    def _facts(self, report: dict[str, Any]) -> list[tuple[str, str]]:
        steps = report["steps"]
        rows = [(self.tr("Pictures"), whole(report.get("images", 0)))]
        if report.get("held_out"):
            rows.append((self.tr("Kept for validation"), whole(report["held_out"])))
        rows.append((self.tr("Epochs"), whole(steps["epochs"])))
        rows.append((self.tr("Steps per epoch"), whole(steps["per_epoch"])))
        if report.get("warmup_steps"):
            rows.append((self.tr("Warm-up steps"), whole(report["warmup_steps"])))
        return rows

    def _why_it_differs(self, usual: int) -> str:
        return self.tr(
            "The formula of the tutorials gives {count}. It leaves out that each bucket ends with a batch of its own, "
            "which may be smaller."
        ).format(count=whole(usual))

    def _show_buckets(self) -> None:
        if not self._fold.is_open:
            return
        buckets = self._report.get("buckets") or []
        counted = self.tr("samples {samples}, batches {batches}")
        rows = [
            (f"{one['width']} x {one['height']}",
             counted.format(samples=whole(one["samples"]), batches=whole(one["batches"])))
            for one in buckets[:SHOWN_BUCKETS]
        ]  # fmt: skip
        if rest := buckets[SHOWN_BUCKETS:]:
            samples, batches = (sum(one[name] for one in rest) for name in ("samples", "batches"))
            more = self.tr("{count} more").format(count=whole(len(rest)))
            rows.append((more, counted.format(samples=whole(samples), batches=whole(batches))))
        self.buckets.show_rows(rows)

    def _show_files(self, plan: dict[str, Any] | None) -> None:
        self._files_heading.setVisible(bool(plan))
        self.files.setVisible(bool(plan))
        if not plan:
            return
        rows = [(self.tr("Saved during the run"), whole(plan["count"]))]
        if plan["kept"] < plan["count"]:
            rows.append((self.tr("Kept of them"), whole(plan["kept"])))
        rows.append((self.tr("The last one"), shortened(PurePath(plan["final"]).name, 200)))
        if plan["bytes_each"]:
            rows.append((self.tr("Size of each"), self.tr("about {size}").format(size=size(plan["bytes_each"]))))
        self.files.show_rows(rows)
        self.files.setToolTip(plain_tooltip(plan["folder"]))
