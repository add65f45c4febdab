"""The shipped configs describe the public models: counted on the meta device, where a parameter takes no memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kohya_like.families.base import families
from kohya_like.families.components import DEPTH_LIMITS, build_text_encoder, build_unet, build_vae, skeleton
from kohya_like.formats.headers import read_json
from kohya_like.schema.errors import FormatError
from tests.families.tiny_models import configs

pytestmark = pytest.mark.quick

PARAMETERS = {
    ("sd1", "unet"): 859_520_964,
    ("sd2", "unet"): 865_910_724,
    ("sdxl", "unet"): 2_567_463_684,
    ("sd1", "vae"): 83_653_863,
    ("sd2", "vae"): 83_653_863,
    ("sdxl", "vae"): 83_653_863,
    ("sd1", "text_encoder"): 123_060_480,  # CLIP ViT-L/14
    ("sd2", "text_encoder"): 340_387_840,  # OpenCLIP ViT-H/14, 23 of 24 layers
    ("sdxl", "text_encoder"): 123_060_480,
    ("sdxl", "text_encoder_2"): 694_659_840,  # OpenCLIP ViT-bigG/14
}
TENSORS = {("sd1", "unet"): 686, ("sd2", "unet"): 686, ("sdxl", "unet"): 1680, ("sd1", "vae"): 248}


@pytest.mark.parametrize(("family", "part"), PARAMETERS)
def test_real_sizes(family: str, part: str) -> None:
    (folder,) = (f.config_folder for f in families() if f.name == family)
    module = skeleton(part, read_json(folder / part / "config.json"), part)
    assert all(parameter.is_meta for parameter in module.parameters())
    assert sum(parameter.numel() for parameter in module.parameters()) == PARAMETERS[family, part]
    assert len(module.state_dict()) == TENSORS.get((family, part), len(module.state_dict()))


def test_every_part_has_a_config() -> None:
    for family in families():
        folders = {path.parent.name for path in family.config_folder.glob("*/config.json")}
        assert folders == {*family.parts, "vae"}
        scale = read_json(family.config_folder / "vae" / "config.json")["scaling_factor"]
        assert scale == family.latent_scale


def test_builders_give_working_networks() -> None:
    torch.manual_seed(0)
    config = configs("sdxl")
    unet, vae = build_unet(config["unet"]), build_vae(config["vae"])
    text, text_2 = build_text_encoder(config["text_encoder"]), build_text_encoder(config["text_encoder_2"], True)
    ids = torch.tensor([[49406, 320, 49407]])
    hidden = torch.cat([text(ids).last_hidden_state, text_2(ids).last_hidden_state], -1)
    added = {"text_embeds": text_2(ids).text_embeds, "time_ids": torch.ones(1, 6)}
    latents = vae.encode(torch.zeros(1, 3, 32, 32)).latent_dist.mean
    assert unet(latents, 3, hidden, added_cond_kwargs=added).sample.shape == (1, 4, 4, 4)
    assert not any(parameter.is_meta for module in (unet, vae, text, text_2) for parameter in module.parameters())


def test_keys_that_name_code_are_not_passed_on() -> None:
    config = {**configs("sd1")["text_encoder"], "auto_map": {"AutoModel": "evil.Evil"}, "attn_implementation": "evil/x"}
    encoder = build_text_encoder(config)
    assert type(encoder).__name__ == "CLIPTextModel" and encoder.config._attn_implementation == "sdpa"
    assert not hasattr(encoder.config, "auto_map")


FOREIGN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True),
    st.text(max_size=120),
    st.lists(st.one_of(st.integers(-3, 2**40), st.text(max_size=9), st.none()), max_size=8),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_only_a_sentence_leaves_a_foreign_config(part: str, data: st.DataObject) -> None:
    config = configs("sd1")[part]
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(config)), FOREIGN, min_size=1, max_size=3))
    try:
        module = skeleton(part, {**config, **changed}, "config.json")
    except FormatError as error:
        assert str(error).startswith("config.json: ")
    else:
        assert all(parameter.is_meta for parameter in module.parameters())


@pytest.mark.parametrize(
    ("part", "key"), [("unet", "layers_per_block"), ("vae", "layers_per_block"), ("text_encoder", "num_hidden_layers")]
)
def test_depth_is_bounded(part: str, key: str) -> None:
    limit, config = DEPTH_LIMITS[key], configs("sd1")[part]
    skeleton(part, {**config, key: limit}, "config.json")
    with pytest.raises(FormatError, match=f"{key} is {limit + 1}; at most {limit}"):
        skeleton(part, {**config, key: limit + 1}, "config.json")
