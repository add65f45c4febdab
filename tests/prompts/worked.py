"""The worked examples of docs/prompts.md: what A1111 answered, what ours does, and how the document tells it.

`worked_examples.json` holds the answers of A1111's own functions, version 1.10.1 (commit 82a973c): for each prompt the
networks, and for each text between AND its weight, what each of the steps reads (from 0, as its sampler counts), and of
each text the pieces with their weights, the words of each chunk, and the place of each embedding in it. The embeddings
my-cat (3 vectors) and my-cat-hat (2) are known.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.prompts.chunks import chunked
from kohya_like.prompts.emphasis import emphasis
from kohya_like.prompts.prompt import read_prompt
from kohya_like.prompts.schedule import text_at

EXAMPLES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("worked_examples.json").read_text("utf-8"))
WORDS = Placeholders([Placeholder("my-cat", 3), Placeholder("my-cat-hat", 2)])


def ours(prompt: str, steps: int) -> dict[str, Any]:
    """Our answer in the form of the fixtures."""
    found = read_prompt(prompt, "", steps)
    parts = [
        {
            "weight": part.weight,
            "read": [text_at(part.schedule, done) for done in range(steps)],
            "texts": {text: text_facts(text) for _, text in part.schedule},
        }
        for part in found.parts
    ]
    networks = [[n.kind, n.name, n.text_encoder, n.unet] for n in found.networks]
    return {"prompt": prompt, "steps": steps, "networks": networks, "parts": parts}


def text_facts(text: str) -> dict[str, Any]:
    chunks = chunked(text, clip_tokenizer(), WORDS)
    names = {WORDS.ids(word.name)[0]: word.name for word in WORDS.words}
    places = [[[i - 1, names[token]] for i, token in enumerate(row) if token in names] for row in chunks.ids]
    pieces = [list(piece) for piece in emphasis(text)]
    return {"pieces": pieces, "words": list(chunks.lengths), "embeddings": places}


def told(example: dict[str, Any]) -> str:
    """An answer in the words of the document."""
    said = [f"{kind} {name}: text encoders {te:g}, UNet {unet:g}" for kind, name, te, unet in example["networks"]]
    for part in example["parts"]:
        weight = "" if part["weight"] == 1 else f" (weight {part['weight']:g})"
        runs = [(text, len(list(steps))) for text, steps in groupby(part["read"])]
        first = 1
        for text, count in runs:
            steps = "" if len(runs) == 1 else f"{first}: " if count == 1 else f"{first}-{first + count - 1}: "
            said.append(f"{steps}{_told_text(part['texts'][text])}{weight}")
            first += count
    return "; ".join(said)


def _told_text(facts: dict[str, Any]) -> str:
    pieces = [
        "next chunk" if piece == ["BREAK", -1] else f"`{_shortened(piece[0])}`" + _times(piece[1])
        for piece in facts["pieces"]
    ]
    chunks = f" in chunks of {' and '.join(map(str, facts['words']))} words" if len(facts["words"]) > 1 else ""
    vectors = [f"{name} from word {at + 1} on" for row in facts["embeddings"] for at, name in row]
    return ", ".join(pieces) + chunks + (f" with {' and '.join(vectors)}" if vectors else "")


def _times(weight: float) -> str:
    return "" if weight == 1 else f" × {weight:.4g}"


def _shortened(text: str) -> str:
    text = text.replace("|", "\\|")
    return text if len(text) < 60 else text[:20] + " … " + text[-20:]
