"""(IA)³: each output, or each input, of a layer is scaled by one learned number.

    ΔW[o, i] = W[o, i] · l[o]     or     W[o, i] · l[i]          l [O] or [I]

The smallest network there is. arXiv:2205.05638; keys as in LyCORIS, where `on_input` tells which of the two it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from kohya_like.networks.base import BASE, LayerShape, ParamSpec, Shape, WeightDelta
from kohya_like.networks.cells import NO_CONTEXTS, NO_NORMS, NO_PAIR, NO_RANK, OWN_LAYERS, READS_BASE
from kohya_like.schema.errors import FormatError
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from kohya_like.networks.base import Drop, Weights

SECOND_FEED_FORWARD = ("ff.net.2", "mlp.fc2")
OF_THE_PAPER = (*SECOND_FEED_FORWARD, "to_k", "to_v", "k_proj", "v_proj")


class IA3(WeightDelta):
    """Options and formula of (IA)³."""

    title: ClassVar[str] = "(IA)^3"
    paper: ClassVar[str] = "https://arxiv.org/abs/2205.05638"
    invertible: ClassVar[bool] = False
    why_not: ClassVar[Mapping[str, str]] = {
        **NO_NORMS, **NO_CONTEXTS, **NO_PAIR, **NO_RANK, **READS_BASE,
        "conv_dim": "it has no size: network.convolutions switches the convolutions on",
        "dora_wd": "its factors are lengths of rows or columns already",
        "use_scalar": "its numbers are such factors already",
    }  # fmt: skip
    untold: ClassVar[Mapping[str, str]] = {"layers": OWN_LAYERS, "convolutions": OWN_LAYERS}
    reads_base: ClassVar[bool] = True
    folds: ClassVar[tuple[str, ...]] = ("weight",)

    name: Literal["ia3"] = option("ia3", "(IA)^3: one learned factor for each output or input of a layer.")
    layers: Literal["all", "paper"] = option(
        "all", "Which of the chosen layers: all, or those of the paper: keys, values and the second feed-forward "
        "layer.", group="Layers",
    )  # fmt: skip
    on_input: Literal["feed_forward", "all", "none"] = option(
        "feed_forward", "Where inputs are scaled instead of outputs: in the second feed-forward layer (the paper), "
        "everywhere or nowhere.", group="Layers", level="advanced",
    )  # fmt: skip
    convolutions: bool = option(
        False, "Also train the 3x3 convolutions of the residual blocks.", group="Layers",
    )  # fmt: skip

    @property
    def trains_convolutions(self) -> bool:
        return self.convolutions

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        own = super().for_layer(layer, path)
        if own is None or (self.layers == "paper" and not path.endswith(OF_THE_PAPER)):
            return None
        if own.on_input != "feed_forward":
            return own
        side = "all" if path.endswith(SECOND_FEED_FORWARD) else "none"
        return own.model_copy(update={"on_input": side})

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        size = layer.in_ if self.on_input == "all" else layer.out
        return {"weight": ParamSpec((1, size, 1, 1) if layer.kernel else (size,))}  # zero: W' = W

    def constants(self) -> dict[str, float]:
        return {"on_input": int(self.on_input == "all")}

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        factors = w["weight"].flatten().to(w[BASE].dtype)
        shape = (1, -1) if self.on_input == "all" else (-1, 1)
        return w[BASE] * factors.reshape(*shape, *(1 for _ in layer.kernel))

    def from_output(self, w: Weights, y: Tensor, bias: Tensor | None, layer: LayerShape) -> Tensor | None:
        if self.on_input == "all":
            return None
        if bias is not None:
            y = y - bias.to(y.dtype).reshape(-1, *(1 for _ in layer.kernel))
        return y * w["weight"].to(y.dtype)

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        factors = w["weight"]  # [I] or [O] beside tokens, [1, I, 1, 1] or [1, O, 1, 1] beside pixels
        if self.on_input == "all":
            change = layer.apply(x * factors, w[BASE])
        else:
            plain = layer.apply(x, w[BASE])
            change = plain * factors.to(plain.dtype)
        return drop(change) if drop else change

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        return shapes.keys() == {"weight"}

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        if "on_input" not in constants:
            raise FormatError("a tensor named weight without on_input, which makes no (IA)^3")
        return cls(on_input="all" if constants["on_input"] else "none", convolutions=len(shapes["weight"]) == 4)


register("algorithm", "ia3", IA3)
