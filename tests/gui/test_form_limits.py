"""At the ends of every range: what the schema takes goes to the preset and back; what lies beyond is told."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from shiboken6 import delete

from gui.desk import Desk
from gui.fields import Field, Value
from gui.widgets.row import FieldRow
from gui.written import same
from kohya_like.config import TrainConfig
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect  # `check` begins with it
from tests.gui.desk import make_desk
from tests.gui.test_form_round_trip import EVERY, base_of, in_config
from tests.gui.typing import enter

RANGED = [f for f in EVERY if f.kind in ("int", "float", "rate") and (f.minimum, f.maximum) != (None, None)]
CHOICES = [f for f in EVERY if f.kind == "choice"]


@pytest.fixture(scope="module")
def desk(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("desk"))


def name(field: Field) -> str:
    return f"{field.key}@{field.plugin}"


def ends(field: Field) -> list[tuple[float, bool]]:
    """Each limit and what lies beyond it, and whether the schema takes it."""
    found: list[tuple[float, bool]] = []
    for limit, is_open, beyond in ((field.minimum, field.open_minimum, -1), (field.maximum, field.open_maximum, 1)):
        if limit is not None:
            kind = int if field.kind == "int" else float
            found += [(kind(limit), not is_open), (kind(limit) + beyond, False)]
    return found


def entered(desk: Desk, field: Field, value: Value) -> tuple[TrainConfig | None, list[Fault]]:
    """Type a value into the field's row; the config of the text that comes of it, and the faults of this field."""
    desk.document.new(base_of(field))
    row = FieldRow(desk, field)
    enter(row, value)
    document = Document(desk.document.text)
    again = FieldRow(desk, field)
    assert same(again.editor.value(), value), "what was typed is shown, wrong or not"
    if not same(value, field.default):
        assert same(document.get(field.key), value)
    config, faults = inspect(TrainConfig, document)
    told = [fault for fault in desk.document.faults if fault.key == field.key]
    own = [fault for fault in faults if fault.key == field.key]
    assert [fault.text for fault in told] == [fault.text for fault in own], "the row says what the check says"
    for used in (row, again):
        delete(used)
    return config, own


@pytest.mark.parametrize("field", RANGED, ids=name)
def test_the_ends_of_a_range(desk: Desk, field: Field) -> None:
    for value, is_taken in ends(field):
        config, own = entered(desk, field, value)
        assert (own == []) == is_taken, f"{field.key} = {value}: {own}"
        if own:
            assert config is None and "must be" in own[0].text, own[0].text
        elif config is not None:
            assert same(in_config(config, field.key), value)


@pytest.mark.parametrize("field", CHOICES, ids=name)
def test_every_choice(desk: Desk, field: Field) -> None:
    for value in field.choices:
        config, own = entered(desk, field, value)
        assert own == [] and (config is None or same(in_config(config, field.key), value))


def test_there_are_ranges_and_choices_of_every_kind() -> None:
    assert {field.kind for field in RANGED} == {"int", "float", "rate"} and len(RANGED) > 40
    assert {"network.name", "method.name"} <= {field.key for field in CHOICES}
