"""Options that give single layers their own: rules, and learning rates by block. Every WeightDelta has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self, cast

from pydantic import ValidationError, field_validator, model_validator

from kohya_like.networks.blocks import Weights, block_weights, listed
from kohya_like.networks.rules import read_rules, rule_fault
from kohya_like.schema.errors import Complaints
from kohya_like.schema.option import Section, option

if TYPE_CHECKING:
    from kohya_like.networks.base import WeightDelta


class LayerOptions(Section):
    """What layers, or whole blocks of the UNet, have for themselves."""

    rules: tuple[str, ...] = option(
        (), "Lines for single layers, such as *.attn2.*: dim=32 alpha=16. The first that matches counts; name=loha "
        "adds layers with another algorithm, off leaves them out.", group="Layers", level="expert",
    )  # fmt: skip
    down_lr_weight: str | tuple[float, ...] | None = option(
        None, "Factors of the learning rate for the UNet's blocks going down: 12 numbers, 9 for SDXL, or sine, cosine, "
        "linear, reverse_linear, zeros. Empty: 1.", group="Blocks", level="expert",
    )  # fmt: skip
    mid_lr_weight: tuple[float, ...] | None = option(
        None, "Factors of the learning rate for the UNet's middle: 1 number, 3 for SDXL. Empty: 1.", group="Blocks",
        level="expert",
    )  # fmt: skip
    up_lr_weight: str | tuple[float, ...] | None = option(
        None, "Factors of the learning rate for the UNet's blocks going up: 12 numbers, 9 for SDXL, or sine, cosine, "
        "linear, reverse_linear, zeros. Empty: 1.", group="Blocks", level="expert",
    )  # fmt: skip
    block_lr_zero_threshold: float = option(
        0.0, "UNet blocks whose factor of the learning rate is not above this get no network at all.", ge=0.0,
        group="Blocks", level="expert",
    )  # fmt: skip

    @field_validator("rules")
    @classmethod
    def _readable_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        read_rules(rules, cast("type[WeightDelta]", cls))
        return rules

    @field_validator("down_lr_weight", "mid_lr_weight", "up_lr_weight")
    @classmethod
    def _weights_of_blocks(cls, given: Weights | None) -> Weights | None:
        return None if given is None else block_weights(given)

    @model_validator(mode="after")
    def _rules_fit(self) -> Self:
        own = cast("type[WeightDelta]", type(self))
        faults = []
        for rule in read_rules(self.rules, own):
            try:
                rule.options(cast("WeightDelta", self))
            except ValidationError as error:
                told = [str(e.get("ctx", {}).get("error", e["msg"])) for e in error.errors(include_url=False)]
                faults += [replace(rule_fault(rule.number, text), key=f".rules[{rule.number}]") for text in told]
        if faults:
            raise Complaints(faults)
        return self

    def listed_by_block(self) -> Mapping[str, tuple[float, ...] | None]:
        """Lists with one number for each block of the UNet, by the names of their options."""
        return {}

    @property
    def has_layer_options(self) -> bool:
        """Whether rules or blocks give single layers their own."""
        return bool(self.layer_arguments())

    def layer_arguments(self) -> dict[str, str]:
        """The same as kohya's network_args have it, where it is set."""
        weights = {name: getattr(self, name) for name in ("down_lr_weight", "mid_lr_weight", "up_lr_weight")}
        told = {name: listed(value) for name, value in {**weights, **self.listed_by_block()}.items() if value}
        if self.block_lr_zero_threshold and told:
            told["block_lr_zero_threshold"] = f"{self.block_lr_zero_threshold:g}"
        return {**told, "rules": "\n".join(self.rules)} if self.rules else told
