"""Above the pictures: the filter with its errors in words, what it found, the order, and how the list is shown."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.captions.gallery import MODES, SIDES, Gallery, Mode
from gui.captions.showing import SORTS
from gui.theme import GAP, SMALL
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import PlainLabel

TYPING_MILLISECONDS = 150
LINE_LEAST = 280  # px for the filter, its examples and the count
SETTING_SORT = "captions.sort"
EXAMPLES = (
    "tag:hat", "NOT tag:hat", 'tag:"red hat" AND tag:smile', "tag:*hair OR tag:*eyes", "caption:smile",
    "tokens:>75", "tags:<3", "size:<512", "ar:>1.5", "name:*_01*", "tag:/^(red|blue) /",
)  # fmt: skip


class FilterBar(QFrame):
    """The desk filters while the person types; a filter that cannot be understood leaves the list as it is."""

    left = Signal()  # Enter or Down: the keyboard goes to the pictures

    def __init__(self, desk: CaptionDesk, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._gallery = desk, gallery
        self.text = _Line()
        self._looking_glass = QAction(self)
        self.text.addAction(self._looking_glass, QLineEdit.ActionPosition.LeadingPosition)
        self.text.setClearButtonEnabled(True)
        self.examples = QToolButton()
        self.count, self.problem = PlainLabel(role="muted"), PlainLabel(role="error", wrap=True)
        self.sort, self.descending = QuietComboBox(), QToolButton()
        self.side = _Sizes(Qt.Orientation.Horizontal)
        self.modes: dict[Mode, QToolButton] = {mode: QToolButton() for mode in MODES}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MILLISECONDS)
        self._lay_out()
        self._connect()
        self.retranslate()
        self._draw()
        self._show()

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for button in self.modes.values():
            button.setCheckable(True)
            group.addButton(button)
            buttons.addWidget(button)
        self.modes[self._gallery.mode].setChecked(True)
        self.sort.addItems([""] * len(SORTS))
        self.descending.setCheckable(True)
        self.side.setRange(0, len(SIDES) - 1)
        self.side.setValue(SIDES.index(self._gallery.side))
        self.side.setFixedWidth(64)
        self.side.setPageStep(1)
        self.examples.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.examples.setMenu(self._examples_menu())
        self._row, self._looks = QHBoxLayout(), QWidget()
        looks = QHBoxLayout(self._looks)
        for layout in (self._row, looks):
            layout.setSpacing(SMALL)
        looks.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in ((self.text, 1), (self.examples, 0), (self.count, 0)):
            self._row.addWidget(widget, stretch)
        looks.addWidget(self.sort)
        looks.addWidget(self.descending)
        looks.addSpacing(GAP)
        looks.addLayout(buttons)
        looks.addWidget(self.side)
        looks.addStretch(1)
        self._row.addWidget(self._looks)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(SMALL, GAP, SMALL, SMALL)
        self._column.setSpacing(SMALL)
        self._column.addLayout(self._row)
        self._column.addWidget(self.problem)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two lines where one has no room for the filter."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < self._looks.sizeHint().width() + LINE_LEAST
        if is_narrow == (self._row.indexOf(self._looks) >= 0):
            self._column.removeWidget(self._looks)
            self._row.removeWidget(self._looks)
            if is_narrow:
                self._column.insertWidget(1, self._looks)
            else:
                self._row.addWidget(self._looks)

    def _examples_menu(self) -> QMenu:
        menu = QMenu(self)
        for example in EXAMPLES:
            menu.addAction(example, partial(self.ask, example))
        return menu

    def _connect(self) -> None:
        desk, gallery = self._desk, self._gallery
        self.text.textEdited.connect(lambda _: self._timer.start())
        self.text.textChanged.connect(self._on_text_changed)
        self.text.returnPressed.connect(self._on_return)
        self.text.down_pressed.connect(self._on_return)
        self._timer.timeout.connect(self._filter)
        self.sort.activated.connect(lambda _: self._sort())
        self.descending.toggled.connect(lambda _: self._sort())
        self.side.valueChanged.connect(lambda value: gallery.set_side(SIDES[value]))
        for mode, button in self.modes.items():
            button.clicked.connect(partial(self._set_mode, mode))
        gallery.mode_changed.connect(self._on_mode_changed)
        desk.filtered.connect(self._show)
        desk.selection_changed.connect(lambda _: self._show())
        desk.opened.connect(self._on_opened)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)

    def ask(self, text: str) -> None:
        """Filter by this text now, as if it had been typed."""
        self.text.setText(text)
        self._filter()

    def take_keyboard(self) -> None:
        self.text.setFocus()
        self.text.selectAll()

    def retranslate(self) -> None:
        self.text.setPlaceholderText(self.tr("Filter: tag:hat, tokens:>75, words ..."))
        self.text.setAccessibleName(self.tr("Filter"))
        tips = {
            self.text: self.tr("Filter the pictures ({keys})").format(keys=self._desk.keys.shown("filter")),
            self.examples: self.tr("Examples of filters"),
            self.descending: self.tr("The other way round"),
            self.side: self.tr("Size of the pictures in the grid"),
            self.modes["grid"]: self._desk.keys.label("grid"),
            self.modes["list"]: self._desk.keys.label("list"),
            self.modes["single"]: self._desk.keys.label("single"),
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
            widget.setAccessibleName(tip)
        names = {
            "name": self.tr("by name"),
            "tokens": self.tr("by tokens"),
            "tags": self.tr("by tags"),
            "size": self.tr("by size"),
            "changed": self.tr("by change"),
        }
        for row, key in enumerate(SORTS):
            self.sort.setItemText(row, names[key])
        self.sort.setAccessibleName(self.tr("Order of the pictures"))
        self._show()

    def _show(self) -> None:
        desk = self._desk
        shown, everything = len(desk.shown.ids), desk.shown.total
        said = self.tr("{shown} of {all}") if shown != everything else "{all}"
        self.count.setText(said.format(shown=whole(shown), all=whole(everything)) if desk.library is not None else "")
        self.problem.setText(desk.filter_problem)
        self.problem.setVisible(bool(desk.filter_problem))

    def _on_text_changed(self, text: str) -> None:
        if not text and self._desk.filter_text:  # the clear button, or the last letter
            self._filter()

    def _on_return(self) -> None:
        self._filter()
        self.left.emit()

    def _filter(self) -> None:
        self._timer.stop()
        self._desk.set_filter(self.text.text().strip())

    def _sort(self) -> None:
        self._desk.set_sort(SORTS[self.sort.currentIndex()], self.descending.isChecked())
        self._draw()

    def _set_mode(self, mode: Mode, _: bool = False) -> None:
        self._gallery.set_mode(mode)
        self._gallery.take_keyboard()

    def _on_mode_changed(self, mode: Mode) -> None:
        self.modes[mode].setChecked(True)
        self.side.setEnabled(mode == "grid")

    def _on_opened(self) -> None:
        if self.text.text().strip() or self._desk.wish.sort != SORTS[0]:
            self._filter()

    def _draw(self) -> None:
        theme = self._desk.desk.theme
        self._looking_glass.setIcon(theme.icon("search", "muted"))
        self.examples.setIcon(theme.icon("more"))
        self.descending.setIcon(theme.icon("sort-down" if self.descending.isChecked() else "sort-up"))
        for mode, button in self.modes.items():
            button.setIcon(theme.icon(f"view-{mode}"))
            button.setIconSize(QSize(18, 18))


class _Sizes(QSlider):
    """The wheel passes over it; nothing is changed by accident."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _Line(QLineEdit):
    """A line that says when Down is pressed."""

    down_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.down_pressed.emit()
        else:
            super().keyPressEvent(event)
