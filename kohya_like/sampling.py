"""Pictures from prompts: previews while training, and `generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kohya_like.events import Event, Phase, Sample
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.formats.atomic import atomic_write
from kohya_like.prompt_file import SamplePrompt
from kohya_like.samplers import Denoiser, SamplerName, Spacing, sample
from kohya_like.schema.errors import UserError

AT_ONCE, PIXELS_AT_ONCE = 8, 512 * 512  # pictures in a batch; small ones, so that training's memory is enough


class Painter:
    """Draws prompts with a backbone as it stands: with whatever is attached to it."""

    def __init__(
        self, backbone: Backbone, encode: Callable[[Sequence[str]], Conditioning], alphas_cumprod: Tensor
    ) -> None:
        self._backbone, self._encode, self._alphas = backbone, encode, alphas_cumprod

    @torch.no_grad()
    def draw(self, prompts: Sequence[SamplePrompt]) -> Iterator[tuple[int, Image.Image]]:
        """(index, picture) for each prompt, in batches of equal size and steps; each has its own seed and scale."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for i, prompt in enumerate(prompts):
            groups.setdefault((prompt.width, prompt.height, prompt.steps, prompt.sampler), []).append(i)
        for members in groups.values():
            first = prompts[members[0]]
            count = min(AT_ONCE, max(1, PIXELS_AT_ONCE // (first.width * first.height)))
            for start in range(0, len(members), count):
                chosen = members[start : start + count]
                yield from zip(chosen, self._batch([prompts[i] for i in chosen]))

    def _batch(self, prompts: Sequence[SamplePrompt]) -> list[Image.Image]:
        first = prompts[0]
        size = (first.height, first.width)
        count = len(prompts)
        texts = [p.negative for p in prompts] + [p.text for p in prompts]
        both = [size] * (2 * count)
        conditioning = self._encode(texts).with_geometry(both, [(0, 0)] * (2 * count), both)
        device = self._backbone.device
        scales = torch.tensor([p.scale for p in prompts], device=device).view(-1, 1, 1, 1)

        def guided(x: Tensor, t: Tensor) -> Tensor:
            # classifier-free guidance, Ho & Salimans, arXiv:2207.12598
            without, with_prompt = self._backbone.predict(torch.cat([x, x]), torch.cat([t, t]), conditioning).chunk(2)
            return without.float() + scales * (with_prompt.float() - without.float())

        denoiser = Denoiser(guided, self._alphas, self._backbone.prediction_type)
        generators = [torch.Generator().manual_seed(p.seed) for p in prompts]
        shape = (4, first.height // 8, first.width // 8)
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)
        spacing: Spacing = "trailing" if float(self._alphas[-1]) < 1e-4 else "leading"
        latents = sample(
            cast(SamplerName, first.sampler), denoiser, noise, first.steps, spacing=spacing, generator=generators
        )
        return to_images(self._backbone.decode(latents))


def to_images(pixels: Tensor) -> list[Image.Image]:
    """Pixels [B, 3, H, W] in -1..1 to pictures. Raises UserError where they are not numbers."""
    pixels = pixels.float().cpu()
    if not bool(torch.isfinite(pixels).all()):
        raise UserError("the picture is not a number: the model overflowed", "use bf16 or fp32, also for the VAE")
    values = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(np.ascontiguousarray(value)) for value in values]


def save_png(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lambda file: image.save(file, format="PNG"))


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
            save_png(path, image)
            emit(Sample(step, prompt.text, i, prompt.seed, str(path)))
            emit(Phase("sample", done, len(self.prompts)))
