"""Words with vectors of their own: only the prompts that hold them change, and detaching leaves nothing behind."""

from __future__ import annotations

import pytest
import torch

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.prompts import TokenChunks, tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Backbone
from kohya_like.families.components import text_body
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors, embedding_width
from kohya_like.schema.errors import UserError
from tests.tiny_runs import base

FAMILIES = ("sd1", "sd2", "sdxl")
PLAIN = ("a red square", "my cat", "cat-my", "")
OWN = "a photo of my-cat, flat"


def vectors(backbone: Backbone, count: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    parts = [spec.part for spec in backbone.family.text_encoders]
    return {part: torch.randn(count, embedding_width(backbone, part), generator=generator) for part in parts}


def tokens(text: str, words: Placeholders | None = None) -> TokenChunks:
    return tokenize(text, clip_tokenizer(), placeholders=words)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_prompts_are_exactly_unchanged(family: str) -> None:
    backbone = load_backbone(base(family).folder)
    words = Placeholders([Placeholder("my-cat", 2)])
    alone = backbone.encode_prompts([tokens(text) for text in PLAIN])
    beside = backbone.encode_prompts([tokens(text) for text in (*PLAIN, OWN)])
    own = PlaceholderVectors(backbone, {"my-cat": vectors(backbone)})
    own.attach()
    with_words = backbone.encode_prompts([tokens(text, words) for text in PLAIN])
    mixed = backbone.encode_prompts([tokens(text, words) for text in (*PLAIN, OWN)])
    own.detach()
    after = backbone.encode_prompts([tokens(text) for text in PLAIN])
    assert torch.equal(with_words.hidden, alone.hidden) and torch.equal(after.hidden, alone.hidden)
    assert torch.equal(mixed.hidden[:-1], beside.hidden[:-1])
    assert not torch.allclose(mixed.hidden[-1], beside.hidden[-1]), "the control: its own prompt has changed"
    if alone.pooled is not None:
        assert with_words.pooled is not None and torch.equal(with_words.pooled, alone.pooled)
        assert mixed.pooled is not None and beside.pooled is not None
        assert not torch.allclose(mixed.pooled[-1], beside.pooled[-1])


def test_the_rows_are_those_of_the_word_in_their_order() -> None:
    """Vectors that are those of two words draw what these words draw."""
    backbone = load_backbone(base("sd1").folder)
    red, square = clip_tokenizer().encode("red square")
    table = text_body(backbone.text_encoders[0]).embeddings.token_embedding.weight  # type: ignore[union-attr]
    own = PlaceholderVectors(backbone, {"zxq": {"text_encoder": table[[red, square]].detach().clone()}})
    own.attach()
    words = Placeholders([Placeholder("zxq", 2)])
    found = backbone.encode_prompts([tokens("a zxq, flat", words)]).hidden
    own.detach()
    assert torch.equal(found, backbone.encode_prompts([tokens("a red square, flat")]).hidden)


def test_gradient_reaches_the_vectors_and_nothing_else() -> None:
    backbone = load_backbone(base("sdxl").folder)
    rows = {part: r.requires_grad_(True) for part, r in vectors(backbone).items()}
    own = PlaceholderVectors(backbone, {"my-cat": rows})
    own.attach()
    backbone.encode_prompts([tokens(OWN, Placeholders([Placeholder("my-cat", 2)]))]).hidden.sum().backward()
    assert all(r.grad is not None and r.grad.abs().sum() > 0 for r in rows.values())
    assert all(p.grad is None for encoder in backbone.text_encoders for p in encoder.parameters())
    with pytest.raises(RuntimeError):
        own.attach()


def test_what_does_not_fit_is_said() -> None:
    backbone = load_backbone(base("sdxl").folder)
    good = vectors(backbone)
    for bad, said in (
        ({"text_encoder": good["text_encoder"]}, "XL reads text_encoder, text_encoder_2"),
        ({**good, "text_encoder": torch.zeros(2, 768)}, "768 wide"),
        ({**good, "text_encoder": good["text_encoder"][:1]}, "different number"),
    ):
        with pytest.raises(UserError, match=said):
            PlaceholderVectors(backbone, {"x-y": bad})
