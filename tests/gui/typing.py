"""Hands on the keyboard: enters a value into an editor the way a person does, through the controls it shows."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from gui.fields import Field, Value
from gui.widgets.choices import ChoiceBox, SuggestBox, SwitchBox
from gui.widgets.lines import LinesBox
from gui.widgets.numbers import NumberBox
from gui.widgets.paths import PathField
from gui.widgets.resolution import ResolutionBox
from gui.widgets.row import FieldRow
from gui.widgets.table import TableBox
from gui.written import literal, same, written


def put(line: QLineEdit, text: str) -> None:
    """Replace the text as typing does (`textEdited` is told, unlike with setText)."""
    line.selectAll()
    if text:
        line.insert(text)
    else:
        line.del_()


def line_of(widget: QWidget) -> QLineEdit:
    """Where the text of an editor is typed."""
    if isinstance(widget, PathField):
        return widget.line
    line = widget if isinstance(widget, QLineEdit) else widget.lineEdit()  # type: ignore[attr-defined]
    assert isinstance(line, QLineEdit)
    return line


def enter(row: FieldRow, value: Value) -> None:
    """Enter a value into a row's editor."""
    widget = row.widget
    if isinstance(widget, ChoiceBox):
        _choose(widget, row.field, value)
    elif isinstance(widget, SwitchBox):
        for _ in range(3):
            if not same(widget.value(), value):
                widget.click()
    elif isinstance(widget, LinesBox):
        assert isinstance(value, list)
        widget.selectAll()
        widget.insertPlainText("\n".join(str(line) for line in value))
    elif isinstance(widget, ResolutionBox):
        assert isinstance(value, list)
        widget.square.setChecked(False)
        put(line_of(widget.width_box), str(value[0]))
        put(line_of(widget.height_box), str(value[1]))
    elif isinstance(widget, TableBox):
        _fill(widget, value)
    else:
        assert isinstance(widget, (NumberBox, SuggestBox, PathField, QLineEdit))
        put(line_of(widget), written(row.field, value))


def _choose(box: ChoiceBox, field: Field, value: Value) -> None:
    known = [None, *field.choices] if field.nullable else list(field.choices)
    at = next(number for number, choice in enumerate(known) if same(choice, value))
    box.setCurrentIndex(at)
    box.activated.emit(at)


def _fill(box: TableBox, value: Value) -> None:
    assert isinstance(value, dict)
    while box.grid.rowCount():
        box.grid.setCurrentCell(0, 0)
        box.remove.click()
    for row, (name, inner) in enumerate(value.items()):
        box.add.click()
        for column, text in enumerate((name, literal(inner))):
            item = box.grid.item(row, column)
            assert item is not None
            item.setText(text)
