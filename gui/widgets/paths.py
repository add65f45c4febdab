"""A path: typed, dropped, browsed for or taken from the last ones used, with a mark that says whether it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QMimeData, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDragMoveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from gui.background import later
from gui.desk import Desk
from gui.fields import Field, Value
from gui.theme import SMALL
from gui.widgets.editor import ROOM, mark_wrong, show_in_line
from gui.widgets.text import plain_tooltip, shortened
from gui.written import meant, same, written

PAUSE = 200  # milliseconds after the last key before the disk is asked
MADE = ("save.output_dir", "data.cache_dir")  # folders that a training makes itself
Found = Literal["", "file", "folder", "missing"]


class PathEdit(QLineEdit):
    """A line that takes dropped files and folders as paths."""

    path_dropped = Signal(str)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_path(event.mimeData()):
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if dropped_path(event.mimeData()):
            event.acceptProposedAction()
        else:
            super().dragMoveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        if path := dropped_path(event.mimeData()):
            event.acceptProposedAction()
            self.path_dropped.emit(path)
        else:
            super().dropEvent(event)


class PathField(QWidget):
    """A path as it was typed: relative ones stay relative, `~` is the home folder."""

    edited = Signal(object)

    def __init__(self, desk: Desk, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._field = desk, field
        self._value: Value = None
        self._found: Found = ""
        self._chosen = False  # by a person, and finished: worth remembering if it exists
        self._asked = 0
        self._label = ""
        self.line = PathEdit()
        self.line.setMaxLength(ROOM)
        self.mark: QAction = self.line.addAction(desk.theme.icon("ok"), QLineEdit.ActionPosition.TrailingPosition)
        self.mark.setVisible(False)
        self.history, self.browse = QToolButton(), QToolButton()
        self._menu = QMenu(self.history)
        self._kinds: tuple[QAction, QAction] | None = None
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._lay_out()
        self._connect()
        self._draw()

    def value(self) -> Value:
        return self._value

    def set_value(self, value: Value) -> None:
        if not same(meant(self._field, self.line.text()), value):
            show_in_line(self.line, written(self._field, value))
        self._value = value
        self._pause.start()

    def set_error(self, wrong: bool) -> None:
        mark_wrong(self.line, wrong)

    def set_words(self, label: str, empty: str) -> None:
        self._label = label
        self.line.setAccessibleName(label)
        self.line.setPlaceholderText(empty)
        for button, name in (
            (self.history, self.tr("{label}: used before").format(label=label)),
            (self.browse, self.tr("{label}: browse").format(label=label)),
        ):
            button.setAccessibleName(name)
            button.setToolTip(plain_tooltip(name))
        if self._kinds:
            self._kinds[0].setText(self.tr("File..."))
            self._kinds[1].setText(self.tr("Folder..."))
        self._show_found(self._found)

    @property
    def found(self) -> Found:
        """What the disk holds there, as far as it has been asked."""
        return self._found

    def take(self, path: str) -> None:
        """A path dropped or browsed for; below the preset's folder it is relative if the present one is."""
        self._put(self._as_present(path))

    def _put(self, path: str) -> None:
        self.line.setText(path)
        self._chosen = True
        self._on_typed(self.line.text())

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SMALL)
        row.addWidget(self.line, 1)
        row.addWidget(self.history)
        row.addWidget(self.browse)
        self.setFocusProxy(self.line)
        self.history.setMenu(self._menu)
        self.history.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        if self._field.path == "any":
            menu = QMenu(self.browse)
            self._kinds = (menu.addAction(""), menu.addAction(""))
            self._kinds[0].triggered.connect(lambda: self._browse("file"))
            self._kinds[1].triggered.connect(lambda: self._browse("folder"))
            self.browse.setMenu(menu)
            self.browse.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        else:
            self.browse.clicked.connect(lambda: self._browse("file" if self._field.path == "file" else "folder"))

    def _connect(self) -> None:
        self.line.textEdited.connect(self._on_typed)
        self.line.editingFinished.connect(self._on_finished)
        self.line.path_dropped.connect(self.take)
        self._pause.timeout.connect(self._look)
        self._menu.aboutToShow.connect(self._fill_history)
        self._desk.theme.changed.connect(self._draw)
        self._desk.document.state_changed.connect(self._pause.start)  # another folder: relative paths lead elsewhere

    def _draw(self) -> None:
        self.history.setIcon(self._desk.theme.icon("recent", "muted"))
        self.browse.setIcon(self._desk.theme.icon("folder", "muted"))
        self._show_found(self._found)

    def _on_typed(self, text: str) -> None:
        self._value = meant(self._field, text)
        self._pause.start()
        self.edited.emit(self._value)

    def _on_finished(self) -> None:
        if self.line.isModified():
            self.line.setModified(False)
            self._chosen = True
            self._pause.start()

    def _look(self) -> None:
        """Ask the disk, in the background; only the newest answer counts."""
        self._asked += 1
        number, text, folder = self._asked, str(self._value or ""), self._desk.document.folder

        def show(found: Found) -> None:
            if number == self._asked:
                self._show_found(found)

        later(lambda: look(text, folder), show, owner=self)

    def _show_found(self, found: Found) -> None:
        self._found = found
        wanted = self._field.path
        if found == "missing":
            made = self._field.key in MADE
            icon, text = ("hint", self.tr("Will be made")) if made else ("warning", self.tr("There is no such path"))
        elif found and wanted != "any" and found != wanted:
            icon = "warning"
            text = self.tr("A file; a folder is wanted") if found == "file" else self.tr("A folder; a file is wanted")
        else:
            icon, text = "ok", self.tr("Exists")
        self.mark.setVisible(bool(found))
        self.mark.setIcon(self._desk.theme.icon(icon, "success" if icon == "ok" else icon))
        self.mark.setToolTip(text)
        self.line.setToolTip(plain_tooltip(f"{self.line.text()}\n{text}") if found else "")
        if self._chosen and found in ("file", "folder"):
            self._chosen = False
            self._desk.settings.remember_path(self._field.key, str(self._value))

    def _fill_history(self) -> None:
        self._menu.clear()
        paths = self._desk.settings.path_history(self._field.key)
        for path in paths:
            action = self._menu.addAction(shortened(path, 200).replace("&", "&&"))
            action.triggered.connect(lambda _=False, path=path: self._put(path))
        if not paths:
            self._menu.addAction(self.tr("Nothing used yet")).setEnabled(False)

    def _browse(self, kind: str) -> None:
        text, folder = str(self._value or ""), self._desk.document.folder
        later(lambda: nearest_folder(text, folder), lambda start: self._open_dialog(kind, start), owner=self)

    def _open_dialog(self, kind: str, start: str) -> None:
        dialog = QFileDialog(self, self._label, start)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile if kind == "file" else QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, kind == "folder")
        if QGuiApplication.platformName() == "offscreen":
            dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _as_present(self, path: str) -> str:
        present = str(self._value or "")
        folder = self._desk.document.folder
        if not present or present.startswith("~") or os.path.isabs(present) or not os.path.isabs(path):
            return path
        relative = os.path.relpath(path, folder) if Path(path).is_relative_to(folder) else path
        return Path(relative).as_posix()


def dropped_path(data: QMimeData) -> str:
    """The local path that a drop carries, "" if it has none."""
    for url in data.urls() if data.hasUrls() else [QUrl(data.text().strip())] if data.hasText() else []:
        if url.isLocalFile() and not url.host():
            return url.toLocalFile()
    return ""


def look(text: str, folder: Path) -> Found:
    """What stands at a path. Asks the disk: for the background only."""
    if not text:
        return ""
    try:
        path = folder / os.path.expanduser(text)
        return "folder" if path.is_dir() else "file" if path.exists() else "missing"
    except (OSError, ValueError):
        return "missing"


def nearest_folder(text: str, folder: Path) -> str:
    """The folder a dialog begins in: the path's own, or the first above it that exists."""
    try:
        path = folder / os.path.expanduser(text)
    except ValueError:  # a zero byte
        path = folder
    return _first(path, lambda path: look(str(path), folder) == "folder")


def _first(path: Path, holds: Callable[[Path], bool]) -> str:
    return next((str(one) for one in (path, *path.parents) if holds(one)), "")
