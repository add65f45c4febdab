"""Every marked cell of docs/methods.md: three steps, files that give the same model, a resume with the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from kohya_like.cli import main
from kohya_like.data.prompts import tokenize
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.events import Step
from kohya_like.families.aesthetic import Aesthetic, AestheticEncoder
from kohya_like.families.backbone import Backbone
from kohya_like.families.image_tower import build_image_tower, open_image_tower
from kohya_like.families.loading import load_backbone
from kohya_like.formats.aesthetic import read_aesthetic
from kohya_like.learner import Learner
from kohya_like.method_cells import ROWS, marked
from kohya_like.trainer import Trainer
from tests.formats.webui import safe
from tests.method_cases import CASES, FAMILIES, predictions
from tests.tiny_runs import Run, base, same

AESTHETIC = "aesthetic"
# By default a method trains on one family, and each family is trained by several; DreamBooth is tried once as the
# whole model (a fine-tune from captions differs in its data alone) and a network once without class pictures.
DEFAULT = {
    "network": "sdxl", "dreambooth": "sd1", "textual_inversion": "sdxl", "dreamartist": "sd2", "pivotal": "sd1",
    "hypernetwork": "sdxl", AESTHETIC: "sd2",
}  # fmt: skip


def cells(*methods: str) -> list[object]:
    pairs = [(row.name, family) for row in ROWS for family in row.cells if (row.name, family) in marked()]
    return [
        pytest.param(name, family, id=f"{name}-{family}", marks=[] if DEFAULT.get(name) == family else pytest.mark.full)
        for name, family in pairs
        if name in methods
    ]


@pytest.mark.quick
def test_every_marked_cell_has_a_case() -> None:
    tried = {(name, family) for name, case in CASES.items() for family in case.families}
    assert tried | {(AESTHETIC, family) for family in FAMILIES} == marked()
    assert set(DEFAULT.values()) == set(FAMILIES)


def backbone_of(trainer: Trainer) -> Backbone:
    assert isinstance(trainer.learner, Learner)
    return trainer.learner._backbone


def contents(path: Path) -> bytes | dict[str, Tensor]:
    return load_file(path) if path.suffix == ".safetensors" else path.read_bytes()


@pytest.mark.parametrize(("name", "family"), cells(*CASES))
def test_it_trains_reads_back_and_resumes(name: str, family: str, tmp_path: Path) -> None:
    case, cache = CASES[name], {"data__cache_dir": str(tmp_path / "cache")}
    whole = Run(tmp_path / "whole", family, **case.changes(), **cache)
    trainer = whole.build()
    before = predictions(load_backbone(base(family).folder), None)
    assert trainer.train().reason == "done" and len(whole.losses) == 3
    for module in trainer.method.modules().values():
        module.eval()
    trained = predictions(backbone_of(trainer), trainer.method.placeholders)
    out = tmp_path / "whole" / "out"
    assert sorted(path.name for path in out.iterdir()) == list(case.files)
    assert torch.equal(predictions(*case.read(family, out)), trained)
    assert not torch.allclose(trained[0], before[0], atol=1e-5), "the control: it has learnt something"

    cut = Run(tmp_path / "cut", family, **case.changes(), **cache).build()
    batches = cut.batches(0)
    for _ in range(2):
        cut.one_whole_step(batches)
    cut._save_state()
    resumed = Run(tmp_path / "cut", family, **case.changes(), **cache).train(resume=True)
    assert [step.step for step in resumed.all(Step)] == [3] and resumed.losses == whole.losses[2:]
    for file in case.files:
        one, other = contents(out / file), contents(tmp_path / "cut" / "out" / file)
        assert same(one, other) if isinstance(one, dict) and isinstance(other, dict) else one == other


@pytest.mark.parametrize(("name", "family"), cells(AESTHETIC))
def test_aesthetic_gradients(name: str, family: str, tmp_path: Path) -> None:
    """Nothing is trained that could be resumed: a prompt's three steps begin anew each time, with the same bits."""
    vision = {"hidden_size": 16, "intermediate_size": 32, "projection_dim": 24, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 32, "patch_size": 8}  # fmt: skip
    torch.manual_seed(0)
    state = {k: v for k, v in build_image_tower(vision).state_dict().items() if not k.endswith("position_ids")}
    if family != "sdxl":  # whose second text encoder has its own
        state["text_projection.weight"] = torch.randn(24, 16)
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(vision))
    (tmp_path / "pictures").mkdir()
    for colour in ("red", "blue"):
        Image.new("RGB", (40, 40), colour).save(tmp_path / "pictures" / f"{colour}.png")
    out = tmp_path / "look.pt"
    assert main(["aesthetic", str(tmp_path / "pictures"), "--tower", str(tmp_path), "--out", str(out)]) == 0
    safe(out)
    backbone, tower = load_backbone(base(family).folder), open_image_tower(tmp_path)
    mean = tower.features([Image.new("RGB", (40, 40), colour) for colour in ("blue", "red")]).mean(dim=0)
    prompt = [tokenize("a red cat", clip_tokenizer())]
    plain = backbone.encode_prompts(prompt).hidden
    seen = [
        AestheticEncoder(backbone, tower, Aesthetic(vector, steps=3, learning_rate=1e-2))(prompt).hidden
        for vector in (mean, read_aesthetic(out), read_aesthetic(out))
    ]
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[1], seen[2])
    assert not torch.allclose(seen[0], plain, atol=1e-3), "the control"
    assert torch.equal(backbone.encode_prompts(prompt).hidden, plain), "the encoder is as it was"
