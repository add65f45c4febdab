"""Aesthetic gradients beside the extension's formula written out, and the image towers that give them their target."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from kohya_like.data.prompts import TokenChunks, tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.families.aesthetic import Aesthetic, AestheticEncoder
from kohya_like.families.backbone import Backbone
from kohya_like.families.base import family
from kohya_like.families.clip_text import row_ids
from kohya_like.families.image_tower import ImageTower, build_image_tower, open_image_tower
from kohya_like.schema.errors import FormatError, UserError
from tests.families.tiny_models import modules

VISION = {
    "hidden_size": 16, "intermediate_size": 32, "projection_dim": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip


def backbone(name: str) -> Backbone:
    return Backbone(family(name), modules(name))


def tower(lent: tuple[int, int] | None = (24, 16)) -> ImageTower:
    torch.manual_seed(3)
    model = build_image_tower(VISION).eval()
    return ImageTower(model, 32, torch.randn(lent) if lent else None)


def prompt(text: str, length: int = 75) -> TokenChunks:
    return tokenize(text, clip_tokenizer(), length, False)


def vector() -> Tensor:
    return torch.randn(24, generator=torch.Generator().manual_seed(5))


def as_the_extension_does(encoder: nn.Module, projection: Tensor, tokens: Tensor, target: Tensor, steps: int) -> Tensor:
    """The last hidden states of a copy after Adam's steps."""
    model = copy.deepcopy(encoder)
    model.requires_grad_(True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    wanted = target / target.norm()
    for _ in range(steps):
        text = model(input_ids=tokens).pooler_output @ projection.T
        text = text / text.norm(dim=-1, keepdim=True)
        loss = -(wanted[None] @ text.T).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model(input_ids=tokens).last_hidden_state.detach()


def test_it_is_the_extensions_formula() -> None:
    model, image_tower = backbone("sd1"), tower()
    found = AestheticEncoder(model, image_tower, Aesthetic(vector(), 0.7, 4, 1e-3))([prompt("a red cat")])
    tokens = torch.tensor([row_ids(prompt("a red cat").ids[0], 49407)])
    plain = model.encode_prompts([prompt("a red cat")]).hidden
    assert image_tower.text_projection is not None
    pulled = as_the_extension_does(model.text_encoders[0], image_tower.text_projection, tokens, vector(), 4)
    assert torch.allclose(found.hidden, 0.3 * plain + 0.7 * pulled, atol=1e-5)
    assert float((found.hidden - plain).abs().max()) > 0.01, "it does something"


def test_the_encoder_is_as_before_and_each_prompt_starts_anew() -> None:
    model = backbone("sd1")
    before = {name: value.clone() for name, value in model.text_encoders[0].state_dict().items()}
    encode = AestheticEncoder(model, tower(), Aesthetic(vector(), steps=3, learning_rate=1e-2))
    both = encode([prompt("a red cat"), prompt("a blue dog on a sofa")]).hidden
    assert all(torch.equal(value, before[name]) for name, value in model.text_encoders[0].state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.text_encoders[0].parameters())
    alone = encode([prompt("a blue dog on a sofa")]).hidden
    assert torch.allclose(both[1], alone[0], atol=1e-6)


@pytest.mark.parametrize("nothing", [{"weight": 0.0}, {"steps": 0}, {"learning_rate": 0.0}])
def test_without_strength_it_changes_nothing(nothing: dict[str, float]) -> None:
    model = backbone("sd1")
    prompts = [prompt("a cat"), prompt(", ".join(["a very long prompt"] * 40), 225)]
    plain = model.encode_prompts(prompts).hidden
    assert plain.shape[1] > 77
    pulled = AestheticEncoder(model, tower(), Aesthetic(vector(), **{"learning_rate": 1e-2, **nothing}))(prompts)  # type: ignore[arg-type]
    assert torch.allclose(pulled.hidden, plain, atol=1e-6)


def test_more_steps_come_nearer_to_the_pictures() -> None:
    model, image_tower = backbone("sd1"), tower()
    tokens = torch.tensor([row_ids(prompt("a cat").ids[0], 49407)])
    target = vector() / vector().norm()

    def likeness(steps: int) -> float:
        encoder = AestheticEncoder(model, image_tower, Aesthetic(vector(), steps=steps, learning_rate=1e-3))
        with encoder._tuned(model.text_encoders[0], tokens[0].tolist()), torch.no_grad():
            text = encoder._text_features(model.text_encoders[0], tokens)[0]
        return float(text @ target / text.norm())

    assert likeness(0) < likeness(5) < likeness(20)


def test_a_text_turns_the_target() -> None:
    model = backbone("sd1")
    targets = {
        name: AestheticEncoder(model, tower(), Aesthetic(vector(), **given))._target(model.text_encoders[0])  # type: ignore[arg-type]
        for name, given in {
            "none": {}, "still": {"text": prompt("oil"), "angle": 0.0}, "turned": {"text": prompt("oil"), "angle": 0.3},
            "away": {"text": prompt("oil"), "angle": 0.3, "text_negative": True},
        }.items()
    }  # fmt: skip
    assert torch.allclose(targets["none"], targets["still"], atol=1e-6)
    assert all(abs(float(target.norm()) - 1) < 1e-5 for target in targets.values())
    assert not torch.allclose(targets["turned"], targets["away"], atol=1e-3)
    assert not torch.allclose(targets["turned"], targets["none"], atol=1e-3)


def test_sdxl_pulls_the_encoder_that_has_the_towers_width() -> None:
    model = backbone("sdxl")  # its second encoder projects to 24
    plain = model.encode_prompts([prompt("a cat")])
    pulled = AestheticEncoder(model, tower(None), Aesthetic(vector(), learning_rate=1e-2))([prompt("a cat")])
    assert torch.equal(pulled.hidden[..., :16], plain.hidden[..., :16])
    assert not torch.allclose(pulled.hidden[..., 16:], plain.hidden[..., 16:], atol=1e-3)
    assert pulled.pooled is not None and plain.pooled is not None
    assert not torch.allclose(pulled.pooled, plain.pooled, atol=1e-3)


def test_a_tower_of_another_model_is_refused() -> None:
    with pytest.raises(UserError, match=r"vectors of 24 numbers, which no text encoder of this model shares"):
        AestheticEncoder(backbone("sd1"), tower(None), Aesthetic(vector()))
    with pytest.raises(UserError, match="has 9 numbers, the image tower makes 24"):
        AestheticEncoder(backbone("sd1"), tower(), Aesthetic(torch.ones(9)))


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole CLIP model as transformers saves it."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(text_config={**text, "vocab_size": 100}, vision_config=VISION, projection_dim=24)
    CLIPModel(config).save_pretrained(folder)
    return folder


def test_a_whole_clip_model_is_read_as_transformers_reads_it(clip_folder: Path) -> None:
    theirs, ours = CLIPModel.from_pretrained(clip_folder).eval(), open_image_tower(clip_folder)
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 255, (50, 40, 3), dtype=np.uint8))
    wanted = theirs.get_image_features(pixel_values=ours.prepared(picture)[None])
    wanted = getattr(wanted, "pooler_output", wanted)
    assert torch.allclose(ours.features([picture]), wanted, atol=1e-5)
    assert ours.text_projection is not None and torch.equal(ours.text_projection, theirs.text_projection.weight)


def test_a_picture_is_cut_to_its_middle_and_normalised() -> None:
    picture = Image.new("RGB", (64, 32), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 0, 16, 32))
    picture.paste((0, 0, 255), (48, 0, 64, 32))
    pixels = tower().prepared(picture)
    assert pixels.shape == (3, 32, 32)
    assert torch.allclose(pixels[0], torch.full((32, 32), (1 - 0.48145466) / 0.26862954))
    assert torch.allclose(pixels[2], torch.full((32, 32), (0 - 0.40821073) / 0.27577711))


@pytest.mark.parametrize(
    ("config", "tensors", "said"),
    [
        (None, {}, "config.json: cannot be read (No such file"),
        ("[1]", {}, "is not the config of a CLIP model"),
        ("{", {}, "cannot be read (it is no JSON)"),
        ("{}", None, "no weights: neither model.safetensors nor pytorch_model.bin"),
        (json.dumps(VISION), {"x": torch.ones(1)}, "tensors are missing"),
        (json.dumps({**VISION, "num_hidden_layers": 10**9}), {"x": torch.ones(1)}, "at most 64 makes sense"),
        (json.dumps({**VISION, "hidden_act": "evil"}), {"x": torch.ones(1)}, "no image tower can be built"),
    ],
)
def test_what_is_no_tower_is_refused(
    tmp_path: Path, config: str | None, tensors: dict[str, Tensor] | None, said: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    if tensors:
        save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(FormatError) as error:
        open_image_tower(tmp_path)
    assert said in str(error.value)
