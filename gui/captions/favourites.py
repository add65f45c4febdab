"""The favourite tags on the keys 1 to 9: a click puts one into the chosen pictures, or takes it out."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QMenu, QSizePolicy, QToolButton, QWidget

from gui.captions.chosen import Chosen
from gui.captions.desk import CaptionDesk
from gui.captions.tag_actions import FAVOURITES, TagActions
from gui.theme import SMALL
from gui.widgets.text import plain_tooltip, shortened

COLUMNS = 3


class FavouritesPad(QWidget):
    """Only keys that have a tag are shown; tags are put on keys in the menus of chips and of the list."""

    def __init__(self, desk: CaptionDesk, actions: TagActions, chosen: Chosen, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._actions, self._chosen = desk, actions, chosen
        self.buttons = [_TagButton() for _ in range(FAVOURITES)]
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SMALL)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
        for number, button in enumerate(self.buttons, 1):
            button.clicked.connect(lambda _=False, number=number: actions.use_favourite(number))
        actions.favourites_changed.connect(self.retranslate)
        chosen.changed.connect(self._show_states)
        desk.desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Favourite tags"))
        place = 0
        for number, (button, tag) in enumerate(zip(self.buttons, self._actions.favourites), 1):
            self._grid.removeWidget(button)
            button.setVisible(bool(tag))
            if not tag:
                continue
            button.show_tag(number, shortened(tag.replace("\n", " "), 200))
            button.setAccessibleName(
                self.tr("Favourite {number}: {tag}").format(number=number, tag=shortened(tag, 200))
            )
            self._grid.addWidget(button, place // COLUMNS, place % COLUMNS)
            place += 1
        self.setVisible(place > 0)
        self._show_states()

    def _show_states(self) -> None:
        there = set(self._chosen.tags.tags)
        for button, tag in zip(self.buttons, self._actions.favourites):
            button.setChecked(bool(tag) and tag in there)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        button = self.childAt(event.pos())
        if button in self.buttons:
            number = self.buttons.index(button) + 1
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction(self.tr("Take off this key"), lambda: self._actions.set_favourite(number, ""))
            menu.popup(event.globalPos())


class _TagButton(QToolButton):
    """The number and the tag, shortened where there is no room."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "raised")
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._number, self._tag = 0, ""

    def show_tag(self, number: int, tag: str) -> None:
        self._number, self._tag = number, tag
        self.setToolTip(plain_tooltip(tag))
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(min(super().sizeHint().width(), max(24, self.width())), super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        text = f"{self._number} {self._tag}"
        room = self.width() - 14
        self.setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room).replace("&", "&&"))
