"""A loaded base model: pictures to latents, prompts to conditioning, noisy latents to a prediction.

Shapes: B batch, H/W picture in px, T tokens, D width of the conditioning, P of the pooled vector.
Each part is read from its file when it is first used and can be given back: with cached latents the VAE is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from kohya_like.families.base import ModelFamily, PredictionType
from kohya_like.families.clip_text import PromptChunks, encode_chunks
from kohya_like.schema.errors import UserError

Loader = Callable[[], nn.Module]
Attention = Literal["sdpa", "xformers"]
SLICE_PIXELS = 4 * 512 * 512  # of pictures that go through the VAE at once


@dataclass(frozen=True)
class Conditioning:
    """What the UNet is told besides the noisy latents.

    hidden [B, T, D]; pooled [B, P] and geometry [B, 6] (original height and width, crop top and left, target height
    and width, px) for SDXL only. Geometry stays float32: in bfloat16 sizes above 256 px would be rounded.
    """

    hidden: Tensor
    pooled: Tensor | None = None
    geometry: Tensor | None = None

    def __len__(self) -> int:
        return len(self.hidden)

    def with_geometry(
        self,
        original: Sequence[tuple[int, int]],
        crop: Sequence[tuple[int, int]],
        target: Sequence[tuple[int, int]],
    ) -> Conditioning:
        """The same with the size and crop of each picture: (height, width), (top, left), (height, width)."""
        rows = [[*o, *c, *t] for o, c, t in zip(original, crop, target, strict=True)]
        if len(rows) != len(self):
            raise ValueError(f"geometry of {len(rows)} pictures for {len(self)} prompts")
        geometry = torch.tensor(rows, dtype=torch.float32, device=self.hidden.device)
        return replace(self, geometry=geometry)

    def to(self, device: str | torch.device, dtype: torch.dtype | None = None) -> Conditioning:
        return Conditioning(
            self.hidden.to(device, dtype),
            None if self.pooled is None else self.pooled.to(device, dtype),
            None if self.geometry is None else self.geometry.to(device),
        )

    def index(self, rows: Sequence[int] | slice) -> Conditioning:
        """Some rows of the batch, in the order given."""
        chosen = rows if isinstance(rows, slice) else list(rows)
        return self._map(lambda tensor: tensor[chosen])

    def detach(self) -> Conditioning:
        return self._map(Tensor.detach)

    @staticmethod
    def cat(parts: Sequence[Conditioning]) -> Conditioning:
        """Batches one after the other; all must have the same T, and pooled and geometry or not."""

        def joined(tensors: list[Tensor | None]) -> Tensor | None:
            present = [tensor for tensor in tensors if tensor is not None]
            if present and len(present) != len(tensors):
                raise ValueError("some have it and some have not")
            return torch.cat(present) if present else None

        hidden = torch.cat([p.hidden for p in parts])
        return Conditioning(hidden, joined([p.pooled for p in parts]), joined([p.geometry for p in parts]))

    def _map(self, change: Callable[[Tensor], Tensor]) -> Conditioning:
        pooled = None if self.pooled is None else change(self.pooled)
        return Conditioning(change(self.hidden), pooled, None if self.geometry is None else change(self.geometry))


class Backbone:
    """One base model. Parts are frozen and in eval mode until someone trains them.

    Args:
        parts: "unet", "vae", "text_encoder" (, "text_encoder_2") as modules, or as functions that load them.
        dtype: of UNet and text encoders; `vae_dtype` of the VAE.
        clip_skip: layer of the text encoder counted from the end; families that read their own ignore it.
        latent_scale: what latents are multiplied with, for about unit variance; None is the family's.
        device: where parts are loaded to, and inputs are expected.
    """

    def __init__(
        self,
        family: ModelFamily,
        parts: Mapping[str, nn.Module | Loader],
        prediction_type: PredictionType = "epsilon",
        *,
        dtype: torch.dtype = torch.float32,
        vae_dtype: torch.dtype = torch.float32,
        clip_skip: int | None = None,
        latent_scale: float | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.family, self.device = family, torch.device(device)
        self.latent_scale = family.latent_scale if latent_scale is None else latent_scale
        self.prediction_type: PredictionType = prediction_type
        self.dtype, self.vae_dtype = dtype, vae_dtype
        self.clip_skip = clip_skip if family.takes_clip_skip else None
        self._loaders: dict[str, Loader] = {}
        self._modules: dict[str, nn.Module] = {}
        self._attention: Attention = "sdpa"
        self._checkpointing = False
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self._modules[name] = part
            else:
                self._loaders[name] = part

    @property
    def unet(self) -> nn.Module:
        return self.part("unet")

    @property
    def vae(self) -> nn.Module:
        return self.part("vae")

    @property
    def text_encoders(self) -> list[nn.Module]:
        return [self.part(spec.part) for spec in self.family.text_encoders]

    def part(self, name: str) -> nn.Module:
        """A part by name, read now if it is not in memory. Raises UserError where the file is not as it was."""
        if name not in self._modules:
            if name not in self._loaders:
                raise KeyError(f"{name} was given back and cannot be loaded again")
            self._modules[name] = self._prepare(name, self._loaders[name]())
        return self._modules[name]

    def parts(self, *names: str) -> dict[str, nn.Module]:
        """The trainable parts by name, all of them or those asked for; only these are read."""
        return {name: self.part(name) for name in names or self.family.parts}

    def replace(self, name: str, module: nn.Module) -> None:
        """Use a wrapped or compiled module in place of a part."""
        self._modules[name] = module

    def is_loaded(self, name: str) -> bool:
        return name in self._modules

    def release_vae(self) -> None:
        self._release("vae")

    def release_text_encoders(self) -> None:
        self._release(*(spec.part for spec in self.family.text_encoders))

    def release_unet(self) -> None:
        self._release("unet")

    def _release(self, *names: str) -> None:
        for name in names:
            self._modules.pop(name, None)
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def use_attention(self, attention: Attention) -> None:
        """Choose the attention kernel of the UNet. Raises UserError where xformers is missing or cannot run here."""
        self._attention = attention
        if "unet" in self._modules:
            self._prepare("unet", self._modules["unet"])

    def enable_gradient_checkpointing(self) -> None:
        """Recompute activations in the backward pass instead of keeping them."""
        self._checkpointing = True
        for name, module in self._modules.items():
            self._prepare(name, module)

    def _prepare(self, name: str, module: nn.Module) -> nn.Module:
        if name == "unet":
            _set_attention(module, self._attention)
            if self._checkpointing:
                module.enable_gradient_checkpointing()  # type: ignore[operator]
        elif name != "vae" and self._checkpointing:
            # transformers checkpoints only in training mode; the encoders have no dropout it would switch on
            module.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
            module.train()
        return module

    @torch.no_grad()
    def encode_images(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Pictures [B, 3, H, W] in -1..1 to scaled latents [B, 4, H/8, W/8], float32.

        With a generator a sample of the VAE's distribution, without one its mean: the same picture, the same latents.
        Raises UserError where the VAE returns infinities, as some do in fp16.
        """
        height, width = pixels.shape[-2:]
        moments = self._through_vae(
            lambda part: self.vae.encode(part, return_dict=False)[0].parameters,  # type: ignore[operator]
            pixels,
            height * width,
        )
        mean, logvar = moments.chunk(2, dim=1)  # [B, 4, H/8, W/8] each
        latents = mean
        if generator is not None:
            noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean.device)
            latents = mean + noise * torch.exp(0.5 * logvar.clamp(-30.0, 20.0))
        if not latents.isfinite().all():
            raise UserError(
                f"The VAE returned numbers that are not finite, in {str(self.vae_dtype).removeprefix('torch.')}.",
                hint="Set hardware.vae_precision to fp32, or choose another VAE with model.vae.",
            )
        return latents * self.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents [B, 4, H/8, W/8] to pictures [B, 3, H, W] in about -1..1, float32; differentiable."""
        height, width = latents.shape[-2:]
        return self._through_vae(
            lambda part: self.vae.decode(part, return_dict=False)[0],  # type: ignore[operator]
            latents / self.latent_scale,
            64 * height * width,
        )

    def _through_vae(self, run: Callable[[Tensor], Tensor], batch: Tensor, pixels: int) -> Tensor:
        """`run` on slices of bounded memory, in the VAE's precision whatever the trainer's; `pixels` per picture."""
        slices = batch.to(self.device, self.vae_dtype).split(max(1, SLICE_PIXELS // pixels))
        with torch.autocast(self.device.type, enabled=False):
            return torch.cat([run(part).float() for part in slices])

    def encode_prompts(self, prompts: Sequence[PromptChunks], chunks: int = 1) -> Conditioning:
        """Prompts to conditioning; differentiable in the text encoders.

        All prompts are filled up with empty chunks to the longest of them, and at least to `chunks` (max_token_length
        / 75), so that an encoding does not depend on its neighbours in the batch.
        """
        count = max([chunks, *(len(prompt.ids) for prompt in prompts)])
        encoded = [
            encode_chunks(encoder, spec, prompts, self.clip_skip, count)
            for encoder, spec in zip(self.text_encoders, self.family.text_encoders)
        ]
        pooled = [vector for _, vector in encoded if vector is not None]
        return Conditioning(torch.cat([hidden for hidden, _ in encoded], dim=-1), pooled[0] if pooled else None)

    def predict(self, noisy: Tensor, t: Tensor, cond: Conditioning) -> Tensor:
        """The UNet's noise or v [B, 4, h, w], float32, for latents noised to timesteps t [B] (or one number)."""
        added = None
        if self.family.has_geometry:
            if cond.pooled is None or cond.geometry is None:
                raise ValueError(f"{self.family.label} needs pooled prompts and geometry: Conditioning.with_geometry")
            added = {"text_embeds": cond.pooled.to(self.dtype), "time_ids": cond.geometry}
        prediction = self.unet(
            noisy.to(self.dtype),
            t,
            encoder_hidden_states=cond.hidden.to(self.dtype),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return cast(Tensor, prediction).float()


def _set_attention(unet: nn.Module, attention: Attention) -> None:
    """sdpa is what diffusers uses by itself."""
    if attention == "sdpa":
        return
    try:
        unet.enable_xformers_memory_efficient_attention()  # type: ignore[operator]
    except ModuleNotFoundError:
        raise UserError(
            "hardware.attention = xformers, but xformers is not installed.",
            hint="Install it (pip install xformers), or set hardware.attention to sdpa, mostly as fast.",
        ) from None
    except (ValueError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"xformers cannot run here: {error}", hint="Set hardware.attention to sdpa.") from error
