"""How many CLIP tokens a caption has, exactly, at the speed of a look-up per word.

CLIP's tokenizer cuts at spaces before anything else (no pattern of it holds a space, and neither NFC nor lower-casing
looks across one), so the count of a line is the sum over its words, and words repeat: a dataset of 100,000 captions has
a few thousand. Both text encoders of SDXL, and those of SD1 and SD2, share this vocabulary: one number holds for all.
"""

from __future__ import annotations

from functools import lru_cache

from kohya_like.data.tokens import ClipTokenizer, clip_tokenizer

WORDS_KEPT = 500_000  # about 50 MB; captions in a script without spaces would fill memory


class TokenCounts(dict[str, int]):
    """Tokens of a word by the word, counted when it is first asked for."""

    def __init__(self, tokenizer: ClipTokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, word: str) -> int:
        if len(self) >= WORDS_KEPT:
            self.clear()
        count = self[word] = self._tokenizer.count(word)
        return count

    def of(self, line: str) -> int:
        """Tokens of a line, without START and END: what `clip_tokenizer().count` says."""
        return sum(map(self.__getitem__, line.split(" ")))


@lru_cache(maxsize=1)
def token_counts() -> TokenCounts:
    """The one cache of this process. The first call reads the vocabulary, for some tenths of a second."""
    return TokenCounts(clip_tokenizer())
