"""The words that an embedded image tower learns beside whole captions: objects, coloured objects and places.

A caption says some of them of its picture: "a red cat in a field" has the object cat, the coloured object red cat and
the place in a field. What it leaves open is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from kohya_like.demo.canvas import COLOURS, OBJECTS, SCENES, SUBJECT_COLOURS

_COLOURED = tuple(f"{colour} {name}" for name in OBJECTS for colour in SUBJECT_COLOURS.get(name, tuple(COLOURS)))
_PLACES = (*(f"{colour} background" for colour in COLOURS), *SCENES.values())
WORDS: dict[str, tuple[str, ...]] = {"object": tuple(OBJECTS), "coloured": _COLOURED, "place": _PLACES}
# a word may stand alone, as a tag, or in a sentence
TEMPLATES: dict[str, tuple[str, ...]] = {
    "object": ("{}", "a {}", "a drawing of a {}"), "coloured": ("{}", "a {}", "a drawing of a {}"),
    "place": ("{}", "a cat {}", "a circle {}"),
}  # fmt: skip


def phrases(kind: str, template: str) -> list[str]:
    """The words of a kind as texts. "on a red background" in a sentence is "red background" as a tag."""
    words = WORDS[kind]
    if kind == "place" and template != "{}":
        words = tuple(f"on a {word}" if word.endswith("background") else word for word in words)
    return [template.format(word) for word in words]


def said(captions: Sequence[str], kind: str) -> Tensor:
    """[N, words of the kind]: which of them each caption says, in equal shares; a row of zeros where it says none."""
    patterns = [re.compile(rf"\b{word}\b") for word in WORDS[kind]]
    found = torch.tensor([[float(bool(pattern.search(caption))) for pattern in patterns] for caption in captions])
    return found / found.sum(dim=1, keepdim=True).clamp(min=1)
