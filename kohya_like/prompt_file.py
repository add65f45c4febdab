"""Sample prompts in kohya's notation: one a line, `#` comments, options after ` --`. No torch.

The texts may use the prompt language of docs/prompts.md.

    a cat on a sofa --n blurry, low quality --w 512 --h 768 --d 42 --l 7.5 --s 28 --ss euler_a

Unlike kohya's own reader, the prompt text itself is never taken for an option, an option that is not understood is a
fault with its line, and ` \\--` stands for a literal ` --`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kohya_like.prompts.infotext import SAMPLERS, sampler_named
from kohya_like.schema.errors import Fault, UserError

# kohya's sampler names that mean one of ours
ALIASES = {"k_euler": "euler", "k_euler_a": "euler_a", "dpmsolver++": "dpmpp_2m", "dpmsolver": "dpmpp_2m"}
FILE_CAP = 1 << 20
_OPTION = re.compile(r"^([a-zA-Z]+)(?:\s+(.*))?$", re.DOTALL)


@dataclass(frozen=True)
class SamplePrompt:
    """One picture to draw. Width and height in pixels, multiples of 8."""

    text: str
    negative: str = ""
    width: int = 512
    height: int = 512
    seed: int = 1
    scale: float = 7.0
    steps: int = 20
    sampler: str = "euler"


def parse_line(line: str, defaults: SamplePrompt, where: str = "") -> tuple[SamplePrompt, list[Fault]]:
    """A prompt and what was wrong with its options; wrong ones are left at the default."""
    text, *options = re.split(r"(?<=\s)--(?=[a-zA-Z])|^--(?=[a-zA-Z])", line)
    prompt = replace(defaults, text=text.replace("\\--", "--").strip())
    faults: list[Fault] = []
    for option in options:
        match = _OPTION.match(option.strip())
        name, value = (match[1].lower(), (match[2] or "").strip()) if match else (option.strip(), "")
        try:
            prompt = _with_option(prompt, name, value.replace("\\--", "--"))
        except ValueError as error:
            faults.append(Fault(f"--{name} {value}: {error}", "sample.prompts", where, code="prompt-option"))
    return prompt, faults + _language_faults(prompt, where)


def _language_faults(prompt: SamplePrompt, where: str) -> list[Fault]:
    """What the prompt language does not allow. It is read here, so that a window comes up without numpy."""
    from kohya_like.prompts.errors import PromptError
    from kohya_like.prompts.prompt import read_prompt

    try:
        networks = read_prompt(prompt.text, prompt.negative, prompt.steps).networks
    except PromptError as error:
        return [Fault(str(error), "sample.prompts", where, code="prompt-text")]
    if networks:
        text = f"a preview shows what is trained: it cannot use {networks[0].name}"
        return [Fault(text, "sample.prompts", where, "take the network out of the prompt", code="prompt-network")]
    return []


def _with_option(prompt: SamplePrompt, name: str, value: str) -> SamplePrompt:
    match name:
        case "n":
            return replace(prompt, negative=value)
        case "w":
            return replace(prompt, width=_size(value))
        case "h":
            return replace(prompt, height=_size(value))
        case "d":
            return replace(prompt, seed=_between(_whole(value), 0, 2**32 - 1))
        case "l":
            return replace(prompt, scale=_number(value))
        case "s":
            return replace(prompt, steps=_between(_whole(value), 1, 1000))
        case "ss":
            sampler = sampler_named(value) or ALIASES.get(value.lower(), value.lower())
            if sampler not in SAMPLERS:
                raise ValueError(f"no such sampler; there are {', '.join(SAMPLERS)}")
            return replace(prompt, sampler=sampler)
        case _:
            raise ValueError("no such option; there are n, w, h, d, l, s and ss")


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("a whole number is wanted") from None


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number is wanted")
    return number


def _between(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"must be from {low} to {high}")
    return value


def _size(value: str) -> int:
    """Rounded down to a multiple of 8, at least 64 (the tiny model's own 48 is allowed through)."""
    pixels = _whole(value)
    return _between(pixels - pixels % 8, 8, 8192)


def parse_prompts(
    lines: Iterable[str], defaults: SamplePrompt, where: str = ""
) -> tuple[list[SamplePrompt], list[Fault]]:
    """All prompts; the n-th without a seed of its own gets the default's seed + n."""
    prompts: list[SamplePrompt] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        own = replace(defaults, seed=(defaults.seed + len(prompts)) % 2**32)
        prompt, found = parse_line(stripped, own, f"{where}:{number}" if where else "")
        prompts.append(prompt)
        faults += found
    return prompts, faults


def read_prompt_file(path: Path, defaults: SamplePrompt) -> tuple[list[SamplePrompt], list[Fault]]:
    """Raises UserError if the file is missing, too large or not UTF-8."""
    try:
        if path.stat().st_size > FILE_CAP:
            raise UserError(f"{path}: a prompt file of more than {FILE_CAP} bytes", "one prompt a line is meant")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: the prompt file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the prompt file is not UTF-8", "save it as UTF-8 in your editor") from error
    return parse_prompts(text.splitlines(), defaults, str(path))
