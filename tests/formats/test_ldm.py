"""The key maps, against diffusers' own conversion: at real size by names, on tiny models to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.loaders import single_file_utils

from kohya_like.formats.ldm import Piece, from_ldm, ldm_parts, to_ldm
from kohya_like.formats.tensors import open_tensors, save_safetensors
from tests.formats.small_models import (
    ASSETS,
    FAMILIES,
    Models,
    real_state,
    same_tensors,
    tiny_models,
    write_config_folder,
)

PARTS = [(family, part) for family in FAMILIES for part in ("unet", "vae", "text_encoder")] + [
    ("sdxl", "text_encoder_2")
]


@pytest.mark.parametrize(("family", "part"), PARTS)
def test_real_size_there_and_back(family: str, part: str) -> None:
    state = real_state(family, part)
    written = to_ldm(part, family, state)
    short = ldm_parts(written)[part]
    back = from_ldm(part, family, short)
    assert back.keys() == state.keys()
    shapes = {name: piece.shape(lambda source: tuple(state[source].shape)) for name, piece in written.items()}
    assert {name: piece.shape(shapes.__getitem__) for name, piece in back.items()} == {
        name: tuple(tensor.shape) for name, tensor in state.items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_real_size_unet_as_diffusers_reads_it(family: str) -> None:
    state = real_state(family, "unet")
    config = {"class_embed_type": None, "addition_embed_type": None}
    config |= json.loads((ASSETS / family / "unet" / "config.json").read_text())
    single = {name: state[piece.sources[0]] for name, piece in to_ldm("unet", family, state).items()}
    read = single_file_utils.convert_ldm_unet_checkpoint(dict(single), config)
    assert read.keys() == state.keys()
    assert all(read[name] is state[name] for name in state)  # the same tensor, not one of the same shape


@pytest.mark.parametrize("family", FAMILIES)
def test_real_size_vae_as_diffusers_reads_it(family: str) -> None:
    state = real_state(family, "vae")
    config = json.loads((ASSETS / family / "vae" / "config.json").read_text())
    single = {name: piece.tensor(state.__getitem__) for name, piece in to_ldm("vae", family, state).items()}
    assert single["first_stage_model.encoder.mid.attn_1.q.weight"].shape == (512, 512, 1, 1)
    read = single_file_utils.convert_ldm_vae_checkpoint(dict(single), config)
    assert {name: tensor.shape for name, tensor in read.items()} == {n: t.shape for n, t in state.items()}
    copied = [name for name in state if ".attentions." not in name]
    assert all(read[name] is state[name] for name in copied)


def test_known_names_of_public_checkpoints() -> None:
    """Names that detection rules of other programs look for (A1111, ComfyUI, diffusers)."""
    names = {f: set().union(*(to_ldm(p, f, real_state(f, p)) for g, p in PARTS if g == f)) for f in FAMILIES}
    assert len(names["sd1"]) == 686 + 248 + 196  # UNet, VAE, CLIP-L
    unet = "model.diffusion_model."
    for wanted in (
        f"{unet}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight",
        f"{unet}output_blocks.2.1.conv.weight",
        f"{unet}output_blocks.11.1.transformer_blocks.0.norm1.bias",
        f"{unet}out.2.bias",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.encoder.down.1.block.0.nin_shortcut.weight",
    ):
        assert wanted in names["sd1"] and wanted in names["sd2"], wanted
    assert "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc2.bias" in names["sd1"]
    assert "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight" in names["sd2"]
    assert f"{unet}output_blocks.2.2.conv.weight" in names["sdxl"]
    assert f"{unet}output_blocks.2.1.conv.weight" not in names["sdxl"]
    assert f"{unet}label_emb.0.2.weight" in names["sdxl"]
    assert "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias" in names["sdxl"]
    assert "conditioner.embedders.1.model.logit_scale" in names["sdxl"]


@pytest.fixture(params=FAMILIES)
def models(request: pytest.FixtureRequest) -> Models:
    return tiny_models(request.param)


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
def test_diffusers_reads_our_single_file_exactly(models: Models, ending: str, tmp_path: Path) -> None:
    folder = write_config_folder(tmp_path / "config", models)
    path = tmp_path / f"model{ending}"
    if ending == ".ckpt":
        torch.save({"state_dict": models.ldm_file(), "global_step": 1}, path)
    else:
        save_safetensors(path, models.ldm_file())
    pipeline = StableDiffusionXLPipeline if models.family == "sdxl" else StableDiffusionPipeline
    options = {} if models.family == "sdxl" else {"safety_checker": None}
    loaded = pipeline.from_single_file(str(path), config=str(folder), local_files_only=True, **options)
    for part, module in models.parts.items():
        assert same_tensors(getattr(loaded, part).state_dict(), module.state_dict()), part


@pytest.mark.parametrize("container", ["safetensors", "zip", "legacy"])
def test_our_reader_gives_back_every_part_exactly(models: Models, container: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if container == "safetensors":
        save_safetensors(path, models.ldm_file())
    else:
        content = {"state_dict": models.ldm_file(), "epoch": 3}
        torch.save(content, path, _use_new_zipfile_serialization=container == "zip")
    with open_tensors(path) as file:
        parts = ldm_parts(file)
        assert parts.keys() == models.parts.keys()
        for part, module in models.parts.items():
            state = module.state_dict()
            read = {n: p.tensor(file.get) for n, p in from_ldm(part, models.family, parts[part]).items()}
            full = {n if n in read or not part.startswith("text") else f"text_model.{n}": t for n, t in state.items()}
            assert same_tensors(read, full), part


def test_a_text_projection_left_untransposed_is_noticed() -> None:
    """The control: the fault sd-scripts has (formats: trap 4) would fail the test above."""
    state = tiny_models("sdxl").parts["text_encoder_2"].state_dict()
    piece = to_ldm("text_encoder_2", "sdxl", state)["conditioner.embedders.1.model.text_projection"]
    assert piece.how == "transposed"
    straight = Piece(piece.sources).tensor(state.__getitem__)
    assert not torch.equal(straight, piece.tensor(state.__getitem__))


def test_sd2_drops_the_last_block_and_what_nothing_reads() -> None:
    names = {f"transformer.resblocks.{i}.ln_1.weight": "" for i in (0, 22, 23)} | {"text_projection": ""}
    read = from_ldm("text_encoder", "sd2", names)
    assert [name.split(".")[3] for name in read] == ["0", "22"]


def test_old_names_other_tensors_and_bare_parts() -> None:
    parts = ldm_parts(
        [
            "cond_stage_model.transformer.embeddings.token_embedding.weight",
            "cond_stage_model.transformer.text_model.embeddings.position_ids",
            "model_ema.diffusion_modelinput_blocks00weight",
            "betas",
            "first_stage_model.loss.logvar",
            "model.diffusion_model.out.2.bias",
        ]
    )
    assert parts == {
        "text_encoder": {
            "text_model.embeddings.token_embedding.weight": "cond_stage_model.transformer.embeddings."
            "token_embedding.weight"
        },
        "unet": {"out.2.bias": "model.diffusion_model.out.2.bias"},
    }
    bare = ldm_parts(["decoder.conv_in.weight", "encoder.mid.attn_1.q.weight", "loss.x"])
    assert from_ldm("vae", "", bare["vae"]) == {
        "decoder.conv_in.weight": Piece(("decoder.conv_in.weight",)),
        "encoder.mid_block.attentions.0.to_q.weight": Piece(("encoder.mid.attn_1.q.weight",), "linear"),
    }


@pytest.mark.parametrize(
    "name",
    ["input_blocks.99999999999.0.x", "output_blocks.x.0.in_layers.0.weight", "decoder.up.²¹.block.0.x", "", "..."],
)
def test_names_the_layout_does_not_have_pass_unchanged(name: str) -> None:
    assert from_ldm("unet", "sd1", {name: name}) == {name: Piece((name,))}
    assert list(from_ldm("vae", "sd1", {name: name})) == [name]
    assert list(from_ldm("text_encoder", "sd2", {name: name})) == [name]
