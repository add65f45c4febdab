"""Types, values and pydantic's complaints in plain words."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from kohya_like.schema.option import sections_in

WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "nothing",
}
PLURALS = {int: "whole numbers", float: "numbers", str: "texts", bool: "true or false"}
SHOWN = 60


def type_phrase(annotation: Any) -> str:
    """`tuple[int, int] | None` -> "a list of 2 whole numbers"."""
    members = [member for member in union_members(annotation) if member is not type(None)]
    if len(members) > 1:
        fixed = [str(arg) for member in members if get_origin(member) is Literal for arg in get_args(member)]
        if bool in members and len(fixed) == 1 and len(members) == 2:
            return f"true, false or {fixed[0]}"
        return _either([type_phrase(member) for member in members])
    annotation = members[0] if members else annotation
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(str(arg) for arg in args)
    if sections_in(annotation):
        return "a list of tables" if origin in (list, tuple) else "a table"
    if origin in (list, tuple) or annotation in (list, tuple):
        return _list_phrase(origin, args)
    if origin is dict or annotation is dict:
        return "a table"
    return WORDS.get(annotation, "a file name" if getattr(annotation, "__name__", "") == "Path" else str(annotation))


def union_members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a type, unwrapped from Annotated; a type without alternatives is its own only one."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for member in get_args(annotation) for inner in union_members(member))
    return (annotation,)


def value_phrase(value: Any) -> str:
    """What a person wrote, short enough for a sentence: "text 'abc'", "a list of 3"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = value if len(value) <= SHOWN else value[: SHOWN - 3] + "..."
        return f"text {shown!r}"
    if isinstance(value, (int, float)):
        if isinstance(value, float) or abs(value) < 10**18:
            return str(value)
        return f"{float(value):.3g}" if abs(value) < 10**300 else "a huge number"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return "nothing" if value is None else repr(value)[:SHOWN]


def bound_phrase(kind: str, context: Mapping[str, Any], unit: str) -> str:
    """pydantic's range errors: ("greater_than_equal", {"ge": 1}) -> "must be at least 1"."""
    words = {
        "greater_than_equal": ("at least", "ge"),
        "greater_than": ("more than", "gt"),
        "less_than_equal": ("at most", "le"),
        "less_than": ("less than", "lt"),
    }
    if kind not in words:
        return ""
    word, name = words[kind]
    limit = context[name]
    number = f"{limit:g}" if isinstance(limit, float) and abs(limit) < 1e6 else f"{int(limit)}"
    return f"must be {word} {number}" + (f" {unit}" if unit else "")


def type_mend(annotation: Any, value: Any) -> str:
    """How to write the value that was probably meant, where that is plain."""
    members = union_members(annotation)
    if isinstance(value, str):
        if bool in members and value.strip().lower() in ("true", "false"):
            return f"without quotes: {value.strip().lower()}"
        if (int in members or float in members) and _is_number(value):
            return f"without quotes: {value.strip()}"
    if isinstance(value, float) and not isinstance(value, bool) and int in members and value.is_integer():
        return f"write {int(value)}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if bool in members and value in (0, 1):
            return f"write {'true' if value else 'false'}"
        if str in members:
            return f'in quotes: "{value}"'
    if any(get_origin(member) in (list, tuple) for member in members) and isinstance(value, (str, int, float)):
        return f"in brackets: [{value!r}]" if not isinstance(value, str) else f'in brackets: ["{value[:SHOWN]}"]'
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _list_phrase(origin: Any, args: tuple[Any, ...]) -> str:
    if not args:
        return "a list"
    items = [arg for arg in args if arg is not Ellipsis]
    inner = PLURALS.get(items[0]) or f"items, each {type_phrase(items[0])}"
    count = f"{len(items)} " if origin is tuple and Ellipsis not in args else ""
    return f"a list of {count}{inner}"


def _either(phrases: list[str]) -> str:
    unique = list(dict.fromkeys(phrases))
    return unique[0] if len(unique) == 1 else ", ".join(unique[:-1]) + " or " + unique[-1]
