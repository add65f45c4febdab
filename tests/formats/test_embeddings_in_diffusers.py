"""Every kind of embedding file that we write, in diffusers: the same vectors, the same outputs, without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file
from torch import Tensor

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.backbone import Conditioning
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors, embedding_width
from kohya_like.formats.embeddings import BUNDLE, Embedding, write_embedding
from tests.tiny_runs import Run, base

WORD, PROMPT, COUNT = "my-cat", "a my-cat, flat", 3
SUFFIXES = (".pt", ".safetensors", ".bin")
FAMILIES = ("sd1", "sd2", "sdxl")
DEFAULT = {("sd1", ".pt"), ("sd2", ".bin"), ("sdxl", ".safetensors")}


@cache
def embedding(family: str) -> Embedding:
    """Vectors of the size of ordinary words."""
    backbone, generator = load_backbone(base(family).folder), torch.Generator().manual_seed(4)
    widths = {spec.part: embedding_width(backbone, spec.part) for spec in backbone.family.text_encoders}
    vectors = {part: 0.05 * torch.randn(COUNT, width, generator=generator) for part, width in widths.items()}
    return Embedding(WORD, vectors, step=7)


def ours(family: str) -> tuple[Conditioning, Tensor]:
    """What the model reads, and what its UNet then says."""
    backbone, found = load_backbone(base(family).folder), embedding(family)
    PlaceholderVectors(backbone, {WORD: found.vectors}).attach()
    words = Placeholders([Placeholder(WORD, COUNT)])
    read = backbone.encode_prompts([tokenize(PROMPT, clip_tokenizer(), placeholders=words)])
    read = read.with_geometry([(64, 64)], [(0, 0)], [(64, 64)])
    with torch.no_grad():
        return read, backbone.predict(noisy(), torch.tensor([500]), read)


def noisy() -> Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def pipeline(family: str) -> Any:
    kind = StableDiffusionXLPipeline if family == "sdxl" else StableDiffusionPipeline
    return kind.from_pretrained(str(base(family).folder), local_files_only=True)


def pairs(pipe: Any, family: str) -> dict[str, tuple[Any, Any]]:
    """(tokenizer, text encoder) by our name of the encoder."""
    found = {"text_encoder": (pipe.tokenizer, pipe.text_encoder)}
    return found | ({"text_encoder_2": (pipe.tokenizer_2, pipe.text_encoder_2)} if family == "sdxl" else {})


def load(pipe: Any, family: str, path: Path) -> None:
    """As a person does it: the file; of SDXL each encoder's vectors out of it."""
    if family != "sdxl":
        pipe.load_textual_inversion(str(path.parent), weight_name=path.name, token=WORD, local_files_only=True)
        return
    state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    for key, (tokenizer, encoder) in zip(("clip_l", "clip_g"), pairs(pipe, family).values()):
        pipe.load_textual_inversion(state[key], token=WORD, tokenizer=tokenizer, text_encoder=encoder)


@pytest.mark.parametrize(
    ("family", "suffix"),
    [
        pytest.param(family, suffix, marks=[] if (family, suffix) in DEFAULT else pytest.mark.full)
        for family in FAMILIES
        for suffix in SUFFIXES
    ],
)
def test_diffusers_reads_it(family: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"{WORD}{suffix}"
    write_embedding(path, embedding(family))
    pipe = pipeline(family)
    without = theirs(pipe, family)[0]
    load(pipe, family, path)
    tokens = [WORD, *(f"{WORD}_{number}" for number in range(1, COUNT))]
    for part, (tokenizer, encoder) in pairs(pipe, family).items():
        rows = encoder.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(tokens)]
        assert torch.equal(rows, embedding(family).vectors[part]), "bit for bit"
    hidden, pooled, said = theirs(pipe, family)
    read, wanted = ours(family)
    assert torch.equal(hidden, read.hidden) and torch.equal(said, wanted)
    assert pooled is None or (read.pooled is not None and torch.equal(pooled, read.pooled))
    assert not torch.allclose(without, hidden, atol=1e-4), "control"


def theirs(pipe: Any, family: str) -> tuple[Tensor, Tensor | None, Tensor]:
    """Hidden states, pooled vector and the UNet's word, by diffusers alone."""
    encoded = pipe.encode_prompt(PROMPT, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False)
    more: dict[str, Any] = {}
    if family == "sdxl":
        more = {"added_cond_kwargs": {"text_embeds": encoded[2], "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]])}}
    with torch.no_grad():
        said = pipe.unet(noisy(), torch.tensor([500]), encoded[0], **more).sample
    return encoded[0], encoded[2] if family == "sdxl" else None, said


def test_its_own_name_is_the_token_where_none_is_given(tmp_path: Path) -> None:
    for suffix in (".pt", ".bin"):
        write_embedding(tmp_path / f"file{suffix}", embedding("sd1"))
        pipe = pipeline("sd1")
        pipe.load_textual_inversion(str(tmp_path), weight_name=f"file{suffix}", local_files_only=True)
        assert WORD in pipe.tokenizer.get_vocab()


def test_pivotal_tuning_without_the_word_inside(tmp_path: Path) -> None:
    """What docs/methods.md says of diffusers: it refuses the file for the word in it, and takes the rest."""
    run = Run(tmp_path, "sd1", method__name="pivotal", method__token_string=WORD, train__max_train_steps=1).train()
    pipe = pipeline("sd1")
    with pytest.raises(ValueError, match="Invalid LoRA checkpoint"):
        pipe.load_lora_weights(str(run.file))
    pipe.load_lora_weights({name: rows for name, rows in run.weights.items() if not name.startswith(BUNDLE)})
    assert pipe.get_list_adapters().keys() == {"unet", "text_encoder"}
    pipe.load_textual_inversion(str(run.file.parent), weight_name="tiny.pt", token=WORD, local_files_only=True)
    assert WORD in pipe.tokenizer.get_vocab()
