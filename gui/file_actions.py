"""New, open, save and their questions: what happens to the document when a person asks for another one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from gui.background import later
from gui.desk import Desk
from gui.widgets.text import shortened
from kohya_like.config import TrainConfig
from kohya_like.schema.option import describe
from kohya_like.schema.toml import Document

EXAMPLES = Path(__file__).parent.parent / "presets"
PATTERN = "*.toml"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


class FileActions(QObject):
    """The preset file as a person handles it. Dialogs belong to `window`."""

    examples_found = Signal(list)  # paths of the presets that come with the program

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self._after_save: Callable[[], None] | None = None
        desk.document.opened.connect(self._on_opened)
        desk.document.saved.connect(self._on_saved)
        desk.document.failed.connect(self._on_not_saved)
        desk.document.changed_outside.connect(self._on_not_saved)

    def look_for_examples(self) -> None:
        later(lambda: [str(path) for path in sorted(EXAMPLES.glob(PATTERN))], self.examples_found.emit, owner=self)

    def new(self) -> None:
        """An empty preset."""
        self._when_free(self._desk.document.new)

    def open_dialog(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open a configuration file"), str(self._desk.document.folder), self._filter()
        )
        if name:
            self.open(name)

    def open(self, path: str) -> None:
        """Open a preset, after asking about unsaved changes."""
        self._when_free(lambda: self._desk.document.open(Path(path)))

    def open_example(self, path: str) -> None:
        """A shipped preset as a new document: saving asks for a name, so the original stays as it is."""
        self._when_free(lambda: later(lambda: as_new(Path(path)), self._on_example_read, self._on_error, self))

    def save(self) -> None:
        if self._desk.document.path is None:
            self.save_as()
        else:
            self._desk.document.save()

    def save_as(self) -> None:
        document = self._desk.document
        start = document.path or document.folder / f"{document.value('save.output_name') or 'preset'}.toml"
        self._ask_name(str(start))

    def _ask_name(self, start: str) -> None:
        """The dialog asks before a file is written over. It knows of the name it gives, so one with an added ending
        that is taken is asked for once more."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Save the configuration file"), start, self._filter()
        )
        if not name:
            self._after_save = None
            return
        if name.lower().endswith(".toml"):
            self._save_as(Path(name))
            return
        path = Path(f"{name}.toml")
        later(
            lambda: os.path.lexists(path),
            lambda is_there: self._ask_name(str(path)) if is_there else self._save_as(path),
            owner=self,
        )

    def _save_as(self, path: Path) -> None:
        values, folder = self._desk.document.values(), self._desk.document.folder
        later(
            lambda: moved_paths(values, folder, path.parent),
            lambda edits: self._save_to(path, edits),
            self._on_error,
            self,
        )

    def _save_to(self, path: Path, edits: dict[str, str]) -> None:
        if edits:
            self._desk.document.set_many(edits, label="save-as")
            self._desk.wishes.said.emit(
                self.tr("{count} relative paths are absolute now, because the file moved").format(count=len(edits))
            )
        self._desk.document.save(path)

    def before_closing(self, go_on: Callable[[], None]) -> None:
        """Ask about unsaved changes, then `go_on`; not at all if the person stays."""
        self._when_free(go_on)

    def _when_free(self, go_on: Callable[[], None]) -> None:
        if not self._desk.document.modified:
            go_on()
            return
        answer = self._ask()
        if answer == QMessageBox.StandardButton.Save:
            self._after_save = go_on
            self.save()
        elif answer == QMessageBox.StandardButton.Discard:
            go_on()

    def _ask(self) -> QMessageBox.StandardButton:
        box = QMessageBox(self._window)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Unsaved changes"))
        path = self._desk.document.path
        name = shortened(path.name) if path else self.tr("The new preset")
        box.setText(self.tr("{name} has changes that are not saved.").format(name=name))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        return buttons(box.exec())

    def _filter(self) -> str:
        return self.tr("Configuration files") + f" ({PATTERN});;" + self.tr("All files") + " (*)"

    def _on_opened(self) -> None:
        if path := self._desk.document.path:
            self._remember(str(path))

    def _on_saved(self, path: str) -> None:
        self._remember(path)
        self._desk.wishes.said.emit(self.tr("Saved {path}").format(path=path))
        if self._desk.document.modified:  # another save is on its way
            return
        go_on, self._after_save = self._after_save, None
        if go_on is not None:
            go_on()

    def _on_not_saved(self) -> None:
        """What was to follow the save does not."""
        self._after_save = None

    def _on_example_read(self, text: str) -> None:
        self._desk.document.new(text)

    def _on_error(self, error: Exception) -> None:
        self._desk.document.failed.emit(str(error), "")

    def _remember(self, path: str) -> None:
        self._desk.settings.remember_recent(path)


def as_new(path: Path) -> str:
    """The text of a preset with its relative paths made absolute, so that it means the same without its place."""
    document = Document.read(path)
    for key, value in moved_paths(document.values(), path.parent, None).items():
        document.set(key, value)
    return document.text()


def moved_paths(values: Mapping[str, object], old: Path, new: Path | None) -> dict[str, str]:
    """Edits that keep relative paths pointing to where they did, when the preset moves to another folder.

    A base model like "owner/name" is a name on the hub unless it is there as a folder. Looks at files: not for the
    UI thread.
    """
    if new is not None and os.path.abspath(new) == os.path.abspath(old):
        return {}
    edits: dict[str, str] = {}
    for option in describe(TrainConfig):
        if option.info.path:
            _collect(edits, values, option.key.split("."), "", old)
    return edits


def _collect(edits: dict[str, str], node: object, names: list[str], key: str, old: Path) -> None:
    """Walk a dotted key through tables and lists ("subsets[]") to its texts."""
    if not names:
        if not isinstance(node, str) or not node or os.path.isabs(os.path.expanduser(node)):
            return
        if key != "model.base" or not HUB_NAME.fullmatch(node) or (old / node).exists():
            edits[key] = os.path.abspath(old / node)
        return
    name = names[0].removesuffix("[]")
    if not isinstance(node, Mapping) or name not in node:
        return
    inner, path = node[name], f"{key}.{name}" if key else name
    if names[0].endswith("[]"):
        for number, item in enumerate(inner if isinstance(inner, list) else []):
            _collect(edits, item, names[1:], f"{path}[{number}]", old)
    else:
        _collect(edits, inner, names[1:], path, old)
