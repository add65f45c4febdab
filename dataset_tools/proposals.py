"""A tagger's results before they are accepted: what it saw, how surely, and what of it would stand in a caption.

A `Proposal` keeps every score above a low floor, so that thresholds, the blacklist and the rest of a `Selection` can be
moved without running the model again.  MCut: Largeron, Moulin, Géry, "MCut: a thresholding strategy for multi-label
classification", 2012.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from dataset_tools.caption_file import tag_span

Mode = Literal["replace", "append", "prepend", "only-empty"]
MODES: tuple[Mode, ...] = ("replace", "append", "prepend", "only-empty")
Score = tuple[str, float]  # a tag as its model names it, and how sure the model is, 0..1

RATING = "rating"
OFF = 2.0  # a threshold that nothing reaches
# The order of categories in a caption; what stands here in no place comes after "general".
ORDER = ("character", "copyright", "artist", "general", "meta", RATING)
WD14_THRESHOLDS: Mapping[str, float] = {
    "general": 0.35,
    "character": 0.85,
    "copyright": 0.85,
    "artist": OFF,
    "meta": OFF,
}
MCUT_LEAST = {"character": 0.15}  # below it the largest gap is one between guesses
# Faces drawn with signs: their underscores are eyes and mouths (SmilingWolf's list).
KAOMOJI = frozenset(
    "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split()  # noqa: SIM905 - read against the author's list
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a tagger says of one picture: scores by category, highest first, or a sentence."""

    picture: str  # its path, as it was given
    scores: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    sentence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As plain values of a JSON line."""
        scores = {category: [[tag, round(score, 4)] for tag, score in rows] for category, rows in self.scores.items()}
        return {"picture": self.picture, "scores": scores, "sentence": self.sentence}


def proposal_from(values: Mapping[str, Any]) -> Proposal:
    """The other way of `Proposal.as_dict`. Raises KeyError, TypeError or ValueError where it is none."""
    scores = {
        str(category): tuple((str(tag), float(score)) for tag, score in rows)
        for category, rows in values["scores"].items()
    }
    return Proposal(str(values["picture"]), scores, str(values.get("sentence", "")))


@dataclass(frozen=True)
class Selection:
    """Which of a proposal's tags are taken, and how they are written.

    `thresholds` by category, `threshold` for those it does not name; `OFF` leaves a category out. `mcut` finds the
    threshold of each picture itself, at the largest gap between two scores. `rating` takes the likeliest rating.
    """

    thresholds: Mapping[str, float] = field(default_factory=lambda: dict(WD14_THRESHOLDS))
    threshold: float = 0.35
    mcut: bool = False
    rating: bool = False
    rating_prefix: str = "rating:"
    blacklist: frozenset[str] = frozenset()
    spaces: bool = True  # long_hair -> long hair, kaomoji aside
    escape: bool = False  # ( and ) with a backslash, as prompts of A1111 want them
    at_most: int = 0  # tags of a category; 0: no limit


def chosen(proposal: Proposal, selection: Selection) -> tuple[str, ...]:
    """The tags of a proposal that a selection takes, as they would be written."""
    barred = {_plain(tag) for tag in selection.blacklist}
    tags: dict[str, None] = {}
    for category in sorted(proposal.scores, key=_place):
        for tag, _ in _taken(category, proposal.scores[category], selection):
            if not barred or _plain(tag) not in barred:
                prefix = selection.rating_prefix if category == RATING else ""
                tags.setdefault(prefix + written(tag, selection.spaces, selection.escape))
    return tuple(tags)


def _taken(category: str, rows: tuple[Score, ...], selection: Selection) -> tuple[Score, ...]:
    if category == RATING:
        return rows[:1] if selection.rating else ()
    least = selection.thresholds.get(category, selection.threshold)
    if least > 1:
        return ()
    if selection.mcut:
        least = max(mcut([score for _, score in rows]), MCUT_LEAST.get(category, 0.0))
    kept = tuple(row for row in rows if row[1] >= least)
    return kept[: selection.at_most] if selection.at_most else kept


def mcut(scores: Iterable[float]) -> float:
    """The middle of the largest gap between neighbouring scores; 0.5 for fewer than two of them."""
    ordered = sorted(scores, reverse=True)
    gaps = [(high - low, (high + low) / 2) for high, low in pairwise(ordered)]
    return max(gaps, key=lambda gap: gap[0])[1] if gaps else 0.5


def written(tag: str, spaces: bool = True, escape: bool = False) -> str:
    """A model's tag as a caption has it: `long_hair` -> `long hair`, `^_^` as it is."""
    if spaces and tag not in KAOMOJI:
        tag = tag.replace("_", " ")
    return tag.replace("(", r"\(").replace(")", r"\)") if escape else tag


def with_proposal(text: str, proposal: Proposal, selection: Selection, mode: Mode) -> str:
    """A caption's text after the proposal was accepted. Only the line that training reads changes.

    `append` and `prepend` leave out what stands there already; `only-empty` changes no caption that says something. A
    proposal without a tag or word changes nothing: a caption is never emptied by a model that saw nothing.
    """
    start, end = tag_span(text)
    line = text[start:end]
    if mode == "only-empty" and line:
        return text
    joins = bool(line) and mode in ("append", "prepend")
    there = {_plain(part) for part in line.split(",")} if joins else set()
    sentence = proposal.sentence.strip()
    found = [sentence] if sentence and not (joins and sentence in line) else []
    found += [tag for tag in chosen(proposal, selection) if _plain(tag) not in there]
    if not found:
        return text
    new = ", ".join(found)
    if joins:
        parts = (line.rstrip(" \t,"), new) if mode == "append" else (new, line)
        new = ", ".join(part for part in parts if part)
    return text[:start] + new + text[end:]


def accepted_texts(
    texts: Mapping[int, str], proposals: Mapping[int, Proposal], selection: Selection, mode: Mode
) -> dict[int, str]:
    """The texts that change when these proposals are accepted, by picture: what `CaptionSession.apply_texts` takes."""
    found = {id: with_proposal(texts[id], proposal, selection, mode) for id, proposal in proposals.items()}
    return {id: text for id, text in found.items() if text != texts[id]}


def _place(category: str) -> tuple[float, str]:
    return (ORDER.index(category) if category in ORDER else ORDER.index("general") + 0.5), category


def _plain(tag: str) -> str:
    """By which tags are the same: `Long_Hair`, `long hair` and, escaped or not, `a (b)`."""
    tag = tag.strip().replace("\\(", "(").replace("\\)", ")")
    return (tag if tag in KAOMOJI else tag.replace("_", " ")).lower()
