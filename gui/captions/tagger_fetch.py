"""A tagger from the hub: looked up, shown with its size and licence, and fetched only when the person says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gui.amounts import size
from gui.captions.desk import CaptionDesk
from gui.captions.tagger_form import TaggerForm
from gui.captions.tagging_child import TaggingChild
from gui.theme import SMALL
from gui.widgets.text import PlainLabel, shortened
from kohya_like.data.fingerprint import default_cache_dir

EXAMPLE = "SmilingWolf/wd-vit-tagger-v3"


class TaggerFetch(QWidget):
    """Seen with the WD14 tagger alone. Two steps: look up, then fetch."""

    def __init__(self, desk: CaptionDesk, child: TaggingChild, form: TaggerForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._child, self._form = desk, child, form
        self._offer: Mapping[str, Any] = {}
        self.name, self.look, self.fetch = QLineEdit(), QPushButton(), QPushButton()
        self.said = PlainLabel(role="muted", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(SMALL)
        row.addWidget(self.name, 1)
        row.addWidget(self.look)
        row.addWidget(self.fetch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL)
        column.addLayout(row)
        column.addWidget(self.said)
        self.name.setMaxLength(200)
        self.name.setPlaceholderText(EXAMPLE)
        self.name.textChanged.connect(lambda _: self._forget())
        self.look.clicked.connect(self._on_look_clicked)
        self.fetch.clicked.connect(self._on_fetch_clicked)
        child.looked_up.connect(self._on_looked_up)
        child.fetching.connect(self._on_fetching)
        child.ended.connect(self._on_ended)
        form.edited.connect(self._show_state)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()
        self._forget()

    def retranslate(self) -> None:
        self.name.setAccessibleName(self.tr("Name of a tagger on the hub"))
        self.look.setText(self.tr("Look up"))
        self.look.setToolTip(self.tr("Ask huggingface.co what this tagger has; nothing is downloaded"))
        self.fetch.setText(self.tr("Fetch"))
        self._show_offer()

    def _on_look_clicked(self) -> None:
        self._child.look_up(self.name.text().strip() or EXAMPLE)
        self.said.setText(self.tr("Asking ..."))
        self._show_state()

    def _on_looked_up(self, offer: Mapping[str, Any]) -> None:
        self._offer = offer
        self._show_offer()

    def _on_fetch_clicked(self) -> None:
        self._child.fetch(str(self._offer["name"]), str(default_cache_dir() / "taggers"))
        self._show_state()

    def _on_fetching(self, name: str, have: int, of: int) -> None:
        self.said.setText(f"{shortened(name, 80)}: {size(have)} / {size(of)}")

    def _on_ended(self, answer: Mapping[str, Any]) -> None:
        if answer.get("do") in ("look_up", "fetch") and not answer["ok"]:
            say, fault = self._desk.desk.language.sentence, (answer.get("faults") or [{"text": "", "mend": ""}])[0]
            self.said.setText(shortened(". ".join(filter(None, (say(fault["text"]), say(fault["mend"])))), 500))
        elif answer.get("do") == "fetch":
            self._form.set_model(str(answer["folder"]))
            self.said.setText(self.tr("Fetched. It is the model folder now."))
            self._offer = {}
        self._show_state()

    def _show_offer(self) -> None:
        if self._offer:
            names = ", ".join(shortened(str(file["name"]), 80) for file in self._offer["files"])
            words = self.tr("{files}: {size}, licence {licence}")
            licence = shortened(str(self._offer["licence"] or "?"), 60)
            self.said.setText(words.format(files=names, size=size(int(self._offer["total"])), licence=licence))
        self._show_state()

    def _forget(self) -> None:
        self._offer = {}
        self.said.setText("")
        self._show_state()

    def _show_state(self) -> None:
        self.setVisible(self._form.kind.currentData() == "wd14")
        self.look.setEnabled(not self._child.is_busy)
        self.fetch.setEnabled(bool(self._offer) and not self._child.is_busy)
        self.fetch.setVisible(bool(self._offer))
        self.said.setVisible(bool(self.said.text()))
