"""Edits that mend what is wrong with a preset's text: unknown keys, values of a wrong type, out of range, misspelt."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from kohya_like.config import TrainConfig
from kohya_like.schema.errors import Fault
from kohya_like.schema.known import known_options, plugin_name
from kohya_like.schema.option import Described, sections_in
from kohya_like.schema.phrases import union_members
from kohya_like.schema.toml import Document, lookup
from kohya_like.schema.validate import renames

Edits = dict[str, Any]
Mended = tuple[Edits, dict[str, str]]  # new values, and new names
NOTHING: Mended = ({}, {})


def described(key: str, plugin: str = "") -> Described | None:
    """The option of a dotted key; of several plug-ins' the named one's. None for what is no option."""
    rows = known_options(TrainConfig).options.get(_plain(key), [])
    return next((row for row in rows if row.plugin == plugin), rows[0] if rows else None)


def _plain(key: str) -> str:
    return re.sub(r"\[\d+\]", "[]", key)


def _option_of(key: str, document: Document) -> Described | None:
    table = key.rpartition(".")[0]
    field = TrainConfig.model_fields.get(table)
    default = getattr(field.get_default(call_default_factory=True), "name", "") if field is not None else ""
    return described(key, str(document.get(f"{table}.name", default)))


def _unknown_key(fault: Fault, document: Document) -> Mended:
    """Its sure name where that is free and takes the value; else out with it."""
    new = renames(TrainConfig, document, [fault]).get(fault.key, "")
    for number in re.findall(r"\[\d+\]", fault.key):
        new = new.replace("[]", number, 1)
    value = document.get(fault.key)
    if not new or "[]" in new or document.get(new) is not None:
        return {fault.key: None}, {}
    if isinstance(value, dict):  # a whole table: its lines move one by one
        inside = {f"{new}.{name}": inner for name, inner in value.items()}
        known = new in known_options(TrainConfig).classes
        return {**(inside if known else {}), fault.key: None}, {}
    return ({}, {fault.key: new}) if described(new) else ({fault.key: None}, {})


def _out_of_range(fault: Fault, document: Document) -> Mended:
    """The nearest value that is allowed; where there is no nearest one, the default."""
    option, value = _option_of(fault.key, document), document.get(fault.key)
    if option is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return {fault.key: None}, {}
    whole = float not in union_members(option.annotation)
    bounds = {type(bound).__name__: bound for bound in option.field.metadata}
    for name, attribute, sign in (("Ge", "ge", 1), ("Gt", "gt", 1), ("Le", "le", -1), ("Lt", "lt", -1)):
        if name not in bounds:
            continue
        limit = getattr(bounds[name], attribute)
        outside = (limit - value) * sign > 0 or (limit == value and name in ("Gt", "Lt"))
        if outside and name in ("Ge", "Le"):
            return {fault.key: int(limit) if whole else float(limit)}, {}
        if outside:
            return {fault.key: int(limit) + sign if whole else None}, {}
    return {fault.key: None}, {}


def _wrong_type(fault: Fault, document: Document) -> Mended:
    """The value that was plainly meant, else the default."""
    option, value = _option_of(fault.key, document), document.get(fault.key)
    if option is None:
        return {re.sub(r"\[\d+\]$", "", fault.key): None}, {}
    members = union_members(option.annotation)
    return {fault.key: _meant(value, members)}, {}


def _meant(value: Any, members: tuple[Any, ...]) -> Any:
    """32 for "32", true for "true" or 1, 3 for 3.0, "5" for 5, ["a"] for "a", 75 for 80 of (75, 150); None: unclear."""
    choices = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    numeric = [choice for choice in choices if isinstance(choice, int) and not isinstance(choice, bool)]
    if isinstance(value, str) and bool in members and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, str) and (int in members or float in members):
        return _number(value.strip(), float in members)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        if numeric:
            return min(numeric, key=lambda choice: abs(choice - value))
        if int in members and float(value).is_integer():
            return int(value)
        if bool in members and value in (0, 1):
            return value == 1
        if str in members:
            return str(value)
    texts = any(get_origin(member) is tuple and get_args(member)[:1] == (str,) for member in members)
    return [value] if texts and isinstance(value, str) else None


def _number(text: str, fraction: bool) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return number if fraction else int(number) if number.is_integer() else None


def _bad_choice(fault: Fault, document: Document) -> Mended:
    """The word that was meant, where one is near enough."""
    value = document.get(fault.key)
    option = _option_of(fault.key, document)
    choices: list[Any] = []
    if option is not None:
        members = union_members(option.annotation)
        choices = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    table = fault.key.rpartition(".")[0]
    if fault.key.endswith(".name"):
        classes = known_options(TrainConfig).classes.get(table, [])
        choices = [plugin_name(choice) for choice in classes if sections_in(choice)]
    by_name = {str(choice).lower(): choice for choice in choices}
    near = get_close_matches(str(value).lower(), by_name, n=1, cutoff=0.6)
    return ({fault.key: by_name[near[0]]}, {}) if near else NOTHING


def _bad_value(fault: Fault, document: Document) -> Mended:
    """Of a table: the options its sentence names go back to their defaults. Of an option: itself."""
    table = document.get(fault.key)
    if not isinstance(table, dict):
        return {fault.key: None}, {}
    if fault.text.startswith("base_precision"):
        return {f"{fault.key}.base_precision": "auto"}, {}
    if fault.text.startswith("train_text_encoder: "):
        return {f"{fault.key}.train_text_encoder": False}, {}
    return {f"{fault.key}.{name}": None for name in table if re.search(rf"\b{name}\b", fault.text)}, {}


def _bad_text(fault: Fault, document: Document) -> Mended:
    """Control characters and line breaks are taken out; a path that cannot be is the person's to choose."""
    value = lookup(document.values(), fault.key)
    if not isinstance(value, str) or not re.search("control character|line break", fault.text):
        return NOTHING
    kept = r"[\x00-\x1f\x7f]+" if "line break" in fault.text else r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+"
    return {fault.key: re.sub(kept, "", value) or None}, {}


RULES: dict[str, Callable[[Fault, Document], Mended]] = {
    "bad-choice": _bad_choice,
    "bad-text": _bad_text,
    "bad-value": _bad_value,
    "out-of-range": _out_of_range,
    "unknown-key": _unknown_key,
    "wrong-type": _wrong_type,
}
