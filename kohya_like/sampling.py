"""Pictures from prompts: previews while training, and `generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from kohya_like.events import Event, Phase, Sample
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.formats.atomic import atomic_write
from kohya_like.picture_text import picture_text
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.errors import PromptError
from kohya_like.prompts.extra_networks import ExtraNetwork
from kohya_like.prompts.prompt import Prompt, read_prompt
from kohya_like.prompts.schedule import text_at
from kohya_like.samplers import Denoiser, SamplerName, Spacing, sample
from kohya_like.schema.errors import UserError

AT_ONCE, PIXELS_AT_ONCE = 8, 512 * 512  # pictures in a batch; small ones, so that training's memory is enough


class Encoder(Protocol):
    def chunks(self, prompt: Prompt) -> int: ...

    def encode(self, texts: Sequence[str], chunks: int) -> Conditioning: ...

    def forget(self) -> None: ...


class Networks(Protocol):
    def use(self, wanted: Sequence[ExtraNetwork]) -> bool: ...


@dataclass(frozen=True)
class Start:
    """A picture to start from instead of pure noise: latents [1, 4, H/8, W/8], and how far from it, 0 to 1."""

    latents: Tensor
    strength: float


class Painter:
    """Draws prompts with a backbone as it stands: with whatever is attached to it, and with what a prompt names.

    Args:
        networks: attaches what prompts name; without it a prompt that names a network is refused.
        at_once: pictures in a batch; by default as many small ones as are safe beside a training.
    """

    def __init__(
        self,
        backbone: Backbone,
        encoder: Encoder,
        alphas_cumprod: Tensor,
        networks: Networks | None = None,
        at_once: int | None = None,
    ) -> None:
        self._backbone, self._encoder, self._alphas = backbone, encoder, alphas_cumprod
        self._networks, self._at_once = networks, at_once

    @torch.no_grad()
    def draw(self, prompts: Sequence[SamplePrompt], start: Start | None = None) -> Iterator[tuple[int, Image.Image]]:
        """(index, picture) for each prompt, in batches of equal size, steps, length and networks; each has its own
        seed and scale. Raises UserError for a prompt that cannot be read, before the first picture."""
        jobs = [_Job(i, prompt, read(prompt)) for i, prompt in enumerate(prompts)]
        if self._networks is None and any(job.read.networks for job in jobs):
            raise UserError("a network in a prompt cannot be used here", "name it in `generate`")
        groups: dict[tuple[object, ...], list[_Job]] = {}
        for job in jobs:
            p = job.prompt
            with told_of(p):
                chunks = self._encoder.chunks(job.read)
            groups.setdefault((p.width, p.height, p.steps, p.sampler, chunks, job.read.networks), []).append(job)
        try:
            for members in groups.values():
                self._use(members[0].read.networks)
                yield from self._group(members, start)
        finally:
            self._use(())

    def _use(self, networks: Sequence[ExtraNetwork]) -> None:
        if self._networks is not None and self._networks.use(networks):
            self._encoder.forget()

    def _group(self, members: Sequence[_Job], start: Start | None) -> Iterator[tuple[int, Image.Image]]:
        first = members[0].prompt
        count = self._at_once or min(AT_ONCE, max(1, PIXELS_AT_ONCE // (first.width * first.height)))
        for begin in range(0, len(members), count):
            chosen = members[begin : begin + count]
            yield from zip([job.index for job in chosen], self._batch(chosen, start))

    def _batch(self, jobs: Sequence[_Job], start: Start | None) -> list[Image.Image]:
        first = jobs[0].prompt
        device = self._backbone.device
        guided = self._guidance(jobs)
        denoiser = Denoiser(guided, self._alphas, self._backbone.prediction_type)
        generators = [torch.Generator().manual_seed(job.prompt.seed) for job in jobs]
        shape = (4, first.height // 8, first.width // 8)
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)
        spacing: Spacing = "trailing" if float(self._alphas[-1]) < 1e-4 else "leading"
        latents = sample(
            cast(SamplerName, first.sampler), denoiser, noise, first.steps, spacing=spacing, generator=generators,
            init=None if start is None else start.latents.to(device).expand(len(jobs), -1, -1, -1),
            strength=1.0 if start is None else start.strength,
        )  # fmt: skip
        return to_images(self._backbone.decode(latents))

    def _guidance(self, jobs: Sequence[_Job]) -> Guidance:
        first = jobs[0].prompt
        texts = list(dict.fromkeys(text for job in jobs for text in job.read.texts()))
        table = self._encoder.encode(texts, max(self._encoder.chunks(job.read) for job in jobs))
        both = [(first.height, first.width)] * len(texts)
        table = table.with_geometry(both, [(0, 0)] * len(texts), both)
        reads, scales = [job.read for job in jobs], [job.prompt.scale for job in jobs]
        return Guidance(self._backbone, table, texts, reads, scales)


@dataclass(frozen=True)
class _Job:
    index: int
    prompt: SamplePrompt
    read: Prompt


def read(prompt: SamplePrompt) -> Prompt:
    """Raises UserError that shows the prompt."""
    with told_of(prompt):
        return read_prompt(prompt.text, prompt.negative, prompt.steps)


@contextmanager
def told_of(prompt: SamplePrompt) -> Iterator[None]:
    """Says of which prompt a fault is."""
    try:
        yield
    except PromptError as error:
        raise UserError(f"{prompt.text[:80]}: {error}") from None


class Guidance:
    """Classifier-free guidance, Ho & Salimans, arXiv:2207.12598; several prompts added up, Liu et al., 2206.01714.

        without + scale * sum over parts of weight * (with part - without)

    Which texts are read depends on how often it was called: once a step.

    Args:
        table: what the UNet reads, one row for each of `texts`.
    """

    def __init__(
        self, backbone: Backbone, table: Conditioning, texts: Sequence[str], prompts: Sequence[Prompt],
        scales: Sequence[float],
    ) -> None:  # fmt: skip
        self._backbone, self._table, self._prompts = backbone, table, prompts
        self._row = {text: i for i, text in enumerate(texts)}
        self._done = 0
        device = backbone.device
        parts = [(i, part.weight) for i, prompt in enumerate(prompts) for part in prompt.parts]
        self._owners = torch.tensor([i for i, _ in parts], device=device)
        pulls = [scales[i] * weight for i, weight in parts]
        self._pulls = torch.tensor(pulls, device=device).view(-1, 1, 1, 1)
        self._rows: list[int] = []
        self._conditioning = table

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        rows = self._rows_of(self._done)
        if rows != self._rows:
            self._rows, self._conditioning = rows, self._table.index(rows)
        self._done += 1
        owners = self._owners
        noisy, times = torch.cat([x, x[owners]]), torch.cat([t, t[owners]])
        answers = self._backbone.predict(noisy, times, self._conditioning).float()
        without, parts = answers[: len(x)], answers[len(x) :]
        return without.index_add(0, owners, self._pulls * (parts - without[owners]))

    def _rows_of(self, done: int) -> list[int]:
        negative = [self._row[text_at(prompt.negative, done)] for prompt in self._prompts]
        return negative + [self._row[text_at(part.schedule, done)] for p in self._prompts for part in p.parts]


def to_images(pixels: Tensor) -> list[Image.Image]:
    """Pixels [B, 3, H, W] in -1..1 to pictures. Raises UserError where they are not numbers."""
    pixels = pixels.float().cpu()
    if not bool(torch.isfinite(pixels).all()):
        raise UserError("the picture is not a number: the model overflowed", "use bf16 or fp32, also for the VAE")
    values = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(np.ascontiguousarray(value)) for value in values]


def to_pixels(image: Image.Image) -> Tensor:
    """A picture in RGB to pixels [1, 3, H, W] in -1..1."""
    values = torch.from_numpy(np.array(image.convert("RGB"), dtype=np.uint8))
    return values.permute(2, 0, 1)[None].float() / 127.5 - 1


def save_png(path: Path, image: Image.Image, parameters: str = "") -> None:
    """`parameters`: how it was drawn, in the chunk where A1111 keeps it."""
    text = PngImagePlugin.PngInfo()
    if parameters:
        text.add_text("parameters", parameters)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lambda file: image.save(file, format="PNG", pnginfo=text))


@dataclass(frozen=True)
class Previews:
    """The run's own prompts, drawn now and then into `<run>/samples/`."""

    painter: Painter
    prompts: Sequence[SamplePrompt]
    folder: Path
    name: str
    every_epochs: int | None = None
    every_steps: int | None = None
    at_first: bool = True

    def due(self, step: int, epoch_ended: int | None) -> bool:
        by_epoch = epoch_ended is not None and self.every_epochs and epoch_ended % self.every_epochs == 0
        return bool(by_epoch or (self.every_steps and step % self.every_steps == 0))

    def draw(self, step: int, emit: Callable[[Event], None]) -> None:
        for done, (i, image) in enumerate(self.painter.draw(self.prompts), start=1):
            prompt = self.prompts[i]
            path = self.folder / f"{self.name}_{step:06d}_{i:02d}_{prompt.seed}.png"
            save_png(path, image, picture_text(prompt))
            emit(Sample(step, prompt.text, i, prompt.seed, str(path)))
            emit(Phase("sample", done, len(self.prompts)))
