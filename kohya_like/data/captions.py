"""What becomes of a caption before it is trained: lines, wildcards, tags shuffled, dropped and added one by one.

kohya's order (sd-scripts, `process_caption`), one small class for each operation:

    drop whole caption -> choose line -> prefix, suffix -> wildcards
    -> tags: split, keep, warm up, shuffle, drop, join -> secondary separator

and at the end, where a new word is taught, that word comes in: also into a caption that was dropped.

The text passes untouched, to the last space, unless an option says otherwise. Tag operations see only the tags that
may move: what is kept is out of their reach, so no operation can lose it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from kohya_like.data.options import SubsetSettings
from kohya_like.data.templates import Wording

_WILDCARD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def sample_rng(seed: int, epoch: int, identity: str, repeat: int) -> random.Random:
    """The chance of one sample in one epoch: a pure function of its arguments, alike in every process."""
    name = f"{seed}\0{epoch}\0{identity}\0{repeat}".encode("utf-8", "surrogatepass")
    return random.Random(int.from_bytes(blake2b(name, digest_size=16).digest(), "little"))


def pixel_rng(seed: int, epoch: int, identity: str, repeat: int) -> random.Random:
    """The same for the picture: dice of their own, so that a caption option does not change the crops."""
    return sample_rng(seed, epoch, f"{identity}\0pixels", repeat)


@dataclass(frozen=True)
class Moment:
    """When a caption is rendered, and its chance."""

    rng: random.Random
    epoch: int  # from 1, as kohya counts
    step: int


class TextTransform(Protocol):
    """An operation on a whole caption."""

    def __call__(self, caption: str, moment: Moment) -> str: ...


class TagTransform(Protocol):
    """An operation on the tags that may move."""

    def __call__(self, tags: list[str], moment: Moment) -> list[str]: ...


@dataclass(frozen=True)
class DropCaption:
    """Empty by chance, or in every n-th epoch."""

    rate: float
    every_n_epochs: int

    def drops(self, moment: Moment) -> bool:
        by_chance = moment.rng.random() < self.rate  # drawn always, so that the later draws do not depend on the option
        return by_chance or (self.every_n_epochs > 0 and moment.epoch % self.every_n_epochs == 0)


@dataclass(frozen=True)
class ChooseLine:
    """One of the lines of a caption file, or its first."""

    any_line: bool

    def __call__(self, lines: Sequence[str], moment: Moment) -> str:
        if not lines:
            return ""
        return moment.rng.choice(lines) if self.any_line and len(lines) > 1 else lines[0]


@dataclass(frozen=True)
class Surround:
    """Prefix and suffix, each with a space."""

    prefix: str
    suffix: str

    def __call__(self, caption: str, moment: Moment) -> str:
        return " ".join(part for part in (self.prefix, caption, self.suffix) if part)


class Wildcards:
    """{red|blue} becomes one of its words; {{ and }} are braces."""

    def __call__(self, caption: str, moment: Moment) -> str:
        def chosen(match: re.Match[str]) -> str:
            if match.group(1) is None:
                return match.group()[0]
            return moment.rng.choice(match.group(1).split("|"))

        return _WILDCARD.sub(chosen, caption)


@dataclass(frozen=True)
class WarmUp:
    """Tags are added one by one until step `until`, beginning with `first`."""

    first: int
    until: int

    def __call__(self, tags: list[str], moment: Moment) -> list[str]:
        if moment.step >= self.until:
            return tags
        return tags[: self.first + moment.step * max(0, len(tags) - self.first) // self.until]


class Shuffle:
    def __call__(self, tags: list[str], moment: Moment) -> list[str]:
        return moment.rng.sample(tags, len(tags))


@dataclass(frozen=True)
class DropTags:
    rate: float

    def __call__(self, tags: list[str], moment: Moment) -> list[str]:
        return [tag for tag in tags if moment.rng.random() >= self.rate]


@dataclass(frozen=True)
class Tags:
    """The tag stage: which tags are kept in place, what happens to the others, joined with a comma and a space.

    With a keep separator in the caption: kept ||| free, or kept ||| free ||| kept. Otherwise the first `keep` tags.
    """

    separator: str
    keep: int
    keep_separator: str
    transforms: tuple[TagTransform, ...]

    def __call__(self, caption: str, moment: Moment) -> str:
        if not self.transforms:
            return self._without_mark(caption)
        before, free, after = self._parted(caption)
        for transform in self.transforms:
            free = transform(free, moment)
        return ", ".join([*before, *free, *after])

    def _parted(self, caption: str) -> tuple[list[str], list[str], list[str]]:
        if self.keep_separator and self.keep_separator in caption:
            before, free, *after = caption.split(self.keep_separator, 2)
            return self._split(before), self._split(free), self._split(after[0]) if after else []
        tags = self._split(caption)
        return tags[: self.keep], tags[self.keep :], []

    def _split(self, text: str) -> list[str]:
        parts = text.split(self.separator) if self.separator else [text]
        return [tag for part in parts if (tag := part.strip())]

    def _without_mark(self, caption: str) -> str:
        if not self.keep_separator or self.keep_separator not in caption:
            return caption
        parts = (part.strip() for part in caption.split(self.keep_separator, 2))
        trimmed = [part.strip(self.separator).strip() if self.separator else part for part in parts]
        return ", ".join(part for part in trimmed if part)


@dataclass(frozen=True)
class Replace:
    """The secondary separator becomes the first one."""

    old: str
    new: str

    def __call__(self, caption: str, moment: Moment) -> str:
        return caption.replace(self.old, self.new)


class CaptionPipeline:
    """All operations that the settings of a folder ask for, in kohya's order."""

    def __init__(self, settings: SubsetSettings, total_steps: int = 0, wording: Wording | None = None) -> None:
        """`total_steps` gives a meaning to a token_warmup_step below 1."""
        self.wording = wording
        self.drop = DropCaption(settings.caption_dropout_rate, settings.caption_dropout_every_n_epochs)
        self.line = ChooseLine(settings.enable_wildcard)
        texts: list[TextTransform] = [Surround(settings.caption_prefix or "", settings.caption_suffix or "")]
        if settings.enable_wildcard:
            texts.append(Wildcards())
        texts.append(
            Tags(
                settings.caption_separator,
                settings.keep_tokens,
                settings.keep_tokens_separator or "",
                tuple(_tag_transforms(settings, total_steps)),
            )
        )
        if settings.secondary_separator:
            texts.append(Replace(settings.secondary_separator, settings.caption_separator))
        self.texts = tuple(texts)

    def render(
        self, captions: Sequence[str], class_tokens: str, rng: random.Random, epoch: int = 1, step: int = 0
    ) -> str:
        """The caption of one sample.

        Args:
            captions: lines of the caption file; empty: the class words are the caption.
            epoch: from 1.
            step: optimizer steps done, for the warm-up of tags.
        """
        caption = self._own(captions, class_tokens, Moment(rng, epoch, step))
        return caption if self.wording is None else self.wording(caption, rng)

    def _own(self, captions: Sequence[str], class_tokens: str, moment: Moment) -> str:
        if self.drop.drops(moment):
            return ""
        caption = self.line(captions, moment) or class_tokens
        for transform in self.texts:
            caption = transform(caption, moment)
        return caption


def _tag_transforms(settings: SubsetSettings, total_steps: int) -> list[TagTransform]:
    until = settings.token_warmup_step
    if 0 < until < 1:
        until = int(until * total_steps)
    chosen: list[TagTransform] = []
    if until >= 1:
        chosen.append(WarmUp(settings.token_warmup_min, int(until)))
    if settings.shuffle_caption:
        chosen.append(Shuffle())
    if settings.caption_tag_dropout_rate > 0:
        chosen.append(DropTags(settings.caption_tag_dropout_rate))
    return chosen


VARYING_KEYS = (
    "shuffle_caption",
    "enable_wildcard",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "token_warmup_step",
)


def varying_keys(settings: SubsetSettings) -> tuple[str, ...]:
    """The options by which a caption is not the same each time, so that its encoding cannot be cached once."""
    return tuple(key for key in VARYING_KEYS if getattr(settings, key))
