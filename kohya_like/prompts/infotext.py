"""How a picture was drawn, as A1111 writes it into a PNG's `parameters`, and back.

    prompt
    Negative prompt: what is not wanted
    Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.0, Seed: 1, Size: 512x512, Version: ...

A value with a comma, a colon or a line break stands in quotes, as JSON writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NEGATIVE = "Negative prompt:"
# our sampler -> A1111's name and schedule type
SAMPLERS = {
    "euler": ("Euler", "Automatic"),
    "euler_a": ("Euler a", "Automatic"),
    "ddim": ("DDIM", "Automatic"),
    "dpmpp_2m": ("DPM++ 2M", "Uniform"),
    "dpmpp_2m_karras": ("DPM++ 2M", "Karras"),
    "unipc": ("UniPC", "Automatic"),
}
_FIELD = re.compile(r'(\w[\w \-/]{1,100}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_FEWEST = 3  # fields that make a last line one of fields
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Parameters:
    """Prompt, negative prompt and named fields, in their order."""

    prompt: str
    negative: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def infotext(parameters: Parameters) -> str:
    fields = ", ".join(f"{name}: {_quoted(value)}" for name, value in parameters.fields.items())
    negative = f"\n{NEGATIVE} {parameters.negative}" if parameters.negative else ""
    return f"{parameters.prompt}{negative}\n{fields}".strip()


def read_infotext(text: str) -> Parameters:
    """The parameters in a text of A1111's kind; what is no field stays part of the prompts."""
    *lines, last = text[:_LONGEST].strip().split("\n")
    found = _FIELD.findall(last)
    if len(found) < _FEWEST:
        lines, found = [*lines, last], []
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in (line.strip() for line in lines):
        if line.startswith(NEGATIVE):
            current, line = negative, line.removeprefix(NEGATIVE).strip()
        current.append(line)
    asked, unwanted = ("\n".join(part).lstrip("\n") for part in (prompt, negative))
    return Parameters(asked, unwanted, {name: _unquoted(value) for name, value in found})


def sampler_named(name: str, schedule_type: str = "") -> str | None:
    """Our sampler of a name in a picture: of A1111 1.9 and later, of those before it (`DPM++ 2M Karras`), of ours.

    None where there is none, or where the steps were chosen by a rule that is not ours.
    """
    if name.endswith(" Karras"):
        name, schedule_type = name.removesuffix(" Karras"), "Karras"
    if name == "DPM++ 2M":  # there, automatic is Karras
        return {"Karras": "dpmpp_2m_karras", "Automatic": "dpmpp_2m_karras", "Uniform": "dpmpp_2m", "": "dpmpp_2m"}.get(
            schedule_type
        )
    found = next((ours for ours, (theirs, _) in SAMPLERS.items() if name in (ours, theirs)), None)
    if found in ("euler", "euler_a") and schedule_type not in ("", "Automatic", "Uniform"):
        return None  # A1111's DDIM and UniPC do not ask for it
    return found


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
