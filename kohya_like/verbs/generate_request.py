"""What `generate` is asked for: the command line over what a picture tells over the defaults. No torch."""

from __future__ import annotations

import argparse
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kohya_like.console import say
from kohya_like.formats.headers import identify
from kohya_like.picture_text import Told, told_by
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.errors import PromptError
from kohya_like.prompts.extra_networks import extra_networks
from kohya_like.prompts.library import EMBEDDINGS, NETWORKS, Library
from kohya_like.prompts.pull import Pull
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.verbs.generate_aesthetic import pull_of

T = TypeVar("T")
STEPS, SCALE, SEED, SAMPLER, STRENGTH = 20, 7.0, 1, "euler", 0.75


@dataclass(frozen=True)
class Call:
    """A network given by --network or by an axis: how a prompt calls it, and how strongly."""

    kind: str
    name: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"<{self.kind}:{self.name}:{self.weight:.10g}>"


@dataclass(frozen=True)
class Request:
    """Everything but the model. `size` is "" where the model decides."""

    texts: tuple[str, ...]
    negative: str
    seed: int
    steps: int
    scale: float
    sampler: str
    size: str
    clip_skip: int | None
    zero_snr: bool
    strength: float | None
    calls: tuple[Call, ...]
    networks: Library
    embeddings: Library
    pull: Pull | None = None

    def prompts(self, width: int, height: int, count: int) -> list[SamplePrompt]:
        """`count` pictures of each text; the n-th picture has seed + n."""
        texts = [with_calls(text, self.calls) for text in self.texts for _ in range(count)]
        return [
            SamplePrompt(
                text, self.negative, width, height, (self.seed + i) % 2**32, self.scale, self.steps, self.sampler
            )
            for i, text in enumerate(texts)
        ]


def request_of(arguments: argparse.Namespace) -> Request:
    """Raises UserError for files that are not there, and for what a picture tells and we cannot do."""
    like = told_by(arguments.like) if arguments.like else Told("", "")
    _check_like(arguments, like)

    networks = Library(arguments.network_dir, NETWORKS, lambda file: not is_embedding(file))
    calls = tuple(call_of(networks, *split_weight(text)) for text in arguments.network)
    texts = arguments.prompt or ([like.text] if arguments.like else [])
    if not texts:
        raise UserError("there is no prompt", "add --prompt, or --like with a picture that tells one")
    strength = chosen(arguments.strength, like.strength, STRENGTH) if arguments.init else None
    return Request(
        texts=tuple(texts),
        negative=chosen(arguments.negative, like.negative, ""),
        seed=chosen(arguments.seed, like.seed, SEED),
        steps=chosen(arguments.steps, like.steps, STEPS),
        scale=chosen(arguments.cfg, like.scale, SCALE),
        sampler=chosen(arguments.sampler, like.sampler, SAMPLER),
        size=chosen(arguments.size, like.size, ""),
        clip_skip=chosen(arguments.clip_skip, like.clip_skip, None),
        zero_snr=arguments.zero_terminal_snr or like.zero_snr,
        strength=strength,
        calls=calls,
        networks=networks,
        embeddings=Library(arguments.embedding_dir, EMBEDDINGS, is_embedding),
        pull=pull_of(arguments, like.pull),
    )


def chosen(said: T | None, told: T | None, default: T) -> T:
    """What the command line says, or else what the picture tells, or else the default."""
    if said is not None:
        return said
    return default if told is None else told


def _check_like(arguments: argparse.Namespace, like: Told) -> None:
    if like.unknown_sampler and arguments.sampler is None:
        raise UserError(
            f"{arguments.like}: was drawn with {like.unknown_sampler}, which is not known here",
            "choose another with --sampler",
        )
    if like.strength is not None and not arguments.init:
        raise UserError(f"{arguments.like}: was drawn from another picture", "give that picture with --init")
    if like.model and like.model not in (arguments.model.stem, arguments.model.name):
        say(f"hint: {arguments.like} was drawn with the model {like.model} ({like.model_hash})", error=True)


def call_of(networks: Library, file: Path, weight: float = 1.0) -> Call:
    """A network file as a prompt may call it. Raises UserError where it is not there."""
    if not file.is_file():
        raise UserError(f"{file}: there is no such network file")
    kind = "lora"
    with suppress(FormatError):  # what is wrong with it is said when it is read
        kind = "hypernet" if identify(file).kind == "hypernetwork" else "lora"
    return Call(kind, networks.add(file), weight)


def is_embedding(file: Path) -> bool:
    """Told by the content: a network and its word may have one name, as may an embedding and its preview."""
    from kohya_like.formats.embeddings import read_embedding

    with suppress(FormatError):
        return bool(read_embedding(file).name)
    return False


def with_calls(text: str, calls: tuple[Call, ...]) -> str:
    """The prompt with these networks too; one that it names itself stays as it is there."""
    try:
        named = {network.name for network in extra_networks(text)[1]}
    except PromptError:
        return text  # said when the prompt is read
    return text + "".join(str(call) for call in calls if call.name not in named)


def split_weight(text: str) -> tuple[Path, float]:
    """FILE or FILE:WEIGHT; a file name may hold colons of its own."""
    head, colon, tail = text.rpartition(":")
    if colon:
        with suppress(ValueError):
            if math.isfinite(weight := float(tail)):
                return Path(head), weight
    return Path(text), 1.0


def output_paths(out: Path, count: int, force: bool) -> list[Path]:
    if count == 1 and out.suffix.lower() == ".png":
        paths = [out]
    elif out.suffix.lower() == ".png":
        paths = [out.with_name(f"{out.stem}-{i + 1:02d}.png") for i in range(count)]
    else:
        paths = [out / f"picture-{i + 1:02d}.png" for i in range(count)]
    check_places(paths, force)
    return paths


def check_places(paths: list[Path], force: bool) -> None:
    """Raises UserError where a picture would be replaced unasked, or cannot be written."""
    existing = [str(path) for path in paths if path.exists()]
    if existing and not force:
        raise UserError(f"{', '.join(existing)} would be replaced", "choose another --out, or add --force")
    there = next(folder for folder in paths[0].absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(f"{there}: no picture can be written there", "choose another --out")


def picture_size(text: str, resolution: int) -> tuple[int, int]:
    """512 or 512x768 -> (width, height), multiples of 8."""
    parts = text.lower().split("x") if text else [str(resolution)]
    try:
        sizes = [int(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or any(size % 8 or not 8 <= size <= 8192 for size in sizes):
        raise UserError(f"--size {text}: expects 512 or 512x768, each a multiple of 8 from 8 to 8192")
    return sizes[0], sizes[-1]
