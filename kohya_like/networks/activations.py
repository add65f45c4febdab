"""The functions between a hypernetwork's layers, by webui's names: its own seven and every class of torch's that needs
no arguments, in lower case. Torch-free until one is used.

Left out is only what cannot stand there: glu halves its input, threshold and multiheadattention need arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Activation = Literal[
    "linear", "relu", "leakyrelu", "elu", "swish", "tanh", "sigmoid", "celu", "gelu", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "logsigmoid", "logsoftmax", "mish", "prelu", "relu6", "rrelu", "selu", "silu", "softmax",
    "softmax2d", "softmin", "softplus", "softshrink", "softsign", "tanhshrink",
]  # fmt: skip
# names in torch.nn.functional where they differ; webui's swish is torch's Hardswish
_FUNCTIONS = {"leakyrelu": "leaky_relu", "swish": "hardswish"}
_SOFTMAXES = {"softmax": "softmax", "softmin": "softmin", "logsoftmax": "log_softmax", "softmax2d": "softmax"}
# zero at zero, and not flat there: behind a layer of zeros they change nothing and still let it learn
LIVE_AT_ZERO = frozenset(
    ("linear", "leakyrelu", "elu", "swish", "tanh", "celu", "gelu", "hardswish", "hardtanh", "mish", "prelu", "rrelu",
     "selu", "silu", "softsign")
)  # fmt: skip


def activate(name: Activation, x: Tensor, slope: Tensor | None = None, training: bool = False) -> Tensor:
    """The function's value; `slope` is prelu's parameter."""
    from torch.nn import functional

    if name in _SOFTMAXES:
        # torch's rule for a softmax without arguments: over the pictures of a batch, for contexts [B, T, d]
        dim = -3 if name == "softmax2d" else 0 if x.ndim in (0, 1, 3) else 1
        softmax: Tensor = getattr(functional, _SOFTMAXES[name])(x, dim=dim)
        return softmax
    if name == "prelu":
        assert slope is not None
        return functional.prelu(x, slope)
    if name == "rrelu":
        return functional.rrelu(x, training=training)
    found: Tensor = getattr(functional, _FUNCTIONS.get(name, name))(x)
    return found
