"""Pivotal tuning as options: an embedding and a network in one training. Torch-free."""

from __future__ import annotations

from typing import ClassVar, Literal

from kohya_like.methods.embedding_options import EmbeddingOptions
from kohya_like.networks.base import NetworkAlgorithm
from kohya_like.schema.option import option
from kohya_like.schema.registry import register

EMBEDDING_SUFFIX = ".pt"


class PivotalMethod(EmbeddingOptions):
    """Train a new word's vectors and a network together: the word names the subject, the network draws it.

    Pivotal tuning, as in cloneofsimo's LoRA and diffusers' advanced scripts; after Roich et al., arXiv:2106.05744.
    """

    title: ClassVar[str] = "Pivotal tuning"
    sections: ClassVar[tuple[str, ...]] = ("network",)

    name: Literal["pivotal"] = option(
        "pivotal", "Train a new word's vectors and a network together. The result is one LoRA file with the word "
        "inside, and the word beside it.",
    )  # fmt: skip
    embedding_lr: float = option(
        1e-3, "Learning rate of the word's vectors; the network has those of the optimizer. 1e-3 is usual: they may "
        "move faster than weights.", gt=0.0, le=100.0, group="Word", differs="kohya has no pivotal tuning.",
    )  # fmt: skip
    stop_embedding_training: int | None = option(
        None, "Leave the word as it is after this many steps and train the network alone; half of all is usual. Empty: "
        "train it to the end.", ge=1, unit="steps", group="Word", level="advanced",
    )  # fmt: skip

    def suffixes(self, network: NetworkAlgorithm) -> tuple[str, ...]:
        """The network's files, and the word beside them."""
        return (".safetensors", EMBEDDING_SUFFIX)


register("method", "pivotal", PivotalMethod)
