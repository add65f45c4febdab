"""The captioner on a tiny BLIP with random weights: what transformers itself says, and folders that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipImageProcessorPil

from dataset_tools.proposals import Proposal
from dataset_tools.tagger_settings import BlipSettings
from dataset_tools.taggers.blip import BlipTagger, open_blip, prepared
from dataset_tools.taggers.opening import open_tagger
from dataset_tools.taggers.pipeline import outcomes
from kohya_like.schema.errors import FormatError
from tests.dataset_tools.taggers.tiny_taggers import BLIP_WORDS, picture, tiny_blip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_blip(tmp_path_factory.mktemp("blip"))


def colourful(size: tuple[int, int] = (50, 34)) -> Image.Image:
    return Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 50).convert("RGB")


def test_pictures_are_prepared_as_transformers_does() -> None:
    theirs = BlipImageProcessorPil(size={"height": 32, "width": 32})(colourful(), return_tensors="pt").pixel_values[0]
    assert torch.allclose(prepared(colourful(), 32), theirs, atol=1e-5)


@pytest.mark.parametrize(("prompt", "beams"), [("", 1), ("", 3), ("a photo of", 2)])
def test_sentences_are_those_of_the_model(folder: Path, tmp_path: Path, prompt: str, beams: int) -> None:
    paths = [picture(tmp_path / "red.png", "red"), tmp_path / "b.png"]
    colourful().save(paths[1])
    tagger = open_tagger(BlipSettings(str(folder), prompt=prompt, tokens=6, beams=beams, batch=2))
    found = list(outcomes(tagger, [str(path) for path in paths]))
    assert [type(one) for one in found] == [Proposal, Proposal]
    model = BlipForConditionalGeneration.from_pretrained(folder).eval()
    for path, one in zip(paths, found):
        assert isinstance(one, Proposal)
        pixels = prepared(Image.open(path).convert("RGB"), 32)[None]
        begin = torch.tensor([[2, *(BLIP_WORDS.index(word) for word in prompt.split()), 3]]) if prompt else None
        row = model.generate(
            pixels, input_ids=begin, max_new_tokens=6, num_beams=beams, do_sample=False, no_repeat_ngram_size=3
        )[0]
        words = [BLIP_WORDS[i] for i in row.tolist() if 5 <= i < len(BLIP_WORDS)]
        assert one.sentence.split() == words and one.scores == {}
        assert one.sentence.startswith(prompt)


def test_a_picture_makes_a_difference(folder: Path, tmp_path: Path) -> None:
    tagger = open_blip(BlipSettings(str(folder), tokens=8, beams=1))
    assert isinstance(tagger, BlipTagger)
    sentences = set()
    for colour in ("red", "blue", "white", "black", "lime"):
        path = picture(tmp_path / f"{colour}.png", colour)
        sentences.add(tagger.look([tagger.prepare(path)])[0].sentence)
    assert len(sentences) > 1


def test_pickles_are_not_opened(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(FormatError, match=r"has no model\.safetensors; pickles are not opened"):
        open_blip(BlipSettings(str(tmp_path)))


def changed(folder: Path, target: Path, **values: object) -> Path:
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for key, value in values.items():
        part, _, name = key.rpartition("__")
        (config[part] if part else config)[name] = value
    (target / "config.json").write_text(json.dumps(config), "utf-8")
    return target


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model_type": "clip"}, "is 'clip', no BLIP"),
        ({"text_config__num_hidden_layers": 10**9}, r"num_hidden_layers is 1000000000; at most 64 makes sense"),
        ({"vision_config__hidden_size": 10**7}, "hidden_size is 10000000; at most 16384 makes sense"),
        ({"vision_config__image_size": 100_000}, "image_size is 100000; at most 1024"),
        ({"text_config__num_hidden_layers": 3}, "tensors are missing: text_decoder"),
        ({"text_config__hidden_size": 64}, "no captioner can be made of it|have another shape|are missing"),
    ],
)
def test_configs_that_do_not_fit(folder: Path, tmp_path: Path, values: dict[str, object], sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        open_blip(BlipSettings(str(changed(folder, tmp_path, **values))))


def test_code_beside_the_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    target = changed(folder, tmp_path, auto_map={"AutoModel": "evil.Model", "AutoTokenizer": ["evil.Words", None]})
    (target / "evil.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: ...\nclass Words: ...\n", "utf-8"
    )
    (target / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["evil.Words", None]}, "tokenizer_class": "Words"}), "utf-8"
    )
    open_blip(BlipSettings(str(target)))
    assert not (tmp_path / "ran").exists()


def test_a_truncated_file_and_a_folder_that_is_none(folder: Path, tmp_path: Path) -> None:
    target = changed(folder, tmp_path)
    (target / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(FormatError, match="no captioner can be made of it"):
        open_blip(BlipSettings(str(target)))
    with pytest.raises(FormatError, match="there is no such folder"):
        open_blip(BlipSettings("Salesforce/blip-image-captioning-base"))  # a name of the hub: never fetched from here
