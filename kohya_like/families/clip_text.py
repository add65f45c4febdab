"""Prompts through a CLIP text encoder, in chunks of 75 words between start and end token.

Shapes: B prompts, N chunks, T = 77·N tokens, D width of the encoder, P of its projection.
Chunks are encoded one by one and joined along T, each with its own start and end, as the programs that make pictures
with a LoRA do (kohya drops the inner ones).  CLIP: Radford et al., arXiv:2103.00020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from kohya_like.families.base import TextEncoderSpec
from kohya_like.families.components import text_body
from kohya_like.schema.errors import UserError

START, END = 49406, 49407
LENGTH, WORDS = 77, 75


class PromptChunks(Protocol):
    """A tokenised prompt: rows of at most 75 word ids, or of 77 with start, end and END as padding already there.

    `weights` has a number for each id of each row, or is None where nothing is emphasised. `mean_per_chunk`: emphasis
    brings each chunk back to its mean, as A1111 does, not the whole prompt, as kohya does.
    """

    @property
    def ids(self) -> Sequence[Sequence[int]]: ...

    @property
    def weights(self) -> Sequence[Sequence[float]] | None: ...

    @property
    def mean_per_chunk(self) -> bool: ...


def encode_chunks(
    encoder: nn.Module, spec: TextEncoderSpec, prompts: Sequence[PromptChunks], clip_skip: int | None, chunks: int
) -> tuple[Tensor, Tensor | None]:
    """Hidden states [B, T, D] and, where the encoder has it, the pooled vector [B, P] of each prompt's first chunk.

    Args:
        clip_skip: layer counted from the end, 1 the last; its output goes through the final norm. None is 1.
        chunks: prompts with fewer are filled up with empty ones, so that all have the same T.
    Raises:
        UserError: `clip_skip` beyond the layers of the encoder.
    """
    device = next(encoder.parameters()).device
    rows = [row_ids(row, spec.pad_id) for p in prompts for row in _filled(p.ids, chunks)]
    output = encoder(input_ids=torch.tensor(rows, device=device), output_hidden_states=True)  # [B·N, 77]
    hidden = _chosen_layer(encoder, spec, output, clip_skip)  # [B·N, 77, D]
    if any(p.weights is not None for p in prompts):
        weights = torch.tensor([_weight_rows(p, chunks) for p in prompts], device=device)  # [B, N, 77]
        length = LENGTH if any(p.mean_per_chunk for p in prompts) else chunks * LENGTH  # tokens that share a mean
        hidden = emphasised(hidden.reshape(-1, length, hidden.shape[-1]), weights.reshape(-1, length))
    hidden = hidden.reshape(len(prompts), chunks * LENGTH, -1)
    if not spec.pooled:
        return hidden, None
    return hidden, output.text_embeds.reshape(len(prompts), chunks, -1)[:, 0]


def row_ids(row: Sequence[int], pad_id: int) -> list[int]:
    """77 ids: start, the words, end, padding. SD2 and SDXL's second encoder were trained with 0 as padding."""
    words = list(_words(row))
    return [START, *words, END, *[pad_id] * (WORDS - len(words))]


def emphasised(hidden: Tensor, weights: Tensor) -> Tensor:
    """Hidden states [B, T, D] times weights [B, T], each row brought back to its mean."""
    plain = hidden.float()
    weighted = plain * weights[..., None]
    before, after = plain.mean(dim=(1, 2), keepdim=True), weighted.mean(dim=(1, 2), keepdim=True)
    changed = (weights != 1).any(dim=1)[:, None, None]
    return torch.where(changed, weighted * (before / after), plain).to(hidden.dtype)


def _chosen_layer(encoder: nn.Module, spec: TextEncoderSpec, output: object, clip_skip: int | None) -> Tensor:
    states: tuple[Tensor, ...] = output.hidden_states  # type: ignore[attr-defined]  # the input, then each layer's output
    if spec.hidden == "penultimate":
        return states[-2]
    if clip_skip in (None, 1):
        return output.last_hidden_state  # type: ignore[attr-defined,no-any-return]
    layers = len(states) - 1
    if clip_skip > layers:
        raise UserError(f"model.clip_skip = {clip_skip}: the text encoder has {layers} layers.")
    return text_body(encoder).final_layer_norm(states[-clip_skip])  # type: ignore[operator,no-any-return]


def _words(row: Sequence[int]) -> Sequence[int]:
    if len(row) > LENGTH or (len(row) > WORDS and row[0] != START):
        raise ValueError(f"a chunk of {len(row)} ids; at most {WORDS} words fit between start and end")
    if len(row) <= WORDS:
        return row
    last = len(row) - 1
    while last > 0 and row[last - 1] == END:  # back to the end token of the prompt itself
        last -= 1
    return row[1:last]


def _filled(rows: Sequence[Sequence[int]], chunks: int) -> list[Sequence[int]]:
    return [*rows, *[()] * (chunks - len(rows))]


def _weight_rows(prompt: PromptChunks, chunks: int) -> list[list[float]]:
    """77 weights for each chunk; start, end and padding count 1."""
    given = prompt.weights or [[1.0] * len(row) for row in prompt.ids]
    filled = []
    for ids, weights in zip(prompt.ids, given):
        count = len(_words(ids))
        words = list(weights[:count] if len(ids) <= WORDS else weights[1 : 1 + count])
        filled.append([1.0, *words, *[1.0] * (LENGTH - 1 - count)])
    return [*filled, *[[1.0] * LENGTH] * (chunks - len(filled))]
