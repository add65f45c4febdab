"""Hypernetwork: small nets before the keys and values of every attention in the UNet.

    k = to_k(c + f_k(c))     v = to_v(c + f_v(c))          c [B, T, d], one pair of nets f for each width d

f is a row of Linear layers of widths d·s for s in the layer structure, with an activation between them. Layout,
options and files as in AUTOMATIC1111's webui; the method was described by NovelAI ("NovelAI Improvements on Stable
Diffusion").
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING, ClassVar, Literal, Self, get_args

from pydantic import field_validator, model_validator

from kohya_like.formats.hypernetwork_layout import INITIALIZATION_KEY, Layout, layout_of
from kohya_like.networks.activations import LIVE_AT_ZERO, Activation, activate
from kohya_like.networks.base import InputResidual, ParamSpec, Shape
from kohya_like.networks.cells import NO_PAIR, NO_RANK
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Weights

Initialization = Literal["zero", "normal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]
NORMAL_STD = 0.01
PRELU_SLOPE = 0.25


class Hypernetwork(InputResidual):
    """Options and formula of a hypernetwork."""

    title: ClassVar[str] = "Hypernetwork"
    paper: ClassVar[str] = "https://blog.novelai.net/novelai-improvements-on-stable-diffusion-e10d38db82ac"
    kohya_module: ClassVar[str] = "kohya_like.hypernetwork"
    mergeable: ClassVar[bool] = False
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("linear", "conv1x1", "conv3x3", "layernorm", "groupnorm"),
                        "it changes what the attention reads, and no weight"),
        **NO_PAIR, **NO_RANK,
        "conv_dim": "it has no part in the convolutions",
        "dora_wd": "it changes no weight whose lengths could be learned",
        "use_scalar": "its last layer is such a factor already",
        "scale_weight_norms": "it changes no weight whose norm could be measured",
        "mergeable": "its nets are not linear, so no weight of the model can hold them",
        "invertible": "it cannot be merged",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {
        "initialization": "it was only the start, and leaves no trace in the numbers",
        "files": "the two files hold the same numbers",
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
        "linear", "Function between the layers of the nets; linear: none, a good start. relu and swish are common too.",
        group="Size",
    )  # fmt: skip
    activate_output: bool = option(
        False, "Use the activation function behind the last layer of the nets too. Usually off.", group="Size",
        level="advanced",
    )  # fmt: skip
    layer_norm: bool = option(
        False, "Normalise the values after each layer of the nets, which steadies deep ones. Usually off.",
        group="Size", level="advanced",
    )  # fmt: skip
    initialization: Initialization = option(
        "zero", "First values of the layers. zero: the last one starts at zero, so that training starts from the model "
        "as it is; the others, webui's, change it a little at once.",
        group="Size", level="advanced", differs="webui's is normal",
    )  # fmt: skip
    dropout_structure: tuple[float, ...] = option(
        (), "Dropout behind each layer, as long as the layer structure; first and last are 0. Empty: dropout, behind "
        "every layer but the last.",
        group="Dropout", level="advanced",
    )  # fmt: skip
    files: Literal["pt", "safetensors", "both"] = option(
        "pt", "pt: the file that webui reads. safetensors: the same numbers, with all metadata, for this program.",
    )  # fmt: skip

    @field_validator("layer_structure")
    @classmethod
    def _ends_at_one(cls, structure: tuple[float, ...]) -> tuple[float, ...]:
        if len(structure) < 2 or structure[0] != 1.0 or structure[-1] != 1.0 or min(structure) <= 0.0:
            raise ValueError("needs at least two positive numbers, the first and the last 1, like [1, 2, 1]")
        return structure

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        drops = self.dropout_structure
        if drops and (len(drops) != len(self.layer_structure) or drops[0] or drops[-1]):
            raise ValueError("dropout_structure must be as long as layer_structure, the first and the last 0")
        if not all(0.0 <= p < 1.0 for p in drops):
            raise ValueError("dropout_structure: each must be at least 0 and less than 1")
        if drops and self.dropout:
            raise ValueError("dropout and dropout_structure say the same thing: give one of them")
        if self.activate_output and self.initialization == "zero" and self.activation not in LIVE_AT_ZERO:
            raise ValueError(
                f"activate_output: behind layers of zeros {self.activation} would change the model at once or never "
                "learn; set initialization to normal, choose another activation, or leave activate_output off"
            )
        return self

    @property
    def layout(self) -> Layout:
        inner = len(self.layer_structure) - 2
        drops = self.dropout_structure or (0.0, *(self.dropout,) * inner, 0.0)
        return Layout(self.layer_structure, self.activation, self.activate_output, self.layer_norm, drops)

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (".pt", ".safetensors") if self.files == "both" else (f".{self.files}",)

    def metadata(self) -> dict[str, str]:
        words = {"zero": "normal"}.get(self.initialization, self.initialization).split("_")
        return {INITIALIZATION_KEY: "".join(word.capitalize() for word in words)}  # webui's words: XavierUniform

    def constants(self) -> dict[str, float]:
        return self.layout.constants()

    def parameters(self, width: int) -> dict[str, ParamSpec]:
        layout = self.layout
        shapes, layers = layout.shapes(width), layout.layers()
        specs = {key: ParamSpec(shape) for key, shape in shapes.items()}  # biases stay zero
        for layer in layers:
            key = f"linear.{layer.linear}.weight"
            specs[key] = self._first(shapes[key], layer is layers[-1])
            if layer.activation is not None and (key := f"linear.{layer.activation}.weight") in specs:
                specs[key] = ParamSpec((1,), init="constant", value=PRELU_SLOPE)
            if layer.norm is not None:
                key = f"linear.{layer.norm}.weight"
                specs[key] = ParamSpec(shapes[key], init="normal", std=NORMAL_STD)
        return specs

    def _first(self, shape: Shape, last: bool) -> ParamSpec:
        """How the weight of a Linear [O, I] is filled: torch.nn.init's formulas, Kaiming's with the gain of relu."""
        out, in_ = shape
        match self.initialization:
            case "zero":
                return ParamSpec(shape, init="zeros" if last else "normal", std=NORMAL_STD)
            case "normal":
                return ParamSpec(shape, init="normal", std=NORMAL_STD)
            case "xavier_uniform" | "xavier_normal":
                std = sqrt(2.0 / (in_ + out))
            case _:
                std = sqrt(2.0 / in_)
        if self.initialization.endswith("uniform"):
            return ParamSpec(shape, init="uniform", bound=sqrt(3.0) * std)
        return ParamSpec(shape, init="normal", std=std)

    def change(self, w: Weights, x: Tensor, training: bool = False) -> Tensor:
        from torch.nn import functional

        hidden = x
        for layer in self.layout.layers():
            hidden = functional.linear(hidden, w[f"linear.{layer.linear}.weight"], w[f"linear.{layer.linear}.bias"])
            if layer.activation is not None:
                hidden = activate(self.activation, hidden, w.get(f"linear.{layer.activation}.weight"), training)
            if layer.norm is not None:
                norm = f"linear.{layer.norm}"
                hidden = functional.layer_norm(hidden, hidden.shape[-1:], w[f"{norm}.weight"], w[f"{norm}.bias"])
            if layer.dropout:
                hidden = functional.dropout(hidden, layer.dropout, training)
        return hidden

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return "linear.0.weight" in shapes

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        found = layout_of(shapes, constants)
        known = get_args(Activation)
        if found.activation not in known:
            raise FormatError(
                f"a hypernetwork with the activation {found.activation!r}, which is unknown; known: {', '.join(known)}"
            )
        return cls(
            layer_structure=found.structure, activation=found.activation, activate_output=found.activate_output,
            layer_norm=found.layer_norm, dropout_structure=found.dropouts, initialization="normal",
        )  # fmt: skip


register("algorithm", "hypernetwork", Hypernetwork)
