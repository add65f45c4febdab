"""What a network algorithm is: one frozen model that holds its options, its parameters and its formula.

    W' = W + ΔW          WeightDelta: LoRA, LoHa, OFT, ... one set of parameters per layer
    x' = x + net(x)      InputResidual: hypernetworks, one net per width, shared by all layers of that width

Imports without torch, so that a window can list the algorithms and draw their forms. Letters in shapes:
B batch, C channels, T tokens, H W height and width of latents, R rank, O out, I in, k kernel size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import field_validator, model_validator

from kohya_like.networks.layer_options import LayerOptions
from kohya_like.networks.presets import PRESETS, reaches
from kohya_like.networks.rules import read_rules
from kohya_like.networks.shapes import LayerKind, LayerShape, ParamSpec, Shape
from kohya_like.schema.option import Section, option

if TYPE_CHECKING:
    from torch import Tensor

    Weights = Mapping[str, Tensor]  # one layer's parameters by their names in a file
    Drop = Callable[[Tensor], Tensor]

__all__ = [
    "BASE", "MAGNITUDE", "SCALAR", "InputResidual", "LayerKind", "LayerShape", "NetworkAlgorithm", "ParamSpec", "Shape",
    "WeightDelta",
]  # fmt: skip

BASE = "base"  # where an algorithm that declares `reads_base` finds the frozen weight of its layer
SCALAR = "scalar"  # a learned factor of the whole change; a file has it multiplied into other parameters
WORTH_A_SUM = 64  # positions from which on a product with a weight costs more than a sum of its size
MAGNITUDE = "dora_scale"  # DoRA's lengths of the rows or columns of W'


class NetworkAlgorithm(Section):
    """Options that every network has, and what an algorithm declares of itself."""

    title: ClassVar[str] = "Network"
    paper: ClassVar[str] = ""
    kohya_module: ClassVar[str] = "lycoris.kohya"  # `ss_network_module` of its files
    layer_kinds: ClassVar[tuple[LayerKind, ...]] = ("linear", "conv2d")
    mergeable: ClassVar[bool] = True  # can be added to the base weights
    invertible: ClassVar[bool] = True  # merging with -m takes away what merging with m added
    why_not: ClassVar[Mapping[str, str]] = {}  # a sentence for each cell that it has not (networks.cells)
    untold: ClassVar[Mapping[str, str]] = {}  # a sentence for each option of its own that a file does not tell `infer`
    frozen: ClassVar[tuple[str, ...]] = ()  # names of parameters that are stored but not trained
    folds: ClassVar[tuple[str, ...]] = ()  # parameters that ΔW is proportional to, all of them together

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
        "kohya", f"Layers: {', '.join(PRESETS)}; usually kohya. Or patterns: "
        "*.attn2.*, !*.to_q.", group="Layers", level="advanced",
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
        if not (self.trains("unet") or self.trains_text):
            raise ValueError("targets choose no layer of what train_unet and train_text_encoder switch on")
        if self.dim_from_weights and not self.weights:
            raise ValueError("dim_from_weights needs a file in weights")
        return self

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the files that a training writes side by side."""
        return (".safetensors",)

    def metadata(self) -> dict[str, str]:
        """What a file tells of its options beside kohya's words."""
        return {}

    def allows(self, part: str) -> bool:
        """Whether the part is switched on."""
        return self.train_text_encoder if part.startswith("text_encoder") else self.train_unet

    def trains(self, part: str) -> bool:
        """Whether layers of the part are trained: it is switched on, and what chooses layers can reach it."""
        if not self.allows(part) or self.dim_from_weights:
            return self.allows(part)
        if isinstance(self.targets, str):
            return bool(PRESETS[self.targets].classes(part, convolutions=True))
        wanted = [pattern for pattern in self.targets if not pattern.startswith("!")] or ["*"]
        return any(reaches(pattern, part) for pattern in wanted)

    @property
    def trains_text(self) -> bool:
        """Whether layers of any text encoder are trained."""
        return self.trains("text_encoder") or self.trains("text_encoder_2")

    def hindrances(self) -> Mapping[str, str]:
        """A sentence for each of "mergeable" and "invertible" that this network, as it is set, is not."""
        return self.why_not

    def rate_ratio(self, parameter: str, part: str) -> float:
        """How many times the part's learning rate this parameter gets."""
        return 1.0

    def arguments(self) -> dict[str, object]:
        """What its files say of it in `ss_network_args`, besides sizes, by the names kohya and LyCORIS use."""
        return {}

    def layer_arguments(self) -> dict[str, str]:
        """The same of what single layers have for themselves."""
        return {}

    @property
    def file_module(self) -> str:
        """`ss_network_module` of its files, as they are set."""
        return self.kohya_module

    def constants(self) -> dict[str, float]:
        """Numbers stored beside the parameters of each layer, as 0-d tensors."""
        return {}

    @classmethod
    def recognises(cls, shapes: Mapping[str, Shape]) -> bool:
        """Whether the tensors of one module of a file, by name and shape, are this algorithm's."""
        raise NotImplementedError

    @classmethod
    def accepts(cls, shapes: Mapping[str, Shape]) -> bool:
        """Whether training can go on from such tensors: more than `recognises` where files of two kinds are alike."""
        return cls.recognises(shapes)

    @classmethod
    def infer(cls, shapes: Mapping[str, Shape], constants: Mapping[str, float]) -> Self:
        """The options that the tensors of one module tell; what they do not tell keeps its default.

        Raises FormatError when they are a kind of this algorithm that cannot be used here.
        """
        raise NotImplementedError


class WeightDelta(LayerOptions, NetworkAlgorithm):
    """An algorithm whose effect on a layer is W' = W + ΔW, and b' = b + Δb for a few."""

    reads_base: ClassVar[bool] = False  # ΔW depends on W, which is then w["base"]
    shares: ClassVar[Mapping[str, float]] = {}  # how a factor of ΔW is spread; empty: all of it on `folds`

    scale_weight_norms: float | None = option(
        None, "Largest norm a layer's change may have; after each step what is above it is scaled down. Empty: free.",
        gt=0.0, group="Dropout", level="advanced",
    )  # fmt: skip

    @model_validator(mode="after")
    def _has_a_norm(self) -> Self:
        if self.scale_weight_norms is not None and not (self.folds or self.shares):
            raise ValueError(f"scale_weight_norms: the change of a {self.title} cannot be scaled down")
        return self

    def trains(self, part: str) -> bool:
        added = (rule.pattern for rule in read_rules(self.rules, type(self)) if rule.adds)
        return super().trains(part) or (self.allows(part) and any(reaches(pattern, part) for pattern in added))

    @property
    def file_module(self) -> str:
        """LyCORIS' where any layer's algorithm is one of its own."""
        kinds = {rule.kind for rule in read_rules(self.rules, type(self)) if rule.kind}
        lycoris = NetworkAlgorithm.kohya_module
        return lycoris if any(kind.kohya_module == lycoris for kind in kinds) else self.kohya_module

    def shared(self) -> dict[str, Any]:
        """The options that hold for layers with another algorithm too."""
        return self.model_dump(include=set(WeightDelta.model_fields) - {"rules"})

    def in_block(self, layer: LayerShape, block: int) -> Self | None:
        """The options of a layer in a block of the UNet, or None where this block is left out."""
        return self

    @property
    def decomposed(self) -> bool:
        """DoRA: W' = m (W + ΔW) / ‖W + ΔW‖, where m is the parameter `dora_scale` and its shape tells the axis."""
        return False

    def while_training(self, w: Weights) -> Weights:
        """The parameters as one pass of the training sees them."""
        return w

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

    def factors(self, w: Weights, layer: LayerShape) -> tuple[Tensor, Tensor] | None:
        """ΔW as [O, R] times [R, I·k·k] where it is so few numbers; it can be added without being made."""
        return None

    def bias_delta(self, w: Weights, layer: LayerShape) -> Tensor | None:
        """Δb [O]; None where the bias stays as it is."""
        return None

    def replaces(self, layer: LayerShape, positions: int) -> bool:
        """Whether one product with W + ΔW costs less than a second one with ΔW beside the layer's own.

        `positions`: tokens or pixels of x; a product costs that many times what the sum does.
        """
        return False

    def from_output(self, w: Weights, y: Tensor, bias: Tensor | None, layer: LayerShape) -> Tensor | None:
        """Δy out of the layer's own output y = W x + b, where that tells it; None elsewhere."""
        return None

    def shortcut(self, w: Weights, x: Tensor, layer: LayerShape, drop: Drop | None = None) -> Tensor:
        """Δy, what the layer's output changes by; `drop` falls on the narrowest values there are, here Δy itself."""
        change = layer.apply(x, self.delta(w, layer), self.bias_delta(w, layer))
        return drop(change) if drop else change


class InputResidual(NetworkAlgorithm):
    """An algorithm that changes the context of the UNet's attention before to_k and to_v; one net per width."""

    layer_kinds: ClassVar[tuple[LayerKind, ...]] = ("linear",)

    train_text_encoder: bool = option(
        False, "A hypernetwork has no part in the text encoders: leave this off.", group="Layers", level="expert"
    )
    sizes: tuple[int, ...] = option(
        (), "Widths of contexts that get a net. Empty: all that the model's attention reads: 320, 640, 768 and 1280 in "
        "SD1, 1024 for 768 in SD2; 640, 1280 and 2048 in SDXL.",
        group="Layers", level="advanced",
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

    def chosen(self, widths: Iterable[int]) -> list[int]:
        """Those of a model's widths that get a net."""
        return [width for width in widths if not self.sizes or width in self.sizes]

    def change(self, w: Weights, x: Tensor, training: bool = False) -> Tensor:
        """What is added to x [B, T, width]."""
        raise NotImplementedError
