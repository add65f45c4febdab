"""Which pictures are worth a second look before they are trained: too small, soft, very long, damaged, transparent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataset_tools.picture_facts import PictureFacts

Kind = Literal["damaged", "small", "soft", "long", "transparent"]


@dataclass(frozen=True)
class QualityRules:
    """The limits. `resolution`: (width, height) of the training. `sharpness` and `aspect` as in `Finding.value`."""

    resolution: tuple[int, int] = (512, 512)
    sharpness: float = 60.0
    aspect: float = 2.5  # longer side by shorter side

    def findings(self, facts: Mapping[Path, PictureFacts]) -> list[Finding]:
        """All that is to be said, picture by picture."""
        return [finding for path, one in facts.items() for finding in self._of(path, one)]

    def _of(self, path: Path, facts: PictureFacts) -> Iterator[Finding]:
        if facts.fault:
            yield Finding(path, "damaged", 0.0, facts.fault)
            return
        width, height = facts.size
        wanted = self.resolution[0] * self.resolution[1]
        if width * height < wanted:
            said = f"{width}x{height} pixels; {self.resolution[0]}x{self.resolution[1]} wants {wanted / 1e6:.2f} MP"
            yield Finding(path, "small", width * height / wanted, said)
        if facts.sharpness < self.sharpness:
            yield Finding(path, "soft", facts.sharpness, f"sharpness {facts.sharpness:.0f}, under {self.sharpness:g}")
        aspect = max(facts.size) / min(facts.size)
        if aspect > self.aspect:
            yield Finding(
                path, "long", aspect, f"{width}x{height} pixels, {aspect:.1f} to 1; over {self.aspect:g} to 1"
            )
        if facts.has_alpha:
            yield Finding(path, "transparent", 1.0, "has transparency, which is trained as white")


@dataclass(frozen=True)
class Finding:
    """One remark on one picture. `value`: share of the wanted pixels, sharpness, or longer side by shorter side."""

    path: Path
    kind: Kind
    value: float
    text: str
