"""The form's rows as values: every option of the schema with the kind of editor that suits its type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import NoneType
from typing import Literal, TypeAlias, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from kohya_like.config import TrainConfig
from kohya_like.schema.known import plugin_name
from kohya_like.schema.option import Described, Section, describe, sections_in
from kohya_like.schema.phrases import union_members

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Kind = Literal[
    "int", "float", "rate", "bool", "choice", "text", "lines", "path", "resolution", "amount", "rates", "table",
    "targets",
]  # fmt: skip
SUBSETS = "data.subsets[]"
GROUPS = {  # the order in a form, where it is not the schema's
    "data": ("Folders", "Buckets", "Captions", "Augmentation"),
    "network": ("", "Size", "Layers", "Continue"),
}


@dataclass(frozen=True)
class Field:
    """One row of the form. `option` is what the schema says of it; `key` is where its value stands."""

    key: str
    kind: Kind
    option: Described
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    open_minimum: bool = False  # the minimum itself is not allowed
    open_maximum: bool = False
    choices: tuple[str | int | bool, ...] = ()
    suggestions: tuple[str, ...] = ()  # of a text that may also be something else
    single: bool = True  # kind "rates": one number may stand without brackets
    whole: bool = False  # kind "rates": whole numbers
    default: Value = None
    by_choice: tuple[tuple[str, Described], ...] = ()  # of a plug-in's name: what each of the plug-ins says of itself

    def explained(self, value: Value) -> Described:
        """The option whose help holds with this value."""
        told = dict(self.by_choice)
        return told.get(str(value)) or told.get(str(self.default)) or self.option

    @property
    def section(self) -> str:
        return re.split(r"[.\[]", self.key)[0]

    @property
    def plugin(self) -> str:
        """The plug-in it belongs to ("lora"); "" where there is nothing to choose."""
        return self.option.plugin

    @property
    def table(self) -> str:
        """Where its siblings stand: "network" for network.dim."""
        return self.key.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        return self.key.rpartition(".")[2]

    @property
    def unit(self) -> str:
        return self.option.info.unit

    @property
    def group(self) -> str:
        return self.option.info.group

    @property
    def level(self) -> str:
        return self.option.info.level

    @property
    def shown_if(self) -> str:
        return self.option.info.shown_if

    @property
    def path(self) -> str:
        return self.option.info.path

    @property
    def required(self) -> bool:
        return self.option.field.is_required()

    @property
    def limits(self) -> str:
        """The range in signs that need no translation: "1 – 4096", "> 0"; "" where there is none."""
        low, high = _number(self.minimum), _number(self.maximum)
        if low and high and not (self.open_minimum or self.open_maximum):
            return f"{low} – {high}"
        parts = [f"{'>' if self.open_minimum else '≥'} {low}"] if low else []
        return ", ".join([*parts, f"{'<' if self.open_maximum else '≤'} {high}"] if high else parts)

    def at(self, prefix: str) -> Field:
        """The same row of one list item: `field.at("data.subsets[2]")`."""
        return replace(self, key=self.key.replace(SUBSETS, prefix.rstrip("."))) if prefix else self


def fields(values: Mapping[str, Value] | None = None, config: type[Section] = TrainConfig) -> list[Field]:
    """All rows of a form, in the schema's order, without those of list items.

    With `values` (of a document) those of the plug-ins chosen there; without, those of every plug-in, which is what a
    Form wants: it shows the chosen one's and swaps them when another is chosen.
    """
    every = [field for field in _every_field(config) if SUBSETS not in field.key]
    if values is None:
        return every
    return [field for field in every if field.plugin in ("", chosen_plugin(values, field.table, config))]


def subset_fields() -> list[Field]:
    """The rows of an item of data.subsets; `Form(desk, subset_fields(), "data.subsets[0]")` binds them to the first."""
    return [field for field in _every_field(TrainConfig) if field.key.startswith(SUBSETS)]


def chosen_plugin(values: Mapping[str, Value], table: str, config: type[Section] = TrainConfig) -> str:
    """The name of the plug-in that a document chooses in a table, or the default's."""
    given = values.get(table)
    name = given.get("name") if isinstance(given, Mapping) else None
    return str(name) if name is not None else default_plugin(table, config)


def unread_sections(values: Mapping[str, Value], config: type[Section] = TrainConfig) -> set[str]:
    """Sections that other training methods read, and the one that a document chooses does not: "network"."""
    methods = {plugin_name(method): method for method in sections_in(config.model_fields["method"].annotation)}
    chosen = methods.get(chosen_plugin(values, "method", config))
    every = {section for method in methods.values() for section in getattr(method, "sections", ())}
    return every - set(getattr(chosen, "sections", every))


def default_plugin(table: str, config: type[Section] = TrainConfig) -> str:
    """The plug-in of a table that names none; "" where there is nothing to choose."""
    field = config.model_fields.get(table)
    if field is None or not any("name" in choice.model_fields for choice in sections_in(field.annotation)):
        return ""
    return str(field.get_default(call_default_factory=True).name)


@lru_cache(maxsize=4)
def _every_field(config: type[Section]) -> tuple[Field, ...]:
    made: list[Field] = []
    choosers: set[str] = set()
    for option in describe(config):
        if option.plugin and option.key.endswith(".name"):
            if option.key not in choosers:
                choosers.add(option.key)
                made.append(_chooser(option, config))
        else:
            made.append(_field(option))
    made.sort(key=lambda field: _place(field, config))
    return tuple(made)


def _place(field: Field, config: type[Section]) -> tuple[int, int, bool]:
    """Sections in their order, in them what is asked for first, and a plug-in's name before its options."""
    groups = GROUPS.get(field.section, ())
    group = groups.index(field.group) if field.group in groups else len(groups)
    return list(config.model_fields).index(field.section), group, not (field.leaf == "name" and not field.plugin)


def _chooser(option: Described, config: type[Section]) -> Field:
    table = option.key.rpartition(".")[0]
    names = tuple(plugin_name(choice) for choice in sections_in(config.model_fields[table].annotation))
    plain = replace(option, plugin="")
    told = tuple((other.plugin, other) for other in describe(config) if other.key == option.key)
    return Field(option.key, "choice", plain, choices=names, default=default_plugin(table, config), by_choice=told)


def _field(option: Described) -> Field:
    members = union_members(option.annotation)
    wanted = [member for member in members if member is not NoneType]
    made = Field(
        key=option.key,
        kind=_kind(option, wanted),
        option=option,
        nullable=NoneType in members,
        choices=tuple(choice for member in wanted for choice in _choices(member)),
        suggestions=_suggestions(option.key),
        single=any(member in (float, int) for member in wanted),
        whole=any(get_args(member)[:1] == (int,) for member in wanted),
        default=None if option.field.is_required() else _plain(option.default),
    )
    return _bounded(made)


def _kind(option: Described, members: list[object]) -> Kind:
    leaf = option.key.rpartition(".")[2]
    if any(get_origin(member) is Literal for member in members):
        return "choice"
    if option.info.path:
        return "path"
    if any(get_origin(member) is dict or member is dict for member in members):
        return "table"
    if lists := [member for member in members if get_origin(member) in (tuple, list)]:
        item, *more = get_args(lists[0])
        if item is str:
            return "targets" if str in members else "lines"
        return "resolution" if item is int and more == [int] else "rates"
    if members == [bool]:
        return "bool"
    if str in members:
        return "amount" if len(members) > 1 else "text"
    if float in members:
        return "rate" if leaf.endswith("_lr") or leaf == "learning_rate" else "float"
    return "int"


def _choices(member: object) -> tuple[str | int | bool, ...]:
    if member is bool:  # true, false or a word: all of them are choices
        return (True, False)
    return get_args(member) if get_origin(member) is Literal else ()


def _bounded(field: Field) -> Field:
    for limit in field.option.field.metadata:
        if isinstance(limit, Ge | Gt):
            low = limit.ge if isinstance(limit, Ge) else limit.gt
            field = replace(field, minimum=low, open_minimum=isinstance(limit, Gt))  # type: ignore[arg-type]
        elif isinstance(limit, Le | Lt):
            high = limit.le if isinstance(limit, Le) else limit.lt
            field = replace(field, maximum=high, open_maximum=isinstance(limit, Lt))  # type: ignore[arg-type]
    return field


def _suggestions(key: str) -> tuple[str, ...]:
    if key == "optimizer.optimizer_type":
        from kohya_like.schema.registry import plugins

        return tuple(plugins("optimizer"))
    if key == "network.targets":
        from kohya_like.networks.presets import PRESETS

        return tuple(PRESETS)
    return ()


def _plain(value: object) -> Value:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return value  # type: ignore[return-value]


def _number(limit: float | None) -> str:
    if limit is None:
        return ""
    return str(int(limit)) if float(limit).is_integer() else repr(float(limit))
