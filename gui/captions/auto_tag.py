"""Auto-tagging: a tagger proposes, the person looks, changes thresholds, and accepts. Until then no caption changes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from dataset_tools.preview import Change
from dataset_tools.proposal_store import ProposalStore
from dataset_tools.proposals import RATING, Mode, Proposal, Selection, proposal_from, with_proposal
from gui.amounts import whole
from gui.captions.choice_form import ChoiceForm
from gui.captions.desk import CaptionDesk
from gui.captions.diff_view import MOST_SHOWN, DiffView
from gui.captions.tagger_fetch import TaggerFetch
from gui.captions.tagger_form import TaggerForm
from gui.captions.tagging_child import TaggingChild
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel, shortened

if TYPE_CHECKING:
    from dataset_tools.library import Library

LOOK_MILLISECONDS = 300  # between two looks at what would change
COUNTED_SECONDS = 0.25  # of a look: it is taken again with each result and each move of a threshold
SCOPES = ("selection", "untagged", "shown")
LABEL = "accept tags"


@dataclass(frozen=True)
class _Look:
    """What accepting would do: the first changes, how many there are (of very many proposals: at least), and how many
    proposals."""

    changes: tuple[Change, ...]
    count: int
    proposals: int
    is_whole: bool


class AutoTag(QWidget):
    """A tool of the captions page. The proposals belong to the desk's worker; this widget asks it what they come to."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None, child: TaggingChild | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.child = child or TaggingChild(self)
        self._store = ProposalStore()
        self._fresh: list[tuple[int, Proposal]] = []
        self._ids: dict[str, int] = {}  # of the pictures that are being tagged, by path
        self._skipped: list[str] = []
        self._is_looking = self._is_stale = False
        self.tagger, self.choice = TaggerForm(desk), ChoiceForm(desk)
        self.fetch = TaggerFetch(desk, self.child, self.tagger)
        self.scope, self.start, self.stop = QuietComboBox(), QPushButton(), QPushButton()
        self.bar, self.said, self.diff = QProgressBar(), PlainLabel(role="muted", wrap=True), DiffView(desk)
        self.accept, self.accept_chosen, self.discard = QPushButton(), QPushButton(), QPushButton()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._lay_out()
        self._connect()
        for button in (self.accept, self.accept_chosen, self.discard):
            button.setEnabled(False)  # until there is something to accept
        self.retranslate()
        self._show_state()

    def take_keyboard(self) -> None:
        self.start.setFocus()

    def retranslate(self) -> None:
        self.scope.setAccessibleName(self.tr("Which pictures"))
        self._name_scopes()
        self.start.setText(self.tr("Tag them"))
        self.stop.setText(self.tr("Stop"))
        self.stop.setToolTip(self.tr("What was proposed stays"))
        self.stop.setAccessibleName(self.tr("Stop tagging"))
        self.bar.setAccessibleName(self.tr("Pictures tagged"))
        self.accept_chosen.setText(self.tr("Accept for the chosen"))
        self.discard.setText(self.tr("Discard"))
        self.discard.setToolTip(self.tr("Forget the proposals; captions stay as they are"))
        self._look_soon()

    def _lay_out(self) -> None:
        for scope in SCOPES:
            self.scope.addItem("", scope)
        left = QWidget()
        left.setProperty("role", "page")
        rows = QVBoxLayout(left)
        rows.setContentsMargins(0, 0, SMALL, 0)
        rows.setSpacing(GAP)
        for part in (self.tagger, self.fetch, self.choice):
            rows.addWidget(part)
        rows.addStretch(1)
        forms = QScrollArea()
        forms.setWidget(left)
        forms.setWidgetResizable(True)
        forms.setFrameShape(QScrollArea.Shape.NoFrame)
        forms.setMinimumWidth(330)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.scope)
        top.addWidget(self.start)
        top.addWidget(self.stop)
        top.addWidget(self.bar, 1)
        top.addStretch()
        bottom = QHBoxLayout()
        bottom.setSpacing(GAP)
        bottom.addWidget(self.accept)
        bottom.addWidget(self.accept_chosen)
        bottom.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(SMALL)
        right.addLayout(top)
        told = QHBoxLayout()
        told.addWidget(self.said, 1)
        told.addWidget(self.discard)  # not in the last row: all three beside the forms are wider than the page
        right.addLayout(told)
        right.addWidget(self.diff, 1)
        right.addLayout(bottom)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(forms, 2)
        row.addLayout(right, 3)
        self.bar.setTextVisible(False)
        self.accept.setProperty("role", "primary")

    def _connect(self) -> None:
        desk, child = self._desk, self.child
        self.start.clicked.connect(self._on_start_clicked)
        self.stop.clicked.connect(child.cancel)
        self.accept.clicked.connect(lambda: self._accept(None))
        self.accept_chosen.clicked.connect(lambda: self._accept(frozenset(desk.selection)))
        self.discard.clicked.connect(self._discard)
        self.choice.changed.connect(self._look_soon)
        self._timer.timeout.connect(self._look)
        child.opened.connect(lambda _: self.said.setText(self.tr("The tagger is open.")))
        child.proposed.connect(self._on_proposed)
        child.skipped.connect(self._on_skipped)
        child.progressed.connect(self._on_progressed)
        child.ended.connect(self._on_ended)
        desk.opened.connect(self._on_opened)
        desk.ready.connect(self._show_state)
        desk.selection_changed.connect(lambda _: self._show_state())
        desk.filtered.connect(self._show_state)
        desk.texts_changed.connect(lambda _: self._look_soon())
        desk.desk.language.changed.connect(self.retranslate)
        self.destroyed.connect(lambda: child.close())

    # tagging

    def _on_start_clicked(self) -> None:
        library, scope = self._desk.library, SCOPES[max(0, self.scope.currentIndex())]
        if library is None:
            return
        self.tagger.remember()
        chosen, shown = list(self._desk.selection), self._desk.shown.ids
        self.start.setEnabled(False)
        self._desk.work(
            lambda: _paths(library, scope, chosen, shown), self._start, lambda error: self._say(str(error)), owner=self
        )

    def _start(self, ids: dict[str, int]) -> None:
        if not ids:
            self.said.setText(self.tr("There is no picture to tag."))
            self._show_state()
            return
        self._ids, self._skipped = ids, []
        self.bar.setRange(0, 0)
        self.said.setText(self.tr("Opening the tagger ..."))
        self.child.tag(self.tagger.values(), list(ids))
        self._show_state()

    def _on_proposed(self, values: Mapping[str, Any]) -> None:
        try:
            proposal = proposal_from(values)
        except (KeyError, TypeError, ValueError):
            return
        if (number := self._ids.get(proposal.picture)) is not None:
            self._fresh.append((number, proposal))
            if not self._timer.isActive():
                self._timer.start()

    def _on_skipped(self, path: str, why: str) -> None:
        self._skipped.append(f"{path}: {self._desk.desk.language.sentence(why)}")

    def _on_progressed(self, done: int, of: int, seconds: float) -> None:
        self.bar.setRange(0, of)
        self.bar.setValue(done)
        rate = done / seconds if seconds > 0 else 0.0
        words = self.tr("{done} of {of} pictures, {rate} a second")
        self.said.setText(words.format(done=whole(done), of=whole(of), rate=f"{rate:.1f}"))

    def _on_ended(self, answer: Mapping[str, Any]) -> None:
        if answer.get("do") != "tag":
            self._show_state()
            return
        if answer["ok"]:
            words = self.tr("{tagged} pictures tagged, {untagged} could not be.")
            said = words.format(tagged=whole(int(answer["tagged"])), untagged=whole(int(answer["untagged"])))
            self._say(" ".join([said, *self._skipped[:2]]))
        else:
            say = self._desk.desk.language.sentence
            faults = answer.get("faults") or [{"text": "", "mend": ""}]
            self._say(". ".join(filter(None, (say(str(faults[0][part])) for part in ("text", "mend")))))
        self._show_state()
        self._look_soon()
        self._note_ratings()

    def _note_ratings(self) -> None:
        """For the filter's `rating:`."""
        store, known = self._store, dict(self._desk.findings.ratings)
        self._desk.work(lambda: known | _ratings(store), lambda found: self._desk.note(ratings=found), owner=self)

    def _say(self, words: str) -> None:
        self.said.setText(shortened(words, 1000))

    # what it comes to

    def _look_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _look(self) -> None:
        library = self._desk.library
        if library is None:
            return
        if self._is_looking:
            self._is_stale = True
            return
        self._is_looking, self._is_stale = True, False
        fresh, self._fresh = self._fresh, []
        store, selection, mode = self._store, self.choice.selection, self.choice.mode
        self._desk.work(
            lambda: _looked(library, store, fresh, selection, mode), self._show_look, self._on_look_failed, owner=self
        )

    def _show_look(self, look: _Look) -> None:
        self._is_looking = False
        self.diff.show_changes(look.changes)
        count = whole(look.count if look.is_whole else look.proposals)
        self.accept.setText(self.tr("Accept {count}").format(count=count) if look.count else self.tr("Accept"))
        self.accept.setEnabled(bool(look.count))
        self.accept_chosen.setEnabled(bool(look.count))
        self.discard.setEnabled(bool(look.proposals))
        if self._is_stale or self._fresh:
            self._timer.start()

    def _on_look_failed(self, error: Exception) -> None:
        self._is_looking = False
        self._say(self._desk.desk.language.sentence(str(error)))

    def _accept(self, only: frozenset[int] | None) -> None:
        """One entry of undo; what was accepted leaves the list."""
        library, session = self._desk.library, self._desk.session
        if library is None or session is None:
            self._desk.say_not_ready()
            return
        store, selection, mode = self._store, self.choice.selection, self.choice.mode

        def texts() -> dict[int, str]:
            found = {
                id: after for id, _, after in _changes(library, store, selection, mode) if only is None or id in only
            }
            store.drop([id for id in list(store) if only is None or id in only])
            return found

        self._desk.work(texts, lambda found: self._take(found), owner=self)

    def _take(self, texts: dict[int, str]) -> None:
        if texts:
            self._desk.apply_texts(LABEL, texts)
        self._look_soon()

    def _discard(self) -> None:
        store = self._store
        self._fresh.clear()
        self._desk.work(lambda: store.drop(list(store)), lambda _: self._look_soon(), owner=self)

    def _on_opened(self) -> None:
        """Other pictures: what was proposed belongs to none of them."""
        self.child.cancel()
        self._ids, self._fresh, self._store = {}, [], ProposalStore()
        self._show_state()
        self._look_soon()

    def _name_scopes(self) -> None:
        desk = self._desk
        self.scope.setItemText(0, self.tr("the chosen ({count})").format(count=whole(len(desk.selection))))
        self.scope.setItemText(1, self.tr("those listed without a caption"))
        self.scope.setItemText(2, self.tr("the listed ({count})").format(count=whole(len(desk.shown.ids))))

    def _show_state(self) -> None:
        self._name_scopes()
        is_busy = self.child.is_busy
        self.start.setEnabled(self._desk.session is not None and not is_busy)
        self.stop.setVisible(is_busy)
        self.bar.setVisible(is_busy)


def _paths(library: Library, scope: str, chosen: Sequence[int], shown: Sequence[int]) -> dict[str, int]:
    """In the worker: which pictures, by path."""
    ids = chosen if scope == "selection" else shown
    return {library.path(id): id for id in ids if scope != "untagged" or not library.tags(id)}


def _looked(
    library: Library, store: ProposalStore, fresh: Sequence[tuple[int, Proposal]], selection: Selection, mode: Mode
) -> _Look:
    """In the worker, which owns the store."""
    for id, proposal in fresh:
        store.put(id, proposal)
    changes: list[Change] = []
    count, deadline = 0, time.monotonic() + COUNTED_SECONDS
    for id, before, after in _changes(library, store, selection, mode):
        count += 1
        if count <= MOST_SHOWN:
            changes.append(Change(id, before, after))
        elif time.monotonic() > deadline:
            return _Look(tuple(changes), count, len(store), False)
    return _Look(tuple(changes), count, len(store), True)


def _ratings(store: ProposalStore) -> dict[int, str]:
    """The likeliest rating of each picture that has one."""
    proposals = {id: store.get(id) for id in list(store)}
    return {id: one.scores[RATING][0][0] for id, one in proposals.items() if one and one.scores.get(RATING)}


def _changes(
    library: Library, store: ProposalStore, selection: Selection, mode: Mode
) -> Iterator[tuple[int, str, str]]:
    """(picture, before, after) of those whose caption would be another."""
    for id in list(store):
        proposal = store.get(id)
        before = library.text(id)
        after = with_proposal(before, proposal, selection, mode) if proposal is not None else before
        if after != before:
            yield id, before, after
