"""The Dataset page: which folders are trained, how often, what is wrong with them, and into which buckets they go."""

from __future__ import annotations

import os
import re

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gui.background import later
from gui.concepts import KEY, lines_of
from gui.desk import Desk
from gui.fields import fields, subset_fields
from gui.form import Form
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.bucket_chart import BucketChart
from gui.widgets.concept_details import ConceptDetails
from gui.widgets.concept_table import ConceptTable
from gui.widgets.fold import Fold
from gui.widgets.folder_lesson import FolderLesson
from gui.widgets.health_card import HealthCard
from gui.widgets.new_dataset import NewDatasetDialog
from gui.widgets.row import FieldRow
from gui.widgets.sample_card import SampleCard
from gui.widgets.text import PlainLabel

FOLDERS = ("data.train_data_dir", "data.reg_data_dir")
FORM_HEIGHT = 380  # pixels
LAID_OUT_MILLISECONDS = 50  # after which a card that was just shown has its place
BESIDE_TABLE = 420  # pixels of height that the rest of the page wants
_ITEM = re.compile(rf"{re.escape(KEY)}\[(\d+)\]")


class DatasetPage(QWidget):
    """Shows the newest answer of the service. It reads pictures' folders never itself, and changes none."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._report: dict[str, object] = {}
        self._faults: list[dict[str, object]] = []
        self._wanted_item: int | None = None  # chosen as soon as the table shows it
        self.title = PlainLabel(role="title")
        self.lesson = Fold(desk, FolderLesson(desk))
        self.rows = [FieldRow(desk, field) for field in fields() if field.key in FOLDERS]
        self.table = ConceptTable(desk)
        self.empty = PlainLabel(role="muted", wrap=True)
        self.new, self.add, self.own = QPushButton(), QPushButton(), QPushButton()
        self.remove, self.open = QPushButton(), QPushButton()
        self.details, self.chart = ConceptDetails(desk), BucketChart(desk)
        self.sample, self.health = SampleCard(desk), HealthCard(desk)
        self._buckets_heading = PlainLabel(role="heading")
        self._form_heading = PlainLabel(role="heading")
        self._form_card = QFrame()
        self.form: Form | None = None
        self.dialog: NewDatasetDialog | None = None
        self._form_item: int | None = None
        self._lay_out()
        self._connect()
        self._draw()
        self.retranslate()
        if desk.service.latest is not None:
            self.show_answer(desk.service.latest)
        self._refresh()
        self.lesson.set_open(not self.table.concepts.lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.set_room(event.size().height() - BESIDE_TABLE)

    def show_answer(self, answer: dict[str, object]) -> None:
        """An answer to `check`. Without a report the last numbers stay; the faults are the new ones."""
        report = answer.get("report")
        if isinstance(report, dict):
            self._report = report
        found = (report if isinstance(report, dict) else answer).get("faults")
        self._faults = found if isinstance(found, list) else []
        self._refresh()
        for row in self.rows:
            row.show_faults(self._faults)
        if self.form is not None:
            self.form.show_faults(self._faults)

    def show_field(self, key: str) -> None:
        """Bring the row of a subset's option to the front."""
        match = _ITEM.match(key)
        if match is None:
            return
        self._wanted_item = int(match[1])
        self._choose_wanted()
        if self.form is not None and self._form_item == int(match[1]):
            self.form.focus_field(key)

    def retranslate(self) -> None:
        self.title.setText(self.tr("Dataset"))
        self.lesson.set_title(self.tr("How folders become steps"))
        self.empty.setText(
            self.tr("No concepts yet. Choose the folder that holds them above, or add a single folder of pictures.")
        )
        self.new.setText(self.tr("New dataset ..."))
        self.new.setAccessibleName(self.tr("Make a dataset out of loose pictures"))
        self.add.setText(self.tr("Add a folder ..."))
        self.add.setAccessibleName(self.tr("Add a folder of pictures to the preset"))
        self.own.setText(self.tr("Options of its own"))
        self.own.setAccessibleName(self.tr("Give the chosen concept options of its own"))
        self.remove.setText(self.tr("Remove"))
        self.remove.setAccessibleName(self.tr("Take the chosen concept out of the preset; its folder stays"))
        self.open.setText(self.tr("Open folder"))
        self.open.setAccessibleName(self.tr("Open the chosen concept's folder in the file manager"))
        for button in (self.new, self.add, self.own, self.remove, self.open):
            button.setToolTip(button.accessibleName())
        self._buckets_heading.setText(self.tr("Buckets"))
        self._name_form()

    # layout

    def _lay_out(self) -> None:
        folders, folder_rows = _card()
        for row in self.rows:
            folder_rows.addWidget(row)
        folder_rows.addWidget(self.lesson)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP)
        for button in (self.new, self.add, self.own, self.remove, self.open):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buckets, bucket_rows = _card()
        bucket_rows.addWidget(self._buckets_heading)
        bucket_rows.addWidget(self.chart)
        bucket_rows.addStretch(1)
        lower = QHBoxLayout()
        lower.setSpacing(GAP)
        lower.addWidget(self.details, 1)
        lower.addWidget(buckets, 1)
        self._form_card.setProperty("role", "card")
        form_rows = QVBoxLayout(self._form_card)
        form_rows.addWidget(self._form_heading)
        self._form_card.hide()
        content = QWidget()
        content.setProperty("role", "page")
        column = QVBoxLayout(content)
        column.setContentsMargins(WIDE, GAP, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(self.title)
        column.addWidget(folders)
        column.addLayout(buttons)
        column.addWidget(self.empty)
        column.addWidget(self.table)
        column.addLayout(lower, 1)
        column.addWidget(self.sample)
        column.addWidget(self.health)
        column.addWidget(self._form_card)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._scroll)

    def _connect(self) -> None:
        desk = self._desk
        self.new.clicked.connect(self._on_new_clicked)
        self.add.clicked.connect(self._on_add_clicked)
        self.own.clicked.connect(self._on_own_clicked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.open.clicked.connect(self._on_open_clicked)
        self.table.line_chosen.connect(self._on_line_chosen)
        desk.service.checked.connect(self.show_answer)
        desk.document.edited.connect(self._on_edited)
        desk.document.opened.connect(self._on_opened)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)

    def _draw(self) -> None:
        icons = {self.new: "dataset", self.add: "add", self.own: "settings", self.remove: "remove", self.open: "folder"}
        for button, name in icons.items():
            button.setIcon(self._desk.theme.icon(name))

    # what is shown

    def _refresh(self) -> None:
        document = self._desk.document
        concepts = self._report.get("concepts")
        rows = concepts if isinstance(concepts, list) else []
        lines = lines_of(rows, document.value(KEY), str(document.folder))
        self.table.show_lines(lines)
        self.empty.setVisible(not lines)
        self.table.setVisible(bool(lines))
        buckets = self._report.get("buckets")
        self.chart.show_buckets(buckets if isinstance(buckets, list) else [])
        self.health.show_report(self._report)
        self._choose_wanted()
        self._on_line_chosen()

    def _choose_wanted(self) -> None:
        for row, line in enumerate(self.table.concepts.lines):
            if self._wanted_item is not None and line.item == self._wanted_item:
                self._wanted_item = None
                self.table.choose(row)
                QTimer.singleShot(LAID_OUT_MILLISECONDS, self, self._show_form_card)

    def _show_form_card(self) -> None:
        self._scroll.ensureWidgetVisible(self._form_card)

    def _on_line_chosen(self) -> None:
        line = self.table.chosen
        self.details.show_line(line, self._faults)
        counted = line is not None and line.count("images") > 0
        self.sample.show_concept(self.table.concepts.lines.index(line) if line is not None and counted else None)
        item = line.item if line is not None else None
        self.own.setEnabled(line is not None and item is None)
        self.remove.setEnabled(item is not None)
        self.open.setEnabled(line is not None and _is_local(line.folder))
        if item != self._form_item:
            self._show_form(item)
        self._name_form()

    def _show_form(self, item: int | None) -> None:
        self._form_item = item
        if self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        self._form_card.setVisible(item is not None)
        if item is not None:
            self.form = Form(self._desk, subset_fields(), f"{KEY}[{item}]")
            self.form.setFixedHeight(FORM_HEIGHT)
            self.form.show_faults(self._faults)
            layout = self._form_card.layout()
            assert layout is not None
            layout.addWidget(self.form)

    def _name_form(self) -> None:
        line = self.table.chosen
        if line is not None:
            self._form_heading.setText(self.tr("Options of {name} alone").format(name=line.name[:100]))

    # what is done

    def _on_new_clicked(self) -> None:
        if self.dialog is None:
            self.dialog = NewDatasetDialog(self._desk, self)
        self.dialog.show()
        self.dialog.raise_()

    def _on_add_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of pictures, such as 10_sks cat"))
        if folder:
            self.add_folder(folder)

    def add_folder(self, folder: str) -> None:
        """One more item of data.subsets; it is chosen in the table."""
        items = self._desk.document.value(KEY)
        self._wanted_item = len(items) if isinstance(items, list) else 0
        self._desk.document.add_item(KEY, {"image_dir": folder})

    def _on_own_clicked(self) -> None:
        if (line := self.table.chosen) is not None:
            self.add_folder(line.folder)

    def _on_remove_clicked(self) -> None:
        line = self.table.chosen
        if line is not None and line.item is not None:
            self._show_form(None)
            self._desk.document.remove_item(KEY, line.item)
            self._desk.wishes.said.emit(self.tr("Taken out of the preset. Undo takes it back."))

    def _on_open_clicked(self) -> None:
        line = self.table.chosen
        if line is None:
            return
        folder = line.folder
        later(lambda: os.path.isdir(folder), lambda is_there: self._open(folder, is_there), owner=self)

    def _open(self, folder: str, is_there: bool) -> None:
        if is_there:
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
        else:
            self._desk.wishes.said.emit(self.tr("The folder is not there: {folder}").format(folder=folder[:500]))

    def _on_edited(self, key: str) -> None:
        if not key or key.startswith(KEY):
            self._refresh()

    def _on_opened(self) -> None:
        self._report, self._faults = {}, []
        for row in self.rows:
            row.show_faults([])
        self._refresh()


def _card() -> tuple[QFrame, QVBoxLayout]:
    card = QFrame()
    card.setProperty("role", "card")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
    layout.setSpacing(SMALL)
    return card, layout


def _is_local(folder: str) -> bool:
    """A share's address is not opened: naming it to the system may send the user's name to a stranger."""
    return os.path.isabs(folder) and not folder.startswith(("//", "\\\\"))
