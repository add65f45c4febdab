"""What is wrong in a prompt, as a sentence."""

from __future__ import annotations


class PromptError(ValueError):
    """A prompt that cannot be drawn. The caller says where it stands."""
