"""A model from the hub: asked for only when a button is pressed, shown with its licence, fetched after that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.amounts import size, whole
from gui.desk import Desk
from gui.fetch import Fetch, choices_in
from gui.theme import GAP, WIDE
from gui.widgets.facts import Facts
from gui.widgets.text import ElidedLabel, PlainLabel, shortened

BASE = "model.base"
SHOWN_FILES = 300
FOLDER_SETTING = "models_folder"


class FetchDialog(QDialog):
    """Nothing goes to the network before "Look up", and nothing is written before "Fetch"."""

    def __init__(self, desk: Desk, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self.name = desk, name
        self._found: dict[str, Any] | None = None
        self._choices: list[tuple[str, str]] = []
        self._problem = ("", "")
        self._state = "new"  # looking, found, unclear, fetching, cancelled, fetched, failed
        self._target = str(desk.settings.get(FOLDER_SETTING, "")) or str(Path("models").absolute())
        self._is_closing = False
        self.fetch = Fetch(self)
        self.intro, self.said = PlainLabel(wrap=True), PlainLabel(wrap=True)
        self.facts, self.files = Facts(), QTreeWidget()
        self.folder = ElidedLabel()
        self._folder_label = PlainLabel(role="muted")
        self.choose, self.look, self.go = QPushButton(), QPushButton(), QPushButton()
        self.close_button = QPushButton()
        self.bar = QProgressBar()
        self._lay_out()
        self._connect()
        self.retranslate()
        self.look.setDefault(True)
        self.look.setFocus()

    def reject(self) -> None:
        """Closing ends a download that runs, and waits for its end; what has arrived is kept."""
        self._is_closing = self.fetch.is_running
        if self._is_closing:
            self.fetch.cancel()
        else:
            super().reject()

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("A model from the hub"))
        self.look.setText(self.tr("Look up"))
        self.go.setText(self.tr("Fetch"))
        self.choose.setText(self.tr("Choose ..."))
        self.choose.setAccessibleName(self.tr("Choose the folder for models"))
        self._folder_label.setText(self.tr("Into the folder"))
        self.files.setHeaderLabels([self.tr("File"), self.tr("Size")])
        self.files.setAccessibleName(self.tr("Files of the model"))
        self.bar.setAccessibleName(self.tr("How much has arrived"))
        self._show()

    def _lay_out(self) -> None:
        self.files.setRootIsDecorated(False)
        self.files.setUniformRowHeights(True)
        self.files.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.files.header().setStretchLastSection(False)
        self.files.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.files.setMinimumHeight(120)
        self.bar.setTextVisible(False)
        place = QHBoxLayout()
        place.setSpacing(GAP)
        place.addWidget(self._folder_label)
        place.addWidget(self.folder, 1)
        place.addWidget(self.choose)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.close_button, self.look, self.go):
            buttons.addWidget(button)
        for button in (self.look, self.go):
            button.setProperty("role", "primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, WIDE, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(self.intro)
        column.addWidget(self.facts)
        column.addWidget(self.files, 1)
        column.addStretch()  # the room of the files while there are none
        column.addLayout(place)
        column.addWidget(self.bar)
        column.addWidget(self.said)
        column.addLayout(buttons)
        self.resize(560, 180)

    def _connect(self) -> None:
        service = self._desk.service
        service.looked_up.connect(self._on_looked_up)
        service.look_up_failed.connect(self._on_look_up_failed)
        self.look.clicked.connect(self._on_look_clicked)
        self.go.clicked.connect(self._on_go_clicked)
        self.choose.clicked.connect(self._on_choose_clicked)
        self.close_button.clicked.connect(self._on_close_clicked)
        self.files.itemSelectionChanged.connect(self._show_buttons)
        self.fetch.arrived.connect(self._on_arrived)
        self.fetch.fetched.connect(self._on_fetched)
        self.fetch.failed.connect(self._on_failed)
        self._desk.language.changed.connect(self.retranslate)

    # what is shown

    def _show(self) -> None:
        name = shortened(self.name, 200)
        self.intro.setText(
            self.tr(
                "{name} is a name on the hub. Looking it up asks the hub for its licence and its files; nothing is "
                "downloaded before you have seen them."
            ).format(name=name)
        )
        self.folder.setText(self._target)
        self.said.setText(self._words())
        role = "error" if self._state in ("failed", "unclear") and not self._choices else "muted"
        self.said.setProperty("role", role)
        self.said.style().unpolish(self.said)
        self.said.style().polish(self.said)
        self._show_found()
        self._show_buttons()

    def _show_found(self) -> None:
        found = self._found
        self.facts.setVisible(found is not None)
        self.files.setVisible(bool(found or self._choices))
        if not self.files.isHidden():
            self.resize(self.width(), max(self.height(), 420))
        for part in (self._folder_label, self.folder, self.choose):
            part.setVisible(bool(found or self._choices))
        if found:
            rows = (
                (self.tr("From"), str(found["endpoint"])),
                (self.tr("Licence"), str(found["licence"])),
                (self.tr("Revision"), str(found["revision"])[:12]),
                (self.tr("Files"), whole(len(found["files"]))),
                (self.tr("Size in all"), size(found["total"])),
            )  # fmt: skip
            self.facts.show_rows([(name, shortened(value, 200)) for name, value in rows])

    def _list_files(self, rows: list[tuple[str, str]]) -> None:
        self.files.clear()
        for file, amount in rows[:SHOWN_FILES]:
            self.files.addTopLevelItem(QTreeWidgetItem([shortened(file, 300), amount]))

    def _words(self) -> str:
        say = self._desk.language.sentence
        if self._state == "looking":
            return self.tr("Asking the hub ...")
        if self._state == "unclear" and self._choices:
            return self.tr("This model has several files of weights. Choose the one you want.")
        if self._state == "fetching":
            return self.tr("Fetching ...")
        if self._state == "cancelled":
            return self.tr("Cancelled. What has arrived is kept; fetching again goes on from there.")
        if self._state == "fetched":
            return self.tr("It is there, and stands in the preset as the base model.")
        text, hint = self._problem
        return "\n".join(shortened(say(part), 2000) for part in (text, hint) if part)

    def _show_buttons(self) -> None:
        is_busy = self._state in ("looking", "fetching")
        can_fetch = self._found is not None or (bool(self._choices) and bool(self.files.selectedItems()))
        self.look.setVisible(self._state in ("new", "looking", "failed", "unclear") and not self._choices)
        self.look.setEnabled(not is_busy)
        self.go.setVisible(bool(self._found or self._choices) and self._state != "fetched")
        self.go.setEnabled(can_fetch and not is_busy)
        self.choose.setEnabled(not is_busy)
        self.files.setEnabled(self._state != "fetching")
        self.bar.setVisible(self._state == "fetching")
        self.close_button.setText(self.tr("Cancel") if self._state == "fetching" else self.tr("Close"))

    def _go_to(self, state: str, problem: tuple[str, str] = ("", "")) -> None:
        self._state, self._problem = state, problem
        self._show()

    # what happens

    def _on_look_clicked(self) -> None:
        self._go_to("looking")
        self._desk.service.look_up(self.name)

    def _on_looked_up(self, found: dict[str, Any]) -> None:
        if self._state == "looking":
            self._found, self._choices = found, []
            self._list_files([(str(file["name"]), size(file["size"])) for file in found["files"]])
            self._go_to("found")

    def _on_look_up_failed(self, text: str, hint: str) -> None:
        if self._state == "looking":
            self._choices = choices_in(text)
            self._list_files(self._choices)
            self._go_to("unclear" if self._choices else "failed", (text, hint))

    def _on_choose_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Folder for models"), self._target)
        if folder:
            self._target = folder
            self._desk.settings.set(FOLDER_SETTING, folder)
            self._show()

    def _on_go_clicked(self) -> None:
        chosen = [self._choices[self.files.indexOfTopLevelItem(item)][0] for item in self.files.selectedItems()]
        files = chosen if self._choices else []
        self.bar.setRange(0, 1000 if self._found else 0)
        self.bar.setValue(0)
        self._go_to("fetching")
        self.fetch.start(self._found["name"] if self._found else self.name, self._target, files)

    def _on_close_clicked(self) -> None:
        if self.fetch.is_running:
            self.fetch.cancel()
        else:
            self.reject()

    def _on_arrived(self, count: int) -> None:
        total = self._found["total"] if self._found else 0
        if total:
            self.bar.setValue(min(1000, int(1000 * count / total)))
            self.said.setText(self.tr("{done} of {total}").format(done=size(min(count, total)), total=size(total)))
        else:
            self.said.setText(self.tr("{done} so far").format(done=size(count)))

    def _on_fetched(self, path: str) -> None:
        self._desk.document.set(BASE, path)
        self._go_to("fetched")

    def _on_failed(self, text: str, hint: str) -> None:
        self._go_to("failed" if text else "cancelled", (text, hint))
        if self._is_closing:
            self.reject()
