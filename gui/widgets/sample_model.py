"""The samples of a run as a table: a row for each prompt, a column for each step; pictures come from a thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QImage, QPixmap

from gui.amounts import whole
from gui.background import later
from gui.desk import Desk
from gui.pictures import read_picture
from gui.widgets.text import plain_tooltip, shortened
from kohya_like.events import Sample

Index = QModelIndex | QPersistentModelIndex
SAMPLE_ROLE = Qt.ItemDataRole.UserRole
KEPT_PICTURES = 600


class SampleModel(QAbstractTableModel):
    """`show_samples` may be called as often as the run grows; `side` is the longer side of a thumbnail in pixels.

    DecorationRole is a QPixmap, a sentence (why there is no picture), or None while it is being read.
    """

    def __init__(self, desk: Desk, side: int) -> None:
        super().__init__()
        self._desk, self._side = desk, side
        self.steps: list[int] = []
        self.prompts: list[int] = []  # their numbers in the preset
        self._samples: dict[tuple[int, int], Sample] = {}
        self._pictures: OrderedDict[str, QPixmap | str | None] = OrderedDict()
        desk.language.changed.connect(self._on_language_changed)

    def show_samples(self, samples: Sequence[Sample]) -> None:
        """Grow where possible, so that what is selected and read stays; a run that went back begins anew."""
        found = {(sample.index, sample.step): sample for sample in samples}
        if found == self._samples:
            return
        grown = self._samples.items() <= found.items()
        steps, prompts = sorted({step for _, step in found}), sorted({prompt for prompt, _ in found})
        if grown and steps[: len(self.steps)] == self.steps and prompts[: len(self.prompts)] == self.prompts:
            self._grow(found, steps, prompts)
        else:
            self.beginResetModel()
            self._samples, self.steps, self.prompts = found, steps, prompts
            self._pictures.clear()
            self.endResetModel()

    def _grow(self, found: dict[tuple[int, int], Sample], steps: list[int], prompts: list[int]) -> None:
        none = QModelIndex()
        self._samples = found
        if len(prompts) > len(self.prompts):
            self.beginInsertRows(none, len(self.prompts), len(prompts) - 1)
            self.prompts = prompts
            self.endInsertRows()
        if len(steps) > len(self.steps):
            self.beginInsertColumns(none, len(self.steps), len(steps) - 1)
            self.steps = steps
            self.endInsertColumns()
        if steps and prompts:
            self.dataChanged.emit(self.index(0, 0), self.index(len(prompts) - 1, len(steps) - 1))

    def sample(self, prompt: int, step: int) -> Sample | None:
        return self._samples.get((prompt, step))

    def at(self, index: Index) -> Sample | None:
        there = 0 <= index.row() < len(self.prompts) and 0 <= index.column() < len(self.steps)
        return self.sample(self.prompts[index.row()], self.steps[index.column()]) if there else None

    def prompt(self, row: int) -> Sample:
        """Any sample of the row: all have the same prompt and seed."""
        number = self.prompts[row]
        return next(sample for sample in self._samples.values() if sample.index == number)

    # Qt's side

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.prompts)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.steps)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        sample = self.at(index)
        if sample is None:
            return None
        if role == SAMPLE_ROLE:
            return sample
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(sample.path)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._words(sample))
        return self._words(sample) if role == Qt.ItemDataRole.AccessibleTextRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        columns = orientation == Qt.Orientation.Horizontal
        if not 0 <= section < len(self.steps if columns else self.prompts):  # a header asks for what was there before
            return None
        if columns:
            return self.tr("step {step}").format(step=whole(self.steps[section])) if role == 0 else None
        prompt = shortened(self.prompt(section).prompt, 400).replace("\n", " ")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self.prompt(section).prompt)
        return prompt if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None

    def _words(self, sample: Sample) -> str:
        said = self.tr("step {step}, seed {seed}: {prompt}")
        return said.format(step=whole(sample.step), seed=sample.seed, prompt=shortened(sample.prompt, 1000))

    def _on_language_changed(self) -> None:
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, max(0, len(self.steps) - 1))
        for path in [path for path, picture in self._pictures.items() if isinstance(picture, str)]:
            del self._pictures[path]

    def _picture(self, path: str) -> QPixmap | str | None:
        if path in self._pictures:
            self._pictures.move_to_end(path)
            return self._pictures[path]
        self._pictures[path] = None
        while len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)
        box = QSize(self._side, self._side)
        later(
            lambda: read_picture(Path(path), box),
            lambda image: self._keep(path, QPixmap.fromImage(image) if isinstance(image, QImage) else None),
            lambda error: self._keep(path, self._reason(error)),
            owner=self,
        )
        return None

    def _reason(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError):
            return self.tr("The file is missing")
        return self._desk.language.sentence(str(error))

    def _keep(self, path: str, picture: QPixmap | str | None) -> None:
        if path in self._pictures:
            self._pictures[path] = picture
            if self.steps and self.prompts:
                last = self.index(len(self.prompts) - 1, len(self.steps) - 1)
                self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.DecorationRole])
