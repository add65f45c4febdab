"""What every training method declares of itself as options, and the method `network`. Torch-free, for a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from kohya_like.data.templates import Wording
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import Section, option
from kohya_like.schema.registry import register

Shapes = Mapping[str, tuple[int, ...]]  # of one part's tensors, by diffusers' names


class MethodOptions(Section):
    """Options of a method, and what is known of it before a model is loaded."""

    title: ClassVar[str] = "Method"
    sections: ClassVar[tuple[str, ...]] = ()  # of those that only some methods read: "network"

    usual_rates: ClassVar[tuple[float, float, float]] = (5e-6, 1e-2, 1e-4)  # lowest, highest, what most take

    if TYPE_CHECKING:
        name: str

    @property
    def own_precision(self) -> Literal["fp32", "bf16"] | None:
        """The number type of the model's weights where the method trains them; None: they are frozen."""
        return None

    @property
    def fuses_backward(self) -> bool:
        """Whether each weight is moved in the backward pass, as soon as its gradient is there."""
        return False

    @property
    def steps_singly(self) -> bool:
        """Whether the optimizer has to take one weight at a time."""
        return self.fuses_backward or self.own_precision == "bf16"

    @property
    def uses_network(self) -> bool:
        return "network" in self.sections

    def trains(self, part: str, network: NetworkAlgorithm) -> bool:
        """Whether a part of the model is switched on, whatever its learning rate."""
        return self.uses_network and network.trains(part)

    def switch(self, part: str) -> str:
        """The option that switches a part of the model off."""
        return f"network.train_{'text_encoder' if part.startswith('text_encoder') else part}"

    def own_numbers(self, part: str, shapes: Shapes) -> tuple[int, int]:
        """(layers, numbers) of a part that the method itself trains, beside a network."""
        return 0, 0

    def stored_numbers(self, shapes: Mapping[str, Shapes]) -> int | None:
        """How many numbers a file holds, by part of the model; None: as many as are trained."""
        return None

    def wording(self, output_name: str) -> Wording | None:
        """What becomes of the captions, where the method teaches a word of its own."""
        return None

    def suffixes(self, network: NetworkAlgorithm) -> tuple[str, ...]:
        """The endings of the files that are written side by side; "" is a folder."""
        return network.suffixes if self.uses_network else (".safetensors",)


class NetworkMethod(MethodOptions):
    """Train a network beside the frozen base model: a small file that other programs attach."""

    title: ClassVar[str] = "Network"
    sections: ClassVar[tuple[str, ...]] = ("network",)

    name: Literal["network"] = option(
        "network", "Train a small network, such as a LoRA, beside the frozen base model. The result is one small file.",
    )  # fmt: skip


register("method", "network", NetworkMethod)
