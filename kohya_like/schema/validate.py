"""From a document to the frozen config: all faults at once, each a sentence with its place and its cure.

Values are held to their TOML types (32 is not "32", 1 is not true): a value that had to be guessed at is a value that
trains the wrong thing for six hours.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from kohya_like.schema.errors import Complaints, ConfigError, Fault
from kohya_like.schema.known import known_options, plugin_name
from kohya_like.schema.option import Section, describe, option_info, sections_in
from kohya_like.schema.phrases import bound_phrase, type_mend, type_phrase, union_members, value_phrase
from kohya_like.schema.toml import Document, lookup
from kohya_like.schema.toml_lines import KeyParts, join_key

S = TypeVar("S", bound=Section)
Given = Document | Mapping[str, Any]

# Errors about a value of the right type; the rest of a union's complaints say only that it is not of the other types.
_OF_VALUE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number", "value_error"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ONE_LINE = ("output_name",)


def build(config: type[S], given: Given, source: str = "") -> S:
    """The config a document describes. Raises ConfigError with every fault there is."""
    made, faults = inspect(config, given, source)
    if made is None:
        raise ConfigError(faults)
    return made


def inspect(config: type[S], given: Given, source: str = "") -> tuple[S | None, tuple[Fault, ...]]:
    """The config, or None and all faults. `source` names the place when `given` is a plain dict."""
    values = _with_plugin_names(config, given.values() if isinstance(given, Document) else dict(given))
    reader = _Reader(config, values, given if isinstance(given, Document) else None, source)
    text_faults = list(reader.text_faults())
    if text_faults:
        return None, tuple(text_faults)
    try:
        # strict mode takes whole numbers for floats, and nothing else for anything else; lists are tuples in a config
        return config.model_validate(_tuples(values), strict=True), ()
    except ValidationError as error:
        return None, tuple(reader.faults(error.errors(include_url=False)))


def renames(config: type[Section], given: Given, faults: Iterable[Fault]) -> dict[str, str]:
    """For the unknown keys among the faults: what each should be renamed to, where that is certain enough to offer."""
    values = given.values() if isinstance(given, Document) else given
    found = {}
    for fault in faults:
        if fault.code == "unknown-key":
            suggestion = known_options(config).suggest(fault.key, *_siblings(config, values, fault.key))
            if suggestion.key:
                found[fault.key] = suggestion.key
    return found


@dataclass(frozen=True)
class _Place:
    """Where a complaint of pydantic belongs: the option's key, its field if it has one, the class around it."""

    key: str
    field: FieldInfo | None
    owner: type[Section]


class _Reader:
    """Turns pydantic's errors into our faults."""

    def __init__(self, config: type[Section], values: dict[str, Any], document: Document | None, source: str) -> None:
        self.config, self.values, self.document, self.source = config, values, document, source
        self.known = known_options(config)

    def faults(self, errors: list[ErrorDetails]) -> Iterator[Fault]:
        grouped: dict[str, list[tuple[_Place, ErrorDetails]]] = {}
        for error in errors:
            place = _place(self.config, error["loc"])
            if error["type"].startswith("union_tag"):
                place = replace(place, key=f"{place.key}.name")
            grouped.setdefault(place.key, []).append((place, error))
        for key, group in grouped.items():
            place, error = next((pair for pair in group if pair[1]["type"] in _OF_VALUE), group[0])
            complaint = error.get("ctx", {}).get("error")
            if isinstance(complaint, Complaints):
                yield from (self._told(key, fault) for fault in complaint.faults)
                continue
            text, mend, code = self._said(place, error, alternatives=len(group) > 1)
            yield Fault(text, key=key, where=self._where(key), mend=mend, code=code)

    def _told(self, key: str, fault: Fault) -> Fault:
        """A fault that a validator told itself, at its full key."""
        full = f"{key}{fault.key}"
        return replace(fault, key=full, where=self._where(full), code=fault.code or "bad-value")

    def text_faults(self) -> Iterator[Fault]:
        """Text that no option may hold: control characters, halves of characters, line breaks in a path."""
        paths = {option.key for option in describe(self.config) if option.info.path}
        for key, text in _texts(self.values):
            plain = re.sub(r"\[\d+\]", "[]", key)
            is_path = plain in paths or plain.rpartition(".")[2] in _ONE_LINE
            if said := _text_fault(text, is_path):
                yield Fault(said, key=key, where=self._where(key), code="bad-text")

    def _where(self, key: str) -> str:
        return self.document.where(key) if self.document is not None else self.source

    def _said(self, place: _Place, error: ErrorDetails, alternatives: bool) -> tuple[str, str, str]:
        kind, value, context = error["type"], error["input"], error.get("ctx", {})
        if kind == "extra_forbidden":
            suggestion = self.known.suggest(place.key, *_siblings(self.config, self.values, place.key))
            return "no such option", suggestion.text, "unknown-key"
        if kind == "missing":
            return "must be given", "", "missing-key"
        if kind.startswith("union_tag"):
            return self._plugin_said(place, context.get("tag"))
        unit = option_info(place.field).unit if place.field is not None else ""
        if bound := bound_phrase(kind, context, unit):
            return f"got {value_phrase(value)}, {bound}", "", "out-of-range"
        if kind == "finite_number":
            return f"got {value_phrase(value)}, must be a finite number", "", "out-of-range"
        if kind in ("value_error", "assertion_error"):
            return str(context.get("error", error["msg"])).rstrip("."), "", "bad-value"
        annotation = place.field.annotation if place.field is not None else Section
        if alternatives:  # the complaint of one alternative may be about a part of the value
            value = lookup(self.values, place.key, value)
        if place.key.endswith("]") and get_origin(annotation) in (list, tuple) and not sections_in(annotation):
            annotation = get_args(annotation)[0]
        return self._type_said(annotation, value, kind)

    def _type_said(self, annotation: Any, value: Any, kind: str) -> tuple[str, str, str]:
        choices = [str(arg) for member in union_members(annotation) for arg in _choices(member)]
        if choices and isinstance(value, str):
            near = get_close_matches(value, choices, n=1, cutoff=0.6)
            mend = f"did you mean {near[0]!r}?" if near else ""
            return f"got {value_phrase(value)}, must be {type_phrase(annotation)}", mend, "bad-choice"
        if kind in ("model_type", "dict_type"):
            return f"expects a table, got {value_phrase(value)}", "", "wrong-type"
        wanted = f"expects {type_phrase(annotation)}, got {value_phrase(value)}"
        return wanted, type_mend(annotation, value), "wrong-type"

    def _plugin_said(self, place: _Place, tag: str | None) -> tuple[str, str, str]:
        names = [plugin_name(choice) for choice in sections_in(place.field.annotation)] if place.field else []
        near = get_close_matches(str(tag), names, n=1, cutoff=0.6)
        mend = f"did you mean {near[0]!r}?" if near else ""
        return f"there is no {tag!r}; there are {', '.join(names)}", mend, "bad-choice"


def _place(config: type[Section], loc: tuple[int | str, ...]) -> _Place:
    """pydantic's location without the words it adds itself: the tag of a union, the name of a tried type."""
    owner: type[Section] = config
    parts: KeyParts = ()
    rest = list(loc)
    while rest:
        part = rest.pop(0)
        parts = (*parts, part)
        field = owner.model_fields.get(str(part))
        if field is None:
            return _Place(join_key((*parts, *rest)), None, owner)
        inner = sections_in(field.annotation)
        if not inner:
            index = tuple(p for p in rest[:1] if isinstance(p, int) and len(union_members(field.annotation)) == 1)
            return _Place(join_key((*parts, *index)), field, owner)
        if rest and isinstance(rest[0], int):
            parts = (*parts, rest.pop(0))
        if not rest:
            return _Place(join_key(parts), field, owner)
        if len(inner) > 1:
            tag = rest.pop(0)
            owner = next((choice for choice in inner if plugin_name(choice) == tag), inner[0])
        else:
            owner = inner[0]
    return _Place(join_key(parts), None, owner)


def _siblings(config: type[Section], values: Mapping[str, Any], key: str) -> tuple[list[str], str]:
    """The names a key's table knows, and the plug-in chosen there ("" where there is nothing to choose)."""
    table = key.rpartition(".")[0]
    if not table:
        return list(config.model_fields), ""
    classes = known_options(config).classes.get(re.sub(r"\[\d+\]", "[]", table), [])
    chosen = str(lookup(values, f"{table}.name", "")) if len(classes) > 1 else ""
    classes = [choice for choice in classes if not chosen or plugin_name(choice) == chosen]
    return [name for choice in classes for name in choice.model_fields], chosen


def _with_plugin_names(config: type[Section], values: dict[str, Any]) -> dict[str, Any]:
    """A `[network]` without a name is the default's: `dim = 8` alone should not need `name = "lora"`."""
    filled = dict(values)
    for key, field in config.model_fields.items():
        table = filled.get(key)
        inner = sections_in(field.annotation)
        if len(inner) > 1 and isinstance(table, Mapping) and "name" not in table and not field.is_required():
            filled[key] = {"name": field.get_default(call_default_factory=True).name, **table}
    return filled


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(_tuples(inner) for inner in value) if isinstance(value, (list, tuple)) else value


def _choices(member: Any) -> tuple[Any, ...]:
    return get_args(member) if get_origin(member) is not None and "Literal" in str(get_origin(member)) else ()


def _texts(value: Any, parts: KeyParts = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield join_key(parts), value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, (*parts, str(name)))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*parts, number))


def _text_fault(text: str, is_path: bool) -> str:
    if found := _CONTROL.search(text):
        return f"holds the control character {ord(found.group()):#04x}, which no option may"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "holds bytes that are not UTF-8 text"
    if not is_path:
        return ""
    if len(text.encode()) > 4000 or any(len(part.encode()) > 255 for part in re.split(r"[/\\]", text)):
        return f"is {len(text):,} characters long, too long for a file name"
    if "\n" in text or "\r" in text:
        return "holds a line break, which a file name may not"
    if text.startswith("~") and os.path.expanduser(text) == text:
        return f"got {value_phrase(text)}: there is no such home folder"
    if text.lower().startswith("file:") or text.startswith(("\\\\", "//")):
        return f"got {value_phrase(text)}: network paths and file: addresses are not followed; give a local path"
    return ""
