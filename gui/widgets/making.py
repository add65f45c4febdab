"""Which editor a field gets."""

from __future__ import annotations

from typing import cast

from PySide6.QtWidgets import QWidget

from gui.desk import Desk
from gui.fields import Field
from gui.widgets.choices import ChoiceBox, SuggestBox, SwitchBox
from gui.widgets.editor import Editor
from gui.widgets.lines import LineBox, LinesBox
from gui.widgets.numbers import NumberBox
from gui.widgets.paths import PathField
from gui.widgets.resolution import ResolutionBox
from gui.widgets.table import TableBox

WIDE = (LinesBox, PathField, TableBox)  # as wide as the form


def make_editor(desk: Desk, field: Field) -> tuple[QWidget, Editor]:
    """The editor twice: as a widget for the layout, and as what every editor can do."""
    made: QWidget
    match field.kind:
        case "int" | "float" | "rate":
            made = NumberBox(field)
        case "bool":
            made = SwitchBox(field)
        case "choice":
            made = ChoiceBox(desk, field)
        case "path":
            made = PathField(desk, field)
        case "lines":
            made = LinesBox()
        case "resolution":
            made = ResolutionBox(desk, field)
        case "table":
            made = TableBox(desk)
        case _:
            made = SuggestBox(field) if field.suggestions else LineBox(field)
    return made, cast(Editor, made)


def is_wide(editor: QWidget, field: Field) -> bool:
    is_list = field.kind == "rates" and not field.single
    return isinstance(editor, WIDE) or field.kind in ("text", "targets") or is_list
