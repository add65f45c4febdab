"""Which layers are trained and with which options: targets, then rules, then blocks. The same for a model's modules and
for the shapes in a file, and so without torch.

Faults of what chooses nothing are told where it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from kohya_like.networks.base import WeightDelta
from kohya_like.networks.blocks import Blocks, blocks_of
from kohya_like.networks.presets import PARTS, reaches
from kohya_like.networks.rules import Rule, read_rules, rule_fault
from kohya_like.networks.shapes import LayerShape
from kohya_like.schema.errors import Fault, Severity

_SIDES = ("down_lr_weight", "up_lr_weight")


@dataclass(frozen=True)
class Place:
    """A layer of a trained part, and whether the network's targets choose it."""

    part: str
    path: str
    shape: LayerShape
    targeted: bool

    @property
    def name(self) -> str:
        return f"{self.part}.{self.path}"


@dataclass(frozen=True)
class Chosen:
    """A layer that is adapted, the options that hold for it, and a factor of its part's learning rate."""

    place: Place
    algorithm: WeightDelta
    rate: float = 1.0


def select(algorithm: WeightDelta, places: Sequence[Place]) -> tuple[list[Chosen], list[Fault]]:
    """The adapted layers among all layers of the trained parts, in their order, and what is wrong with the choice."""
    blocks = blocks_of(place.path for place in places if place.part == "unet")
    if faults := list(_length_faults(algorithm, blocks)):
        return [], faults
    selection = _Selection(algorithm, blocks)
    found = [chosen for place in places if (chosen := selection.of(place))]
    faults = list(_rule_faults(selection, places))
    if not found and not faults and algorithm.has_layer_options:
        key = "network.rules" if selection.rules else "network.targets"
        faults.append(Fault("rules and blocks leave every layer out: nothing would be trained", key, code="no-layer"))
    return found, faults


def holder(algorithm: WeightDelta, unet_paths: Iterable[str]) -> Callable[[str, str], tuple[WeightDelta, float]]:
    """For layers that a file holds: (part, path) -> the options of its rule, and a factor of the part's rate.

    What a rule or a block leaves out is frozen: it stays in the file as it is.
    """
    selection = _Selection(algorithm, blocks_of(unet_paths))
    return selection.held


class _Selection:
    """Rules and blocks of one network; remembers which rules did something."""

    def __init__(self, algorithm: WeightDelta, blocks: Blocks) -> None:
        self.algorithm, self.blocks = algorithm, blocks
        self.rules = read_rules(algorithm.rules, type(algorithm))
        self.options = {rule: rule.options(algorithm) for rule in self.rules}
        self.factors = blocks.factors(
            algorithm.down_lr_weight, algorithm.mid_lr_weight, algorithm.up_lr_weight,
            algorithm.block_lr_zero_threshold,
        )  # fmt: skip
        self.first_to: dict[Rule, int] = dict.fromkeys(self.rules, 0)  # layers that no line before it matches
        self.used: set[Rule] = set()

    def of(self, place: Place) -> Chosen | None:
        rule = self._rule(place.name)
        if rule is None:
            return self._with(self.algorithm, place, 1.0) if place.targeted else None
        self.first_to[rule] += 1
        if not (place.targeted or rule.adds):
            return None
        found = self._with(self.algorithm if rule.off else self.options[rule], place, rule.rate)
        if found:
            self.used.add(rule)
        return None if rule.off else found

    def held(self, part: str, path: str) -> tuple[WeightDelta, float]:
        rule = self._rule(f"{part}.{path}")
        factor = self._factor(part, path)
        if rule is None:
            return self.algorithm, factor
        return self.options[rule], 0.0 if rule.off else rule.rate * factor

    def _rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if fnmatchcase(name, rule.pattern)), None)

    def _factor(self, part: str, path: str) -> float:
        block = self.blocks.index(path) if part == "unet" and self.factors else None
        return 1.0 if block is None else self.factors[block]

    def _with(self, algorithm: WeightDelta, place: Place, rate: float) -> Chosen | None:
        if place.shape.kind not in algorithm.layer_kinds:
            return None
        own: WeightDelta | None = algorithm
        block = self.blocks.index(place.path) if place.part == "unet" else None
        if block is not None:
            factor = self._factor(place.part, place.path)
            rate *= factor
            own = algorithm.in_block(place.shape, block) if factor else None
        own = own.for_layer(place.shape, place.path) if own else None
        return Chosen(place, own, rate) if own else None


def _length_faults(algorithm: WeightDelta, blocks: Blocks) -> Iterable[Fault]:
    """Lists that have another length than this family has blocks."""
    wanted = [(name, blocks.total, numbers) for name, numbers in algorithm.listed_by_block().items()]
    wanted += [(name, blocks.sides, getattr(algorithm, name)) for name in _SIDES]
    wanted.append(("mid_lr_weight", blocks.middle, algorithm.mid_lr_weight))
    for name, count, numbers in wanted:
        if numbers and not isinstance(numbers, str) and len(numbers) != count:
            text = f"is a list of {len(numbers)}, but {blocks.label} wants {count} here: one for each block"
            yield Fault(text, f"network.{name}", code="wrong-blocks")


def _rule_faults(selection: _Selection, places: Sequence[Place]) -> Iterable[Fault]:
    """What is wrong with each line that did nothing."""
    parts = {place.part for place in places}
    for rule in selection.rules:
        if rule in selection.used:
            continue
        if not any(reaches(rule.pattern, part) for part in parts) and any(reaches(rule.pattern, p) for p in PARTS):
            note = f"pattern {rule.pattern!r} is for a part of the model that is not trained, so it has no effect"
            yield _at(rule, note, "", severity="warning", code="idle-rule")
            continue
        matched = [place for place in places if fnmatchcase(place.name, rule.pattern)]
        if not matched:
            yield _at(
                rule, f"pattern {rule.pattern!r} matches no layer", nearest(rule.pattern, [p.name for p in places])
            )
        elif not selection.first_to[rule]:
            yield _at(
                rule,
                f"pattern {rule.pattern!r} matches only layers that an earlier line matches",
                "put it before that line",
            )
        else:
            yield _useless(rule, matched, selection)


def _useless(rule: Rule, matched: Sequence[Place], selection: _Selection) -> Fault:
    """A line whose layers are there, but are not trained with it."""
    algorithm = selection.algorithm if rule.off else selection.options[rule]
    pattern = repr(rule.pattern)
    if rule.off:
        text = f"pattern {pattern} matches only layers that are not trained anyway"
        return _at(rule, text, severity="warning", code="idle-rule")
    if not rule.adds and not any(place.targeted for place in matched):
        name = type(algorithm).model_fields["name"].default
        text = f"pattern {pattern} matches only layers that network.targets leaves out"
        return _at(rule, text, f"name={name} in this line adds them")
    fitting = [place for place in matched if place.shape.kind in algorithm.layer_kinds]
    if not fitting:
        kinds = " and ".join(algorithm.layer_kinds)
        return _at(rule, f"pattern {pattern} matches only layers of another kind than {kinds}")
    if all(place.shape.is_wide for place in fitting):
        text = f"pattern {pattern} matches only convolutions, which this network leaves alone as it is set"
        return _at(rule, text, "give them a rank (network.conv_dim)")
    return _at(rule, f"pattern {pattern} matches only layers that other options leave out")


def _at(rule: Rule, text: str, mend: str = "", *, severity: Severity = "error", code: str = "rule") -> Fault:
    fault = rule_fault(rule.number, text, mend, severity=severity, code=code)
    return replace(fault, key=f"network.rules{fault.key}")


def nearest(pattern: str, names: Sequence[str]) -> str:
    """What a pattern that matches nothing may have been meant for."""
    word = pattern.replace("*", "").strip(".")
    close = get_close_matches(word, names, n=3, cutoff=0.3)
    return f"nearest: {', '.join(close)}" if close else f"patterns are matched against names like {names[0]}"
