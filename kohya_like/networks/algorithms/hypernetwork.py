"""Hypernetwork: small nets before the keys and values of every attention in the UNet.

    k = to_k(c + f_k(c))     v = to_v(c + f_v(c))          c [B, T, d], one pair of nets f for each width d

f is a row of Linear layers of widths d·s for s in the layer structure, with an activation between them. Layout and
options as in AUTOMATIC1111's webui; the method was described by NovelAI in "NovelAI Improvements on Stable Diffusion".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import field_validator

from kohya_like.networks.base import InputResidual, ParamSpec, Shape
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights

Activation = Literal[
    "linear", "relu", "leakyrelu", "elu", "swish", "tanh", "sigmoid", "mish", "gelu", "silu", "softplus"
]
# names in torch.nn.functional where they differ; webui's swish is torch's Hardswish
FUNCTIONS = {"leakyrelu": "leaky_relu", "swish": "hardswish"}


class Hypernetwork(InputResidual):
    """Options and formula of a hypernetwork."""

    title: ClassVar[str] = "Hypernetwork"
    paper: ClassVar[str] = "https://blog.novelai.net/novelai-improvements-on-stable-diffusion-e10d38db82ac"
    mergeable: ClassVar[bool] = False
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {
        "mergeable": "its nets are not linear, so no weight of the model can hold them",
        "invertible": "it cannot be merged",
    }

    name: Literal["hypernetwork"] = option(
        "hypernetwork", "Hypernetwork: small nets before the keys and values of all attention. An older kind, mostly "
        "used for styles.",
    )  # fmt: skip
    layer_structure: tuple[float, ...] = option(
        (1.0, 2.0, 1.0), "Widths of the nets' layers, as multiples of the context's width; first and last are 1. "
        "Usually [1, 2, 1].", group="Size",
    )  # fmt: skip
    activation: Activation = option(
        "linear", "Function between the layers of the nets; linear: none, which is a good start. relu and swish are "
        "common too.", group="Size",
    )  # fmt: skip
    activate_output: bool = option(
        False, "Use the activation function behind the last layer of the nets too. Usually off.", group="Size",
        level="advanced",
        differs="on in webui; sigmoid and softplus would then change the model before the first step.",
    )  # fmt: skip
    layer_norm: bool = option(
        False, "Normalise the values after each layer of the nets, which steadies deep ones. Usually off.",
        group="Size", level="advanced",
    )  # fmt: skip

    @field_validator("layer_structure")
    @classmethod
    def _ends_at_one(cls, structure: tuple[float, ...]) -> tuple[float, ...]:
        if len(structure) < 2 or structure[0] != 1.0 or structure[-1] != 1.0 or min(structure) <= 0.0:
            raise ValueError("needs at least two positive numbers, the first and the last 1, like [1, 2, 1]")
        return structure

    @property
    def _layers(self) -> list[tuple[int, bool, float]]:
        """Each Linear: its index in webui's Sequential, whether it is activated, the dropout behind it."""
        found, index, last = [], 0, len(self.layer_structure) - 2
        for i in range(last + 1):
            activated = self.activation != "linear" and (i < last or self.activate_output)
            dropped = self.dropout if i < last else 0.0
            found.append((index, activated, dropped))
            index += 1 + activated + self.layer_norm + bool(dropped)
        return found

    def parameters(self, width: int) -> dict[str, ParamSpec]:
        sizes = [int(width * factor + 1e-6) for factor in self.layer_structure]  # 1e-6: factors read from a file
        specs: dict[str, ParamSpec] = {}
        for i, (index, activated, _) in enumerate(self._layers):
            zero = i == len(sizes) - 2  # the last layer: training starts from the base model
            specs[f"linear.{index}.weight"] = ParamSpec(
                (sizes[i + 1], sizes[i]), init="zeros" if zero else "normal", std=0.01
            )
            specs[f"linear.{index}.bias"] = ParamSpec((sizes[i + 1],))
            if self.layer_norm:
                norm = index + 1 + activated
                specs[f"linear.{norm}.weight"] = ParamSpec((sizes[i + 1],), init="normal", std=0.01)
                specs[f"linear.{norm}.bias"] = ParamSpec((sizes[i + 1],))
        return specs

    def transform(self, w: Weights, x: Tensor, training: bool = False) -> Tensor:
        from torch.nn import functional

        hidden = x
        for index, activated, dropped in self._layers:
            hidden = functional.linear(hidden, w[f"linear.{index}.weight"], w[f"linear.{index}.bias"])
            if activated:
                hidden = getattr(functional, FUNCTIONS.get(self.activation, self.activation))(hidden)
            if self.layer_norm:
                norm = f"linear.{index + 1 + activated}"
                hidden = functional.layer_norm(hidden, hidden.shape[-1:], w[f"{norm}.weight"], w[f"{norm}.bias"])
            if dropped:
                hidden = functional.dropout(hidden, dropped, training)
        return x + hidden

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "linear.0.weight" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        """Structure and layer norm; activation and dropout only shift the indices of a file and must be known."""
        indices = sorted(int(key.split(".")[1]) for key in shapes if key.endswith(".weight"))
        weights = [shapes[f"linear.{index}.weight"] for index in indices]
        linears = [shape for shape in weights if len(shape) == 2]
        width = linears[0][1]
        structure = (1.0, *(shape[0] / width for shape in linears))
        return cls(layer_structure=structure, layer_norm=len(linears) < len(weights))


register("algorithm", "hypernetwork", Hypernetwork)
