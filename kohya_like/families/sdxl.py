"""Stable Diffusion XL: CLIP ViT-L/14 beside OpenCLIP ViT-bigG/14, 1024 px, told size and crop.  arXiv:2307.01952."""

from kohya_like.families.base import ModelFamily, TextEncoderSpec
from kohya_like.schema.registry import register

SDXL = register(
    "family",
    "sdxl",
    ModelFamily(
        name="sdxl",
        label="Stable Diffusion XL",
        default_resolution=1024,
        default_resolution_v=1024,
        bucket_step=32,
        latent_scale=0.13025,
        text_encoders=(
            TextEncoderSpec("text_encoder", pad_id=49407, hidden="penultimate"),
            TextEncoderSpec("text_encoder_2", pad_id=0, hidden="penultimate", pooled=True),
        ),
        default_prediction_type="epsilon",
        has_geometry=True,
        takes_clip_skip=False,
        version="sdxl_base_v1-0",
        version_v="sdxl_base_v1-0",
        architecture="stable-diffusion-xl-v1-base",
        architecture_v="stable-diffusion-xl-v1-base",
        lora_implementation="https://github.com/Stability-AI/generative-models",
    ),
)
