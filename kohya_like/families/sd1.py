"""Stable Diffusion 1.x: CLIP ViT-L/14 prompts, 512 px.  Rombach et al., arXiv:2112.10752."""

from kohya_like.families.base import ModelFamily, TextEncoderSpec
from kohya_like.schema.registry import register

SD1 = register(
    "family",
    "sd1",
    ModelFamily(
        name="sd1",
        label="Stable Diffusion 1.x",
        default_resolution=512,
        default_resolution_v=512,
        bucket_step=64,
        latent_scale=0.18215,
        text_encoders=(TextEncoderSpec("text_encoder", pad_id=49407),),
        default_prediction_type="epsilon",
        has_geometry=False,
        takes_clip_skip=True,
        version="sd_v1",
        version_v="sd_v1_v",
        architecture="stable-diffusion-v1",
        architecture_v="stable-diffusion-v1",
        lora_implementation="diffusers",
    ),
)
