"""Between a value of the preset and the text in a box: what is shown, what a typed text means, the arrows' steps.

A text that means nothing of the wanted type is kept as a text: the schema then says beneath the row what it expects.
Nothing a person types is rounded or moved into a range.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

import tomlkit
from tomlkit.exceptions import TOMLKitError

from gui.fields import Field, Value

NUMBERS = ("int", "float", "rate")
LONGEST_NUMBER = 40  # characters; longer digits are a text
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)


def written(field: Field, value: Value) -> str:
    """The text of a value in a box of this field. `meant` reads it back."""
    if value is None:
        return ""
    if field.kind in ("text", "path"):
        return value if isinstance(value, str) else literal(value)
    text = _plain_text(field, value)
    return text if text is not None and same(meant(field, text), value) else literal(value)


def meant(field: Field, text: str) -> Value:
    """The value of a typed text; None where it is empty: not set."""
    if field.kind in ("text", "path"):
        return text or None
    text = text.strip()
    if not text:
        return None
    if text[0] in "\"'[{" and (found := _toml(text)) is not None:
        return found
    if field.kind == "targets":
        parts: list[Value] = [part.strip() for part in text.split(",") if part.strip()]
        return parts if len(parts) > 1 else text
    if text in ("true", "false"):
        return text == "true"
    if field.kind == "rates":
        return _rates(field, text)
    number = _number(field, text)
    return text if number is None else number


def same(one: Value, other: Value) -> bool:
    """Whether two values say the same: 8 and 8.0 do, 1 and true do not, lists and tuples are compared by item."""
    if isinstance(one, bool) or isinstance(other, bool):
        return isinstance(one, bool) and isinstance(other, bool) and one == other
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return one == other


def literal(value: Value) -> str:
    """A value as TOML: "text", 1e-05, [512, 768]."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{tomlkit.key(str(name)).as_string()} = {literal(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    return str(tomlkit.item(value).as_string())


def table_value(text: str) -> Value:
    """The value in a cell of a table: TOML where it is TOML, else the text itself."""
    text = text.strip()
    found = _toml(text)
    return text if found is None else found


def stepped(field: Field, value: Value, steps: int) -> Value:
    """The value after `steps` presses of an arrow, inside the field's range."""
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    if number is None or not math.isfinite(number):
        start = field.default if isinstance(field.default, (int, float)) else field.minimum
        return _inside(field, start or _smallest(field))
    for _ in range(abs(steps)):
        number = _one_step(field, number, 1 if steps > 0 else -1)
    return _inside(field, number)


def _one_step(field: Field, number: float, direction: int) -> float:
    if field.kind == "rate" or field.leaf.endswith("alpha") or field.leaf in ("dim", "conv_dim"):
        return _doubled(field, number, direction)
    step = _step(field)
    if field.kind == "int":
        over = number % step if step > 1 else 0
        number = number - over if direction < 0 and over else number + direction * step - over
        return int(number)
    return float(Decimal(repr(float(number))) + direction * Decimal(str(step)))


def _doubled(field: Field, number: float, direction: int) -> float:
    """x2 and /2; whole numbers go to the next power of two."""
    if number <= 0:
        return _smallest(field) if direction > 0 else number
    if field.kind != "int":
        return number * 2 if direction > 0 else number / 2
    if direction > 0:
        return int(2 ** math.floor(math.log2(number) + 1))
    return int(2 ** math.ceil(math.log2(number) - 1)) if number > 1 else 0


def _smallest(field: Field) -> float:
    if field.kind == "rate":
        return 1e-4
    return 1 if field.kind == "int" else _step(field)


def _step(field: Field) -> float:
    if field.kind == "int":
        if field.unit == "px":
            return 64 if (field.maximum or 0) > 1024 else 8
        return 100 if field.leaf == "max_train_steps" else 1
    high = field.maximum
    return 0.05 if high is not None and high <= 1 else 0.5 if high is not None and high <= 1000 else 1


def _inside(field: Field, number: float) -> float:
    low, high = field.minimum, field.maximum
    if low is not None and number <= low:
        number = low if not field.open_minimum else max(number, low + _smallest(field) / 100)
    if high is not None and number >= high:
        number = high if not field.open_maximum else high - _smallest(field) / 100
    return int(number) if field.kind == "int" else float(number)


def _plain_text(field: Field, value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**LONGEST_NUMBER else None
    if isinstance(value, float):
        return short(value) if field.kind in ("rate", "rates") else repr(value).replace("e-0", "e-")
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(_plain_text(field, item) or "" for item in value)
    return None


def short(value: float) -> str:
    """A rate as people write it: 1e-4, 2.5e-5, 0.01, 1.0."""
    if not math.isfinite(value) or value == 0 or abs(value) >= 1e-2:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, rest = str(digits[0]), "".join(str(digit) for digit in digits[1:])
    return f"{'-' if sign else ''}{first}{'.' + rest if rest else ''}e{int(exponent) + len(digits) - 1}"


def _number(field: Field, text: str) -> int | float | None:
    text = unicodedata.normalize("NFKC", text).lower().replace("−", "-")  # full-width digits of a Chinese keyboard
    if len(text) > LONGEST_NUMBER:
        return None
    if text.lstrip("+-") in ("inf", "nan"):
        return float(text)
    if not _NUMBER.fullmatch(text):
        return None
    whole = re.fullmatch(r"[+-]?\d+", text) is not None
    if whole and (field.whole or field.kind in ("int", "amount")):
        return int(text)
    number = float(text)
    if field.kind == "int" and number.is_integer() and abs(number) < 1e15:
        return int(number)
    return number


def _rates(field: Field, text: str) -> Value:
    parts = [part for part in re.split(r"[,\s，]+", text) if part]
    numbers = [_number(field, part) for part in parts]
    if any(number is None for number in numbers):
        return text
    rates: list[Value] = list(numbers)
    return rates[0] if len(rates) == 1 and field.single else rates


def _toml(text: str) -> Value:
    """A TOML value, or None. Its items are plain: no tomlkit types go on."""
    try:
        found = tomlkit.value(text)
        plain = found.unwrap() if hasattr(found, "unwrap") else found
    except (TOMLKitError, ValueError, RecursionError):
        return None
    return plain if isinstance(plain, (str, int, float, bool, list, dict)) else None
