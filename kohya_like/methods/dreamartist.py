"""DreamArtist: a word and its counterpart for the negative prompt. Dong et al., arXiv:2211.11337, after its own code.

    ε̂ = ε₋ + γ(t)·(ε₊ − ε₋)      loss = mean (ε̂ − ε)²·a + λ·|x − D(ẑ₀)|

ε₊ and ε₋ are predictions with the word and with WORD-neg in its place, γ the guidance, a the attention map, D the
VAE's decoder, ẑ₀ the latents that ε̂ asks for. Both words learn; UNet, text encoders and VAE are frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.methods.base import Guess
from kohya_like.methods.dreamartist_options import NEGATIVE
from kohya_like.methods.guidance import Guidance
from kohya_like.methods.textual_inversion import EmbeddingFiles, TextualInversion
from kohya_like.methods.words import TrainedWords

# attention map: grey value -> weight, straight lines between
MAP_GREYS, MAP_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.5, 1.0, 3.0, 5.0)


@dataclass(frozen=True)
class PairSettings:
    """`alphas_cumprod` [T] is the noise schedule's ᾱ; `reconstruction` the weight λ, 0 for none."""

    guidance: Guidance
    alphas_cumprod: Tensor
    reconstruction: float = 0.0
    attention_map: bool = False


class DreamArtist(TextualInversion):
    """`words` are the word and its counterpart, in this order."""

    def __init__(
        self, backbone: Backbone, words: TrainedWords, names: tuple[str, str], files: EmbeddingFiles,
        settings: PairSettings,
    ) -> None:  # fmt: skip
        super().__init__(words, files)
        self._backbone, self._names, self._settings = backbone, names, settings
        self.needs_vae = settings.reconstruction > 0
        last = len(settings.alphas_cumprod) - 1
        scale = [settings.guidance.at(t / last) for t in range(last + 1)]
        self._scale = torch.tensor(scale, device=backbone.device)  # γ [T]
        self._alphas = settings.alphas_cumprod.to(backbone.device, torch.float32)

    def texts(self, captions: Sequence[str]) -> Sequence[str]:
        """First the captions with the negative word in place of the word, then the captions."""
        return [*(negative_text(caption, *self._names) for caption in captions), *captions]

    def predict(self, backbone: Backbone, noisy: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        both = backbone.predict(torch.cat([noisy, noisy]), torch.cat([t, t]), conditioning)
        negative, positive = both.chunk(2)
        return negative + self._scale[t].view(-1, 1, 1, 1) * (positive - negative)

    def mask_weights(self, masks: Tensor) -> Tensor:
        """A map that is white everywhere, or is not there, says nothing: it counts 1."""
        if not self._settings.attention_map:
            return masks
        silent = (masks >= 1).flatten(1).all(dim=1).view(-1, 1, 1, 1)
        return torch.where(silent, torch.ones_like(masks), attention_weights(masks))

    def extra_loss(self, guess: Guess) -> Tensor | None:
        anchor = super().extra_loss(guess)
        if not self._settings.reconstruction:
            return anchor
        signal = self._alphas[guess.t].view(-1, 1, 1, 1).sqrt()
        noise = (1 - self._alphas[guess.t]).view(-1, 1, 1, 1).sqrt()
        if self._backbone.prediction_type == "v_prediction":
            asked = signal * guess.noisy - noise * guess.prediction
        else:
            asked = (guess.noisy - noise * guess.prediction) / signal
        with torch.no_grad():
            picture = self._backbone.decode(guess.latents)
        lost = F.l1_loss(self._backbone.decode(asked), picture)
        return self._settings.reconstruction * lost + (0.0 if anchor is None else anchor)

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        super().save(path, metadata, overwrite)
        about = {**metadata, "modelspec.is_negative_embedding": "true"} if metadata else {}
        self._files.write(path.with_stem(path.stem + NEGATIVE), self._words.embedding(1, about), overwrite)


def negative_text(caption: str, word: str, negative: str) -> str:
    """The caption with the negative word; case does not matter, as it does not to the tokenizer."""
    start = caption.lower().find(word.lower())
    if start < 0:
        return caption
    rest = negative_text(caption[start + len(word) :], word, negative)
    return f"{caption[:start]}{negative}{rest}"


def attention_weights(masks: Tensor) -> Tensor:
    """Weights of grey values in 0..1 by the extension's curve."""
    weights = torch.zeros_like(masks)
    for i, (low, high) in enumerate(pairwise(MAP_GREYS)):
        share = ((masks - low) / (high - low)).clamp(0, 1)
        weights = weights + share * (MAP_WEIGHTS[i + 1] - MAP_WEIGHTS[i])
    return weights
