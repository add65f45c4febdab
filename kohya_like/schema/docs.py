"""The options as documents: the key table (docs/keys.md) and complete commented presets, made from the Sections."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_origin

import tomlkit
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from kohya_like.schema.known import plugin_name
from kohya_like.schema.option import Level, OptionInfo, Section, option_info, sections_in
from kohya_like.schema.phrases import type_phrase, union_members

LEVELS: tuple[Level, ...] = ("basic", "advanced", "expert")
WIDTH = 110
HEAD = (
    "| key | kohya's name | value | default | what it does | why it differs |",
    "|---|---|---|---|---|---|",
)


def keys_markdown(config: type[Section], title: str = "All options") -> str:
    """The key table: one part per section, one row per option. It is a contract: names here do not change silently."""
    lines = [
        f"# {title}",
        "",
        "Made from the code; do not edit by hand. A preset is TOML: `[section]`, then `key = value`; on the command",
        "line it is `--set section.key=value`. Where kohya has a name for a thing, it is ours as well: an empty second",
        "column means that the names are equal, or that kohya has no such option. Options marked *advanced* or",
        "*expert* are rarely needed.",
    ]
    for name, field in config.model_fields.items():
        for choice in sections_in(field.annotation):
            lines += ["", *_part(name, choice, several=len(sections_in(field.annotation)) > 1)]
    return "\n".join(lines) + "\n"


def commented_toml(
    config: type[Section], values: Mapping[str, Any], level: Level = "basic", heading: str = "",
    without: Collection[str] = (),
) -> str:  # fmt: skip
    """A complete preset: the given values as lines, all other options up to `level` as comments with their defaults.

    Read back it gives exactly `values`. Uncommenting a line changes nothing until its value is changed.
    """
    parts = [_comment(heading)] if heading else []
    for name, field in config.model_fields.items():
        if name in without:
            continue
        inner, given = sections_in(field.annotation), values.get(name, {})
        choice = _chosen(inner, given, field)
        parts.append("\n".join(_toml_section(name, choice, given, LEVELS.index(level))))
    return "\n\n".join(parts) + "\n"


def _part(name: str, choice: type[Section], several: bool) -> Iterator[str]:
    if several:
        yield f'## [{name}] with name = "{plugin_name(choice)}"'
    else:
        yield f"## [{name}]"
    yield from ("", _summary(choice), "", *HEAD)
    tables = []
    for key, field in choice.model_fields.items():
        inner = sections_in(field.annotation)
        if inner and get_origin(field.annotation) in (list, tuple):
            tables += [(f"{name}.{key}[]", f"[[{name}.{key}]]", one) for one in inner]
        elif inner:
            tables += [(f"{name}.{key}", f"[{name}.{key}]", one) for one in inner]
        else:
            yield _row(f"{name}.{key}", field)
    for prefix, table, one in tables:
        yield from ("", f"### {table}", "", _summary(one), "", *HEAD)
        yield from (_row(f"{prefix}.{key}", field) for key, field in one.model_fields.items())


def _row(key: str, field: FieldInfo) -> str:
    info = option_info(field)
    level = "" if info.level == "basic" else f" *{info.level}*"
    cells = (f"`{key}`", _code(info.kohya), value_words(field, info), _default_words(field), info.help + level)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (*cells, info.differs)) + " |"


def value_words(field: FieldInfo, info: OptionInfo) -> str:
    """What may be written: "a whole number, 1 to 512 px"."""
    words = type_phrase(field.annotation)
    if limits := _limits(field):
        words += f", {limits}"
    if info.unit and info.unit not in words:
        words += f" {info.unit}" if limits else f" ({info.unit})"
    if info.path:
        words += {"file": " (a file)", "folder": " (a folder)", "any": " (a file or folder)"}[info.path]
    return words


def _limits(field: FieldInfo) -> str:
    low = high = ""
    for limit in field.metadata:
        if isinstance(limit, Ge):
            low = _number(limit.ge)
        elif isinstance(limit, Gt):
            low = f"more than {_number(limit.gt)}"
        elif isinstance(limit, Le):
            high = _number(limit.le)
        elif isinstance(limit, Lt):
            high = f"less than {_number(limit.lt)}"
    if low and high:
        plain = low[0].isdigit() and high[0].isdigit()
        return f"{low} to {high}" if plain else f"{_at(low, 'at least')} and {_at(high, 'at most')}"
    return _at(low, "at least") if low else _at(high, "at most") if high else ""


def _at(limit: str, words: str) -> str:
    return f"{words} {limit}" if limit[0].isdigit() or limit[0] == "-" else limit


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else f"{int(value)}"


def _default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = _plain_default(field)
    return "unset" if value is None else f"`{_literal(value)}`"


def _code(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split("/")) if names else ""


def _summary(choice: type[Section]) -> str:
    return (choice.__doc__ or "").strip().split("\n")[0]


def _chosen(inner: list[type[Section]], given: Mapping[str, Any], field: FieldInfo) -> type[Section]:
    if len(inner) == 1:
        return inner[0]
    name = given.get("name") or field.get_default(call_default_factory=True).name
    return next(choice for choice in inner if plugin_name(choice) == name)


def _toml_section(name: str, choice: type[Section], given: Mapping[str, Any], depth: int) -> Iterator[str]:
    yield f"[{name}]  # {_summary(choice)}"
    lists: list[str] = []
    for key, field in sorted(choice.model_fields.items(), key=lambda pair: pair[0] != "name"):
        if sections_in(field.annotation):
            lists += _tables(f"{name}.{key}", given.get(key, ()))
            continue
        info = option_info(field)
        is_given = key in given
        if not is_given and (LEVELS.index(info.level) > depth or key == "name"):
            continue
        yield from _commented(_explained(field, info))
        if is_given:
            yield f"{key} = {_literal(given[key])}"
        else:
            value = None if field.is_required() else _plain_default(field)
            yield f"# {key} =" + ("" if value is None else f" {_literal(value)}")
    yield from lists


def _tables(name: str, rows: Any) -> Iterator[str]:
    for row in rows:
        yield f"\n[[{name}]]"
        for key, value in row.items():
            yield f"{key} = {_literal(value)}"


def _explained(field: FieldInfo, info: OptionInfo) -> str:
    choices = any(get_origin(member) is Literal for member in union_members(field.annotation))
    limits = type_phrase(field.annotation) if choices else _limits(field)
    notes = [note for note in (limits, info.unit, f"kohya: {info.kohya}" if info.kohya else "") if note]
    return info.help + (f" ({'; '.join(notes)})" if notes else "")


def _commented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.strip().splitlines())


def _plain_default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    return list(value) if isinstance(value, tuple) else value


def _literal(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{tomlkit.key(str(name)).as_string()} = {_literal(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    return tomlkit.item(value).as_string()
