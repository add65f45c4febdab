"""CLIP's byte-pair tokenizer, without torch or transformers: 49 408 tokens, lower-cased text.

The window counts tokens with it, the trainer encodes captions with it, and the tests hold it against
transformers' CLIPTokenizer. The vocabulary is OpenAI's `bpe_simple_vocab_16e6.txt.gz` as shipped, under the
MIT licence beside it, by open_clip.  Sennrich et al., arXiv:1508.07909; Radford et al., arXiv:2103.00020.
"""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

import regex

VOCABULARY_FILE = Path(__file__).parent.parent / "families" / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
START, END = 49406, 49407
MERGE_COUNT = 49152 - 256 - 2
WORD_END = "</w>"

_WORDS = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)


def byte_letters() -> dict[int, str]:
    """A printable letter for each of the 256 bytes, as GPT-2 chose them: no control characters in the vocabulary."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {b: chr(b) for b in printable}
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + len(letters) - len(printable))
    return letters


class ClipTokenizer:
    """Text to token ids and back.

    `encode` returns the ids of the words only; the caller adds `START`, `END` and padding, because chunking of
    long captions (75/150/225 tokens) happens between the two.
    """

    def __init__(self, vocabulary: Path = VOCABULARY_FILE) -> None:
        lines = gzip.decompress(vocabulary.read_bytes()).decode("utf-8").split("\n")
        self.merges = [tuple(line.split()) for line in lines[1 : MERGE_COUNT + 1]]
        self._letters = byte_letters()
        letters = list(self._letters.values())
        words = letters + [letter + WORD_END for letter in letters] + ["".join(pair) for pair in self.merges]
        words += ["<|startoftext|>", "<|endoftext|>"]
        self.ids = {word: i for i, word in enumerate(words)}
        self._ranks = {pair: i for i, pair in enumerate(self.merges)}
        self._word = lru_cache(maxsize=65536)(self._encode_word)

    @cached_property
    def _words(self) -> list[str]:
        return list(self.ids)

    @cached_property
    def _bytes(self) -> dict[str, int]:
        return {letter: b for b, letter in self._letters.items()}

    def encode(self, text: str) -> list[int]:
        """Ids of a text's words, without start and end: 'a cat' -> [320, 2368]."""
        text = unicodedata.normalize("NFC", text).lower()
        return [i for word in _WORDS.findall(text) for i in self._word(word)]

    def count(self, text: str) -> int:
        return len(self.encode(text))

    def decode(self, ids: Sequence[int]) -> str:
        text = "".join(self._words[i] for i in ids if i not in (START, END)).replace(WORD_END, " ")
        raw = b"".join(bytes([self._bytes[c]]) if c in self._bytes else c.encode() for c in text)
        return raw.decode("utf-8", errors="replace").strip()

    def _encode_word(self, word: str) -> tuple[int, ...]:
        if word in ("<|startoftext|>", "<|endoftext|>"):
            return (self.ids[word],)
        letters = [self._letters[b] for b in word.encode("utf-8")]
        parts = [*letters[:-1], letters[-1] + WORD_END]
        while len(parts) > 1:
            pairs = set(pairwise(parts))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, MERGE_COUNT))
            if best not in self._ranks:
                break
            parts = self._merge(parts, best)
        return tuple(self.ids[part] for part in parts)

    @staticmethod
    def _merge(parts: list[str], pair: tuple[str, ...]) -> list[str]:
        merged: list[str] = []
        i = 0
        while i < len(parts):
            if tuple(parts[i : i + 2]) == pair:
                merged.append(parts[i] + parts[i + 1])
                i += 2
            else:
                merged.append(parts[i])
                i += 1
        return merged


@lru_cache(maxsize=1)
def clip_tokenizer() -> ClipTokenizer:
    """The one tokenizer of this process: 49 000 merges are read once."""
    return ClipTokenizer()
