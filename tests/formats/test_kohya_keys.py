"""Names of layers and tensors in files, both directions."""

from __future__ import annotations

import pytest

from kohya_like.formats.kohya_keys import lora_name, lora_names, read_key, sgm_path, split_key

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("part", "path", "family", "name"),
    [
        ("unet", "mid_block.attentions.0.proj_in", "sd1", "lora_unet_mid_block_attentions_0_proj_in"),
        (
            "unet", "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0", "sd2",
            "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn2_to_out_0",
        ),
        ("unet", "down_blocks.1.attentions.0.proj_in", "sdxl", "lora_unet_input_blocks_4_1_proj_in"),
        (
            "unet", "mid_block.attentions.0.transformer_blocks.9.ff.net.0.proj", "sdxl",
            "lora_unet_middle_block_1_transformer_blocks_9_ff_net_0_proj",
        ),
        ("unet", "up_blocks.0.upsamplers.0.conv", "sdxl", "lora_unet_output_blocks_2_2_conv"),
        ("unet", "down_blocks.0.downsamplers.0.conv", "sdxl", "lora_unet_input_blocks_3_0_op"),
        ("unet", "mid_block.resnets.1.conv1", "sdxl", "lora_unet_middle_block_2_in_layers_2"),
        ("unet", "up_blocks.2.resnets.2.conv_shortcut", "sdxl", "lora_unet_output_blocks_8_0_skip_connection"),
        ("unet", "conv_in", "sdxl", "lora_unet_input_blocks_0_0"),
        ("unet", "conv_out", "sdxl", "lora_unet_out_2"),
        ("unet", "time_embedding.linear_2", "sdxl", "lora_unet_time_embed_2"),
        ("unet", "add_embedding.linear_1", "sdxl", "lora_unet_label_emb_0_0"),
        ("unet", "conv_in", "sd1", "lora_unet_conv_in"),
        ("text_encoder", "encoder.layers.3.mlp.fc1", "sd1", "lora_te_text_model_encoder_layers_3_mlp_fc1"),
        ("text_encoder", "text_model.encoder.layers.3.mlp.fc1", "sd1", "lora_te_text_model_encoder_layers_3_mlp_fc1"),
        ("text_encoder", "encoder.layers.3.mlp.fc1", "sdxl", "lora_te1_text_model_encoder_layers_3_mlp_fc1"),
        (
            "text_encoder_2", "text_model.encoder.layers.31.self_attn.q_proj", "sdxl",
            "lora_te2_text_model_encoder_layers_31_self_attn_q_proj",
        ),
        ("text_encoder_2", "text_projection", "sdxl", "lora_te2_text_projection"),
    ],
)  # fmt: skip
def test_written_names(part: str, path: str, family: str, name: str) -> None:
    assert lora_name(part, path, family) == name
    assert lora_names(part, path, family)[0] == name


def test_other_names_a_layer_may_have() -> None:
    path = "down_blocks.1.attentions.0.proj_in"
    assert lora_names("unet", path, "sdxl") == [
        "lora_unet_input_blocks_4_1_proj_in",
        "lora_unet_down_blocks_1_attentions_0_proj_in",
    ]
    assert lora_names("unet", path, "sd1") == [
        "lora_unet_down_blocks_1_attentions_0_proj_in",
        "lora_unet_input_blocks_4_1_proj_in",
    ]
    for place, block in ((1, 0), (2, 1)):  # SD1's first block on the way up has no attention
        path = f"up_blocks.{block}.upsamplers.0.conv"
        assert f"lora_unet_output_blocks_{3 * block + 2}_{place}_conv" in lora_names("unet", path, "sd1")
    assert set(lora_names("text_encoder", "encoder.layers.0.mlp.fc1", "sdxl")) == {
        f"{prefix}{middle}_encoder_layers_0_mlp_fc1"
        for prefix in ("lora_te", "lora_te1")
        for middle in ("_text_model", "")
    }


def test_different_layers_have_different_sgm_paths() -> None:
    blocks = [
        f"{side}_blocks.{i}.resnets.{j}.conv1"
        for side, n in (("down", 2), ("up", 3))
        for i in range(3)
        for j in range(n)
    ]
    blocks += [
        f"{kind}s.{i}.{tail}"
        for kind in ("down_block", "up_block")
        for i in range(2)
        for tail in ("attentions.0.proj_in", "attentions.1.proj_in", f"{kind.split('_')[0]}samplers.0.conv")
    ]
    blocks += ["mid_block.resnets.0.conv1", "mid_block.resnets.1.conv1", "mid_block.attentions.0.proj_in"]
    found = {sgm_path(path) for path in blocks}
    assert len(found) == len(blocks)
    assert not any("_blocks.0.resnets" in path or "samplers" in path for path in found)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("lora_unet_conv_in.lora_down.weight", ("lora_unet_conv_in", "lora_down.weight")),
        ("lora_unet_conv_in.alpha", ("lora_unet_conv_in", "alpha")),
        ("lora_unet_conv_in.hada_w1_a", ("lora_unet_conv_in", "hada_w1_a")),
        ("unet.mid_block.attentions.0.proj_in.lora_A.weight",
         ("lora_unet_mid_block_attentions_0_proj_in", "lora_down.weight")),
        ("unet.mid_block.attentions.0.proj_in.lora.up.weight",
         ("lora_unet_mid_block_attentions_0_proj_in", "lora_up.weight")),
        ("text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_linear_layer.down.weight",
         ("lora_te_text_model_encoder_layers_0_mlp_fc1", "lora_down.weight")),
        ("text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_B.weight",
         ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "lora_up.weight")),
        ("base_model.model.mid_block.attentions.0.proj_in.lora_B.weight",
         ("lora_unet_mid_block_attentions_0_proj_in", "lora_up.weight")),
        ("unet.conv_in.lora_magnitude_vector", ("lora_unet_conv_in", "dora_scale")),
        ("no dot at all", ("no dot at all", "")),
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight",
         ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0", "lora_up.weight")),
        ("mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
         ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", "lora_down.weight")),
        ("text_encoder.text_model.encoder.layers.0.self_attn.to_out_lora.down.weight",
         ("lora_te_text_model_encoder_layers_0_self_attn_out_proj", "lora_down.weight")),
        ("base_model.model.conv_in.hada_w1_a", ("lora_unet_conv_in", "hada_w1_a")),
        ("unet.conv_in.lokr_w2_b", ("lora_unet_conv_in", "lokr_w2_b")),
        ("lycoris_mid_block_attentions_0_proj_in.lora_up.weight",
         ("lora_unet_mid_block_attentions_0_proj_in", "lora_up.weight")),
        ("lycoris_unet_conv_in.alpha", ("lora_unet_conv_in", "alpha")),
        ("lycoris_te1_text_model_encoder_layers_0_mlp_fc1.hada_w1_a",
         ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "hada_w1_a")),
        ("oft_unet_conv_in.oft_blocks", ("lora_unet_conv_in", "oft_blocks")),
    ],
)  # fmt: skip
def test_keys_of_any_writer(key: str, wanted: tuple[str, str]) -> None:
    assert read_key(key) == wanted


def test_split_at_the_first_dot() -> None:
    assert split_key("a_b.lora_up.weight") == ("a_b", "lora_up.weight")
