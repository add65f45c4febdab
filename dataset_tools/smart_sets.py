"""Sets of pictures that want looking at, each by a filter that can be shown, changed and combined with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataset_tools.filter_language import found, parse
from dataset_tools.filter_sight import Findings
from dataset_tools.library import Library

TOKENS = 75  # of one chunk of the text encoder


@dataclass(frozen=True)
class SmartSet:
    """`name` is stable, for the window's words; `filter` is in the filter language."""

    name: str
    filter: str


def smart_sets(most_tokens: int = TOKENS) -> tuple[SmartSet, ...]:
    """All of them. `most_tokens`: what the training reads of a caption (max_token_length without its two marks)."""
    return (
        SmartSet("untagged", "missing:tags"),
        SmartSet("too-long", f"tokens:>{most_tokens}"),
        SmartSet("duplicates", "dup:yes"),
        SmartSet("changed-outside", "changed:outside"),
        SmartSet("missing", "missing:yes"),
        SmartSet("low-quality", "quality:low"),
    )


def sizes_of(library: Library, findings: Findings | None = None, most_tokens: int = TOKENS) -> Mapping[str, int]:
    """How many pictures each set has; for a worker thread."""
    return {one.name: len(found(parse(one.filter), library, findings)) for one in smart_sets(most_tokens)}
