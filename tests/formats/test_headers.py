"""What a file is, told from its content: every kind we know, in every container, at real size by names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from kohya_like.formats.headers import container_of, identify, read_json
from kohya_like.formats.ldm import to_ldm
from kohya_like.formats.recognise import FileFacts, recognise
from kohya_like.formats.tensors import save_safetensors
from kohya_like.schema.errors import FormatError
from tests.formats.bad_pickles import saved
from tests.formats.small_models import FAMILIES, real_state, tiny_models, write_config_folder

pytestmark = pytest.mark.quick

Shapes = dict[str, tuple[int, ...]]


def real_checkpoint(family: str) -> Shapes:
    shapes: Shapes = {}
    for part in ("unet", "vae", "text_encoder", *(["text_encoder_2"] if family == "sdxl" else [])):
        state = real_state(family, part)
        for name, piece in to_ldm(part, family, state).items():
            shapes[name] = piece.shape(lambda source, state=state: tuple(state[source].shape))  # type: ignore[misc]
    return shapes


def told(shapes: Mapping[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> FileFacts:
    return recognise("safetensors", shapes, metadata or {})


@pytest.mark.parametrize("family", FAMILIES)
def test_real_checkpoints_by_names(family: str) -> None:
    facts = told(real_checkpoint(family))
    assert (facts.kind, facts.family, facts.prediction_type) == ("checkpoint", family, "")
    assert facts.details["in_channels"] == 4 and facts.details["variant"] == ""


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("container", ["safetensors", "pickle-zip", "pickle-legacy"])
def test_small_checkpoints_in_every_container(family: str, container: str, tmp_path: Path) -> None:
    tensors, path = tiny_models(family).ldm_file(), tmp_path / "model.bin"
    if container == "safetensors":
        save_safetensors(path, tensors)
    else:
        path.write_bytes(saved({"state_dict": tensors, "epoch": 1}, container == "pickle-legacy"))
    facts = identify(path)
    assert (facts.container, facts.kind, facts.family) == (container, "checkpoint", family)


def test_what_a_checkpoint_says_about_its_prediction() -> None:
    xl = {"model.diffusion_model.out.2.weight": (4, 320, 3, 3), "conditioner.embedders.1.model.ln_final.bias": (1280,)}
    assert told(xl).prediction_type == ""
    assert told(xl | {"v_pred": (0,)}).prediction_type == "v_prediction"
    assert "zero_terminal_snr" not in told(xl | {"ztsnr": (0,)}).details
    assert told(xl | {"v_pred": (0,), "ztsnr": (0,)}).details["zero_terminal_snr"] is True
    for said, expected in {"v": "v_prediction", "epsilon": "epsilon", "nonsense": ""}.items():
        assert told(xl, {"modelspec.prediction_type": said}).prediction_type == expected
    for version, expected in {"sd_v2_v": "v_prediction", "sd_v2": "epsilon", "sd_v1": "epsilon",
                              "sdxl_base_v1-0": ""}.items():  # fmt: skip
        assert told(xl, {"ss_base_model_version": version}).prediction_type == expected
    assert told(xl, {"modelspec.architecture": "stable-diffusion-v2-768-v"}).prediction_type == "v_prediction"


def test_variants_that_are_no_ordinary_base() -> None:
    sd1 = {"model.diffusion_model.out.2.weight": (4, 320, 3, 3), "first_stage_model.quant_conv.bias": (8,),
           "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320, 1, 1)}  # fmt: skip
    for channels, variant in {4: "", 9: "inpainting", 8: "instruct-pix2pix", 5: "depth"}.items():
        facts = told(sd1 | {"model.diffusion_model.input_blocks.0.0.weight": (320, channels, 3, 3)})
        assert (facts.family, facts.details["variant"]) == ("sd1", variant)
    refiner = {
        "model.diffusion_model.out.2.weight": (4, 384, 3, 3),
        "conditioner.embedders.0.model.ln_final.bias": (1280,),
    }
    assert (told(refiner).family, told(refiner).details["variant"]) == ("", "sdxl-refiner")
    unclip = sd1 | {"model.diffusion_model.label_emb.0.0.weight": (1280, 2048)}
    assert told(unclip).details["variant"] == "unclip"
    assert told({"double_blocks.0.img_attn.qkv.weight": (9216, 3072)}).details["variant"] == "flux"


def test_parts_of_a_model() -> None:
    for family in FAMILIES:
        unet = {name: tuple(tensor.shape) for name, tensor in real_state(family, "unet").items()}
        assert (told(unet).kind, told(unet).family) == ("unet", family)
        bare = {name.removeprefix("model.diffusion_model."): shape for name, shape in real_checkpoint(family).items()
                if name.startswith("model.diffusion_model.")}  # fmt: skip
        assert (told(bare).kind, told(bare).family) == ("unet", family)
    vae = {name: tuple(tensor.shape) for name, tensor in real_state("sd1", "vae").items()}
    ldm = {name: () for name in to_ldm("vae", "sd1", vae)}
    for names in (vae, ldm, {name.removeprefix("first_stage_model."): () for name in ldm}):
        assert (told(names).kind, told(names).family) == ("vae", "")
    text = {name: tuple(tensor.shape) for name, tensor in real_state("sd1", "text_encoder").items()}
    assert told(text).kind == "text-encoder"
    assert told({"some.weight": (3, 3)}).kind == "unknown" == told({}).kind


def lora(name: str, width: int, rank: int = 8, out: int = 320) -> Shapes:
    return {f"{name}.lora_down.weight": (rank, width), f"{name}.lora_up.weight": (out, rank), f"{name}.alpha": ()}


UNET = "lora_unet_down_blocks_1_attentions_0_"
CROSS = f"{UNET}transformer_blocks_0_attn2_to_k"
TEXT = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
LORAS: dict[str, tuple[Shapes, dict[str, str], str]] = {
    "sd1": (lora(CROSS, 768), {}, "sd1"),
    "sd2": (lora(CROSS, 1024), {}, "sd2"),
    "sdxl, sgm names": (lora("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k", 640), {}, "sdxl"),
    "sdxl, diffusers names": (lora(CROSS, 2048), {}, "sdxl"),
    "sdxl, deep blocks": (lora("lora_unet_down_blocks_2_attentions_0_transformer_blocks_2_attn1_to_k", 9), {}, "sdxl"),
    "sdxl, second text encoder": (lora("lora_te2_text_model_encoder_layers_0_mlp_fc1", 1280), {}, "sdxl"),
    "text only, sd1": (lora(TEXT, 768), {}, "sd1"),
    "text only, sd2": (lora(TEXT, 1024), {}, "sd2"),
    "tiny, told by metadata": (lora(CROSS, 32), {"ss_base_model_version": "sd_v2_v"}, "sd2"),
    "tiny, told by modelspec": (
        lora(CROSS, 32), {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl",
    ),
    "tiny, told by the projection": ({f"{UNET}proj_in.lora_down.weight": (4, 32, 1, 1)}, {}, "sd1"),
    "tiny, linear projection": ({f"{UNET}proj_in.lora_down.weight": (4, 32)}, {}, "sd2"),
    "metadata that lies": (lora(CROSS, 768), {"ss_base_model_version": "sdxl_base_v1-0"}, "sd1"),
    "nothing to tell by": (lora(CROSS, 32), {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", LORAS)
def test_loras(name: str) -> None:
    shapes, metadata, family = LORAS[name]
    facts = told(shapes, metadata)
    assert (facts.kind, facts.family) == ("lora", family)
    assert facts.details["algorithms"] == ["lora"] and facts.details["naming"] == "kohya"


def test_details_of_a_lora() -> None:
    conv = {f"{UNET}conv.lora_down.weight": (4, 320, 3, 3)}
    facts = told(lora(CROSS, 768) | conv | lora(TEXT, 768, rank=2))
    assert facts.details["ranks"] == [2, 4, 8] and facts.details["modules"] == 3
    assert facts.details["conv"] is True and facts.details["parts"] == ["text_encoder", "unet"]
    assert told(lora(CROSS, 768)).details["conv"] is False
    peft = {"unet.down_blocks.0.attn2.to_k.lora_A.weight": (8, 768), "text_encoder_2.x.lora_A.weight": (8, 1280)}
    assert (told(peft).kind, told(peft).family, told(peft).details["naming"]) == ("lora", "sdxl", "peft")
    old = {"unet.mid_block.attn2.processor.to_k_lora.down.weight": (4, 768)}
    assert (told(old).kind, told(old).details["naming"]) == ("lora", "diffusers")


@pytest.mark.parametrize(
    ("tensors", "algorithms"),
    [
        ({"hada_w1_a": (8, 4), "hada_w1_b": (4, 8)}, ["loha"]),
        ({"lokr_w1": (2, 2), "lokr_w2_a": (4, 2)}, ["lokr"]),
        ({"lokr_w1_a": (2, 2), "lokr_w2": (4, 2)}, ["lokr"]),
        ({"weight": (8,), "on_input": ()}, ["ia3"]),
        ({"diff": (8, 8), "diff_b": (8,)}, ["full"]),
        ({"w_norm": (8,), "b_norm": (8,)}, ["norm"]),
        ({"oft_blocks": (4, 2, 2)}, ["oft"]),
        ({"oft_blocks": (3, 4, 2, 2)}, ["boft"]),
        ({"a1.weight": (8, 2), "b2.weight": (2, 8)}, ["glora"]),
        ({"lora_mid.weight": (4, 4, 3, 3), "lora_down.weight": (4, 8, 1, 1)}, ["locon"]),
        ({"lora_down.weight": (4, 8), "dora_scale": (8, 1)}, ["lora"]),
    ],
)
def test_lycoris(tensors: Shapes, algorithms: list[str]) -> None:
    facts = told({f"{CROSS}.{name}": shape for name, shape in tensors.items()})
    assert (facts.kind, facts.details["algorithms"]) == ("lycoris", algorithms)
    assert facts.details["dora"] is ("dora_scale" in tensors)


EMBEDDINGS: dict[str, tuple[Any, str, int]] = {
    "sd-scripts": ({"emb_params": torch.zeros(3, 768)}, "sd1", 3),
    "sd-scripts sd2": ({"emb_params": torch.zeros(2, 1024)}, "sd2", 2),
    "sdxl": ({"clip_l": torch.zeros(4, 768), "clip_g": torch.zeros(4, 1280)}, "sdxl", 4),
    "diffusers": ({"<ghost>": torch.zeros(768)}, "sd1", 1),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_textual_inversions(name: str, tmp_path: Path) -> None:
    value, family, vectors = EMBEDDINGS[name]
    save_safetensors(tmp_path / "a.safetensors", value)
    (tmp_path / "a.pt").write_bytes(saved(value))
    for path in tmp_path.iterdir():
        facts = identify(path)
        assert (facts.kind, facts.family, facts.details["vectors"]) == ("textual-inversion", family, vectors)


def test_files_of_the_webui(tmp_path: Path) -> None:
    net = {"linear.0.weight": torch.zeros(2, 2)}
    embedding = {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": torch.zeros(5, 768)},
        "name": "ghost",
        "step": 7,
    }
    parameters = {"string_to_param": torch.nn.ParameterDict({"*": torch.zeros(2, 1024)}), "string_to_token": {"*": 1}}
    hyper = {768: (net, net), 320: [net, net], "layer_structure": [1, 2, 1], "activation_func": "relu", "step": 3}
    cases: list[tuple[Any, str, str]] = [
        (embedding, "textual-inversion", "sd1"), (parameters, "textual-inversion", "sd2"),
        (hyper, "hypernetwork", "sd1"),
        ({1024: (net, net), "step": 0}, "hypernetwork", "sd2"), (torch.zeros(1, 768), "aesthetic", ""),
        ({"a": 1}, "unknown", ""), ([torch.zeros(1)], "unknown", ""), (lora_file(), "lora", "sd1"),
    ]  # fmt: skip
    for value, kind, family in cases:
        for legacy_format in (False, True):
            path = tmp_path / "file.pt"
            path.write_bytes(saved(value, legacy_format))
            facts = identify(path)
            assert (facts.kind, facts.family) == (kind, family)
            json.dumps(facts.details)  # `inspect --json` prints them
    path.write_bytes(saved(embedding))
    assert identify(path).details == {"vectors": 5, "width": 768, "name": "ghost", "step": 7}
    path.write_bytes(saved(hyper))
    assert identify(path).details["widths"] == [320, 768] and identify(path).details["activation"] == "relu"


def lora_file() -> dict[str, torch.Tensor]:
    return {name: torch.zeros(shape) for name, shape in lora(CROSS, 768).items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_diffusers_folders(family: str, tmp_path: Path) -> None:
    folder = write_config_folder(tmp_path / "model", tiny_models(family))
    facts = identify(folder)
    assert (facts.container, facts.kind) == ("diffusers-folder", "checkpoint")
    assert (facts.family, facts.prediction_type) == (family, "epsilon")
    scheduler = folder / "scheduler" / "scheduler_config.json"
    settings = json.loads(scheduler.read_text())
    scheduler.write_text(json.dumps(settings | {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}))
    assert identify(folder).prediction_type == "v_prediction"
    assert identify(folder).details["zero_terminal_snr"] is True
    (folder / "model_index.json").unlink()  # unet/config.json is enough
    assert identify(folder).family == family
    assert (identify(folder / "unet").kind, identify(folder / "unet").family) == ("unet", family)
    assert identify(folder / "vae").kind == "vae"
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"in_channels": 9}))
    assert identify(folder).details["variant"] == "inpainting"


def test_a_folder_naming_code_is_only_data(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    index = {"_class_name": ["evil", "Pipeline"], "unet": ["evil_module", "Evil"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"_class_name": "Evil", "auto_map": {"x": "evil.py"}}))
    (tmp_path / "evil_module.py").write_text("raise SystemExit")
    assert (identify(tmp_path).kind, identify(tmp_path).family) == ("checkpoint", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not valid JSON"), ("{", "not valid JSON"), ("[" * 100_000, "not valid JSON"), ("[]", "not a table"),
        ('{"a": "' + "x" * 1024 * 1024 + '"}', "larger than 1048576 bytes"), ("\udcff", "not valid JSON"),
    ],
)  # fmt: skip
def test_broken_configs(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FormatError, match=sentence):
        identify(tmp_path)
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "config.json") == {"a": 1}


def test_folders_and_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"folder without a model"):
        identify(tmp_path)
    with pytest.raises(FormatError, match="no such file"):
        identify(tmp_path / "absent")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(600))
    with pytest.raises(FormatError, match="is no model file"):
        container_of(tmp_path / "picture.png")
    (tmp_path / "page.ckpt").write_bytes(b"<!doctype html>")
    with pytest.raises(FormatError, match="web page"):
        identify(tmp_path / "page.ckpt")


def test_a_safetensors_header_of_640_bytes_is_no_pickle(tmp_path: Path) -> None:
    """Its first two bytes are those of a pickle of protocol 2."""
    save_safetensors(tmp_path / "a", {"a": torch.ones(1)}, {"k": "x" * 556})
    assert (tmp_path / "a").read_bytes()[:2] == b"\x80\x02"
    assert container_of(tmp_path / "a") == "safetensors" and identify(tmp_path / "a").kind == "unknown"
