"""Aesthetic gradients: a text encoder that is pulled towards the look of some pictures, anew for each prompt.

The encoder takes a few steps that bring the vector of the prompt nearer to the mean vector of the pictures; what it
then says of the prompt is mixed with what it says untouched, and its weights are put back.
Gallego, arXiv:2209.12330; defaults and formulas as in the extension of that name for A1111's webui.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.families.clip_text import PromptChunks, encode_chunks, row_ids
from kohya_like.families.components import text_body
from kohya_like.families.image_tower import ImageTower
from kohya_like.schema.errors import UserError


@dataclass(frozen=True)
class Aesthetic:
    """What is pulled towards, [P], and how strongly. With `text`, its vector is mixed in by `angle`."""

    vector: Tensor
    weight: float = 0.9
    steps: int = 5
    learning_rate: float = 1e-4
    slerp: bool = False
    text: PromptChunks | None = None
    text_negative: bool = False
    angle: float = 0.1


@dataclass(frozen=True)
class _OneChunk:
    ids: Sequence[Sequence[int]]
    weights: Sequence[Sequence[float]] | None
    mean_per_chunk: bool


class AestheticEncoder:
    """Encodes prompts as a backbone does, but for the encoder whose vectors stand beside the pictures'.

    Args:
        tower: what made `aesthetic.vector`; its text projection is used where the encoder has none of its own.
    Raises:
        UserError: no text encoder of the model goes with the tower.
    """

    def __init__(self, backbone: Backbone, tower: ImageTower, aesthetic: Aesthetic) -> None:
        self._backbone, self._aesthetic = backbone, aesthetic
        self._number, self._projection = _matching(backbone, tower)
        if aesthetic.vector.numel() != tower.width:
            raise UserError(
                f"the aesthetic embedding has {aesthetic.vector.numel()} numbers, the image tower makes {tower.width}",
                "use the image tower that the embedding was made with",
            )

    def __call__(self, prompts: Sequence[PromptChunks], chunks: int = 1) -> Conditioning:
        """Conditioning of the prompts, one row each; each chunk of 75 words is pulled by itself."""
        count = max([chunks, *(len(prompt.ids) for prompt in prompts)])
        backbone = self._backbone
        plain = [
            encode_chunks(encoder, spec, prompts, backbone.clip_skip, count)
            for encoder, spec in zip(backbone.text_encoders, backbone.family.text_encoders)
        ]
        if self._aesthetic.weight and self._aesthetic.steps:  # else nothing is to change, to the last bit
            plain[self._number] = self._with_look(*plain[self._number], prompts, count)
        found = [vector for _, vector in plain if vector is not None]
        return Conditioning(torch.cat([one for one, _ in plain], dim=-1), found[0] if found else None)

    def _with_look(
        self, hidden: Tensor, pooled: Tensor | None, prompts: Sequence[PromptChunks], count: int
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states [B, T, D] and pooled vectors, mixed with those of encoders that were pulled."""
        rows = [self._pulled(prompt, count) for prompt in prompts]
        mixed = self._mixed(hidden, torch.cat([row for row, _ in rows]))
        firsts = [first for _, first in rows if first is not None]
        if pooled is not None and firsts:
            pooled = self._mixed(pooled, torch.cat(firsts))
        return mixed, pooled

    def _pulled(self, prompt: PromptChunks, count: int) -> tuple[Tensor, Tensor | None]:
        """Hidden states [1, T, D] and pooled vector of a prompt by encoders that were pulled, one for each chunk."""
        backbone = self._backbone
        encoder, spec = backbone.text_encoders[self._number], backbone.family.text_encoders[self._number]
        hidden, first = [], None
        for number in range(count):
            ids = prompt.ids[number] if number < len(prompt.ids) else ()
            weights = prompt.weights[number] if prompt.weights is not None and number < len(prompt.ids) else None
            chunk = _OneChunk([ids], [weights] if weights is not None else None, prompt.mean_per_chunk)
            with self._tuned(encoder, row_ids(ids, spec.pad_id)), torch.no_grad():
                states, pooled = encode_chunks(encoder, spec, [chunk], backbone.clip_skip, 1)
            hidden.append(states)
            first = pooled if first is None else first
        return torch.cat(hidden, dim=1), first

    @contextmanager
    def _tuned(self, encoder: nn.Module, row: list[int]) -> Iterator[None]:
        """Inside, the encoder has taken its steps towards the pictures; afterwards it is the same to the last bit.

        In place and not on a copy: what is attached to the encoder stays attached. In float32, as Adam needs it.
        """
        aesthetic, parameters = self._aesthetic, list(text_body(encoder).parameters())
        tokens = torch.tensor([row], device=self._backbone.device)
        before = [(parameter, parameter.data, parameter.requires_grad) for parameter in encoder.parameters()]
        try:
            with torch.enable_grad(), torch.autocast(self._backbone.device.type, enabled=False):
                for parameter, data, _ in before:
                    parameter.data = data.float().clone()
                target = self._target(encoder)
                for parameter in parameters:
                    parameter.requires_grad_(True)
                optimizer = torch.optim.Adam(parameters, lr=aesthetic.learning_rate)
                for _ in range(aesthetic.steps):
                    loss = -(_unit(self._text_features(encoder, tokens)) @ target).mean()
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
            yield
        finally:
            for parameter, data, learns in before:
                parameter.data, parameter.grad = data, None
                parameter.requires_grad_(learns)

    def _target(self, encoder: nn.Module) -> Tensor:
        """[P], of length 1."""
        aesthetic = self._aesthetic
        vector = _unit(aesthetic.vector.flatten().float().to(self._backbone.device))
        if aesthetic.text is None:
            return vector
        spec = self._backbone.family.text_encoders[self._number]
        row = row_ids(aesthetic.text.ids[0], spec.pad_id)
        with torch.no_grad():
            text = _unit(self._text_features(encoder, torch.tensor([row], device=self._backbone.device))[0])
        if aesthetic.text_negative:
            text = _unit(vector - text)
        return _slerp(vector, text, aesthetic.angle)

    def _text_features(self, encoder: nn.Module, tokens: Tensor) -> Tensor:
        """[1, P]: the pooled vector, projected."""
        output = encoder(input_ids=tokens)
        if self._projection is None:
            return cast(Tensor, output.text_embeds)
        return cast(Tensor, output.pooler_output) @ self._projection.T

    def _mixed(self, plain: Tensor, pulled: Tensor) -> Tensor:
        weight = self._aesthetic.weight
        if self._aesthetic.slerp:
            return _slerp(plain, pulled.to(plain.dtype), weight)
        return (1 - weight) * plain + weight * pulled.to(plain.dtype)


def _matching(backbone: Backbone, tower: ImageTower) -> tuple[int, Tensor | None]:
    """Which text encoder goes with the tower, and the projection that is to be lent to it."""
    widths = []
    for number, encoder in enumerate(backbone.text_encoders):
        own = getattr(encoder, "text_projection", None)
        if isinstance(own, nn.Linear) and own.out_features == tower.width:
            return number, None
        norm = text_body(encoder).final_layer_norm
        assert isinstance(norm, nn.LayerNorm)
        width = norm.normalized_shape[0]
        lent = tower.text_projection
        if own is None and lent is not None and tuple(lent.shape) == (tower.width, width):
            return number, lent.to(backbone.device)
        widths.append(str(width))
    raise UserError(
        f"the image tower makes vectors of {tower.width} numbers, which no text encoder of this model shares "
        f"(widths {', '.join(widths)})",
        "use the CLIP model that the base model's text encoder comes from: ViT-L/14 for SD 1.x",
    )


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _slerp(low: Tensor, high: Tensor, share: float) -> Tensor:
    """Along the arc from `low` to `high`, over the last axis; lengths are mixed by the same two factors."""
    omega = torch.acos((_unit(low) * _unit(high)).sum(-1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(omega)
    straight = sine.abs() < 1e-6
    sine = torch.where(straight, torch.ones_like(sine), sine)
    one = torch.where(straight, torch.full_like(sine, 1 - share), torch.sin((1 - share) * omega) / sine)
    other = torch.where(straight, torch.full_like(sine, share), torch.sin(share * omega) / sine)
    return one * low + other * high
