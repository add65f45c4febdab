"""The table of concepts: a line for each folder, and a last one that adds them up."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFont, QIcon, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui.amounts import whole
from gui.concepts import ConceptLine
from gui.desk import Desk
from gui.widgets.text import plain_tooltip, shortened

LONGEST = 200  # characters of a cell
SAMPLED = 50  # rows that decide the width of a column
SHOWN_ROWS = 8  # before the table scrolls, in the smallest window
NAME, REPEATS, WORDS, IMAGES, SAMPLES, CAPTIONS, MISSING, EMPTY, LEFT_OUT, KIND, WEIGHT = range(11)
NUMBERS = (REPEATS, IMAGES, SAMPLES, MISSING, EMPTY, LEFT_OUT, WEIGHT)
Index = QModelIndex | QPersistentModelIndex


class ConceptModel(QAbstractTableModel):
    """Lines as plain text. The last row holds the totals and cannot be chosen."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.lines: list[ConceptLine] = []
        self._headers: list[str] = []
        desk.theme.changed.connect(self._on_theme_changed)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def show_lines(self, lines: Sequence[ConceptLine]) -> None:
        self.beginResetModel()
        self.lines = list(lines)
        self.endResetModel()

    def retranslate(self) -> None:
        self._headers = [
            self.tr("Folder"), self.tr("Repeats"), self.tr("Class words"), self.tr("Pictures"), self.tr("Per epoch"),
            self.tr("Captions"), self.tr("Without"), self.tr("Empty"), self.tr("Left out"), self.tr("Kind"),
            self.tr("Weight"),
        ]  # fmt: skip
        self._tips = {
            SAMPLES: self.tr("Samples of an epoch: pictures times repeats"),
            CAPTIONS: self.tr("Caption files found, by their ending"),
            MISSING: self.tr("Pictures without a caption file"),
            EMPTY: self.tr("Caption files without a word"),
            LEFT_OUT: self.tr("Pictures that cannot be read, are too small or too large"),
            WEIGHT: self.tr("How much these pictures count"),
        }
        self._words = {
            "total": self.tr("Total"),
            "none": self.tr("none"),
            "unread": self.tr("not found"),
            "train": self.tr("training"),
            "reg": self.tr("regularisation"),
        }
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self._headers) - 1)
        if self.lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.lines), WEIGHT))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self.lines else len(self.lines) + 1

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._tips.get(section, ""))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, column = index.row(), index.column()
        is_total = row == len(self.lines)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._total(column) if is_total else shortened(self._text(self.lines[row], column), LONGEST)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in NUMBERS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and is_total:
            font = QFont()
            font.setBold(True)
            return font
        if is_total:
            return None
        if role == Qt.ItemDataRole.ToolTipRole and column in (NAME, WORDS):
            line = self.lines[row]
            return plain_tooltip(line.folder if column == NAME else self._text(line, WORDS))
        if role == Qt.ItemDataRole.DecorationRole and column == NAME:
            return self._icon(self.lines[row])
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.NoItemFlags if index.row() == len(self.lines) else super().flags(index)

    def _icon(self, line: ConceptLine) -> QIcon:
        """With a look of its own on the ground of a chosen row."""
        name, token = self._mark(line)
        icon = QIcon(self._desk.theme.icon(name, token))
        icon.addPixmap(self._desk.theme.icon(name, "accent_text").pixmap(16, 16), QIcon.Mode.Selected)
        return icon

    def _mark(self, line: ConceptLine) -> tuple[str, str]:
        if line.counts is None or not line.count("images"):
            return "error", "error"
        if line.left_out or line.count("empty_captions") or (line.count("missing_captions") and not line.is_reg):
            return "warning", "warning"
        return "folder", "muted"

    def _text(self, line: ConceptLine, column: int) -> str:
        if column == NAME:
            return line.name
        if line.counts is None:
            return self._words["unread"] if column == IMAGES else ""
        counts = line.counts
        if column == CAPTIONS:
            found = list(counts["captions"].items())[:10]
            return ", ".join(f"{whole(count)} {ending}" for ending, count in found) or self._words["none"]
        if column == LEFT_OUT:
            return whole(line.left_out)
        if column == KIND:
            return self._words["reg" if line.is_reg else "train"]
        names = {REPEATS: "repeats", IMAGES: "images", SAMPLES: "samples", MISSING: "missing_captions",
                 EMPTY: "empty_captions"}  # fmt: skip
        if column in names:
            return whole(counts[names[column]])
        return str(counts["class_tokens"]) if column == WORDS else f"{counts['loss_weight']:g}"

    def _total(self, column: int) -> str:
        if column == NAME:
            return self._words["total"]
        names = {IMAGES: "images", SAMPLES: "samples", MISSING: "missing_captions", EMPTY: "empty_captions"}
        if column in names:
            return whole(sum(line.count(names[column]) for line in self.lines))
        return whole(sum(line.left_out for line in self.lines)) if column == LEFT_OUT else ""

    def _on_theme_changed(self) -> None:
        if self.lines:
            self.dataChanged.emit(self.index(0, NAME), self.index(len(self.lines), NAME))


class ConceptTable(QTableView):
    """Whole lines are chosen; the choice follows a folder when the table changes."""

    line_chosen = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.concepts = ConceptModel(desk, self)
        self._words_width = 90  # pixels
        self._room = 0  # pixels of height that it may take
        self.setModel(self.concepts)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setResizeContentsPrecision(SAMPLED)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().selectionChanged.connect(lambda *_: self.line_chosen.emit())
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    @property
    def chosen(self) -> ConceptLine | None:
        rows = self.selectionModel().selectedRows()
        return self.concepts.lines[rows[0].row()] if rows and rows[0].row() < len(self.concepts.lines) else None

    def show_lines(self, lines: Sequence[ConceptLine]) -> None:
        if list(lines) == self.concepts.lines:
            return
        before = self.chosen
        self.selectionModel().blockSignals(True)
        self.concepts.show_lines(lines)
        self.selectionModel().blockSignals(False)
        same = [row for row, line in enumerate(lines) if before is not None and line.folder == before.folder]
        if same:
            self.choose(same[0])
        self._fit()
        self.line_chosen.emit()

    def choose(self, row: int) -> None:
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(self.concepts.index(row, 0), flags.ClearAndSelect | flags.Rows)

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Concepts"))
        self._fit()

    def set_room(self, height: int) -> None:
        """How high it may be before it scrolls; it is never higher than its lines."""
        self._room = max(0, height)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _fit(self) -> None:
        """Columns as wide as their words; as high as its lines, up to a point."""
        self.resizeColumnsToContents()
        self.setColumnWidth(NAME, max(140, min(260, self.columnWidth(NAME))))
        self._words_width = max(90, min(200, self.columnWidth(WORDS)))
        self._share_room()

    def _share_room(self) -> None:
        """What the other columns leave is for the class words."""
        others = sum(self.columnWidth(column) for column in range(WEIGHT + 1) if column != WORDS)
        self.setColumnWidth(WORDS, max(self._words_width, self.viewport().width() - others))
        is_narrow = others + self._words_width > self.viewport().width()
        bar = self.horizontalScrollBar().sizeHint().height() if is_narrow else 0
        row = self.verticalHeader().defaultSectionSize()
        rows = min(max(SHOWN_ROWS, self._room // row), max(1, self.concepts.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows * row + bar + 4)
