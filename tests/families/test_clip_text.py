"""Prompts encoded here against diffusers' pipelines, and the parts they leave to others: chunks, weights, padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Conditioning
from kohya_like.families.clip_text import END, START, emphasised, row_ids
from kohya_like.families.loading import load_backbone
from kohya_like.schema.errors import UserError
from tests.families.conftest import TinyModel

pytestmark = pytest.mark.quick

# No "!" in them: where it is the padding (SD2, SDXL), transformers' tokenizer reads it as padding also inside a prompt;
# ours reads it as the word it was when OpenCLIP was trained.
PROMPTS = ["a photo of a cat, masterpiece?", "", "sks ghost on a red background, 猫"]
Pipeline = Any


@dataclass(frozen=True)
class Words:
    ids: list[list[int]]
    weights: list[list[float]] | None = None
    mean_per_chunk: bool = False


def words(text: str) -> Words:
    return Words([clip_tokenizer().encode(text)])


@pytest.fixture(scope="module")
def pipelines(tiny_models: dict[str, TinyModel]) -> Callable[[str], Pipeline]:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    made: dict[str, Pipeline] = {}

    def of(family: str) -> Pipeline:
        if family not in made:
            kind = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
            made[family] = kind.from_pretrained(tiny_models[family].folder, torch_dtype=torch.float32)
            if family != "sdxl":  # diffusers 0.42 looks for the norm where transformers kept it before 5.6
                object.__setattr__(made[family].text_encoder, "text_model", made[family].text_encoder)
        return made[family]

    return of


def encoded_by(pipeline: Pipeline, prompts: list[str], clip_skip: int | None) -> Conditioning:
    """diffusers counts skipped layers from 0: its 1 is everyone else's 2."""
    skip = None if clip_skip is None else clip_skip - 1
    results = pipeline.encode_prompt(
        prompts, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False, clip_skip=skip
    )
    return Conditioning(results[0], results[2] if len(results) == 4 else None)


@pytest.mark.parametrize("clip_skip", [None, 2])
def test_like_the_pipelines(tiny: TinyModel, pipelines: Callable[[str], Pipeline], clip_skip: int | None) -> None:
    ours = load_backbone(tiny.folder, clip_skip=clip_skip).encode_prompts([words(p) for p in PROMPTS])
    theirs = encoded_by(pipelines(tiny.family), PROMPTS, None if tiny.family == "sdxl" else clip_skip)
    assert ours.hidden.shape == (3, 77, 40 if tiny.family == "sdxl" else 16)
    assert torch.equal(ours.hidden, theirs.hidden)
    if tiny.family == "sdxl":
        assert ours.pooled is not None and theirs.pooled is not None and torch.equal(ours.pooled, theirs.pooled)
    else:
        assert ours.pooled is None
    other = encoded_by(pipelines(tiny.family), PROMPTS, 3)
    assert not torch.allclose(ours.hidden, other.hidden, atol=1e-2), "the control reads another layer"


def test_rows_with_and_without_ends_are_the_same(tiny: TinyModel) -> None:
    backbone = load_backbone(tiny.folder)
    long = " ".join(["a cat and a dog"] * 14)  # 70 words
    for text in (*PROMPTS, long, long + " a b c d e f g"):
        given = tokenize(text, clip_tokenizer())
        cut = Words([list(clip_tokenizer().encode(text))[:75]])
        assert torch.equal(backbone.encode_prompts([given]).hidden, backbone.encode_prompts([cut]).hidden)


def test_padding_follows_the_encoder() -> None:
    assert row_ids([320, 2368], 0) == [START, 320, 2368, END, *[0] * 73]
    assert row_ids([START, 320, 2368, *[END] * 74], 0) == [START, 320, 2368, END, *[0] * 73]
    assert row_ids(list(range(75)), END) == [START, *range(75), END]
    assert row_ids([], END) == [START, *[END] * 76]
    with pytest.raises(ValueError, match="at most 75"):
        row_ids(list(range(76)), 0)


def test_long_prompts_are_chunks_in_a_row(tiny: TinyModel) -> None:
    backbone = load_backbone(tiny.folder)
    tokens = clip_tokenizer()
    text = " ".join(["a small red cat beside a house"] * 15)  # 105 words
    both = backbone.encode_prompts([tokenize(text, tokens, 150), words("a dog")])
    ids = tokens.encode(text)
    first, second = (backbone.encode_prompts([Words([part])]) for part in (ids[:75], ids[75:]))
    torch.testing.assert_close(both.hidden[:1], torch.cat([first.hidden, second.hidden], 1), rtol=1e-5, atol=1e-5)
    dog, empty = backbone.encode_prompts([words("a dog")]), backbone.encode_prompts([words("")])
    torch.testing.assert_close(both.hidden[1:], torch.cat([dog.hidden, empty.hidden], 1), rtol=1e-5, atol=1e-5)
    alone = backbone.encode_prompts([words("a dog")], chunks=2)
    torch.testing.assert_close(both.hidden[1:], alone.hidden, rtol=1e-5, atol=1e-5)
    if first.pooled is not None and both.pooled is not None and dog.pooled is not None:
        torch.testing.assert_close(both.pooled, torch.cat([first.pooled, dog.pooled]), rtol=1e-5, atol=1e-5)


class TestWeights:
    def test_formula(self) -> None:
        hidden = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0)) + 0.5
        weights = torch.tensor([[1.0, 1.5, 0.5, 1.0, 1.0], [1.0] * 5])
        result = emphasised(hidden, weights)
        scaled = hidden[0] * weights[0][:, None]
        torch.testing.assert_close(result[0], scaled * (hidden[0].mean() / scaled.mean()))
        assert torch.equal(result[1], hidden[1])
        assert abs(float(result[0].mean() - hidden[0].mean())) < 1e-6

    def test_in_a_prompt(self, tiny: TinyModel) -> None:
        backbone = load_backbone(tiny.folder)
        tokens = clip_tokenizer()
        plain = backbone.encode_prompts([tokenize("a red cat", tokens)])
        one = backbone.encode_prompts([tokenize("a (red:1.0) cat", tokens, weighted=True)])
        assert torch.equal(plain.hidden, one.hidden)
        more = backbone.encode_prompts([tokenize("a (red:1.5) cat", tokens, weighted=True), words("a red cat")])
        torch.testing.assert_close(more.hidden[1], plain.hidden[0], rtol=1e-5, atol=1e-5)
        ratio = (more.hidden[0] / plain.hidden[0]).median(dim=-1).values  # [77], one number per token and encoder
        assert abs(float(ratio[2] / ratio[1]) - 1.5) < 1e-3 and abs(float(ratio[3] / ratio[1]) - 1) < 1e-3
        if plain.pooled is not None and more.pooled is not None:
            torch.testing.assert_close(more.pooled[0], plain.pooled[0], rtol=1e-5, atol=1e-5)

    def test_word_rows(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone = load_backbone(tiny_models["sdxl"].folder)
        full = tokenize("a (red:1.5) cat", clip_tokenizer(), weighted=True)
        assert full.weights is not None
        short = Words([list(full.ids[0][1:4])], [list(full.weights[0][1:4])])
        assert torch.equal(backbone.encode_prompts([full]).hidden, backbone.encode_prompts([short]).hidden)


def test_clip_skip_beyond_the_layers(tiny_models: dict[str, TinyModel]) -> None:
    backbone = load_backbone(tiny_models["sd1"].folder, clip_skip=4)
    with pytest.raises(UserError, match=r"model.clip_skip = 4: the text encoder has 3 layers"):
        backbone.encode_prompts([words("a cat")])


def test_pooled_vector_survives_new_tokens(tiny_models: dict[str, TinyModel]) -> None:
    """It is taken at the first end token, whatever ids textual inversion adds above it."""
    backbone = load_backbone(tiny_models["sdxl"].folder)
    encoder = backbone.part("text_encoder_2")
    ids = row_ids([320, 2368], 0)

    def pooled(row: list[int]) -> Tensor:
        output = encoder(input_ids=torch.tensor([row]), output_hidden_states=True)
        return encoder.text_projection(output.last_hidden_state[0, row.index(END)])  # type: ignore[operator,no-any-return]

    result = backbone.encode_prompts([Words([[320, 2368]])]).pooled
    assert result is not None
    torch.testing.assert_close(result[0], pooled(ids))
    assert encoder.text_model.eos_token_id == END  # type: ignore[union-attr]


def test_gradients_reach_the_text_encoders(tiny: TinyModel) -> None:
    def gradients(checkpointing: bool) -> list[Tensor]:
        backbone = load_backbone(tiny.folder)
        if checkpointing:
            backbone.enable_gradient_checkpointing()
        trained = [e.get_submodule(_layer(e)).weight.requires_grad_(True) for e in backbone.text_encoders]  # type: ignore[union-attr,operator]
        cond = backbone.encode_prompts([words(p) for p in PROMPTS])
        total = cond.hidden.square().mean() + (0 if cond.pooled is None else cond.pooled.square().mean())
        total.backward()
        return [weight.grad for weight in trained]

    plain, again = gradients(False), gradients(True)
    for first, second in zip(plain, again, strict=True):
        assert first is not None and float(first.abs().max()) > 0
        torch.testing.assert_close(first, second, rtol=1e-6, atol=1e-9)


def _layer(encoder: torch.nn.Module) -> str:
    return next(name for name, _ in encoder.named_modules() if name.endswith("layers.0.self_attn.q_proj"))


def test_checkpointing_really_recomputes(tiny_models: dict[str, TinyModel]) -> None:
    calls = []
    backbone = load_backbone(tiny_models["sd1"].folder)
    backbone.enable_gradient_checkpointing()
    encoder = backbone.text_encoders[0]
    encoder.requires_grad_(True)
    encoder.get_submodule("encoder.layers.1.mlp.fc1").register_forward_hook(lambda *_: calls.append(1))
    backbone.encode_prompts([words("a cat")]).hidden.sum().backward()
    assert len(calls) == 2
