"""The Settings page: language, theme, what is shown at the start, folders of runs, and what this program is."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import QLocale, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.background import later
from gui.desk import Desk
from gui.settings import config_folder
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.facts import Facts
from gui.widgets.text import ElidedLabel, PlainLabel, shortened
from kohya_like import __version__

START = "start"  # the setting's name; its values:
LAST, EMPTY = "last", "empty"
CHINESE = QLocale(QLocale.Language.Chinese, QLocale.Script.SimplifiedChineseScript, QLocale.Country.China)
LONGEST_ROOT = 1000  # characters
WIDEST = 860  # pixels of the column; longer lines are hard to read


class SettingsPage(QWidget):
    """Everything applies at once; there is no button for it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.title = PlainLabel(role="title")
        self.languages = Choice({"system": "", "en": "English", "zh_CN": CHINESE.nativeLanguageName()})
        self.themes = Choice({"system": "", "light": "", "dark": ""})
        self.starts = Choice({LAST: "", EMPTY: ""})
        self.roots, self.add, self.remove = QListWidget(), QPushButton(), QPushButton()
        self.config, self.open = ElidedLabel(str(config_folder())), QPushButton()
        self.about, self.shortcuts = PlainLabel(wrap=True), Facts()
        self._headings = [PlainLabel(role="heading") for _ in range(7)]
        self._roots_help, self._config_help = PlainLabel(role="muted", wrap=True), PlainLabel(role="muted", wrap=True)
        self._lay_out()
        self._connect()
        self._draw()
        self.retranslate()
        self._show_values()

    def retranslate(self) -> None:
        self.title.setText(self.tr("Settings"))
        names = (
            self.tr("Language"), self.tr("Theme"), self.tr("At the start show"), self.tr("Folders searched for runs"),
            self.tr("Folder of settings"), self.tr("Keyboard"), self.tr("About"),
        )  # fmt: skip
        for heading, name in zip(self._headings, names):
            heading.setText(name)
        self.languages.name(names[0], {"system": self.tr("As the system")})
        self.themes.name(
            names[1], {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        )
        self.starts.name(
            names[2], {LAST: self.tr("the configuration opened last"), EMPTY: self.tr("an empty configuration")}
        )
        self._roots_help.setText(
            self.tr("Output folders whose runs the Runs page lists, beside that of the open configuration.")
        )
        self.roots.setAccessibleName(names[3])
        self.add.setText(self.tr("Add a folder ..."))
        self.remove.setText(self.tr("Remove"))
        self.remove.setToolTip(self.tr("Takes it off this list; the folder stays"))
        self._config_help.setText(self.tr("Settings and rescued work lie here, and nothing else."))
        self.open.setText(self.tr("Open"))
        self.open.setAccessibleName(self.tr("Open the folder of settings"))
        self.about.setText(self._about())
        self.shortcuts.show_rows(self._shortcuts())

    def _about(self) -> str:
        return self.tr(
            "kohya-like {version}, under the Apache License 2.0.\n"
            "Runs, with their samples and files, lie in the output folder of each configuration. Encoded pictures and "
            "captions lie in a cache of their own, never among your pictures.\n"
            "No telemetry: the program reports nothing to anyone, and downloads nothing without being asked."
        ).format(version=__version__)

    def _shortcuts(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Start training"), "F5"),
            (self.tr("Open, save, new configuration"), "Ctrl+O, Ctrl+S, Ctrl+N"),
            (self.tr("Save as"), "Ctrl+Shift+S"),
            (self.tr("Undo, redo"), "Ctrl+Z, Ctrl+Y"),
            (self.tr("Find a field"), "Ctrl+F"),
            (self.tr("Train, Dataset, Runs, Settings"), "Ctrl+1 ... Ctrl+4"),
            (self.tr("Fold the list of pages"), "Ctrl+B"),
        ]

    def _lay_out(self) -> None:
        content = QWidget()
        content.setProperty("role", "page")
        column = QVBoxLayout(content)
        column.setContentsMargins(WIDE, GAP, WIDE, WIDE)
        column.setSpacing(GAP)
        column.addWidget(self.title)
        roots_buttons = _row(self.add, self.remove)
        config = QHBoxLayout()
        config.addWidget(self.config, 1)
        config.addWidget(self.open)
        self.roots.setFixedHeight(96)
        parts: list[tuple[QWidget | QHBoxLayout, ...]] = [
            (self.languages,), (self.themes,), (self.starts,), (self._roots_help, self.roots, roots_buttons),
            (self._config_help, config), (self.shortcuts,), (self.about,),
        ]  # fmt: skip
        for heading, inside in zip(self._headings, parts):
            column.addWidget(_card(heading, inside))
        column.addStretch(1)
        content.setMaximumWidth(WIDEST)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def _connect(self) -> None:
        desk = self._desk
        self.languages.on_chosen(self._on_language_chosen)
        self.themes.on_chosen(self._on_theme_chosen)
        self.starts.on_chosen(lambda value: desk.settings.set(START, value))
        self.add.clicked.connect(self._on_add_clicked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.open.clicked.connect(self._on_open_clicked)
        self.roots.itemSelectionChanged.connect(self._on_selected)
        desk.settings.changed.connect(self._on_setting_changed)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self._draw)

    def _draw(self) -> None:
        for button, name in ((self.add, "add"), (self.remove, "remove"), (self.open, "folder")):
            button.setIcon(self._desk.theme.icon(name))

    def _show_values(self) -> None:
        settings = self._desk.settings
        self.languages.show_value(settings.language)
        self.themes.show_value(settings.theme)
        self.starts.show_value(str(settings.get(START, LAST)))
        roots = settings.run_roots[:1000]
        if roots != [self._root(self.roots.item(row)) for row in range(self.roots.count())]:
            self.roots.clear()
            for root in roots:
                item = QListWidgetItem(shortened(root, LONGEST_ROOT), self.roots)
                item.setData(Qt.ItemDataRole.UserRole, root)
        self._on_selected()

    @staticmethod
    def _root(item: QListWidgetItem) -> str:
        """The folder itself; what is shown of it may be shortened."""
        return str(item.data(Qt.ItemDataRole.UserRole))

    def _on_setting_changed(self, _: str) -> None:
        self._show_values()

    def _on_selected(self) -> None:
        self.remove.setEnabled(bool(self.roots.selectedItems()))

    def _on_language_chosen(self, value: str) -> None:
        self._desk.settings.language = value
        self._desk.language.set(value)

    def _on_theme_chosen(self, value: str) -> None:
        self._desk.settings.theme = value
        self._desk.theme.set(value)

    def _on_add_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("An output folder that holds runs"))
        if folder:
            self.add_root(folder)

    def add_root(self, folder: str) -> None:
        """List the runs of one more output folder, now and from now on."""
        self._desk.settings.run_roots = [*self._desk.settings.run_roots, folder]
        self._desk.runs.add_root(folder)

    def _on_remove_clicked(self) -> None:
        gone = {self._root(item) for item in self.roots.selectedItems()}
        self._desk.settings.run_roots = [root for root in self._desk.settings.run_roots if root not in gone]
        self._desk.wishes.said.emit(self.tr("Its runs are listed until the window is closed."))

    def _on_open_clicked(self) -> None:
        folder = str(config_folder())
        later(lambda: os.path.isdir(folder), lambda is_there: self._open(folder, is_there), owner=self)

    def _open(self, folder: str, is_there: bool) -> None:
        if is_there:
            QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
        else:
            self._desk.wishes.said.emit(self.tr("Nothing has been stored there yet."))


class Choice(QWidget):
    """A few values of which one holds, as radio buttons."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons = {value: QRadioButton(text) for value, text in values.items()}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(WIDE)
        for button in self.buttons.values():
            self._group.addButton(button)
            row.addWidget(button)
        row.addStretch(1)

    def name(self, name: str, texts: dict[str, str]) -> None:
        for value, text in texts.items():
            self.buttons[value].setText(text)
        for button in self.buttons.values():
            button.setAccessibleName(f"{name}: {button.text()}")

    def show_value(self, value: str) -> None:
        if value in self.buttons:
            self.buttons[value].setChecked(True)

    def on_chosen(self, call: Callable[[str], None]) -> None:
        """By the person: showing a value does not count."""
        for value, button in self.buttons.items():
            button.clicked.connect(lambda _=False, value=value: call(value))


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(GAP)
    for part in parts:
        row.addWidget(part)
    row.addStretch(1)
    return row


def _card(heading: PlainLabel, inside: tuple[QWidget | QHBoxLayout, ...]) -> QFrame:
    card = QFrame()
    card.setProperty("role", "card")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(GAP + SMALL, GAP, GAP + SMALL, GAP)
    layout.setSpacing(SMALL)
    layout.addWidget(heading)
    for part in inside:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
    return card
