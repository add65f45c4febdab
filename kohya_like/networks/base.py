"""What a network algorithm is: one frozen model that holds its options, its parameters and its formula.

    W' = W + ΔW          WeightDelta: LoRA, LoHa, OFT, ... one set of parameters per layer
    x' = x + net(x)      InputResidual: hypernetworks, one net per width, shared by all layers of that width

Imports without torch, so that a window can list the algorithms and draw their forms. Letters in shapes:
B batch, C channels, T tokens, H W height and width of latents, R rank, O out, I in, k kernel size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from kohya_like.networks.presets import PRESETS
from kohya_like.schema.option import Section, option

if TYPE_CHECKING:
    from torch import Tensor

    Weights = Mapping[str, Tensor]  # one layer's parameters by their names in a file
    Drop = Callable[[Tensor], Tensor]

LayerKind = Literal["linear", "conv2d"]
Shape = tuple[int, ...]
BASE = "base"  # where an algorithm that declares `reads_base` finds the frozen weight of its layer


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Size and geometry of a Linear or Conv2d layer."""

    kind: LayerKind
    out: int
    in_: int
    kernel: Shape = ()
    stride: Shape = (1, 1)
    padding: Shape = (0, 0)
    dilation: Shape = (1, 1)

    @property
    def fan_in(self) -> int:
        return self.in_ * prod(self.kernel)

    @property
    def weight_shape(self) -> Shape:
        return (self.out, self.in_, *self.kernel)

    @property
    def is_1x1(self) -> bool:
        return self.kind == "conv2d" and all(size == 1 for size in self.kernel)

    @property
    def is_wide(self) -> bool:
        """A convolution that looks at more than one pixel: what kohya gives conv_dim instead of dim."""
        return self.kind == "conv2d" and not self.is_1x1

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """This layer's operation with another weight [*, I, k, k] and no bias: x [B, T, I] or [B, I, H, W]."""
        from torch.nn.functional import conv2d, linear

        if self.kind == "linear":
            return linear(x, weight)
        return conv2d(x, weight, None, self.stride, self.padding, self.dilation)

    def mix(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Mix channels at each token or pixel: hidden [B, T, R] or [B, R, H, W], weight [O, R] or [O, R, 1, 1]."""
        from torch.nn.functional import conv2d, linear

        return linear(hidden, weight) if self.kind == "linear" else conv2d(hidden, weight)


@dataclass(frozen=True)
class ParamSpec:
    """One parameter: its shape and how it is filled before the first step."""

    shape: Shape
    init: Literal["zeros", "ones", "normal", "uniform"] = "zeros"
    std: float = 1.0  # of normal
    bound: float = 0.0  # of uniform: values lie in -bound .. bound


class NetworkAlgorithm(Section):
    """Options that every network has, and what an algorithm declares of itself."""

    title: ClassVar[str] = "Network"
    paper: ClassVar[str] = ""
    kohya_module: ClassVar[str] = "lycoris.kohya"  # `ss_network_module` of its files
    layer_kinds: ClassVar[tuple[LayerKind, ...]] = ("linear", "conv2d")
    mergeable: ClassVar[bool] = True  # can be added to the base weights
    invertible: ClassVar[bool] = True  # merging with -m takes away what merging with m added
    why_not: ClassVar[Mapping[str, str]] = {}  # a sentence for each of the two above that is False
    frozen: ClassVar[tuple[str, ...]] = ()  # names of parameters that are stored but not trained

    dropout: float = option(
        0.0, "Share of inner values set to zero at random while training, against learning by heart. 0: none; 0.1 to "
        "0.5 where it is needed.", ge=0.0, lt=1.0, group="Dropout", level="advanced", kohya="network_dropout",
    )  # fmt: skip
    rank_dropout: float = option(
        0.0, "Share of ranks switched off at random for each picture while training, against learning by heart. 0: "
        "none; 0.1 to 0.3 where needed.", ge=0.0, lt=1.0, group="Dropout", level="advanced",
    )  # fmt: skip
    module_dropout: float = option(
        0.0, "Chance that a layer trains without its network in a step, against learning by heart. 0: none; 0.1 to 0.3 "
        "where needed.", ge=0.0, lt=1.0, group="Dropout", level="advanced",
    )  # fmt: skip
    targets: str | tuple[str, ...] = option(
        "kohya", f"Trained layers: {', '.join(PRESETS)}, usually kohya; or a list of patterns like "
        "'unet.*.attn2.to_*', where '!' in front takes layers out.", group="Layers", level="advanced",
    )  # fmt: skip
    train_unet: bool = option(
        True, "Train layers of the UNet, which draws the picture. Nearly always on.", group="Layers",
        kohya="network_train_text_encoder_only",
    )  # fmt: skip
    train_text_encoder: bool = option(
        True, "Train layers of the text encoders, which read the prompt. Usually on for SD 1.5; off for SDXL or to "
        "save memory.", group="Layers", kohya="network_train_unet_only",
    )  # fmt: skip
    weights: str | None = option(
        None, "A network file to continue from, such as a LoRA you trained before. Empty: a new network.",
        group="Continue", path="file", kohya="network_weights",
    )  # fmt: skip
    dim_from_weights: bool = option(
        False, "Take ranks, alphas and layers from the file in network.weights, not from the fields here.",
        group="Continue", shown_if="weights",
    )  # fmt: skip

    @field_validator("targets")
    @classmethod
    def _known_targets(cls, targets: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(targets, str) and targets not in PRESETS:
            raise ValueError(f"no preset of that name; there are {', '.join(PRESETS)}, or give a list of patterns")
        if not targets:
            raise ValueError("an empty list chooses no layer; give a preset's name or at least one pattern")
        return targets

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if not (self.train_unet or self.train_text_encoder):
            raise ValueError("train_unet and train_text_encoder are both false: nothing would be trained")
        if self.dim_from_weights and not self.weights:
            raise ValueError("dim_from_weights needs a file in weights")
        return self

    def trains(self, part: str) -> bool:
        return self.train_text_encoder if part.startswith("text_encoder") else self.train_unet

    def constants(self) -> dict[str, float]:
        """Numbers stored beside the parameters of each layer, as 0-d tensors."""
        return {}

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        """Whether the tensors of one module of a file, by name and shape, are this algorithm's."""
        raise NotImplementedError

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        """The options that the tensors of one module tell; what they do not tell keeps its default.

        Raises FormatError when they are a kind of this algorithm that cannot be used here.
        """
        raise NotImplementedError


class WeightDelta(NetworkAlgorithm):
    """An algorithm whose effect on a layer is W' = W + ΔW."""

    reads_base: ClassVar[bool] = False  # ΔW depends on W, which is then w["base"]

    @property
    def trains_convolutions(self) -> bool:
        """Whether convolutions larger than 1x1 are trained; kohya's rule then takes in the residual blocks."""
        return False

    def for_layer(self, layer: LayerShape, path: str) -> Self | None:
        """The options of one layer (its own rank, for example), or None where this layer is left alone."""
        return None if layer.is_wide and not self.trains_convolutions else self

    def parameters(self, layer: LayerShape) -> dict[str, ParamSpec]:
        raise NotImplementedError

    def delta(self, w: Weights, layer: LayerShape) -> Tensor:
        """ΔW [O, I] or [O, I, k, k]."""
        raise NotImplementedError

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        """Δy, what the layer's output changes by; `drop` falls on the narrowest values there are, here Δy itself."""
        change = layer.apply(x, self.delta(w, layer))
        return drop(change) if drop else change


class InputResidual(NetworkAlgorithm):
    """An algorithm that changes the context of the UNet's attention before to_k and to_v; one net per width."""

    layer_kinds: ClassVar[tuple[LayerKind, ...]] = ("linear",)

    train_text_encoder: bool = option(
        False, "A hypernetwork has no part in the text encoders: leave this off.", group="Layers", level="expert",
    )  # fmt: skip

    @model_validator(mode="after")
    def _only_what_it_has(self) -> Self:
        if self.train_text_encoder:
            raise ValueError("train_text_encoder: this kind of network has no part in the text encoders; set it false")
        if self.rank_dropout:
            raise ValueError("rank_dropout: this kind of network has no ranks; use dropout or module_dropout")
        if self.targets != "kohya":
            raise ValueError("targets: this kind of network always works on the keys and values of all attention")
        return self

    def parameters(self, width: int) -> dict[str, ParamSpec]:
        raise NotImplementedError

    def transform(self, w: Weights, x: Tensor, training: bool = False) -> Tensor:
        """x' of the same shape [B, T, width]."""
        raise NotImplementedError
