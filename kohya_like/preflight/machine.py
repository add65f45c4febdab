"""Where a run would take place: the device torch would use and the cards there are, told without torch."""

from __future__ import annotations

from dataclasses import dataclass

from kohya_like.hardware import Gpu, gpus, memory, torch_build


@dataclass(frozen=True)
class Machine:
    """Where the run would take place."""

    device: str  # "cuda", "mps" or "cpu"
    cards: tuple[Gpu, ...]

    @property
    def free_bytes(self) -> int | None:
        if self.device == "cpu":
            return memory().free_bytes
        return self.cards[0].free_bytes if self.cards and self.cards[0].total_bytes else None

    @property
    def total_bytes(self) -> int | None:
        """All there is, whoever uses it now."""
        if self.device == "cpu":
            return memory().total_bytes
        return self.cards[0].total_bytes or None if self.cards else None


def find_machine(wanted: str) -> Machine:
    """Where torch would run, told without torch, and the cards there are."""
    build, cards = torch_build(), gpus()
    usable = {("cuda", "nvidia"): "cuda", ("rocm", "amd"): "cuda", ("cpu", "apple"): "mps"}
    found = usable.get((build.kind if build else "", cards[0].vendor if cards else ""), "cpu")
    return Machine("cpu" if wanted == "cpu" else found, cards)
