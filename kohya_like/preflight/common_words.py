"""Is a made-up word really new to the model? Torch-free."""

from __future__ import annotations

from kohya_like.data.tokens import clip_tokenizer

SHORTEST = 3  # letters of a piece that may mean something


def split(word: str) -> tuple[list[str], str]:
    """The pieces that CLIP's tokenizer reads a word in, and the first that is a word by itself.

    mycat -> (["my", "cat"], "cat"). The second is empty where the word is one piece, or its pieces mean nothing.
    """
    tokenizer = clip_tokenizer()
    pieces = [tokenizer.decode([i]) for i in tokenizer.encode(word)]
    if len(pieces) < 2:
        return pieces, ""
    known = (piece for piece in pieces if len(piece) >= SHORTEST and len(tokenizer.encode(piece)) == 1)
    return pieces, next(known, "")
