"""A base model comes out of every kind of file as diffusers would build it, and bad ones end in a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import detect, load_backbone
from kohya_like.schema.errors import FormatError, UserError
from tests.families.conftest import TinyModel
from tests.families.tiny_models import single_file, write_json

V = {"sd1": "epsilon", "sd2": "v_prediction", "sdxl": "epsilon"}


def assert_same_weights(backbone: Backbone, parts: dict[str, nn.Module]) -> None:
    for part, expected in parts.items():
        state = backbone.part(part).state_dict()
        assert state.keys() == expected.state_dict().keys()
        for name, tensor in expected.state_dict().items():
            assert torch.equal(state[name], tensor), f"{part}: {name}"


def assert_nothing_on_meta(backbone: Backbone) -> None:
    for part in (*backbone.family.parts, "vae"):
        module = backbone.part(part)
        tensors = [*module.named_parameters(), *module.named_buffers()]
        assert not [name for name, tensor in tensors if tensor.is_meta]
        assert not any(parameter.requires_grad for parameter in module.parameters()) and not module.training


def test_folder(tiny: TinyModel) -> None:
    backbone = load_backbone(tiny.folder)
    assert (backbone.family.name, backbone.prediction_type) == (tiny.family, V[tiny.family])
    assert_same_weights(backbone, tiny.parts)
    assert_nothing_on_meta(backbone)
    for spec in backbone.family.text_encoders:
        positions = dict(backbone.part(spec.part).named_buffers())
        assert [p.flatten().tolist() for p in positions.values()] == [list(range(77))]


def test_single_safetensors(tiny: TinyModel) -> None:
    backbone = load_backbone(tiny.file, tiny.family, config_folder=tiny.configs, prediction_type="epsilon")
    assert_same_weights(backbone, tiny.parts)
    assert_nothing_on_meta(backbone)


@pytest.mark.parametrize(("family", "legacy"), [("sd1", False), ("sd2", True), ("sdxl", False)])
def test_single_ckpt(tiny_models: dict[str, TinyModel], tmp_path: Path, family: str, legacy: bool) -> None:
    tiny = tiny_models[family]
    content = {"state_dict": load_file(tiny.file), "global_step": 7, "epoch": 1}
    torch.save(content, tmp_path / "model.ckpt", _use_new_zipfile_serialization=not legacy)
    backbone = load_backbone(
        tmp_path / "model.ckpt", tiny.family, config_folder=tiny.configs, prediction_type="v_prediction"
    )
    assert backbone.prediction_type == "v_prediction"
    assert_same_weights(backbone, tiny.parts)


def test_detect(tiny: TinyModel) -> None:
    assert detect(tiny.folder) == (tiny.family, V[tiny.family])
    assert detect(tiny.file) == (tiny.family, "" if tiny.family == "sd2" else "epsilon")


def test_sd2_single_file_asks_for_the_prediction_type(tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["sd2"]
    with pytest.raises(UserError, match="does not tell whether its UNet predicts noise or v") as error:
        load_backbone(tiny.file, "sd2", config_folder=tiny.configs)
    assert "model.prediction_type" in error.value.hint
    marked = tiny.file.with_name("marked.safetensors")
    save_file(load_file(tiny.file), marked, {"modelspec.prediction_type": "v"})
    assert load_backbone(marked, config_folder=tiny.configs).prediction_type == "v_prediction"


def test_the_users_word_on_prediction_wins(tiny_models: dict[str, TinyModel]) -> None:
    assert load_backbone(tiny_models["sd2"].folder, prediction_type="epsilon").prediction_type == "epsilon"


@pytest.mark.parametrize(
    ("family", "dtype"), [("sd1", torch.float16), ("sd2", torch.bfloat16), ("sdxl", torch.bfloat16)]
)
def test_cast_as_read(tiny_models: dict[str, TinyModel], family: str, dtype: torch.dtype) -> None:
    tiny = tiny_models[family]
    backbone = load_backbone(tiny.file, tiny.family, config_folder=tiny.configs, prediction_type="epsilon", dtype=dtype)
    assert {p.dtype for part in backbone.parts().values() for p in part.parameters()} == {dtype}
    assert {p.dtype for p in backbone.vae.parameters()} == {torch.float32}
    state = backbone.unet.state_dict()
    for name, tensor in tiny.parts["unet"].state_dict().items():
        assert torch.equal(state[name], tensor.to(dtype))
    for name, parameter in backbone.text_encoders[-1].named_parameters():
        own = parameter.untyped_storage().nbytes()
        assert own == parameter.nbytes, f"{name} keeps {own} bytes alive: a piece of a larger tensor was not cut off"


def test_mapped_weights_are_not_copied_and_the_file_is_not_written_to(tiny_models: dict[str, TinyModel]) -> None:
    tiny = tiny_models["sd1"]
    before = tiny.file.read_bytes()
    backbone = load_backbone(tiny.file, config_folder=tiny.configs)
    start, end = mapped_range(tiny.file, backbone.unet.conv_in.weight)  # type: ignore[union-attr,arg-type]
    for name, parameter in backbone.unet.named_parameters():
        assert start <= parameter.data_ptr() < end, f"{name} lies outside the mapped file"
    with torch.no_grad():
        backbone.unet.conv_in.weight.add_(1.0)  # type: ignore[union-attr,operator]
    assert tiny.file.read_bytes() == before


def mapped_range(file: Path, tensor: Tensor) -> tuple[int, int]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(file)):
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if start <= tensor.data_ptr() < end:
                return start, end
    raise AssertionError(f"{file} is not mapped where the weight lies")


def test_parts_are_read_when_first_used(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models["sdxl"].copied(tmp_path / "model")
    backbone = load_backbone(folder)
    (folder / "text_encoder_2" / "model.safetensors").unlink()
    assert not backbone.is_loaded("unet")
    assert list(backbone.parts("unet", "text_encoder")) == ["unet", "text_encoder"]
    assert not backbone.is_loaded("vae")
    with pytest.raises(FormatError, match="text_encoder_2: no weights"):
        backbone.part("text_encoder_2")


def test_a_foreign_model_index_is_not_looked_at(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models["sd1"].copied(tmp_path / "model")
    write_json(folder / "model_index.json", {"_class_name": "Evil", "unet": ["os", "system"], "vae": ["evil.py", "X"]})
    config = json.loads((folder / "unet" / "config.json").read_text())
    write_json(
        folder / "unet" / "config.json", {**config, "_class_name": "UNet2DConditionModel", "auto_map": "evil.py"}
    )
    assert_same_weights(load_backbone(folder), tiny_models["sd1"].parts)


class TestVariants:
    """The ways in which the weights of one component are written."""

    def test_fp16_only(self, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
        tiny = tiny_models["sd1"]
        folder = tiny.copied(tmp_path / "model")
        for part in tiny.parts:
            stem = "model" if part.startswith("text") else "diffusion_pytorch_model"
            tensors = load_file(folder / part / f"{stem}.safetensors")
            (folder / part / f"{stem}.safetensors").unlink()
            save_file({n: t.half() for n, t in tensors.items()}, folder / part / f"{stem}.fp16.safetensors")
        backbone = load_backbone(folder)
        expected = tiny.parts["unet"].state_dict()["conv_in.weight"]
        assert torch.equal(backbone.unet.state_dict()["conv_in.weight"], expected.half().float())

    def test_full_precision_is_preferred(self, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
        folder = tiny_models["sd1"].copied(tmp_path / "model")
        path = folder / "unet" / "diffusion_pytorch_model.safetensors"
        save_file({n: t.half() * 0 for n, t in load_file(path).items()}, path.with_suffix(".fp16.safetensors"))
        assert_same_weights(load_backbone(folder), tiny_models["sd1"].parts)

    @pytest.mark.parametrize("variant", ["", ".fp16"])
    def test_shards(self, tiny_models: dict[str, TinyModel], tmp_path: Path, variant: str) -> None:
        folder = tiny_models["sdxl"].copied(tmp_path / "model")
        path = folder / "unet" / "diffusion_pytorch_model.safetensors"
        tensors = load_file(path)
        path.unlink()
        names = sorted(tensors)
        shards = {f"diffusion_pytorch_model{variant}-0000{i + 1}-of-00002.safetensors": names[i::2] for i in (0, 1)}
        for file, inside in shards.items():
            save_file({name: tensors[name] for name in inside}, path.with_name(file))
        weight_map = {name: file for file, inside in shards.items() for name in inside}
        index = f"diffusion_pytorch_model.safetensors.index{variant}.json"
        write_json(path.with_name(index), {"metadata": {}, "weight_map": weight_map})
        assert_same_weights(load_backbone(folder), tiny_models["sdxl"].parts)
        write_json(path.with_name(index), {"weight_map": {"conv_in.weight": "../../elsewhere.safetensors"}})
        with pytest.raises(FormatError, match="is not a file of that folder"):
            load_backbone(folder)

    def test_pickled_bin(self, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
        tiny = tiny_models["sd2"]
        folder = tiny.copied(tmp_path / "model")
        for part in tiny.parts:
            (path,) = (folder / part).glob("*.safetensors")
            stem = "pytorch_model" if part.startswith("text") else "diffusion_pytorch_model"
            torch.save(load_file(path), folder / part / f"{stem}.bin")
            path.unlink()
        assert_same_weights(load_backbone(folder), tiny.parts)

    @pytest.mark.parametrize("family", ["sd1", "sdxl"])
    def test_text_encoders_of_other_versions(
        self, tiny_models: dict[str, TinyModel], tmp_path: Path, family: str
    ) -> None:
        """With `text_model.` and positions, as before transformers 5.6; beside a vision tower; without a prefix."""
        tiny = tiny_models[family]
        folder = tiny.copied(tmp_path / "model")
        path = folder / "text_encoder" / "model.safetensors"
        bare = {name.removeprefix("text_model."): tensor for name, tensor in load_file(path).items()}
        junk = {
            "text_model.embeddings.position_ids": torch.arange(77)[None],
            "vision_model.post_layernorm.weight": torch.ones(3),
            "logit_scale": torch.ones(()),
            "text_projection.weight": torch.ones(16, 16),
        }
        save_file({f"text_model.{name}": tensor for name, tensor in bare.items()} | junk, path)
        assert_same_weights(load_backbone(folder), tiny.parts)
        save_file(bare, path)
        assert_same_weights(load_backbone(folder), tiny.parts)

    @pytest.mark.parametrize("convolution", [False, True])
    def test_vae_of_old_diffusers(self, tiny_models: dict[str, TinyModel], tmp_path: Path, convolution: bool) -> None:
        folder = tiny_models["sd1"].copied(tmp_path / "model")
        path = folder / "vae" / "diffusion_pytorch_model.safetensors"
        old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        tensors = {}
        for name, tensor in load_file(path).items():
            for new, before in old.items():
                if f".{new}." in name:
                    name = name.replace(f".{new}.", f".{before}.")
                    tensor = tensor[..., None, None] if convolution and tensor.ndim == 2 else tensor
            tensors[name] = tensor
        assert sum(".query." in name for name in tensors) == 4
        save_file(tensors, path)
        assert_same_weights(load_backbone(folder), tiny_models["sd1"].parts)

    def test_single_file_of_2022(self, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
        """Without `text_model.`, with an averaged copy and the schedule's buffers beside the weights."""
        tiny = tiny_models["sd1"]
        tensors = {
            name.replace("transformer.text_model.", "transformer."): t for name, t in load_file(tiny.file).items()
        }
        tensors |= {"betas": torch.ones(1000), "model_ema.diffusion_modelinput_blocks00weight": torch.ones(2)}
        tensors["cond_stage_model.transformer.embeddings.position_ids"] = torch.arange(77)[None]
        save_file(tensors, tmp_path / "old.safetensors")
        assert_same_weights(load_backbone(tmp_path / "old.safetensors", config_folder=tiny.configs), tiny.parts)


class TestAnotherVae:
    @pytest.fixture
    def other(self, tiny_models: dict[str, TinyModel]) -> dict[str, Tensor]:
        return {name: tensor + 1 for name, tensor in tiny_models["sd1"].parts["vae"].state_dict().items()}

    @pytest.mark.parametrize("form", ["folder", "model folder", "diffusers file", "ldm file", "bare ldm file"])
    def test_forms(
        self, tiny_models: dict[str, TinyModel], other: dict[str, Tensor], tmp_path: Path, form: str
    ) -> None:
        tiny = tiny_models["sd1"]
        path = tmp_path / "vae.safetensors"
        if "folder" in form:
            inner = tmp_path / "given" / ("vae" if form == "model folder" else "")
            inner.mkdir(parents=True)
            shutil.copy(tiny.folder / "vae" / "config.json", inner)
            save_file(other, inner / "diffusion_pytorch_model.safetensors")
            path = tmp_path / "given"
        elif form == "diffusers file":
            save_file(other, path)
        else:
            module = load_backbone(tiny.folder).vae
            module.load_state_dict(other)
            prefix = "first_stage_model." if form == "bare ldm file" else ""
            save_file({n.removeprefix(prefix): t for n, t in single_file("sd1", {"vae": module}).items()}, path)
        backbone = load_backbone(tiny.folder, vae=path, config_folder=tiny.configs)
        state = backbone.vae.state_dict()
        for name, tensor in other.items():
            assert torch.equal(state[name], tensor)

    def test_a_model_without_one(self, tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
        tiny = tiny_models["sd1"]
        bare = {n: t for n, t in load_file(tiny.file).items() if not n.startswith("first_stage_model.")}
        save_file(bare, tmp_path / "model.safetensors")
        with pytest.raises(FormatError, match="holds no vae") as error:
            load_backbone(tmp_path / "model.safetensors", config_folder=tiny.configs)
        assert "model.vae" in error.value.hint
        backbone = load_backbone(tmp_path / "model.safetensors", config_folder=tiny.configs, vae=tiny.folder)
        assert_same_weights(backbone, tiny.parts)
