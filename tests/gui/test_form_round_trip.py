"""Every option of every plug-in: entered by hand, written as TOML, read back, shown again; and taken out again."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication
from shiboken6 import delete

from gui.desk import Desk
from gui.fields import Field, Value, fields, subset_fields
from gui.widgets.row import FieldRow
from gui.written import same
from kohya_like.config import TrainConfig
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect
from tests.gui.desk import make_desk
from tests.gui.typing import enter

EXAMPLES = 4
EVERY = [*fields(), *(field.at("data.subsets[0]") for field in subset_fields())]
LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
PLAIN = st.text(LETTERS, min_size=1, max_size=30)
WORD = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
NUMBER = st.floats(-1e9, 1e9)


@pytest.fixture(scope="module")
def desk(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("desk"))


def values_of(field: Field) -> st.SearchStrategy[Value]:
    """Values that the schema takes."""
    low = field.minimum or 0
    high = field.maximum if field.maximum is not None else low + 10**6
    rate = st.floats(0, 100)
    numbers = st.just([4] * 25 if field.whole else [1.0, 1.5, 1.0])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(int(low), int(high)),
        "float": st.floats(low, high, exclude_min=field.open_minimum, exclude_max=field.open_maximum),
        "rate": rate,
        "bool": st.booleans(),
        "choice": st.sampled_from(field.choices or ("",)),
        "text": PLAIN.map(".{}".format) if field.leaf == "caption_extension" else PLAIN,  # a dot is always put there
        "path": st.lists(WORD | st.sampled_from(["..", "10_狗 dog", "a b"]), min_size=1, max_size=4).map("/".join),
        "lines": st.lists(PLAIN.filter(str.strip), min_size=1, max_size=4),
        "resolution": st.lists(st.integers(64, 4096), min_size=2, max_size=2),
        "amount": st.integers(0, 10**6) | st.floats(0, 1) | st.integers(0, 100).map(lambda part: f"{part}%"),
        "rates": rate | st.lists(rate, min_size=2, max_size=2) if field.single else numbers,
        "targets": st.sampled_from(["attn-only", "full"]) | st.lists(WORD.map("unet.*.{}".format), min_size=1),
        "table": st.dictionaries(
            WORD, st.booleans() | st.integers(-9, 9) | NUMBER | PLAIN | st.lists(NUMBER, min_size=2, max_size=2),
            min_size=1, max_size=3,
        ),
    }  # fmt: skip
    return kinds[field.kind]


def base_of(field: Field) -> str:
    """A preset in which the field is not set, and its plug-in is chosen."""
    if field.key.startswith("data.subsets"):
        return '# mine\n[[data.subsets]]  # one\nimage_dir = "cats"\n'
    name = f'name = "{field.plugin}"\n' if field.plugin else ""
    return f"# mine\n[{field.section}]  # kept\n{name}"


def distinct(every: list[Field]) -> list[Field]:
    """Each field once: most options of the networks are the same in all of them."""
    found: dict[tuple[object, ...], Field] = {}
    for field in every:
        alike = (field.key, field.kind, repr(field.option.annotation), field.limits, repr(field.default))
        found.setdefault(alike, field)
    return list(found.values())


@pytest.mark.parametrize(
    "field",
    [field for field in distinct(EVERY) if field.choices != ("network",)],
    ids=lambda field: f"{field.key}@{field.plugin}",
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_value_goes_to_the_preset_and_back(desk: Desk, field: Field, data: st.DataObject) -> None:
    value = data.draw(values_of(field))
    assume(not same(value, field.default))  # a box that shows it already has nothing to tell
    desk.document.new(base_of(field))
    before = desk.document.text
    row = FieldRow(desk, field)
    enter(row, value)
    assert same(Document(desk.document.text).get(field.key), value)
    config, faults = inspect(TrainConfig, Document(desk.document.text))
    assert not [fault for fault in faults if fault.key == field.key and fault.code in ("wrong-type", "bad-choice")]
    if config is not None:
        assert same(in_config(config, field.key), value)
    again = FieldRow(desk, field)
    assert same(again.editor.value(), value) and again.changed
    if field.leaf != "image_dir":  # which a subset cannot be without
        row.reset()
        assert desk.document.text == before
        assert same(again.editor.value(), field.default) and not again.changed
    for used in (row, again):
        delete(used)  # now: hundreds of rows that listen to one document would be slow


def test_the_round_trip_covers_every_option() -> None:
    from kohya_like.schema.option import describe

    wanted = {(option.key, option.plugin) for option in describe(TrainConfig) if not option.key.endswith(".name")}
    covered = {(re.sub(r"\[\d+\]", "[]", field.key), field.plugin) for field in EVERY}
    assert wanted <= covered
    assert {"network.name", "method.name"} <= {key for key, _ in covered}


def in_config(config: object, key: str) -> Value:
    """The value of a dotted key in the frozen config; tuples as lists."""
    for name, number in re.findall(r"(\w+)(?:\[(\d+)\])?", key):
        config = getattr(config, name)
        config = config[int(number)] if number else config  # type: ignore[index]
    return config  # type: ignore[return-value]
