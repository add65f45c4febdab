"""What a box shows for a value, what a typed text means, and the steps of the arrows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.fields import Value
from gui.written import literal, meant, same, short, stepped, table_value, written
from tests.gui.test_fields import field

DIM, ALPHA, RATE = field("network.dim", "lora"), field("network.alpha", "lora"), field("optimizer.learning_rate")
TEXT, RATES, TARGETS = field("data.caption_prefix"), field("optimizer.text_encoder_lr"), field("network.targets", "oft")
AMOUNT, WIDTHS = field("schedule.lr_warmup_steps"), field("network.layer_structure", "hypernetwork")
RANKS, CURVE = field("network.block_dims", "lora"), field("network.down_lr_weight", "lora")
SIDE, SHARE, SEED = field("data.max_bucket_reso"), field("data.validation_split"), field("train.seed")


@pytest.mark.parametrize(
    "row, text, value",
    [
        (DIM, "16", 16), (DIM, " 16 ", 16), (DIM, "1e3", 1000), (DIM, "16.5", 16.5), (DIM, "", None), (DIM, "-3", -3),
        (DIM, "sixteen", "sixteen"), (DIM, "true", True), (DIM, "１６", 16), (DIM, "9" * 50, "9" * 50),
        (RATE, "1e-4", 1e-4), (RATE, "0.0001", 1e-4), (RATE, "1e-", "1e-"), (RATE, "１ｅ－４", 1e-4),
        (RATE, "0,5", "0,5"),
        (RATE, '"1e-4"', "1e-4"), (ALPHA, "8", 8.0), (ALPHA, "inf", math.inf), (ALPHA, ".5", 0.5),
        (TEXT, " a photo of ", " a photo of "), (TEXT, '"quoted"', '"quoted"'), (TEXT, "", None),
        (RATES, "1e-5", 1e-5), (RATES, "1e-5, 2e-5", [1e-5, 2e-5]), (RATES, "[1e-5, 2e-5]", [1e-5, 2e-5]),
        (RATES, "1e-5 and 2e-5", "1e-5 and 2e-5"), (WIDTHS, "1", [1.0]), (WIDTHS, "1, 2, 1", [1.0, 2.0, 1.0]),
        (RANKS, "4, 0，8", [4, 0, 8]), (RANKS, "4, 0.5", [4, 0.5]), (CURVE, "sine+0.25", "sine+0.25"),
        (CURVE, "1, .5", [1.0, 0.5]),
        (AMOUNT, "100", 100), (AMOUNT, "0.05", 0.05), (AMOUNT, "5%", "5%"), (AMOUNT, '"100"', "100"),
        (TARGETS, "kohya", "kohya"), (TARGETS, "unet.*, !*.ff.*", ["unet.*", "!*.ff.*"]), (TARGETS, '["a"]', ["a"]),
    ],
)  # fmt: skip
def test_typed_texts_mean_values(row, text: str, value: Value) -> None:  # type: ignore[no-untyped-def]
    found = meant(row, text)
    assert type(found) is type(value) and same(found, value)


@pytest.mark.parametrize(
    "row, value, text",
    [
        (RATE, 1e-4, "1e-4"), (RATE, 2.5e-5, "2.5e-5"), (RATE, 0.01, "0.01"), (RATE, 1.0, "1.0"), (RATE, 0.0, "0.0"),
        (DIM, 16, "16"), (DIM, "16", '"16"'), (DIM, True, "true"), (DIM, None, ""), (DIM, [1, 2], "[1, 2]"),
        (AMOUNT, "5%", "5%"), (AMOUNT, "100", '"100"'), (TARGETS, ["a"], '["a"]'), (TARGETS, ["a", "b"], "a, b"),
        (TARGETS, "a,b", '"a,b"'), (WIDTHS, [1.0, 2.0], "1.0, 2.0"), (TEXT, 5, "5"), (TEXT, {"a": 1}, "{a = 1}"),
    ],
)  # fmt: skip
def test_values_are_shown_as_people_write_them(row, value: Value, text: str) -> None:  # type: ignore[no-untyped-def]
    assert written(row, value) == text


LETTERS = st.characters(exclude_categories=("Cc", "Cs"))
VALUES = st.recursive(
    st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=150, derandomize=True, deadline=None)
@given(VALUES)
def test_whatever_a_preset_holds_is_shown_so_that_it_can_be_read_back(value: Value) -> None:
    for row in (DIM, ALPHA, RATE, RATES, AMOUNT, *([TARGETS] if isinstance(value, (str, list)) else [])):
        if value != "":  # an empty text cannot be told from nothing
            assert same(meant(row, written(row, value)), value)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rate_is_never_rounded(rate: float) -> None:
    assert float(short(rate)) == rate and meant(RATE, repr(rate)) == rate


@pytest.mark.parametrize(
    "row, value, steps, after",
    [
        (RATE, 1e-4, 1, 2e-4), (RATE, 1e-4, -1, 5e-5), (RATE, 0.0, 1, 1e-4), (RATE, 80.0, 1, 100.0),
        (RATE, 3e-5, 2, 1.2e-4),
        (DIM, 16, 1, 32), (DIM, 24, 1, 32), (DIM, 24, -1, 16), (DIM, 1, -1, 1), (DIM, 4096, 1, 4096), (DIM, 1, 1, 2),
        (ALPHA, 8.0, -1, 4.0), (SIDE, 2048, 1, 2112), (SIDE, 2000, -1, 1984), (SIDE, 2000, 1, 2048), (SIDE, 8, -1, 8),
        (SHARE, 0.1, 1, 0.15), (SHARE, 0.0, -1, 0.0), (SEED, 41, 1, 42), (SEED, None, 1, 1), (RATE, "rubbish", 1, 1e-4),
    ],
)  # fmt: skip
def test_arrows_step_sensibly_and_stay_inside(row, value: Value, steps: int, after: float) -> None:  # type: ignore[no-untyped-def]
    assert stepped(row, value, steps) == pytest.approx(after, rel=1e-12)


def test_steps_stop_before_a_bound_that_is_not_allowed() -> None:
    share, alpha = stepped(SHARE, 0.99, 5), stepped(ALPHA, 1e-30, -1)
    assert isinstance(share, float) and 0.99 < share < 1
    assert isinstance(alpha, float) and alpha > 0


@pytest.mark.parametrize(
    "text, value",
    [("0.01", 0.01), ("true", True), ("[0.9, 0.99]", [0.9, 0.99]), ("so so", "so so"), ('"1"', "1"), ("", "")],
)
def test_cells_of_a_table_are_toml_or_text(text: str, value: Value) -> None:
    assert same(table_value(text), value)


def test_same_tells_values_apart_that_python_does_not() -> None:
    assert same(8, 8.0) and same([1, 2], [1.0, 2]) and same({"a": [1]}, {"a": [1.0]}) and same(math.nan, math.nan)
    assert not same(1, True) and not same("1", 1) and not same([1], [1, 2]) and not same({"a": 1}, {"b": 1})


def test_a_literal_is_toml() -> None:
    assert literal({"a b": [1, "x"]}) == '{"a b" = [1, "x"]}'
    assert literal(None) == "" and literal(1e-05) == "1e-05"
