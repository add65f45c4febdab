"""What a person does with tags, as edits of the chosen pictures or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from dataset_tools.caption_file import tags_of, with_tags
from dataset_tools.edits import (
    AddTags,
    Context,
    MoveTag,
    OrderTags,
    RemoveTags,
    RenameTag,
    ReplaceTag,
    SetText,
    TagEdit,
)
from dataset_tools.filter_language import tag_filter
from gui.captions.chosen import Chosen
from gui.captions.desk import CaptionDesk

SETTING_FAVOURITES = "captions.favourites"
FAVOURITES = 9
LONGEST = 20_000  # characters taken from the clipboard


@dataclass(frozen=True)
class PasteTags(TagEdit):
    """These tags in place of those there are."""

    tags: tuple[str, ...]

    def of(self, tags: tuple[str, ...], context: Context) -> Sequence[str]:
        return self.tags

    def describe(self) -> str:
        return "paste tags"


class TagActions(QObject):
    """One per panel. `favourites_changed` when another tag is on one of the nine keys."""

    favourites_changed = Signal()
    filter_requested = Signal(str)  # in the filter language

    def __init__(self, desk: CaptionDesk, chosen: Chosen) -> None:
        super().__init__(desk)
        self._desk, self._chosen = desk, chosen

    # the chosen pictures

    def add(self, text: str, at: int | None = None) -> None:
        """Put the tags of a typed text in; `at` as in `AddTags`."""
        if tags := tags_of(text):
            self._desk.apply(AddTags(tags, at))

    def remove(self, tags: Sequence[str]) -> None:
        if tags:
            self._desk.apply(RemoveTags(tuple(tags)))

    def set_for_all(self, tags: Sequence[str], wanted: bool) -> None:
        """All chosen pictures have these tags then, or none of them."""
        self._chosen.keep(tags)
        self._desk.apply(AddTags(tuple(tags)) if wanted else RemoveTags(tuple(tags)))

    def rename(self, old: str, typed: str) -> None:
        """One tag becomes what was typed, which may be several."""
        new = tags_of(typed)
        if len(new) == 1:
            self._desk.apply(RenameTag(old, new[0]))
        elif new:
            self._desk.apply(ReplaceTag(old, new))

    def reorder(self, tags: Sequence[str]) -> None:
        """The tags of the one chosen picture in this order."""
        ids = self._desk.selection
        picture = self._desk.picture(ids[0]) if len(ids) == 1 else None
        if picture is None:
            return
        if len(set(tags)) == len(tags):
            self._desk.apply(OrderTags(tuple(tags)))
        else:  # one of them stands there twice: the order by name would bring both together
            self._desk.apply(SetText(with_tags(picture.text, list(tags))))

    def move(self, tag: str, to: int) -> None:
        """To the start (0) or the end (-1) of each chosen caption that has it."""
        self._desk.apply(MoveTag(tag, to))

    # the clipboard

    def copy(self, tags: Sequence[str]) -> None:
        QGuiApplication.clipboard().setText(", ".join(tags))

    def paste(self, append: bool) -> None:
        """The clipboard's tags behind those of the chosen pictures, or in their place."""
        tags = tags_of(QGuiApplication.clipboard().text()[:LONGEST])
        if tags:
            self._desk.apply(AddTags(tags) if append else PasteTags(tags))

    # favourites

    @property
    def favourites(self) -> list[str]:
        """Nine tags, "" where there is none."""
        known = self._desk.desk.settings.get(SETTING_FAVOURITES, [])
        tags = [tag if isinstance(tag, str) else "" for tag in known][:FAVOURITES]
        return [*tags, *[""] * (FAVOURITES - len(tags))]

    def set_favourite(self, number: int, tag: str) -> None:
        """`number` from 1; the tag leaves the key it was on."""
        tags = ["" if tag and one == tag else one for one in self.favourites]
        tags[number - 1] = tag
        self._desk.desk.settings.set(SETTING_FAVOURITES, tags)
        self.favourites_changed.emit()

    def use_favourite(self, number: int) -> None:
        """Put the tag into all chosen pictures; where all have it, take it out."""
        if tag := self.favourites[number - 1]:
            if tag in self._chosen.tags.tags:
                self.remove([tag])
            else:
                self._desk.apply(AddTags((tag,)))

    # the list

    def filter_by(self, tags: Sequence[str], without: bool = False) -> None:
        """Show the pictures that have these tags, or that have none of them."""
        mark = "NOT " if without else ""
        self.filter_requested.emit(" AND ".join(mark + tag_filter(tag) for tag in tags))
