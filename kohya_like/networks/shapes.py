"""The shapes of layers and of parameters: what an algorithm's formulas are told of a model. Imports without torch.

Letters in shapes as in `networks.base`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

LayerKind = Literal["linear", "conv2d", "layernorm", "groupnorm"]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Size and geometry of a Linear, a Conv2d or a normalisation, which has as many outputs as inputs."""

    kind: LayerKind
    out: int
    in_: int
    kernel: Shape = ()
    stride: Shape = (1, 1)
    padding: Shape = (0, 0)
    dilation: Shape = (1, 1)
    bias: bool = False
    groups: int = 1  # of a GroupNorm
    eps: float = 1e-5  # of a normalisation

    @property
    def is_norm(self) -> bool:
        return self.kind in ("layernorm", "groupnorm")

    @property
    def channel_axis(self) -> int:
        """Where the channels stand in this layer's outputs: [B, T, C] or [B, C, H, W]."""
        return 1 if self.kind in ("conv2d", "groupnorm") else -1

    @property
    def fan_in(self) -> int:
        return self.in_ * prod(self.kernel)

    @property
    def weight_shape(self) -> Shape:
        return (self.out,) if self.is_norm else (self.out, self.in_, *self.kernel)

    @property
    def is_1x1(self) -> bool:
        return self.kind == "conv2d" and all(size == 1 for size in self.kernel)

    @property
    def is_wide(self) -> bool:
        """A convolution that looks at more than one pixel: what kohya gives conv_dim instead of dim."""
        return self.kind == "conv2d" and not self.is_1x1

    def apply(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """This layer's operation with another weight [*, I, k, k] and bias: x [B, T, I] or [B, I, H, W]."""
        from torch.nn import functional

        match self.kind:
            case "linear":
                return functional.linear(x, weight, bias)
            case "conv2d":
                return functional.conv2d(x, weight, bias, self.stride, self.padding, self.dilation)
            case "layernorm":
                return functional.layer_norm(x, (self.out,), weight, bias, self.eps)
        return functional.group_norm(x, self.groups, weight, bias, self.eps)

    def mix(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Mix channels at each token or pixel: hidden [B, T, R] or [B, R, H, W], weight [O, R] or [O, R, 1, 1]."""
        from torch.nn.functional import conv2d, linear

        return linear(hidden, weight) if self.kind == "linear" else conv2d(hidden, weight)


@dataclass(frozen=True)
class ParamSpec:
    """One parameter: its shape and how it is filled before the first step."""

    shape: Shape
    init: Literal["zeros", "ones", "constant", "normal", "uniform", "lengths"] = "zeros"  # lengths: of the base weight
    value: float = 0.0  # of constant
    std: float = 1.0  # of normal
    bound: float = 0.0  # of uniform: values lie in -bound .. bound
