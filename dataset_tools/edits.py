"""All edits of captions: frozen values. `applied(text, context)` is the caption after it, `describe()` its words.

`session.CaptionSession.apply` does them to files, `preview.preview` shows what they would do.
"""

from dataset_tools.edit_base import Context, Edit, TagEdit, whole_tag
from dataset_tools.edit_tags import (
    AddImplied,
    AddTags,
    AddTrigger,
    Dedupe,
    DropRare,
    MoveTag,
    OrderTags,
    RemoveTags,
    RenameTag,
    ReplaceTag,
    SortTags,
)
from dataset_tools.edit_words import (
    KAOMOJI,
    AddPrefix,
    AddSuffix,
    ChangeCase,
    ConvertEncoding,
    RegexReplace,
    SetText,
    Underscores,
)

__all__ = [
    "KAOMOJI",
    "AddImplied",
    "AddPrefix",
    "AddSuffix",
    "AddTags",
    "AddTrigger",
    "ChangeCase",
    "Context",
    "ConvertEncoding",
    "Dedupe",
    "DropRare",
    "Edit",
    "MoveTag",
    "OrderTags",
    "RegexReplace",
    "RemoveTags",
    "RenameTag",
    "ReplaceTag",
    "SetText",
    "SortTags",
    "TagEdit",
    "Underscores",
    "whole_tag",
]
