"""What a tagger is told before it starts, as values: one class for each kind. Torch-free; the window makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from kohya_like.schema.errors import UserError

Answer = Literal["sentence", "tags"]
QUESTIONS: Mapping[str, str] = {  # to models that were mostly taught in English
    "sentence": "Describe this picture in one sentence.",
    "tags": "List what this picture shows as short tags between commas, the most important first, and nothing else.",
}
Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Wd14Settings:
    """WD14 and its kin: a folder with one .onnx and selected_tags.csv, or the .onnx itself. threads 0: all cores."""

    kind: ClassVar[str] = "wd14"
    model: str
    batch: int = 4
    threads: int = 0


@dataclass(frozen=True)
class BlipSettings:
    """BLIP: a folder as transformers saves it, weights as safetensors. `prompt` begins each caption."""

    kind: ClassVar[str] = "blip"
    model: str
    prompt: str = ""
    tokens: int = 50
    beams: int = 3
    batch: int = 4
    threads: int = 0
    device: Device = "auto"


@dataclass(frozen=True)
class ClipSettings:
    """CLIP and a list of words. `text_model`: a base model whose text encoder the tower was trained with, where the
    folder has no text half of its own."""

    kind: ClassVar[str] = "clip"
    model: str
    vocabulary: str
    text_model: str = ""
    batch: int = 16
    threads: int = 0
    device: Device = "auto"


@dataclass(frozen=True)
class EndpointSettings:
    """A server that speaks OpenAI's chat completions with pictures. `key` is never written anywhere.

    address: up to /v1, e.g. http://127.0.0.1:11434/v1. answer: one sentence, or tags between commas; it chooses the
    prompt where none is given. seconds: how long one picture may take. side: pictures are made smaller to this many
    pixels before they are sent.
    """

    kind: ClassVar[str] = "endpoint"
    address: str
    model: str
    prompt: str = ""
    answer: Answer = "sentence"
    key: str = field(default="", repr=False)
    seconds: float = 60.0
    retries: int = 3
    tokens: int = 300
    temperature: float = 0.2
    side: int = 1024
    threads: int = 2

    @property
    def question(self) -> str:
        return self.prompt.strip() or QUESTIONS[self.answer]


Settings = Wd14Settings | BlipSettings | ClipSettings | EndpointSettings
KINDS: Mapping[str, type[Settings]] = {
    kind.kind: kind for kind in (Wd14Settings, BlipSettings, ClipSettings, EndpointSettings)
}
_CHOICES = {"answer": get_args(Answer), "device": get_args(Device)}
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "batch": (1, 256), "threads": (0, 64), "tokens": (1, 4096), "beams": (1, 16), "seconds": (1, 3600),
    "retries": (0, 10), "temperature": (0, 2), "side": (64, 8192),
}  # fmt: skip


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Settings from plain values with their kind. Raises UserError that names what is wrong, never a key's text."""
    kind = KINDS.get(str(values.get("kind")))
    if kind is None:
        raise UserError(f"{str(values.get('kind'))[:40]!r}: no such tagger", f"there are {', '.join(KINDS)}")
    known = {entry.name: entry for entry in fields(kind)}
    given = {name: value for name, value in values.items() if name != "kind"}
    if unknown := sorted(str(name)[:40] for name in given.keys() - known.keys()):
        raise UserError(f"the tagger {kind.kind} has no setting {', '.join(unknown)}", f"it has {', '.join(known)}")
    lacking = [n for n, entry in known.items() if entry.default is MISSING and not str(given.get(n, "")).strip()]
    if lacking:
        raise UserError(f"the tagger {kind.kind} needs {', '.join(lacking)}")
    for name, value in given.items():
        _check(kind.kind, name, value, known[name].default)
    return kind(**given)


def plain_values(settings: Settings) -> dict[str, Any]:
    """Settings as values of a JSON line to the tagging process; the key is left out."""
    return {"kind": settings.kind, **{name: value for name, value in asdict(settings).items() if name != "key"}}


def _check(kind: str, name: str, value: object, default: object) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise UserError(f"{kind}: {name} must be one of {', '.join(_CHOICES[name])}")
    if name not in _BOUNDS:
        if not isinstance(value, str):
            raise UserError(f"{kind}: {name} must be text")
        return
    low, high = _BOUNDS[name]
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
        raise UserError(f"{kind}: {name} must be a {'whole ' * whole}number from {low:g} to {high:g}")
