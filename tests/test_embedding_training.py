"""Whole trainings of an embedding: only its vectors move, and files give the same model again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.events import Sample
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors
from kohya_like.formats.embeddings import bundled_embeddings, read_embedding
from kohya_like.methods.words import first_vectors
from kohya_like.networks.network import Network
from kohya_like.schema.errors import UserError
from tests.tiny_runs import Run, base, same

NONE: dict[str, Any] = {"network__name": None, "network__dim": None, "network__alpha": None}
INVERSION: dict[str, Any] = {
    **NONE, "method__name": "textual_inversion", "method__token_string": "my-cat", "method__num_vectors_per_token": 2,
}  # fmt: skip
DREAM: dict[str, Any] = {
    **NONE, "method__name": "dreamartist", "method__token_string": "my-cat", "method__reconstruction_weight": 0.5,
}  # fmt: skip
PIVOTAL: dict[str, Any] = {"method__name": "pivotal", "method__token_string": "my-cat"}
METHODS = {"textual_inversion": INVERSION, "dreamartist": DREAM, "pivotal": PIVOTAL}
FAMILIES = ("sd1", "sd2", "sdxl")


def prediction(backbone: Backbone, words: Placeholders | None, text: str) -> Tensor:
    conditioning = backbone.encode_prompts([tokenize(text, clip_tokenizer(), placeholders=words)])
    conditioning = conditioning.with_geometry([(64, 64)], [(0, 0)], [(64, 64)])
    noisy = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return backbone.predict(noisy, torch.tensor([500]), conditioning)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "family", [pytest.param("sd1"), *(pytest.param(f, marks=pytest.mark.full) for f in FAMILIES[1:])]
)
def test_three_steps_then_the_files_give_the_same_model(tmp_path: Path, family: str, method: str) -> None:
    run = Run(tmp_path, family, **METHODS[method])
    trainer = run.build()
    backbone = trainer.learner._backbone  # type: ignore[attr-defined]
    before = prediction(load_backbone(base(family).folder), None, "a red square")
    assert trainer.train().reason == "done"
    words = trainer.method.placeholders
    trained = prediction(backbone, words, "a my-cat, flat")
    with trainer.method.disabled():
        assert torch.equal(prediction(backbone, None, "a red square"), before), "the base model is as it was"
    if method != "pivotal":
        assert torch.equal(prediction(backbone, words, "a red square"), before), "and so is every other prompt"

    again = load_backbone(base(family).folder)
    files = sorted((tmp_path / "out").iterdir())
    embedding = read_embedding(next(f for f in files if f.name in ("tiny.pt", "tiny.safetensors")))
    PlaceholderVectors(again, {"my-cat": embedding.vectors}).attach()
    if method == "pivotal":
        (inside,) = bundled_embeddings(load_file(run.file), str(run.file)).values()
        assert inside.name == "my-cat" and same(inside.vectors, embedding.vectors)
        Network.from_file(run.file, again.parts(), again.family.name).eval().attach()
    own = Placeholders([Placeholder("my-cat", len(embedding))])
    assert torch.equal(prediction(again, own, "a my-cat, flat"), trained)
    assert not torch.allclose(trained, before)
    if method == "dreamartist":
        assert [f.name for f in files] == ["tiny-neg.pt", "tiny.pt"]
        assert read_embedding(files[0]).inner_name == ("" if family == "sdxl" else "my-cat-neg")
        assert len(read_embedding(files[0])) == 6


def test_first_values_are_webui_s_and_a_file_goes_on(tmp_path: Path) -> None:
    backbone = load_backbone(base("mini").folder)
    table = backbone.text_encoders[0].embeddings.token_embedding.weight  # type: ignore[union-attr]
    red, square = clip_tokenizer().encode("red square")
    rows = first_vectors(backbone, "red square", 3)["text_encoder"]
    assert torch.equal(rows, table[[red, red, square]])  # type: ignore[index]
    first = Run(tmp_path / "a", **INVERSION, method__save_model_as="all").train()
    assert {f.suffix for f in (tmp_path / "a/out").iterdir()} == {".safetensors", ".pt", ".bin", ".png"}
    still = {"optimizer__learning_rate": 1e-12, "train__max_train_steps": 1}
    for file in sorted((tmp_path / "a/out").iterdir()):
        on = Run(tmp_path / file.suffix[1:], **INVERSION, **still, method__weights=str(file)).train()
        then, now = read_embedding(file).vectors["text_encoder"], read_embedding(on.file).vectors["text_encoder"]
        assert torch.allclose(then, now, atol=1e-6), file.name
    assert not torch.allclose(read_embedding(first.file).vectors["text_encoder"], table[[red, red]], atol=1e-3)  # type: ignore[index]


def test_previews_use_the_vectors_of_the_moment_and_no_cache(tmp_path: Path) -> None:
    drawn = Run(
        tmp_path, **INVERSION, train__max_train_steps=2, optimizer__learning_rate=1.0,
        sample__prompts=["my-cat --s 1", "a red square --s 1"], sample__sample_every_n_steps=2,
    ).train()  # fmt: skip
    assert "encode captions" not in drawn.phases and "cache" in drawn.phases
    files = {(s.step, s.index): Path(s.path).read_bytes() for s in drawn.all(Sample)}
    assert files[0, 1] == files[2, 1], "another prompt: the same picture, to the byte"
    assert files[0, 0] != files[2, 0]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"method__token_string": "cat"}, "knows already"),
        ({"method__init_word": " "}, "no tokens"),
        ({"method__weights": "SDXL"}, "wide"),
        ({"method__weights": "SD1", "method__num_vectors_per_token": 5}, "has 2 vectors"),
        ({"optimizer__learning_rate": 0.0}, "learning rate 0"),
    ],
)
def test_bad_input(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    if (family := changes.get("method__weights")) is not None:
        own = {**INVERSION, "train__max_train_steps": 1}
        changes = {**changes, "method__weights": str(Run(tmp_path / "w", family.lower(), **own).train().file)}
    with pytest.raises(UserError, match=said):
        Run(tmp_path / "run", **{**INVERSION, **changes}).build()


def test_a_picture_that_was_saved_as_a_jpeg_is_said(tmp_path: Path) -> None:
    first = Run(tmp_path / "first", **INVERSION, train__max_train_steps=1, method__save_model_as="png").train()
    with Image.open(first.file) as picture:
        picture.convert("RGB").save(tmp_path / "shared.jpg", quality=95)
    with pytest.raises(UserError, match=r"shared\.jpg: carries no embedding .* saved with loss"):
        Run(tmp_path / "next", **INVERSION, method__weights=str(tmp_path / "shared.jpg")).build()
