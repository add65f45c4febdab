"""The families as data, without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kohya_like.families.base import families, family
from kohya_like.families.options import ModelOptions

pytestmark = pytest.mark.quick

TORCH_FREE = """
import sys
from kohya_like.families import base, detection, options
from kohya_like.families.base import families
assert [f.name for f in families()] == ["sd1", "sd2", "sdxl"]
heavy = {"torch", "diffusers", "transformers", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""
BACKBONE_WITHOUT_DIFFUSERS = """
import sys
import kohya_like.families.loading
heavy = {"diffusers", "transformers", "sympy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_declarations_import_no_torch() -> None:
    subprocess.run([sys.executable, "-c", TORCH_FREE], check=True, timeout=60)


def test_diffusers_is_imported_by_the_first_part_only() -> None:
    subprocess.run([sys.executable, "-c", BACKBONE_WITHOUT_DIFFUSERS], check=True, timeout=120)


def test_what_files_say_of_their_base() -> None:
    """The words kohya and the ModelSpec use; other programs compare them letter by letter."""
    said = {
        f.name: [(f.base_model_version(p), f.modelspec_architecture(p)) for p in ("epsilon", "v_prediction")]
        for f in families()
    }
    assert said == {
        "sd1": [("sd_v1", "stable-diffusion-v1"), ("sd_v1_v", "stable-diffusion-v1")],
        "sd2": [("sd_v2", "stable-diffusion-v2-512"), ("sd_v2_v", "stable-diffusion-v2-768-v")],
        "sdxl": [("sdxl_base_v1-0", "stable-diffusion-xl-v1-base")] * 2,
    }


def test_numbers() -> None:
    assert [f.resolution("epsilon") for f in families()] == [512, 512, 1024]
    assert family("sd2").resolution("v_prediction") == 768
    assert [f.bucket_step for f in families()] == [64, 64, 32]
    assert [spec.pad_id for f in families() for spec in f.text_encoders] == [49407, 0, 49407, 0]
    assert family("sdxl").parts == ("unet", "text_encoder", "text_encoder_2")
    assert family("sd2").default_prediction_type == ""


def test_options_know_every_family() -> None:
    field = ModelOptions.model_fields["family"]
    assert set(field.annotation.__args__) == {"auto", *(f.name for f in families())}  # type: ignore[union-attr]
    assert ModelOptions(base="model.safetensors").family == "auto"
