"""The top bar of the Train page: what kind of training, for which family, and the configuration file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout

from gui.compare import CompareDialog
from gui.desk import Desk
from gui.file_actions import FileActions
from gui.theme import GAP, WIDE
from gui.widgets.banner import Banner
from gui.widgets.quiet import QuietComboBox
from gui.widgets.text import ElidedLabel, PlainLabel, plain_tooltip, shortened
from kohya_like.measured import measured_text
from kohya_like.recipes import FAMILIES, RECIPES, edits_for, recipe_of, recipe_text

ROOM_FOR_WORDS = 1080  # pixels


class PresetBar(QFrame):
    """Recipe and family choosers, file buttons, and the banners that concern the file."""

    def __init__(self, desk: Desk, files: FileActions) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self._desk, self._files = desk, files
        self._examples: list[str] = []
        self._asks_about_outside = False
        self.recipe, self.family = QuietComboBox(), QuietComboBox()
        self.recipe_label, self.family_label, self.file_label = PlainLabel(), PlainLabel(), PlainLabel()
        self.file = ElidedLabel(role="heading")
        self.buttons = {name: QToolButton() for name in ("open", "save", "save-as", "recent", "undo", "redo", "reset")}
        self.banner = Banner(desk, "warning")
        self._lay_out()
        self._connect()
        self.retranslate()
        self._draw()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        for label, widget in ((self.recipe_label, self.recipe), (self.family_label, self.family)):
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget)
        row.addSpacing(WIDE)
        row.addWidget(self.file_label)
        row.addWidget(self.file, 1)
        for button in self.buttons.values():
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE, GAP, GAP, GAP)
        column.addLayout(row)
        column.addWidget(self.banner)
        for name in ("recent", "reset"):
            self.buttons[name].setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            self.buttons[name].setMenu(QMenu(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words beside the two buttons that everybody looks for, where there is room."""
        super().resizeEvent(event)
        kinds = Qt.ToolButtonStyle
        kind = kinds.ToolButtonTextBesideIcon if event.size().width() >= ROOM_FOR_WORDS else kinds.ToolButtonIconOnly
        for name in ("open", "save"):
            self.buttons[name].setToolButtonStyle(kind)

    def _connect(self) -> None:
        document = self._desk.document
        self.recipe.activated.connect(self._on_recipe_chosen)
        self.family.activated.connect(self._on_family_chosen)
        for name, action in (
            ("open", self._files.open_dialog),
            ("save", self._files.save),
            ("save-as", self._files.save_as),
            ("undo", document.undo),
            ("redo", document.redo),
        ):
            self.buttons[name].clicked.connect(lambda _=False, action=action: action())
        self.buttons["recent"].menu().aboutToShow.connect(self._fill_recent)
        self.buttons["reset"].menu().aboutToShow.connect(self._fill_reset)
        document.edited.connect(lambda _: self._show_choice())
        document.state_changed.connect(self._show_state)
        document.failed.connect(self._on_failed)
        document.opened.connect(self.banner.hide)
        document.saved.connect(self.banner.hide)
        document.changed_outside.connect(self._on_changed_outside)
        self._files.examples_found.connect(self._on_examples_found)
        self._desk.language.changed.connect(self.retranslate)
        self._desk.theme.changed.connect(self._draw)

    # what is shown

    def retranslate(self) -> None:
        self.recipe_label.setText(self.tr("Method"))
        self.family_label.setText(self.tr("Model family"))
        self.file_label.setText(self.tr("Configuration file"))
        self.recipe.setAccessibleName(self.tr("Method: what is trained"))
        self.family.setAccessibleName(self.tr("Kind of base model"))
        names = {
            "open": self.tr("Open a configuration file (Ctrl+O)"),
            "save": self.tr("Save (Ctrl+S)"),
            "save-as": self.tr("Save under another name (Ctrl+Shift+S)"),
            "recent": self.tr("Recent files and examples"),
            "undo": self.tr("Undo (Ctrl+Z)"),
            "redo": self.tr("Redo (Ctrl+Y)"),
            "reset": self.tr("New, or back to the defaults"),
        }
        for name, said in names.items():
            self.buttons[name].setToolTip(said)
            self.buttons[name].setAccessibleName(said)
        self.buttons["open"].setText(self.tr("Open"))
        self.buttons["save"].setText(self.tr("Save"))
        self._fill_choosers()
        self._show_state()

    def _fill_choosers(self) -> None:
        language = self._desk.language.name
        self.recipe.clear()
        for number, recipe in enumerate(RECIPES):
            label, produces, note = recipe_text(recipe.name, language)
            self.recipe.addItem(label, recipe.name)
            lines = (produces, note, measured_text(recipe.name, language))
            self.recipe.setItemData(number, plain_tooltip("\n".join(filter(None, lines))), Qt.ItemDataRole.ToolTipRole)
        self.family.clear()
        for name in FAMILIES:
            self.family.addItem(self._desk.language.texts.choice("model.family", name), name)
        self._show_choice()

    def _show_choice(self) -> None:
        values = self._desk.document.values()
        recipe = recipe_of(values)
        self.recipe.setCurrentIndex(-1 if recipe is None else self.recipe.findData(recipe.name))
        self.recipe.setPlaceholderText(self.tr("another method"))
        self.family.setCurrentIndex(self.family.findData(self._desk.document.value("model.family")))

    def _show_state(self) -> None:
        document = self._desk.document
        if self._asks_about_outside and not document.conflict:
            self._asks_about_outside = False
            self.banner.hide()
        name = document.path.name if document.path else self.tr("not saved yet")
        self.file.setText(f"{'* ' if document.modified else ''}{name}")
        where = str(document.path) if document.path else ""
        unsaved = self.tr("has changes that are not saved")
        if document.modified:
            where = f"{where}\n{unsaved}".strip()
        self.file.setToolTip(plain_tooltip(where))
        self.file.setAccessibleName(f"{name}, {unsaved}" if document.modified else name)
        self.file.setAccessibleDescription(where)
        self.buttons["undo"].setEnabled(document.can_undo)
        self.buttons["redo"].setEnabled(document.can_redo)

    def _draw(self) -> None:
        for name, button in self.buttons.items():
            button.setIcon(self._desk.theme.icon(name))

    # what a person does

    def _on_recipe_chosen(self, index: int) -> None:
        recipe = RECIPES[index]
        edits = edits_for(recipe, self._desk.document.values(), str(self.family.currentData() or "auto"))
        self._desk.document.set_many(edits, label="recipe")
        removed = sorted(key for key, value in edits.items() if value is None)
        if removed:
            said = self.tr("Options that {method} does not have were taken out: {keys}. Undo brings them back.")
            label = recipe_text(recipe.name, self._desk.language.name)[0]
            self._desk.wishes.said.emit(said.format(method=label, keys=", ".join(removed)))

    def _on_family_chosen(self, index: int) -> None:
        family = str(self.family.itemData(index))
        document = self._desk.document
        edits: dict[str, object] = {"model.family": family}
        if (recipe := recipe_of(document.values())) is not None:
            edits |= edits_for(recipe, document.values(), family)
        document.set_many(edits, label="model.family")

    def _fill_recent(self) -> None:
        menu = self.buttons["recent"].menu()
        menu.clear()
        for path in self._desk.settings.recent:
            menu.addAction(
                _action(menu, f"{Path(path).name}   {Path(path).parent}", lambda p=path: self._files.open(p))
            )
        if not self._desk.settings.recent:
            menu.addAction(self.tr("No recent files")).setEnabled(False)
        menu.addSeparator()
        menu.addAction(self.tr("Examples that come with the program")).setEnabled(False)
        for path in self._examples:
            menu.addAction(_action(menu, Path(path).stem, lambda p=path: self._files.open_example(p)))

    def _fill_reset(self) -> None:
        menu = self.buttons["reset"].menu()
        menu.clear()
        menu.addAction(_action(menu, self.tr("New configuration"), self._files.new))
        menu.addAction(_action(menu, self.tr("Set every field to its default"), self._desk.document.reset_all))

    def _on_examples_found(self, paths: list[str]) -> None:
        self._examples = paths

    def _on_failed(self, sentence: str, hint: str) -> None:
        say = self._desk.language.sentence
        actions = [(self.tr("Save as ..."), self._files.save_as)] if self._desk.document.modified else []
        said = "\n".join(filter(None, [say(sentence), say(hint)]))
        self.banner.show_message(said, actions, "error", lambda: self._on_failed(sentence, hint))

    def _on_changed_outside(self, how: str) -> None:
        self._asks_about_outside = True
        if how == "deleted":
            said = self.tr("The file was deleted or moved by another program. Your text is still here.")
            save = (self.tr("Save it again"), lambda: self._desk.document.save(force=True))
            self.banner.show_message(said, [save], again=lambda: self._on_changed_outside(how))
            return
        said = self.tr("Another program changed this file while it was open here.")
        document = self._desk.document
        self.banner.show_message(
            said,
            [
                (self.tr("Keep mine"), document.keep_mine),
                (self.tr("Take theirs"), document.take_theirs),
                (self.tr("Compare ..."), self._compare),
            ],
            "warning",
            lambda: self._on_changed_outside(how),
        )

    def _compare(self) -> None:
        document = self._desk.document
        dialog = CompareDialog(self._desk, document.text, document.theirs)
        dialog.setParent(self.window(), Qt.WindowType.Dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.mine_chosen.connect(document.keep_mine)
        dialog.theirs_chosen.connect(document.take_theirs)
        dialog.rejected.connect(lambda: self._on_changed_outside("changed"))
        dialog.open()


def _action(menu: QMenu, text: str, call: object) -> QAction:
    """A menu entry whose text is no mnemonic: file names may hold an ampersand."""
    action = QAction(shortened(text, 160).replace("&", "&&"), menu)
    action.triggered.connect(lambda _=False: call())  # type: ignore[operator]
    return action
