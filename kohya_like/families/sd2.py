"""Stable Diffusion 2.x: OpenCLIP ViT-H/14 prompts; 512 px predicts noise, 768 px predicts v.

The text encoder of a diffusers folder has 23 of the 24 layers: its last layer is the penultimate one the UNet reads.
"""

from kohya_like.families.base import ModelFamily, TextEncoderSpec
from kohya_like.schema.registry import register

SD2 = register(
    "family",
    "sd2",
    ModelFamily(
        name="sd2",
        label="Stable Diffusion 2.x",
        default_resolution=512,
        default_resolution_v=768,
        bucket_step=64,
        latent_scale=0.18215,
        text_encoders=(TextEncoderSpec("text_encoder", pad_id=0),),
        default_prediction_type="",
        has_geometry=False,
        takes_clip_skip=True,
        version="sd_v2",
        version_v="sd_v2_v",
        architecture="stable-diffusion-v2-512",
        architecture_v="stable-diffusion-v2-768-v",
        lora_implementation="diffusers",
    ),
)
