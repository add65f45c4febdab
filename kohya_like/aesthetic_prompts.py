"""Prompts whose texts are pulled towards the look of some pictures, and negative prompts that are left alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kohya_like.families.backbone import Conditioning
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompts.prompt import Prompt


class AestheticPrompts:
    """A `PromptEncoder` for pictures drawn with aesthetic gradients.

    Args:
        plain: encodes the negative texts.
        pulled: encodes all others.
        negative: what some prompt wants to keep away from; such a text is not pulled, as in webui.
    """

    def __init__(self, plain: PromptEncoder, pulled: PromptEncoder, negative: Collection[str]) -> None:
        self._plain, self._pulled, self._negative = plain, pulled, frozenset(negative)

    def chunks(self, prompt: Prompt) -> int:
        return self._plain.chunks(prompt)

    def encode(self, texts: Sequence[str], chunks: int) -> Conditioning:
        """Conditioning of the texts, one row each."""
        rows = [(self._plain if text in self._negative else self._pulled).encode([text], chunks) for text in texts]
        return Conditioning.cat(rows)

    def forget(self) -> None:
        self._plain.forget()
        self._pulled.forget()


def negative_texts(prompts: Sequence[Prompt]) -> set[str]:
    return {text for prompt in prompts for _, text in prompt.negative}
