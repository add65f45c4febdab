"""The line of tools at the top of the captions page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QSpacerItem, QToolButton, QWidget

from gui.captions.desk import CaptionDesk
from gui.captions.tool_pane import ToolPane
from gui.theme import GAP, SMALL
from gui.widgets.text import plain_tooltip

ALWAYS_ICON = ("undo", "redo", "keys")


class Toolbar(QFrame):
    """Icons with words; where there is no room, icons alone. A button is there once `offer` named its call."""

    def __init__(self, desk: CaptionDesk, tools: ToolPane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._tools = desk, tools
        self.setProperty("role", "bar")
        self.buttons: dict[str, QToolButton] = {}
        self._icons: dict[str, str] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(GAP, SMALL, GAP, SMALL)
        self._row.setSpacing(SMALL)
        self._room = QSpacerItem(0, 0, QSizePolicy.Policy.Expanding)
        self._row.addItem(self._room)
        self.offer("undo", "undo", desk.undo)
        self.offer("redo", "redo", desk.redo)
        for signal in (desk.history_changed, desk.ready, desk.opened):
            signal.connect(self._show_history)
        tools.changed.connect(self._on_tool_changed)
        desk.keys.changed.connect(lambda _: self.retranslate())
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)
        self._show_history()

    def offer(self, name: str, icon: str, call: Callable[[], object], at_end: bool = False) -> None:
        """A button for an action of `keys`; its tooltip names the key."""
        button = QToolButton()
        button.setIconSize(QSize(18, 18))
        button.clicked.connect(lambda _=False: call())
        button.setCheckable(name in self._tools.tools)
        self.buttons[name], self._icons[name] = button, icon
        self._row.insertWidget(self._row.count() if at_end else self._row.indexOf(self._room), button)
        button.setIcon(self._desk.desk.theme.icon(icon))
        self._name(name)

    def offer_tool(self, name: str) -> None:
        """A button that opens and closes a tool of the pane."""
        tool = self._tools.tools[name]
        self.offer(name, tool.icon, lambda: self._tools.toggle(name))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def retranslate(self) -> None:
        for name in self.buttons:
            self._name(name)
        self._show_history()
        self._fit()

    def _name(self, name: str) -> None:
        short = {
            "undo": self.tr("Undo"),
            "redo": self.tr("Redo"),
            "replace": self.tr("Find and replace"),
            "batch": self.tr("Edit many"),
            "dedupe": self.tr("Remove repeated"),
            "auto_tag": self.tr("Auto-tag"),
            "mask": self.tr("Mask"),
            "history": self.tr("History"),
        }
        button, keys = self.buttons[name], self._desk.keys
        label = short.get(name, "") or keys.label(name)
        button.setText(label)
        button.setAccessibleName(label)
        if name not in ("undo", "redo"):
            button.setToolTip(self._tip(keys.label(name), keys.shown(name)))

    def _tip(self, label: str, key: str) -> str:
        return plain_tooltip(f"{label} ({key})" if key else label)

    def _show_history(self) -> None:
        desk = self._desk
        said = desk.desk.language.sentence
        for name, key, labels in (("undo", "Ctrl+Z", desk.history), ("redo", "Ctrl+Y", desk.redoable)):
            if (button := self.buttons.get(name)) is None:
                continue
            button.setEnabled(bool(labels))
            what = self.tr("Undo: {what}") if name == "undo" else self.tr("Redo: {what}")
            label = what.format(what=said(labels[-1])) if labels else button.text()
            button.setToolTip(self._tip(label, key))

    def _on_tool_changed(self, name: str) -> None:
        for one in self._tools.tools:
            if one in self.buttons:
                self.buttons[one].setChecked(one == name)

    def _fit(self) -> None:
        """Words beside the icons if all of them have room."""
        wide = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self._set_style(wide)
        if self._row.minimumSize().width() > self.width():
            self._set_style(Qt.ToolButtonStyle.ToolButtonIconOnly)

    def _set_style(self, style: Qt.ToolButtonStyle) -> None:
        for name, button in self.buttons.items():
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly if name in ALWAYS_ICON else style)
        self._row.invalidate()

    def _draw(self) -> None:
        for name, button in self.buttons.items():
            button.setIcon(self._desk.desk.theme.icon(self._icons[name]))
