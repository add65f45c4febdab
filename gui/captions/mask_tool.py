"""Painting the mask of the current picture; what was painted is saved by itself, and training finds it."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dataset_tools.masks import MaskRules, find_mask, new_mask, remove_mask, write_mask
from dataset_tools.places import state_home
from gui.captions.desk import CaptionDesk
from gui.captions.mask_canvas import LEAST_BRUSH, MASK_SIDE, MOST_BRUSH, MaskCanvas
from gui.pictures import read_picture
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel, shortened

SAVE_MILLISECONDS = 1_000  # after the last stroke
DIR_KEY, SUFFIX_KEY, LOSS_KEY, FOLDER_KEY = (
    "data.mask_dir", "data.mask_suffix", "data.masked_loss", "data.train_data_dir",
)  # fmt: skip


class MaskTool(QWidget):
    """Follows the desk's current picture while it is seen. Without a place for masks it offers one."""

    def __init__(self, desk: CaptionDesk) -> None:
        super().__init__()
        self._desk = desk
        self._path = ""  # of the picture that is shown
        self._is_dirty = False
        self._unsaved: dict[str, QImage] = {}  # what could not be written, by picture: shown when it is seen again
        self.canvas = MaskCanvas(desk)
        self.said = ElidedLabel(role="muted")
        self.lesson = PlainLabel(role="muted", wrap=True)
        self.brush_label, self.brush = PlainLabel(), QSlider(Qt.Orientation.Horizontal)
        self.undo, self.redo = QToolButton(), QToolButton()
        self.everything, self.nothing, self.invert, self.remove = (QPushButton() for _ in range(4))
        self.offer, self.use = PlainLabel(role="warning", wrap=True), QPushButton()
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_MILLISECONDS)
        self._lay_out()
        self._connect()
        self._draw()
        self.retranslate()
        self._follow()

    def take_keyboard(self) -> None:
        self.canvas.setFocus()

    @property
    def rules(self) -> MaskRules:
        """Where the configuration has the masks."""
        document = self._desk.desk.document
        folder, suffix = document.value(DIR_KEY), document.value(SUFFIX_KEY)
        given = os.path.expanduser(folder) if isinstance(folder, str) and folder else ""
        place = os.path.normpath(os.path.join(str(document.folder), given)) if given else ""
        return MaskRules(place, suffix if isinstance(suffix, str) else "")

    def retranslate(self) -> None:
        self.lesson.setText(
            self.tr("Paint what counts. Right button or Shift: what does not count, shown in red. Wheel: brush.")
        )
        self.canvas.setAccessibleName(self.tr("The mask of the picture"))
        self.brush_label.setText(self.tr("Brush"))
        self.brush.setAccessibleName(self.tr("Size of the brush"))
        for button, words in (
            (self.undo, self.tr("Undo the last stroke")),
            (self.redo, self.tr("Do the stroke again")),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words)
        self.everything.setText(self.tr("All counts"))
        self.nothing.setText(self.tr("Nothing counts"))
        self.invert.setText(self.tr("Invert"))
        self.remove.setText(self.tr("No mask"))
        self.remove.setToolTip(self.tr("Take the mask away; a copy of it is kept"))
        self.use.setText(self.tr("Use this folder"))
        self._show_state()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._save_now()

    def _lay_out(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(SMALL)
        strokes = QHBoxLayout()
        strokes.addWidget(self.undo)
        strokes.addWidget(self.redo)
        strokes.addStretch(1)
        self.brush.setRange(LEAST_BRUSH, MOST_BRUSH)
        self.brush.setValue(self.canvas.brush)
        self.brush_label.setBuddy(self.brush)
        side.setContentsMargins(0, 0, SMALL, 0)
        side.addWidget(self.lesson)
        side.addWidget(self.brush_label)
        side.addWidget(self.brush)
        side.addLayout(strokes)
        grid = QGridLayout()
        grid.setSpacing(SMALL)
        for place, button in enumerate((self.everything, self.nothing, self.invert, self.remove)):
            grid.addWidget(button, place // 2, place % 2)
        side.addLayout(grid)
        side.addWidget(self.offer)
        side.addWidget(self.use)
        side.addStretch(1)
        side.addWidget(self.said)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        holder = QWidget()
        holder.setProperty("role", "page")
        holder.setLayout(side)
        scroll = QScrollArea()
        scroll.setWidget(holder)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setMinimumWidth(270)
        row.addWidget(self.canvas, 3)
        row.addWidget(scroll, 1)

    def _connect(self) -> None:
        desk, canvas = self._desk, self.canvas
        self.brush.valueChanged.connect(canvas.set_brush)
        canvas.brushed.connect(self.brush.setValue)
        canvas.stroked.connect(self._on_stroked)
        self.undo.clicked.connect(canvas.undo)
        self.redo.clicked.connect(canvas.redo)
        self.everything.clicked.connect(lambda: canvas.fill(True))
        self.nothing.clicked.connect(lambda: canvas.fill(False))
        self.invert.clicked.connect(canvas.invert)
        self.remove.clicked.connect(canvas.clear)
        self.use.clicked.connect(self._on_use_clicked)
        self._saving.timeout.connect(self._save_now)
        desk.current_changed.connect(lambda _: self._follow())
        desk.opened.connect(self._follow)
        desk.desk.document.edited.connect(self._on_edited)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)

    def _draw(self) -> None:
        for button, name in ((self.undo, "undo"), (self.redo, "redo")):
            button.setIcon(self._desk.desk.theme.icon(name))

    # reading

    def _follow(self) -> None:
        """Show the current picture; what was painted on the one before is saved first."""
        if not self.isVisible():
            return
        library, number = self._desk.library, self._desk.current
        path = library.path(number) if library is not None and number >= 0 else ""
        if path == self._path:
            return
        self._save_now()
        self._path = path
        self._read()

    def _read(self) -> None:
        path, rules = self._path, self.rules
        self.canvas.show_picture(QImage(), QImage())
        self.said.setText("")
        self._show_state()
        if path:
            self._desk.work(  # the desk's one thread: after a mask that is still being written
                lambda: _read(Path(path), rules),
                lambda images: self._take(path, *images),
                lambda error: self._say(path, str(error)),
                owner=self,
            )

    def _take(self, path: str, picture: QImage, mask: QImage, place: str) -> None:
        if path != self._path:
            return
        unsaved = self._unsaved.pop(path, None)
        self.canvas.show_picture(picture, mask if unsaved is None else unsaved)
        self._is_dirty = unsaved is not None
        self.said.setText(place)
        self._show_state()

    def _say(self, path: str, sentence: str) -> None:
        if path == self._path:
            self.said.setText(shortened(self._desk.desk.language.sentence(sentence), 500))

    # saving

    def _on_stroked(self) -> None:
        self._is_dirty = True
        self._show_state()
        self._saving.start()

    def _save_now(self) -> None:
        self._saving.stop()
        if not self._is_dirty or not self._path or not self.rules.has_place:
            return
        self._is_dirty = False
        path, rules, mask = self._path, self.rules, self.canvas.painted.copy()
        backup = state_home() / "masks"
        self._desk.work(
            lambda: _save(Path(path), rules, mask, backup),
            lambda place: self._on_saved(path, place),
            lambda error: self._fail(path, mask, error),
        )

    def _on_saved(self, path: str, place: str) -> None:
        self._say(path, place)
        self._desk.desk.wishes.files_written.emit()

    def _fail(self, path: str, mask: QImage, error: Exception) -> None:
        """It could not be written: it is kept, and tried again after the next stroke or when the picture is left."""
        sentence = self._desk.desk.language.sentence(str(error))
        self._desk.said.emit(self.tr("The mask is not saved: {why}").format(why=shortened(sentence, 300)))
        if path == self._path:
            self._is_dirty = True
        else:
            self._unsaved[path] = mask

    def _on_use_clicked(self) -> None:
        """Name the offered folder in the configuration, and switch the masked loss on."""
        document = self._desk.desk.document
        document.set(DIR_KEY, self._offered())
        document.set(LOSS_KEY, True)
        self._desk.said.emit(self.tr("The configuration trains with masks now. Undo takes it back."))

    def _offered(self) -> str:
        folder = self._desk.desk.document.value(FOLDER_KEY)
        if isinstance(folder, str) and folder:
            return f"{os.path.normpath(folder)} masks"
        return f"{os.path.dirname(self._path)} masks"

    def _on_edited(self, key: str) -> None:
        if key in ("", DIR_KEY, SUFFIX_KEY):
            self._show_state()
            if self._is_dirty:
                self._saving.start()
            elif self.isVisible() and self._path:
                self._read()

    def _show_state(self) -> None:
        has_place, has_picture = self.rules.has_place, not self.canvas.picture.isNull()
        self.offer.setVisible(not has_place)
        self.use.setVisible(not has_place and bool(self._path))
        if not has_place:
            words = self.tr("The configuration names no place for masks. Keep them in: {folder}")
            self.offer.setText(words.format(folder=shortened(self._offered(), 300)))
        self.undo.setEnabled(self.canvas.can_undo)
        self.redo.setEnabled(self.canvas.can_redo)
        for button in (self.everything, self.nothing):
            button.setEnabled(has_picture)
        for button in (self.invert, self.remove):
            button.setEnabled(not self.canvas.painted.isNull())


def _read(path: Path, rules: MaskRules) -> tuple[QImage, QImage, str]:
    """In a thread: the picture, its mask (or null), and where that lies."""
    box = QSize(MASK_SIDE, MASK_SIDE)
    place = find_mask(path, rules)
    mask = read_picture(place, box) if place is not None else QImage()
    return read_picture(path, box), mask, str(place or "")


def _save(path: Path, rules: MaskRules, mask: QImage, backup: Path) -> str:
    """In a thread. Returns where it lies now, "" if nowhere."""
    there = find_mask(path, rules)
    if mask.isNull():
        if there is not None:
            remove_mask(there, backup)
        return ""
    place = there if there is not None and there.suffix.lower() == ".png" else new_mask(path, rules)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    mask.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide's stub leaves out the name of the format as text
    write_mask(place, bytes(buffer.data().data()), backup)
    if there is not None and there != place:
        remove_mask(there, backup)  # of another format: two masks of one picture would be a matter of luck
    return str(place)
