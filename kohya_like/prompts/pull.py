"""Aesthetic gradients in the words of a picture's text: how strongly prompts are pulled towards the look of pictures.

Names and defaults are those of the extension for A1111.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pull:
    """`embedding` is a file's name without its ending; with `text`, its vector is mixed in by `angle`."""

    embedding: str
    weight: float = 0.9
    steps: int = 5
    learning_rate: float = 1e-4
    slerp: bool = False
    text: str = ""
    text_negative: bool = False
    angle: float = 0.1

    def fields(self) -> dict[str, str]:
        fields = {
            "Aesthetic LR": f"{self.learning_rate:.10g}",
            "Aesthetic weight": f"{self.weight:.10g}",
            "Aesthetic steps": str(self.steps),
            "Aesthetic embedding": self.embedding,
            "Aesthetic slerp": str(self.slerp),
        }
        if self.text:
            fields["Aesthetic text"] = self.text
            fields["Aesthetic text negative"] = str(self.text_negative)
            fields["Aesthetic slerp angle"] = f"{self.angle:.10g}"
        return fields


USUAL = Pull("")


def pull_in(fields: Mapping[str, str]) -> Pull | None:
    """What a picture's fields tell, None where they tell nothing. Raises ValueError for what is no number."""
    embedding = fields.get("Aesthetic embedding", "")
    if embedding in ("", "None"):
        return None
    return Pull(
        embedding,
        weight=float(fields.get("Aesthetic weight", USUAL.weight)),
        steps=int(fields.get("Aesthetic steps", USUAL.steps)),
        learning_rate=float(fields.get("Aesthetic LR", USUAL.learning_rate)),
        slerp=fields.get("Aesthetic slerp") == "True",
        text=fields.get("Aesthetic text", ""),
        text_negative=fields.get("Aesthetic text negative") == "True",
        angle=float(fields.get("Aesthetic slerp angle", USUAL.angle)),
    )
