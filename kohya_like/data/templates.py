"""What an embedding is taught with: sentences with its word in them, or the pictures' captions with the word put in.

In a template `{}` and `[name]` are the word, `[filewords]` is the picture's caption, as kohya and webui write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kohya_like.schema.errors import UserError

MAX_TEMPLATE_BYTES = 1 << 20
WORD_MARKS, CAPTION_MARK = ("[name]", "{}"), "[filewords]"


@dataclass(frozen=True)
class Wording:
    """How a caption gets the word. Without templates a caption that lacks it has it put before its own words."""

    word: str
    templates: Sequence[str] = ()

    def __call__(self, caption: str, rng: Random) -> str:
        if self.templates:
            text = rng.choice(self.templates).replace(CAPTION_MARK, caption)
        else:
            text = caption
        for mark in WORD_MARKS:
            text = text.replace(mark, self.word)
        if self.word.lower() in text.lower():
            return text
        return f"{self.word}, {text}" if text.strip() else self.word


def read_templates(path: Path) -> tuple[str, ...]:
    """The lines of a template file; # begins a comment. Raises UserError: missing, no text, empty, without the word."""
    try:
        raw = path.read_bytes()[: MAX_TEMPLATE_BYTES + 1]
    except OSError as error:
        said = f"{path}: cannot be read: {error.strerror}"
        raise UserError(said, "choose a text file with a template a line") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None
    lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if len(raw) > MAX_TEMPLATE_BYTES or not lines:
        raise UserError(f"{path}: holds {'no line' if not lines else 'more than 1 MiB'}", "write a template a line")
    if without := [line for line in lines if not any(mark in line for mark in WORD_MARKS)]:
        raise UserError(
            f"{path}: {len(without)} of its lines lack the word, the first is {without[0][:80]!r}",
            "write [name] where the word stands",
        )
    return lines
