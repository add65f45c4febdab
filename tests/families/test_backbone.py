"""The backbone's verbs against the bare components of diffusers."""

from __future__ import annotations

import importlib.util
import weakref

import pytest
import torch
from torch import Tensor, nn

from kohya_like.families import backbone as backbone_file
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.families.base import family
from kohya_like.families.loading import load_backbone
from kohya_like.schema.errors import UserError
from tests.families.conftest import TinyModel

SIZES = {"original": [(600, 400), (64, 64)], "crop": [(16, 8), (0, 0)], "target": [(64, 48), (64, 48)]}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def conditioning(tiny: TinyModel) -> Conditioning:
    if tiny.family == "sdxl":
        return Conditioning(random(2, 77, 40), random(2, 24, seed=1)).with_geometry(**SIZES)
    return Conditioning(random(2, 77, 16))


class TestPredict:
    def test_like_the_bare_unet(self, tiny: TinyModel) -> None:
        cond, noisy, t = conditioning(tiny), random(2, 4, 8, 6, seed=2), torch.tensor([10, 700])
        added = {"text_embeds": cond.pooled, "time_ids": cond.geometry} if tiny.family == "sdxl" else None
        unet = tiny.parts["unet"]
        expected = unet(noisy, t, cond.hidden, added_cond_kwargs=added).sample
        assert torch.equal(load_backbone(tiny.folder).predict(noisy, t, cond), expected)
        assert torch.equal(load_backbone(tiny.folder).predict(noisy, t[1], cond)[1], expected[1])

    def test_sdxl_is_told_size_and_crop(self, tiny_models: dict[str, TinyModel]) -> None:
        tiny = tiny_models["sdxl"]
        backbone, cond, noisy, t = load_backbone(tiny.folder), conditioning(tiny), random(2, 4, 8, 6), torch.tensor(5)
        assert cond.geometry is not None
        assert cond.geometry.tolist() == [[600, 400, 16, 8, 64, 48], [64, 64, 0, 0, 64, 48]]
        plain = backbone.predict(noisy, t, cond)
        for changed in ("original", "crop", "target"):
            for axis in (0, 1):
                sizes = {**SIZES, changed: [tuple(n + 100 * (i == axis) for i, n in enumerate(SIZES[changed][0])),
                                            SIZES[changed][1]]}  # fmt: skip
                other = backbone.predict(noisy, t, cond.with_geometry(**sizes))
                assert not torch.equal(other[0], plain[0]), f"{changed}[{axis}] changes nothing"
                assert torch.equal(other[1], plain[1])
        with pytest.raises(ValueError, match="needs pooled prompts and geometry"):
            backbone.predict(noisy, t, Conditioning(cond.hidden, cond.pooled))

    def test_geometry_is_not_rounded_in_half_precision(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone = load_backbone(tiny_models["sdxl"].folder, dtype=torch.bfloat16)
        seen: list[Tensor] = []
        backbone.unet.add_time_proj.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))  # type: ignore[union-attr]
        cond = conditioning(tiny_models["sdxl"]).with_geometry([(1001, 999)] * 2, [(3, 5)] * 2, [(64, 48)] * 2)
        result = backbone.predict(random(2, 4, 8, 6), torch.tensor(5), cond.to("cpu", torch.bfloat16))
        assert seen[0][:4].tolist() == [1001, 999, 3, 5]
        assert result.dtype == torch.float32

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_base_weights_decide_the_precision_inside(
        self, tiny_models: dict[str, TinyModel], dtype: torch.dtype
    ) -> None:
        backbone = load_backbone(tiny_models["sd1"].folder, dtype=dtype)
        seen: list[torch.dtype] = []
        backbone.unet.conv_out.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))  # type: ignore[union-attr]
        result = backbone.predict(random(2, 4, 8, 8), torch.tensor([1, 2]), conditioning(tiny_models["sd1"]))
        assert seen == [dtype] and result.dtype == torch.float32

    def test_gradient_checkpointing_changes_no_gradient(self, tiny: TinyModel) -> None:
        def gradient(checkpointing: bool) -> tuple[Tensor, int]:
            backbone = load_backbone(tiny.folder)
            if checkpointing:
                backbone.enable_gradient_checkpointing()
            layer = backbone.unet.get_submodule("mid_block.attentions.0.transformer_blocks.0.attn2.to_q")
            calls: list[int] = []
            layer.register_forward_hook(lambda *_: calls.append(1))
            layer.requires_grad_(True)
            backbone.predict(random(2, 4, 8, 8), torch.tensor([1, 2]), conditioning(tiny)).square().mean().backward()
            return layer.weight.grad, len(calls)  # type: ignore[return-value]

        (plain, once), (again, twice) = gradient(False), gradient(True)
        assert (once, twice) == (1, 2)
        assert float(plain.abs().max()) > 0
        torch.testing.assert_close(again, plain, rtol=1e-6, atol=1e-10)


class TestPictures:
    def test_mean_and_sample_like_diffusers(self, tiny: TinyModel) -> None:
        backbone, pixels = load_backbone(tiny.folder), random(3, 3, 64, 48).clamp(-1, 1)
        distribution = tiny.parts["vae"].encode(pixels).latent_dist  # type: ignore[operator]
        scale = 0.13025 if tiny.family == "sdxl" else 0.18215
        assert torch.equal(backbone.encode_images(pixels), distribution.mean * scale)
        sampled = backbone.encode_images(pixels, torch.Generator().manual_seed(5))
        torch.testing.assert_close(
            sampled, distribution.sample(torch.Generator().manual_seed(5)) * scale, rtol=1e-6, atol=1e-6
        )
        latents = random(3, 4, 8, 6)
        assert torch.equal(backbone.decode(latents), tiny.parts["vae"].decode(latents / scale).sample)  # type: ignore[operator]

    def test_the_scale_stands_in_the_vaes_config(self, tiny_models: dict[str, TinyModel]) -> None:
        tiny = tiny_models["sd1"]
        backbone = load_backbone(tiny.folder, vae=tiny_models["sdxl"].folder)
        assert backbone.latent_scale == 0.13025 and not backbone.is_loaded("vae")

    def test_large_batches_go_in_slices(
        self, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backbone, pixels, latents = load_backbone(tiny_models["sd1"].folder), random(5, 3, 32, 32), random(5, 4, 4, 4)
        whole, sampled = backbone.encode_images(pixels), backbone.encode_images(pixels, generator(9))
        decoded = backbone.decode(latents)
        sizes: list[int] = []
        backbone.vae.encoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))  # type: ignore[union-attr]
        backbone.vae.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))  # type: ignore[union-attr]
        monkeypatch.setattr(backbone_file, "SLICE_PIXELS", 2 * 32 * 32)
        torch.testing.assert_close(backbone.encode_images(pixels), whole, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(backbone.encode_images(pixels, generator(9)), sampled, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(backbone.decode(latents), decoded, rtol=1e-5, atol=1e-5)
        assert sizes == [2, 2, 1] * 3

    def test_infinities_are_a_sentence(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone = load_backbone(tiny_models["sd1"].folder, vae_dtype=torch.float16)
        with torch.no_grad():
            backbone.vae.encoder.conv_in.weight.mul_(1e6)  # type: ignore[union-attr,operator]
        with pytest.raises(UserError, match="not finite, in float16") as error:
            backbone.encode_images(random(1, 3, 32, 32))
        assert "vae_precision" in error.value.hint

    def test_the_trainers_autocast_does_not_reach_the_vae(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone, pixels = load_backbone(tiny_models["sd1"].folder), random(1, 3, 32, 32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(
                backbone.encode_images(pixels), load_backbone(tiny_models["sd1"].folder).encode_images(pixels)
            )

    def test_decoding_can_be_learned_through(self, tiny_models: dict[str, TinyModel]) -> None:
        latents = random(1, 4, 4, 4).requires_grad_(True)
        load_backbone(tiny_models["sd1"].folder).decode(latents).sum().backward()
        assert latents.grad is not None and float(latents.grad.abs().max()) > 0


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestParts:
    def test_given_back_and_read_again(self, tiny: TinyModel) -> None:
        backbone = load_backbone(tiny.folder)
        first = backbone.vae
        assert backbone.vae is first and list(backbone.parts()) == [part for part in tiny.parts if part != "vae"]
        backbone.release_vae()
        backbone.release_text_encoders()
        assert [part for part in tiny.parts if backbone.is_loaded(part)] == ["unet"]
        assert backbone.vae is not first
        assert torch.equal(backbone.vae.state_dict()["quant_conv.weight"], first.state_dict()["quant_conv.weight"])

    def test_checkpointing_holds_for_parts_read_later(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone = load_backbone(tiny_models["sd1"].folder)
        backbone.enable_gradient_checkpointing()
        assert backbone.unet.is_gradient_checkpointing  # type: ignore[union-attr]
        backbone.release_unet()
        assert backbone.unet.is_gradient_checkpointing  # type: ignore[union-attr]

    def test_made_of_modules(self, tiny: TinyModel) -> None:
        backbone = Backbone(family(tiny.family), tiny.parts, "v_prediction")
        assert backbone.unet is tiny.parts["unet"] and backbone.prediction_type == "v_prediction"
        wrapper = nn.Identity()
        backbone.replace("unet", wrapper)
        assert backbone.parts("unet") == {"unet": wrapper}
        backbone.release_vae()
        with pytest.raises(KeyError, match="vae was given back"):
            _ = backbone.vae

    @pytest.mark.skipif(importlib.util.find_spec("xformers") is not None, reason="xformers is installed")
    def test_missing_xformers(self, tiny_models: dict[str, TinyModel]) -> None:
        backbone = load_backbone(tiny_models["sd1"].folder)
        backbone.use_attention("xformers")
        with pytest.raises(UserError, match="xformers is not installed") as error:
            _ = backbone.unet
        assert "hardware.attention" in error.value.hint

    def test_sdpa_is_used(self, tiny: TinyModel) -> None:
        backbone = load_backbone(tiny.folder)
        backbone.use_attention("sdpa")
        assert {type(p).__name__ for p in backbone.unet.attn_processors.values()} == {"AttnProcessor2_0"}  # type: ignore[union-attr]
        for encoder in backbone.text_encoders:
            assert encoder.config._attn_implementation == "sdpa"  # type: ignore[union-attr]


class TestConditioning:
    def test_rows(self) -> None:
        cond = Conditioning(random(2, 3, 4), random(2, 5)).with_geometry(**SIZES)
        assert len(cond) == 2
        swapped = cond.index([1, 0])
        assert torch.equal(Conditioning.cat([swapped.index([1]), swapped.index(slice(0, 1))]).hidden, cond.hidden)
        assert swapped.geometry is not None and swapped.geometry[0].tolist() == [64, 64, 0, 0, 64, 48]
        half = cond.to("cpu", torch.float16)
        assert half.pooled is not None and half.geometry is not None
        assert (half.hidden.dtype, half.pooled.dtype, half.geometry.dtype) == (
            torch.float16,
            torch.float16,
            torch.float32,
        )
        plain = Conditioning(random(1, 3, 4).requires_grad_(True))
        assert plain.pooled is None and plain.index([0]).geometry is None and not plain.detach().hidden.requires_grad

    def test_what_does_not_fit(self) -> None:
        cond = Conditioning(random(1, 3, 4))
        with pytest.raises(ValueError, match="geometry of 2 pictures for 1 prompts"):
            cond.with_geometry(**SIZES)
        with pytest.raises(ValueError, match="some have it and some have not"):
            Conditioning.cat([cond, Conditioning(random(1, 3, 4), random(1, 5))])


def test_release_gives_memory_back(tiny_models: dict[str, TinyModel]) -> None:
    """Nothing else holds on to a part: its tensors die with it."""
    backbone = load_backbone(tiny_models["sd1"].folder, dtype=torch.bfloat16)
    seen = weakref.ref(backbone.text_encoders[0])
    backbone.release_text_encoders()
    assert seen() is None
