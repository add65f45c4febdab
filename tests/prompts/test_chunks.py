"""Chunks: 75 words each, commas, embeddings whole; and how they are encoded."""

from __future__ import annotations

import pytest
import torch

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.families.loading import load_backbone
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompts.chunks import chunked
from kohya_like.prompts.emphasis import emphasis
from kohya_like.prompts.errors import PromptError
from kohya_like.prompts.prompt import read_prompt
from tests.tiny_runs import base


def lengths(text: str, placeholders: Placeholders | None = None) -> tuple[int, ...]:
    return chunked(text, clip_tokenizer(), placeholders).lengths


def test_full_chunks_and_one_more() -> None:
    assert lengths("cat " * 75) == (75,) and lengths("cat " * 76) == (75, 1) and lengths("") == (0,)
    row = chunked("a cat", clip_tokenizer(), at_least=2)
    assert row.ids[0][:4] == (START, 320, 2368, END) and row.ids[1][:2] == (START, END) and row.weights is None


@pytest.mark.parametrize(("before", "after", "expected"), [(55, 20, (56, 20)), (54, 21, (75, 1)), (74, 1, (75, 1))])
def test_what_follows_a_comma_near_the_end_moves(before: int, after: int, expected: tuple[int, int]) -> None:
    assert lengths("cat " * before + "," + " dog" * after) == expected


def test_an_embedding_is_never_cut() -> None:
    words = Placeholders([Placeholder("my-cat", 10), Placeholder("huge", 76)])
    assert lengths("dog " * 70 + "my-cat", words) == (70, 10)
    assert lengths("dog " * 65 + "my-cat dog", words) == (75, 1)
    with pytest.raises(PromptError, match="an embedding of 76 vectors is longer than a chunk of 75 words"):
        lengths("huge", words)


def test_each_chunk_keeps_its_own_mean() -> None:
    """A1111's rule, recomputed from the plain encoding; captions keep the mean over all chunks, as kohya does."""
    backbone = load_backbone(base("mini").folder)
    text = "a (red:1.5) cat BREAK a [blue] dog BREAK plain"
    encoded = PromptEncoder(backbone).encode([text], 3).hidden[0]
    expected = []
    for chunk in text.split(" BREAK "):
        weights = torch.ones(77)
        plain = PromptEncoder(backbone).encode(["".join(piece for piece, _ in emphasis(chunk))], 1).hidden[0]
        at = 1
        for piece, weight in emphasis(chunk):
            count = len(clip_tokenizer().encode(piece))
            weights[at : at + count] = weight
            at += count
        weighted = plain * weights[:, None]
        expected.append(weighted * (plain.mean() / weighted.mean()))
    torch.testing.assert_close(encoded, torch.cat(expected), rtol=1e-5, atol=1e-6)


def test_texts_are_filled_up_alike_and_remembered() -> None:
    backbone = load_backbone(base("mini").folder)
    encoder = PromptEncoder(backbone)
    prompt = read_prompt("cat " * 100, "blurry", 4)
    assert encoder.chunks(prompt) == 2
    rows = encoder.encode(list(prompt.texts()), 2)
    assert rows.hidden.shape[1] == 2 * 77
    alone = encoder.encode(["blurry"], 1)
    assert torch.equal(rows.hidden[1, :77], alone.hidden[0]), "what fills up changes nothing before it"
    assert PromptEncoder(backbone, max_token_length=225).chunks(read_prompt("cat", "", 4)) == 3
    with torch.no_grad():
        backbone.text_encoders[0].get_input_embeddings().weight.mul_(2)  # type: ignore[operator]
    assert torch.equal(encoder.encode(["blurry"], 1).hidden, alone.hidden)
    encoder.forget()
    assert not torch.equal(encoder.encode(["blurry"], 1).hidden, alone.hidden)
