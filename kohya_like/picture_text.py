"""The text in a picture that tells how it was drawn: made from a prompt and its settings, and read back. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kohya_like import __version__
from kohya_like.picture_comment import picture_comment
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.extra_networks import without_comments
from kohya_like.prompts.infotext import SAMPLERS, Parameters, infotext, read_infotext, sampler_named
from kohya_like.prompts.pull import Pull, pull_in
from kohya_like.schema.errors import UserError

ZERO_SNR = ("Noise Schedule", "Zero Terminal SNR")


@dataclass(frozen=True)
class Surroundings:
    """What a picture depends on beside its prompt. Hashes are as A1111 shortens them; names without file endings."""

    model: str = ""
    model_hash: str = ""
    clip_skip: int | None = None
    strength: float | None = None  # from a picture
    zero_snr: bool = False
    embeddings: Mapping[str, str] | None = None  # name -> hash
    networks: Mapping[str, str] | None = None


def picture_text(
    prompt: SamplePrompt, around: Surroundings | None = None, more: Mapping[str, str] | None = None
) -> str:
    """A1111's `parameters` of a picture; its fields in A1111's order, `more` before the version."""
    around = around or Surroundings()
    name, schedule_type = SAMPLERS[prompt.sampler]
    fields = {
        "Steps": str(prompt.steps),
        "Sampler": name,
        "Schedule type": schedule_type,
        "CFG scale": _number(prompt.scale),
        "Seed": str(prompt.seed),
        "Size": f"{prompt.width}x{prompt.height}",
        "Model hash": around.model_hash,
        "Model": around.model,
        "Denoising strength": "" if around.strength is None else _number(around.strength),
        "Clip skip": str(around.clip_skip) if (around.clip_skip or 1) > 1 else "",
        "RNG": "CPU",
        ZERO_SNR[0]: ZERO_SNR[1] if around.zero_snr else "",
        "TI hashes": _hashes(around.embeddings),
        "Lora hashes": _hashes(around.networks),
        **(more or {}),
        "Version": f"kohya-like {__version__}",
    }
    told = {name: value for name, value in fields.items() if value}
    return infotext(Parameters(without_comments(prompt.text), without_comments(prompt.negative), told))


@dataclass(frozen=True)
class Told:
    """What a picture tells of how it was drawn; None where it does not."""

    text: str
    negative: str
    steps: int | None = None
    sampler: str | None = None
    scale: float | None = None
    seed: int | None = None
    size: str | None = None
    clip_skip: int | None = None
    strength: float | None = None
    zero_snr: bool = False
    model: str = ""
    model_hash: str = ""
    unknown_sampler: str = ""
    pull: Pull | None = None


def told_by(path: Path) -> Told:
    """Read a picture of ours or of A1111. Raises UserError where it is none, or tells nothing of itself."""
    text = picture_comment(path)
    if not text.strip():
        raise UserError(
            f"{path}: this picture does not tell how it was drawn",
            "those of A1111 and of ours do, if no other program has written them anew",
        )
    return told_in(text, str(path))


def told_in(text: str, where: str) -> Told:
    """The settings in a text of A1111's kind; fields that mean nothing here are passed over."""
    parameters = read_infotext(text)
    fields = parameters.fields
    name = fields.get("Sampler", "")
    sampler = sampler_named(name, fields.get("Schedule type", ""))
    hires = any(field.startswith("Hires") for field in fields)  # there, the strength is that of its second pass
    try:
        return Told(
            parameters.prompt,
            parameters.negative,
            steps=_whole(fields.get("Steps")),
            sampler=sampler,
            scale=float(fields["CFG scale"]) if "CFG scale" in fields else None,
            seed=_whole(fields.get("Seed")),
            size=fields.get("Size"),
            clip_skip=_whole(fields.get("Clip skip")),
            strength=float(fields["Denoising strength"]) if "Denoising strength" in fields and not hires else None,
            zero_snr=fields.get(ZERO_SNR[0]) == ZERO_SNR[1],
            model=fields.get("Model", ""),
            model_hash=fields.get("Model hash", ""),
            unknown_sampler=f"{name} {fields.get('Schedule type', '')}".strip() if name and sampler is None else "",
            pull=pull_in(fields),
        )
    except ValueError as error:
        raise UserError(f"{where}: what the picture tells of itself is damaged: {error}") from None


def _whole(value: str | None) -> int | None:
    return None if value is None else int(value)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _hashes(found: Mapping[str, str] | None) -> str:
    return ", ".join(f"{name.replace(':', '').replace(',', '')}: {hash_}" for name, hash_ in (found or {}).items())
