"""The right pane: the caption of the chosen pictures as chips or as text, above all tags of the dataset."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSplitter, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from gui.amounts import whole
from gui.captions.add_tag import AddTag
from gui.captions.all_tags import AllTags
from gui.captions.caption_problem import CaptionProblem
from gui.captions.chips import ChipsView
from gui.captions.chosen import Chosen
from gui.captions.desk import CaptionDesk
from gui.captions.favourites import FavouritesPad
from gui.captions.panel_menu import PanelMenu
from gui.captions.raw_text import RawText
from gui.captions.tag_actions import FAVOURITES, TagActions
from gui.captions.tag_menu import TagMenu
from gui.captions.token_bar import TokenBar
from gui.theme import GAP, SMALL
from gui.widgets.text import ElidedLabel, PlainLabel

SETTING_RAW, SETTING_WORDS = "captions.raw_text", "captions.translations"


class CaptionPanel(QWidget):
    """Chips and text are two views of one caption. `bind_keys` gives the page's keys their calls."""

    filter_requested = Signal(str)  # in the filter language

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        settings = desk.desk.settings
        self.chosen = Chosen(desk)
        self.tag_actions = TagActions(desk, self.chosen)
        self.heading, self.note = ElidedLabel(role="heading"), PlainLabel(role="muted", wrap=True)
        self.as_chips, self.as_text, self.more = QToolButton(), QToolButton(), QToolButton()
        self.tokens, self.problem = TokenBar(desk), CaptionProblem(desk)
        self.chips, self.text, self.stack = ChipsView(desk), RawText(desk), QStackedWidget()
        self.add = AddTag(desk, self.tag_actions, self.chosen, self.chips)
        self.pad = FavouritesPad(desk, self.tag_actions, self.chosen)
        self.all_tags = AllTags(desk, self.tag_actions)
        self.more.setMenu(PanelMenu(desk, self))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()
        self._connect()
        self.show_as_text(bool(settings.get(SETTING_RAW, False)))
        self.retranslate()
        self._draw()

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(self.heading, 1)
        for button in (self.as_chips, self.as_text):
            button.setCheckable(True)
            group.addButton(button)
            head.addWidget(button)
        head.addWidget(self.more)
        self.stack.addWidget(self.chips)
        self.stack.addWidget(self.text)
        top, below = QWidget(), QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, SMALL)
        column.setSpacing(SMALL)
        column.addLayout(head)
        for widget in (self.tokens, self.problem, self.stack, self.note, self.add):
            column.addWidget(widget, widget is self.stack)
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.setSpacing(GAP)
        lower.addWidget(self.pad)
        lower.addWidget(self.all_tags, 1)
        self.halves = QSplitter(Qt.Orientation.Vertical)
        self.halves.setChildrenCollapsible(False)
        self.halves.setHandleWidth(GAP)
        self.halves.addWidget(top)
        self.halves.addWidget(below)
        self.halves.setSizes([320, 260])
        whole_pane = QVBoxLayout(self)
        whole_pane.setContentsMargins(SMALL, GAP, GAP, GAP)
        whole_pane.addWidget(self.halves)

    def _connect(self) -> None:
        desk, actions = self._desk, self.tag_actions
        self.chosen.changed.connect(self._show)
        self.as_chips.clicked.connect(lambda: self.show_as_text(False))
        self.as_text.clicked.connect(lambda: self.show_as_text(True))
        self.text.tokens_changed.connect(self.tokens.show_tokens)
        self.chips.renamed.connect(actions.rename)
        self.chips.reordered.connect(actions.reorder)
        self.chips.toggled.connect(actions.set_for_all)
        self.chips.menu_wanted.connect(self._open_menu)
        actions.filter_requested.connect(self.filter_requested)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self._draw)

    def bind_keys(self, page: QWidget) -> None:
        """Answer the page's keys that concern tags, wherever on the page the keyboard is."""
        keys, actions = self._desk.keys, self.tag_actions
        keys.bind("add_tag", page, self.begin_to_add)
        keys.bind("rename", page, self.rename)
        keys.bind("delete", page, self.delete)
        keys.bind("copy", page, self.copy)
        keys.bind("paste", page, lambda: actions.paste(append=False))
        keys.bind("paste_append", page, lambda: actions.paste(append=True))
        for number in range(1, FAVOURITES + 1):
            keys.bind(f"favourite_{number}", page, partial(actions.use_favourite, number))

    # what a person does

    def begin_to_add(self) -> None:
        self.add.take_keyboard()

    def rename(self) -> None:
        """The chip the keyboard was at; in the list of all tags the chosen one, everywhere."""
        if self.all_tags.view.hasFocus():
            self.all_tags.open_everywhere(renames=True)
        elif not self.is_text:
            self.chips.rename()

    def delete(self) -> None:
        """The chosen chips; in the list of all tags the chosen ones, everywhere."""
        if self.all_tags.view.hasFocus():
            self.all_tags.open_everywhere(renames=False)
        elif not self.is_text:
            self.tag_actions.remove(self.chips.chosen())

    def copy(self) -> None:
        """The chosen tags of the list or of the chips, otherwise all of the caption."""
        if self.all_tags.view.hasFocus() and self.all_tags.chosen():
            self.tag_actions.copy(self.all_tags.chosen())
        else:
            self.tag_actions.copy(self.chips.chosen() or [chip.tag for chip in self.chosen.tags.chips if chip.count])

    @property
    def is_text(self) -> bool:
        return self.stack.currentWidget() is self.text

    def show_as_text(self, is_text: bool) -> None:
        self.text.commit()
        self.stack.setCurrentWidget(self.text if is_text else self.chips)
        (self.as_text if is_text else self.as_chips).setChecked(True)
        self._desk.desk.settings.set(SETTING_RAW, is_text)
        self._show()

    def show_translations(self, shown: bool) -> None:
        """What the person wants from now on; until then the language of the window says it."""
        self._desk.desk.settings.set(SETTING_WORDS, shown)
        self._set_translations()

    def _set_translations(self) -> None:
        wanted = self._desk.desk.settings.get(SETTING_WORDS)
        shown = wanted if isinstance(wanted, bool) else self._desk.desk.language.name.startswith("zh")
        if shown != self.chips.cells.shows_translations:
            self.chips.set_translations(shown)
            self.all_tags.set_translations(shown)

    def _open_menu(self, tags: list[str], place: QPoint) -> None:
        menu, actions = TagMenu(self._desk, self.tag_actions, tags, self), self.tag_actions
        if self.chips.chip_model.is_editable:
            entries = [(self.tr("Remove"), "delete", lambda: actions.remove(tags))]
            if len(tags) == 1:
                entries.insert(0, (self.tr("Rename"), "rename", self.chips.rename))
                entries.append((self.tr("Move to the start"), "", lambda: actions.move(tags[0], 0)))
                entries.append((self.tr("Move to the end"), "", lambda: actions.move(tags[0], -1)))
            if self.chips.is_of_many:
                entries.append((self.tr("Add to all chosen"), "", lambda: actions.set_for_all(tags, True)))
            menu.begin(*entries)
        menu.open_at(place)

    # what is shown

    def _show(self) -> None:
        desk, found = self._desk, self.chosen.tags
        ids = desk.selection
        picture = desk.picture(ids[0]) if len(ids) == 1 else None
        is_ready = desk.session is not None and bool(ids)
        refused = picture is not None and picture.problem not in (None, "", "empty")
        editable = is_ready and not refused
        self.chips.show_chips(list(found.chips), editable)
        self.text.show_picture(picture if self.is_text else None, editable)
        if not self.text.is_edited:
            self.tokens.show_tokens(found.tokens, of_many=len(ids) > 1)
        self.problem.show_picture(picture if refused else None)
        self.add.setEnabled(editable)
        self.heading.setText(picture.name if picture is not None else self._heading(len(ids)))
        self._show_note()

    def _heading(self, count: int) -> str:
        if count:
            return self.tr("{count} pictures chosen").format(count=whole(count))
        return self.tr("No picture is chosen")

    def _show_note(self) -> None:
        found, many = self.chosen.tags, len(self._desk.selection) > 1
        said = ""
        if self._desk.library is not None and self._desk.session is None:
            said = self.tr("The captions are being read.")
        elif self.is_text and many:
            said = self.tr("Text is shown for one picture at a time.")
        elif not found.is_known:
            said = self.tr("Looking at the captions ...")
        elif found.more:
            said = self.tr("and {count} rarer tags").format(count=whole(found.more))
        elif not found.chips and self.add.isEnabled() and not self.is_text:
            said = self.tr("No tags yet. Type one below, or press {key} anywhere on the page.")
            said = said.format(key=self._desk.keys.shown("add_tag"))
        self.note.setText(said)
        self.note.setVisible(bool(said))

    def retranslate(self) -> None:
        self._set_translations()
        self.as_chips.setToolTip(self.tr("Show the tags as chips"))
        self.as_text.setToolTip(self.tr("Show the caption file as text"))
        self.more.setToolTip(self.tr("Translations, tag list"))
        for button in (self.as_chips, self.as_text, self.more):
            button.setAccessibleName(button.toolTip())
        self._show()

    def _draw(self) -> None:
        theme = self._desk.desk.theme
        self.as_chips.setIcon(theme.icon("tag"))
        self.as_text.setIcon(theme.icon("text"))
        self.more.setIcon(theme.icon("more"))
