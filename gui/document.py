"""The open preset: its text, values and faults, undo, and its file, which other programs may change as well.

The text is kept as its author wrote it; an edit changes the lines it is about. Files are touched in the background.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from gui.preset_place import Place, PresetPlace
from gui.preset_text import PresetText, Value
from gui.preset_watch import POLL_MILLISECONDS
from gui.undo import History, Step
from kohya_like.config import TrainConfig
from kohya_like.preset_file import SAVE_AS, Content, Opened
from kohya_like.schema.errors import ConfigError, Fault, UserError
from kohya_like.schema.toml import Document
from kohya_like.schema.toml_file import decoded

RESET_ALL, TAKE_THEIRS, RECOVERED = "reset-all", "take-theirs", "recovered"  # labels of steps beside dotted keys
AGAIN = "save it, then open the other one again"
MOST_KEYS = 8  # more at once are one `edited("")`


class PresetDocument(QObject):
    """One per window.

    Signals:
        edited: a dotted key; "" where anything may have changed.
        state_changed: modified, path, conflict, read-only, or what can be undone.
        opened: another preset is shown.  saved: the path it was written to.
        failed: a sentence and a hint; the document is as it was.
        changed_outside: "changed" or "deleted": mine, theirs or compare?
    """

    edited = Signal(str)
    state_changed = Signal()
    opened = Signal()
    saved = Signal(str)
    failed = Signal(str, str)
    changed_outside = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        poll_milliseconds: int = POLL_MILLISECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._preset = PresetText()
        self._history = History(clock=clock)
        self._label = ""
        self._file = PresetPlace(self, lambda: self.text, poll_milliseconds)
        self._file.changed.connect(self.state_changed)
        self._file.changed_outside.connect(self.changed_outside)
        self._file.saved.connect(self._on_saved)
        self._file.failed.connect(self._fail)

    @property
    def text(self) -> str:
        return self._preset.text

    @property
    def path(self) -> Path | None:
        return self._file.now.path

    @property
    def label(self) -> str:
        """What a preset without a file was made from."""
        return self._label

    @property
    def folder(self) -> Path:
        """What relative paths in the preset are relative to."""
        return self._file.now.folder

    @property
    def modified(self) -> bool:
        """The text differs from what was last read or written."""
        return self.text != self._file.now.clean

    @property
    def clean_text(self) -> str | None:
        """What was last read or written; None without a file that is there."""
        return self._file.now.clean if self.path else None

    @property
    def read_only(self) -> bool:
        return self._file.now.read_only

    @property
    def conflict(self) -> str:
        """ "changed" or "deleted" while a change by another program waits for a decision."""
        return self._file.now.conflict

    @property
    def theirs(self) -> str:
        """The text on the disk that is not ours."""
        return self._file.now.theirs.text if self._file.now.theirs else ""

    def values(self) -> dict[str, Value]:
        return dict(self._preset.values)

    def value(self, key: str) -> Value:
        """What holds: the preset's value, or the default."""
        own = self._preset.own(key)
        return self._preset.default(key) if own is None else own

    def is_set(self, key: str) -> bool:
        return self._preset.own(key) is not None

    def default(self, key: str) -> Value:
        return self._preset.default(key)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What the schema says against the present text."""
        return self._preset.inspected[1]

    @property
    def config(self) -> TrainConfig | None:
        """The config of the present text; None while there are faults."""
        return self._preset.inspected[0]

    def set(self, key: str, value: Value) -> None:
        """Write one value, whatever it is: what is wrong with it is for `faults` to say. None takes the key out."""
        self.set_many({key: value})

    def set_many(self, edits: Mapping[str, Value], renames: Mapping[str, str] | None = None, label: str = "") -> None:
        """Several renames and values as one step of undo: all of them, or none and `failed`."""
        renames = renames or {}
        keys = () if renames or len(edits) > MOST_KEYS else tuple(edits)
        self._edit(lambda: self._preset.edit(edits, renames), label or next(iter((*edits, *renames)), ""), keys)

    def reset(self, key: str) -> None:
        """Back to the default."""
        self.set(key, None)

    def reset_all(self) -> None:
        """Every option back to its default; comments and keys that nobody knows stay."""
        self.set_many(dict.fromkeys(self._preset.known_keys()), label=RESET_ALL)

    def add_item(self, list_key: str, values: Mapping[str, Value]) -> None:
        """One more table behind the others of a list such as data.subsets."""
        self._edit(lambda: self._preset.add_item(list_key, values), list_key, ())

    def remove_item(self, list_key: str, index: int) -> None:
        self._edit(lambda: self._preset.remove_item(list_key, index), list_key, ())

    @property
    def can_undo(self) -> bool:
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        return self._history.can_redo

    @property
    def undo_label(self) -> str:
        """The key (or the name of the edit) that undo takes back."""
        return self._history.label

    @property
    def redo_label(self) -> str:
        return self._history.redo_label

    def undo(self) -> None:
        if self.can_undo:
            self._go_to(self._history.undo(self.text))

    def redo(self) -> None:
        if self.can_redo:
            self._go_to(self._history.redo(self.text))

    def new(self, text: str = "", label: str = "") -> None:
        """A preset without a file."""
        try:
            self._show(Place(clean=text), Document(text), label)
        except UserError as fault:
            self._fail(fault)

    def open(self, path: Path) -> None:
        """Read a preset. The present one stays where that cannot be read, and if it was edited in the meantime."""
        present = self.text

        def on_opened(opened: Opened) -> None:
            if self.modified and self.text != present:
                self._fail(UserError(f"{path.name} was not opened: the present preset was edited meanwhile", AGAIN))
            else:
                self._on_opened(opened)

        self._file.open(path, on_opened, self._fail)

    def restore(self, text: str, path: Path | None) -> None:
        """Unsaved work of a window that crashed, as an unsaved edit of its file."""
        if path is None:
            self._show_restored(Place(), text)
            return
        gone = Place(path, path.parent, clean=None)
        self._file.open(
            path, lambda opened: self._on_opened(opened, text), lambda fault: self._show_restored(gone, text)
        )

    def save(self, path: Path | None = None, force: bool = False) -> None:
        """Write to `path`, or to the preset's own file; not over what another program wrote there, unless forced."""
        target = path or self.path
        if target is None:
            self.failed.emit(self.tr("This preset has no file yet."), SAVE_AS)
            return
        self._history.settle()
        self._file.save(target, force)

    def keep_mine(self) -> None:
        """The next save may write over what another program did."""
        if self.conflict:
            self._file.settle(self._file.now.theirs or Content())

    def take_theirs(self) -> None:
        """The text on the disk instead of ours; undo brings ours back."""
        theirs = self._file.now.theirs
        if theirs is None or theirs.raw is None or self.path is None:
            return
        try:
            text = decoded(theirs.raw, self.path)
            self._edit_or_raise(lambda: self._preset.replace(text), TAKE_THEIRS, ())
        except UserError as fault:
            self._fail(fault)
            return
        self._file.settle(theirs)

    def _edit(self, change: Callable[[], object], label: str, keys: tuple[str, ...]) -> None:
        try:
            self._edit_or_raise(change, label, keys)
        except (UserError, ValueError) as fault:
            self._fail(fault)

    def _edit_or_raise(self, change: Callable[[], object], label: str, keys: tuple[str, ...]) -> None:
        before = self.text
        change()
        if self.text == before:
            return
        self._history.push(before, self.text, label, keys)
        self._tell(keys)

    def _go_to(self, step: Step) -> None:
        self._preset.replace(step.text)
        self._tell(step.keys)

    def _tell(self, keys: tuple[str, ...]) -> None:
        for key in keys or ("",):
            self.edited.emit(key)
        self.state_changed.emit()

    def _show(self, place: Place, document: Document, label: str = "") -> None:
        self._preset = PresetText(document)
        self._history.clear()
        self._label = label
        self._file.move(place)
        self.opened.emit()
        self._tell(())

    def _show_restored(self, place: Place, text: str) -> None:
        try:
            self._show(place, Document(text, str(place.path or "")))
        except UserError as fault:
            self._fail(fault)

    def _on_opened(self, opened: Opened, restored: str | None = None) -> None:
        text = opened.document.text()
        self._show(Place(opened.path, opened.folder, opened.content, text, opened.read_only), opened.document)
        if restored is not None:
            self._edit(lambda: self._preset.replace(restored), RECOVERED, ())

    def _on_saved(self, path: str) -> None:
        self._preset.source = str(self.path or "")
        self.saved.emit(path)

    def _fail(self, fault: Exception) -> None:
        if isinstance(fault, ConfigError):
            first = fault.faults[0]
            self.failed.emit(f"{first.where}: {first.text}." if first.where else f"{first.text}.", first.mend)
        elif isinstance(fault, UserError):
            self.failed.emit(fault.text, fault.hint)
        else:
            self.failed.emit(str(fault), "")
