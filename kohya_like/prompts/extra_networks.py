"""`<lora:name:weight>` and `<hypernet:name:weight>`: found, taken out of the text, and read.

    <lora:name>  <lora:name:1>  <lora:name:0.5:1>  <lora:name:te=0.5:unet=1>        text encoders first, then the UNet

`lyco` is another word for `lora`. Only the prompt is searched; in a negative prompt this is text, as in the web UI.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from kohya_like.prompts.errors import PromptError

_CALL = re.compile(r"<(\w+):([^>]+)>")
_COMMENT_LINE, _COMMENT = re.compile(r"(^|\n)#[^\n]*(\n|$)"), re.compile(r"#[^\n]*(\n|$)")
KINDS = {"lora": "lora", "lyco": "lora", "hypernet": "hypernet"}


@dataclass(frozen=True)
class ExtraNetwork:
    """A file by its name, and how strongly it works in the text encoders and in the UNet."""

    kind: str  # "lora" or "hypernet"
    name: str
    text_encoder: float = 1.0
    unet: float = 1.0


def without_comments(text: str) -> str:
    """The text without what stands between a # and the end of its line."""
    return _COMMENT.sub("\n", _COMMENT_LINE.sub("\n", text)) if "#" in text else text


def extra_networks(text: str) -> tuple[str, list[ExtraNetwork]]:
    """A prompt without its networks, and these in their order. Raises PromptError with all that is wrong in them."""
    found: list[ExtraNetwork] = []
    faults: list[str] = []
    for match in _CALL.finditer(text):
        try:
            found.append(_read(match[1], match[2].split(":")))
        except PromptError as error:
            faults.append(f"{match[0]}: {error}")
    if faults:
        raise PromptError("; ".join(faults))
    return _CALL.sub("", text), found


def _read(kind: str, items: list[str]) -> ExtraNetwork:
    if kind not in KINDS:
        raise PromptError(f"there is no {kind}; there are lora and hypernet")
    positional = [item for item in items if "=" not in item]
    named = dict(item.split("=", 1) for item in items if "=" in item)
    if not positional or not positional[0]:
        raise PromptError("no name is given")
    if KINDS[kind] == "hypernet":
        weight = _number(positional[1]) if len(positional) > 1 else 1.0
        return ExtraNetwork("hypernet", positional[0], weight, weight)
    if unknown := sorted(named.keys() - {"te", "unet"}) or positional[3:]:
        raise PromptError(f"{', '.join(unknown)} is not understood; there are name, te and unet")
    text_encoder = _number(named.get("te", positional[1] if len(positional) > 1 else "1"))
    unet = named.get("unet", positional[2] if len(positional) > 2 else None)
    return ExtraNetwork("lora", positional[0], text_encoder, text_encoder if unet is None else _number(unet))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PromptError(f"{text!r} is no weight")
    return number
