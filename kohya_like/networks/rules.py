"""Rules: lines that give some layers other options, another algorithm, another rate, or leave them out.

    unet.*.attn2.*: dim=32 alpha=16
    *.resnets.*.conv*: name=loha dim=4
    unet.up_blocks.*: lr=0.5
    *.ff.*: off

A pattern is a shell pattern over `part.path`, as in `targets`; the first line that matches a layer counts. A line with
`name` also adds the layers that `targets` leaves out. Here the lines are read and checked, without torch and without a
model; `networks.selection` applies them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kohya_like.schema.errors import Complaints, Fault
from kohya_like.schema.phrases import bound_phrase, type_phrase
from kohya_like.schema.registry import plugins

if TYPE_CHECKING:
    from kohya_like.networks.base import WeightDelta

RATE, OFF, NAME = "lr", "off", "name"
# Options of the whole network, which no line can change.
_WHOLE = {
    "name", "rules", "targets", "train_unet", "train_text_encoder", "weights", "dim_from_weights", "down_lr_weight",
    "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_dims", "block_alphas", "conv_block_dims",
    "conv_block_alphas",
}  # fmt: skip
_OF_CONVOLUTIONS = {"conv_dim": "dim", "conv_alpha": "alpha"}
_BY_BLOCK = {"dim": ("block_dims", "conv_block_dims"), "alpha": ("block_alphas", "conv_block_alphas")}
_WRITTEN = re.compile(r"[+-]?\d+")


@dataclass(frozen=True, eq=False)
class Rule:
    """One line: `kind` is the algorithm it names, None where the network's own goes on; `values` are its options."""

    number: int  # of its line, from 0
    pattern: str
    kind: type[WeightDelta] | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    rate: float = 1.0  # a factor of the part's learning rate
    off: bool = False

    @property
    def adds(self) -> bool:
        """Whether it also takes in layers that the network's targets leave out."""
        return self.kind is not None

    def options(self, algorithm: WeightDelta) -> WeightDelta:
        """What holds for its layers. Raises ValidationError where the options contradict each other."""
        kind = self.kind or type(algorithm)
        if kind is type(algorithm):
            base = algorithm.model_dump(exclude={"rules"})
        else:  # another algorithm starts from its own defaults; what all have in common holds for it too
            base = algorithm.shared()
            if not (kind.folds or kind.shares):
                base["scale_weight_norms"] = None
            base["name"] = kind.model_fields["name"].default
        made = {**base, **self.values}
        for key, lists in _BY_BLOCK.items():
            if key in self.values:
                made |= {name: None for name in lists if name in kind.model_fields}
        return kind.model_validate(made | self._of_convolutions(kind, made))

    def _of_convolutions(self, kind: type[WeightDelta], made: Mapping[str, Any]) -> dict[str, object]:
        """A line's dim and alpha hold for every layer it matches, 3x3 convolutions too, unless it says otherwise."""
        known, found = kind.model_fields.keys() - self.values.keys(), dict[str, object]()
        if "convolutions" in known and self.adds:
            found["convolutions"] = True
        conv_dim = made.get("conv_dim")
        for key, plain in _OF_CONVOLUTIONS.items():
            unset = self.adds and conv_dim is None  # it would leave convolutions out that it names
            if key in known and (unset or (plain in self.values and conv_dim is not None)):
                found[key] = made.get(plain, kind.model_fields[plain].default)
        return found


def read_rules(lines: Sequence[str], own: type[WeightDelta]) -> tuple[Rule, ...]:
    """The rules of a network of the class `own`. Raises Complaints with every fault of every line."""
    rules: list[Rule] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines):
        if line.strip():
            reader = _Line(number, own)
            rule = reader.read(line)
            faults += reader.faults
            rules += [rule] if rule else []
    if faults:
        raise Complaints(faults)
    return tuple(rules)


def rule_fault(number: int, text: str, mend: str = "", **more: Any) -> Fault:
    """A fault of one line, under its place in the list."""
    return Fault(f"line {number + 1}: {text}", key=f"[{number}]", mend=mend, **more)


class _Line:
    """Reads one line and keeps what is wrong with it."""

    def __init__(self, number: int, own: type[WeightDelta]) -> None:
        self.number, self.own = number, own
        self.faults: list[Fault] = []

    def read(self, line: str) -> Rule | None:
        pattern, colon, rest = (part.strip() for part in line.partition(":"))
        words = rest.split()
        if not colon or not pattern or not words:
            self._wrong(
                "expects a pattern, a colon and what holds for its layers",
                "for example unet.*.attn2.*: dim=32 alpha=16",
            )
            return None
        if pattern.startswith("!"):
            self._wrong("the pattern of a rule has no '!'", f"write {pattern[1:] + ': off'!r} to leave layers out")
        if OFF in words:
            if len(words) > 1:
                self._wrong("off leaves the layers out, so nothing else can stand beside it", "keep one of the two")
            return None if self.faults else Rule(self.number, pattern, off=True)
        given = self._pairs(words)
        rate = self._rate(given.pop(RATE)) if RATE in given else 1.0
        named = NAME in given
        kind = self._kind(given.pop(NAME)) if named else self.own
        values = self._values(kind, given) if kind else {}
        return None if self.faults else Rule(self.number, pattern, kind if named else None, values, rate)

    def _wrong(self, text: str, mend: str = "") -> None:
        self.faults.append(rule_fault(self.number, text, mend))

    def _pairs(self, words: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not key or not value:
                self._wrong(f"got {word!r}, expects key=value or off", "without blanks around the =")
            elif key in found:
                self._wrong(f"{key} is given twice", "keep one of the two")
            else:
                found[key] = value
        return found

    def _rate(self, text: str) -> float:
        rate = _plain(text)
        if isinstance(rate, (bool, str)) or not isfinite(rate) or rate < 0.0:
            self._wrong(f"{RATE} got {text!r}, expects a factor of the part's learning rate, 0 or more")
            return 1.0
        return float(rate)

    def _kind(self, name: str) -> type[WeightDelta] | None:
        entries: dict[str, Any] = plugins("algorithm")
        names = [entry for entry, made in entries.items() if "rules" in made.model_fields]
        if name in names:
            return entries[name]  # type: ignore[no-any-return]
        if name in entries:
            self._wrong(f"{name} works beside layers, not in them, so that no rule can choose it",
                        f"there are {', '.join(names)}")  # fmt: skip
        else:
            self._wrong(f"there is no {name!r}; there are {', '.join(names)}", _near(name, names))
        return None

    def _values(self, kind: type[WeightDelta], given: Mapping[str, str]) -> dict[str, object]:
        """The options of a line as its algorithm takes them."""
        known = [name for name in kind.model_fields if name not in _WHOLE]
        values: dict[str, object] = {}
        for key, text in given.items():
            if key in known:
                values[key] = _plain(text)
            elif key in kind.model_fields:
                self._wrong(f"{key} holds for the whole network, not for some layers", f"set network.{key}")
            else:
                self._wrong(f"a {kind.title} has no option {key!r}", _near(key, [RATE, NAME, *known]))
        try:
            kind.model_validate(values, strict=True)
        except ValidationError as error:
            for told in error.errors(include_url=False):
                if told["loc"]:  # what the options say together is checked when they are joined with the network's
                    key = str(told["loc"][0])
                    bound = bound_phrase(told["type"], told.get("ctx", {}), "")
                    wanted = type_phrase(kind.model_fields[key].annotation)
                    got = given[key]
                    self._wrong(f"{key} got {got!r}, {bound}" if bound else f"{key} got {got!r}, expects {wanted}")
        return values


def _plain(text: str) -> int | float | bool | str:
    """A value as it is written: true and false, a whole number, a number, or a word."""
    if text in ("true", "false"):
        return text == "true"
    if _WRITTEN.fullmatch(text) and len(text) < 20:
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _near(word: str, names: Sequence[str]) -> str:
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else f"there are {', '.join(names)}"
