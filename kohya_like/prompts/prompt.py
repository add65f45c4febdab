"""A whole prompt, read: its networks, and the texts that each step of the sampler reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kohya_like.prompts.emphasis import emphasis
from kohya_like.prompts.errors import PromptError
from kohya_like.prompts.extra_networks import ExtraNetwork, extra_networks, without_comments
from kohya_like.prompts.schedule import Schedule, schedule

LONGEST = 100_000  # characters of a prompt
_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*[-+]?(?:\d+\.?|\d*\.\d+)")


@dataclass(frozen=True)
class Part:
    """What stands between two AND, and how strongly it pulls."""

    schedule: Schedule
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt and its negative prompt for a number of steps."""

    parts: tuple[Part, ...]
    negative: Schedule
    networks: tuple[ExtraNetwork, ...] = ()

    def texts(self) -> Iterator[str]:
        """Every text that is read at some step."""
        for part in self.parts:
            yield from (text for _, text in part.schedule)
        yield from (text for _, text in self.negative)


def read_prompt(text: str, negative: str, steps: int) -> Prompt:
    """Raises PromptError with what cannot be read; unbalanced brackets are no fault."""
    for name, given in (("prompt", text), ("negative prompt", negative)):
        if len(given) > LONGEST:
            raise PromptError(f"the {name} has {len(given)} characters; at most {LONGEST} are read")
    bare, networks = extra_networks(without_comments(text))
    parts = tuple(Part(schedule(part, steps), weight) for part, weight in composed(bare))
    prompt = Prompt(parts, schedule(without_comments(negative), steps), tuple(networks))
    for each in dict.fromkeys(prompt.texts()):
        emphasis(each)
    return prompt


def composed(text: str) -> list[tuple[str, float]]:
    """The texts between AND with their weights: `a AND b :0.5`. A prompt without AND may have one too."""
    parts = []
    for part in _AND.split(text):
        head, colon, tail = part.rstrip().rpartition(":")
        if colon and _WEIGHT.fullmatch(tail):
            parts.append((head.rstrip(), float(tail)))
        else:
            parts.append((part.rstrip(), 1.0))
    return parts
