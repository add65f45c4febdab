"""What can be done to many captions at once: operations, what each asks for, and the edit made of that. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast, get_args

from dataset_tools.caption_file import tags_of
from dataset_tools.edit_tags import (
    AddTags,
    AddTrigger,
    Dedupe,
    DropRare,
    MoveTag,
    Order,
    RemoveTags,
    RenameTag,
    ReplaceTag,
    SortTags,
)
from dataset_tools.edit_words import AddPrefix, AddSuffix, Case, ChangeCase, ConvertEncoding, Underscores
from dataset_tools.edits import Edit, whole_tag
from gui.captions.implied_file import ImpliedFile
from kohya_like.schema.errors import UserError

Given = Mapping[str, str]  # what was typed or chosen, by the input's name

# The values of inputs that are chosen from a list; all others are typed.
CHOICES: dict[str, tuple[str, ...]] = {
    "place": ("end", "start"),
    "order": get_args(Order),
    "case": get_args(Case),
    "spaces": ("spaces", "underscores"),
    "encoding": ("gb18030", "big5", "shift_jis", "utf-16-le", "cp1252"),
}
TAG_INPUTS = ("tags", "old", "new", "word")  # completed from the dataset's tags


@dataclass(frozen=True)
class Operation:
    """`inputs` are asked for in this order; `make` raises UserError where one of them will not do."""

    name: str
    inputs: tuple[str, ...]
    make: Callable[[Given], Edit]


def _tags(given: Given) -> tuple[str, ...]:
    tags = tags_of(given["tags"])
    if not tags:
        raise UserError("a tag is empty", "write a word")
    return tags


def _text(given: Given) -> str:
    if not given["text"]:
        raise UserError("the text is empty", "write what is to be put there")
    return given["text"]


def _table(given: Given) -> str:
    if not given["table"].strip():
        raise UserError("no table is chosen", "choose a file with lines such as: cat ears -> animal ears")
    return given["table"].strip()


def _minimum(given: Given) -> int:
    text = given["minimum"].strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) < 10**8):
        raise UserError("wants a whole number, such as 3", "write in how many captions a tag must be")
    return int(text)


OPERATIONS = (
    Operation("add", ("tags", "place"), lambda g: AddTags(_tags(g), 0 if g["place"] == "start" else None)),
    Operation("remove", ("tags",), lambda g: RemoveTags(_tags(g))),
    Operation("rename", ("old", "new"), lambda g: RenameTag(whole_tag(g["old"]), whole_tag(g["new"]))),
    Operation("replace", ("old", "tags"), lambda g: ReplaceTag(whole_tag(g["old"]), _tags(g))),
    Operation("move", ("old", "place"), lambda g: MoveTag(whole_tag(g["old"]), 0 if g["place"] == "start" else -1)),
    Operation("implied", ("table",), lambda g: ImpliedFile(_table(g))),
    Operation("trigger", ("word",), lambda g: AddTrigger(whole_tag(g["word"]))),
    Operation("dedupe", (), lambda g: Dedupe()),
    Operation("sort", ("order",), lambda g: SortTags(cast(Order, g["order"]))),
    Operation("case", ("case",), lambda g: ChangeCase(cast(Case, g["case"]))),
    Operation("underscores", ("spaces",), lambda g: Underscores(g["spaces"] == "spaces")),
    Operation("rare", ("minimum",), lambda g: DropRare(_minimum(g))),
    Operation("prefix", ("text",), lambda g: AddPrefix(_text(g))),
    Operation("suffix", ("text",), lambda g: AddSuffix(_text(g))),
    Operation("convert", ("encoding",), lambda g: ConvertEncoding(g["encoding"])),
)
