"""An option is declared once: `option(...)` is TOML key, `--set` override, form row, documentation line and check."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic import Field as pydantic_field
from pydantic.fields import FieldInfo

Level = Literal["basic", "advanced", "expert"]


@dataclasses.dataclass(frozen=True)
class OptionInfo:
    """What a form, a document and a checker need to know of one option beyond its type and bounds."""

    help: str
    unit: str = ""
    group: str = ""
    level: Level = "basic"
    shown_if: str = ""  # "other_key=value" or "other_key": a sibling that must have that value, or be set
    kohya: str = ""  # kohya's name where it is not ours
    differs: str = ""  # why name or default differ from kohya's
    path: Literal["", "file", "folder", "any"] = ""


def option(
    default: Any,
    help: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str = "",
    group: str = "",
    level: Level = "basic",
    shown_if: str = "",
    kohya: str = "",
    differs: str = "",
    path: Literal["", "file", "folder", "any"] = "",
) -> Any:
    """One option of a Section. A mutable default is a factory (`list`, a Section class, a lambda); `...`: required."""
    info = OptionInfo(help, unit, group, level, shown_if, kohya, differs, path)
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    given: dict[str, Any] = {k: v for k, v in bounds.items() if v is not None}
    given["default_factory" if callable(default) else "default"] = default
    return pydantic_field(**given, description=help, json_schema_extra={"option": dataclasses.asdict(info)})


class Section(BaseModel):
    """A frozen group of options; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    title: ClassVar[str] = ""


@dataclasses.dataclass(frozen=True)
class Described:
    """One option as seen from outside: where it stands, its type, and all that was said when it was declared."""

    key: str  # dotted: "network.dim"
    annotation: Any
    field: FieldInfo
    info: OptionInfo
    plugin: str = ""  # the member of a plug-in union it belongs to: "lora"; "" where there is nothing to choose

    @property
    def default(self) -> Any:
        return self.field.get_default(call_default_factory=True)


def option_info(field: FieldInfo) -> OptionInfo:
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or "option" not in extra:
        raise TypeError("every field of a Section is declared with option(...)")
    return OptionInfo(**extra["option"])  # type: ignore[arg-type]


def sections_in(annotation: Any) -> list[type[Section]]:
    """The Section classes inside a type: itself, the members of a union, the items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if get_origin(annotation) in (list, tuple, Union, UnionType) or get_args(annotation):
        return [s for part in get_args(annotation) for s in sections_in(part)]
    return []


def describe(section: type[Section], prefix: str = "", plugin: str = "") -> Iterator[Described]:
    """All options of a section and of the sections inside it, depth first. List items read as `data.subsets[]`."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        inner = sections_in(field.annotation)
        if not inner:
            yield Described(key, field.annotation, field, option_info(field), plugin)
            continue
        dotted = f"{key}[]." if get_origin(field.annotation) in (list, tuple) else f"{key}."
        for choice in inner:
            chosen_by = choice.model_fields.get("name")
            yield from describe(choice, dotted, str(chosen_by.default) if chosen_by is not None else "")
