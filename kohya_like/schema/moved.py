"""Names that are not ours any more, or never were: rows, not branches. The unknown-key message is made from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Moved:
    """An option of an earlier version of this program. `new` is empty when it was removed."""

    old: str
    new: str
    version: str
    note: str = ""


RENAMED: tuple[Moved, ...] = ()

# Options of kohya's scripts that have no counterpart here, with what to do instead.
FOREIGN: dict[str, str] = {
    "cache_latents_to_disk": "data.cache_latents always caches on disk, outside your folders",
    "cache_text_encoder_outputs_to_disk": "data.cache_text_encoder_outputs always caches on disk",
    "config_file": "a config does not include another one; pass the file to train or check",
    "dataset_config": "write its subsets as [[data.subsets]]",
    "face_crop_aug_range": "crop faces beforehand; random_crop moves the crop window",
    "fp8_base": "train.base_precision knows fp32, fp16 and bf16",
    "fused_backward_pass": "not needed for networks; leave it out",
    "highvram": "leave it out; memory is freed as soon as a part is no longer needed",
    "in_json": "metadata files are not read; use caption files beside the pictures",
    "lowram": "leave it out; weights are mapped from the file, not read into memory",
    "lowvram": "leave it out; memory is freed as soon as a part is no longer needed",
    "mem_eff_attn": 'hardware.attention = "sdpa" replaces it',
    "network_module": 'write network.name instead, for example "lora"',
    "network_args": "write each argument as a key of [network]",
    "optimizer_args": "write each argument as a key of [optimizer]",
    "persistent_data_loader_workers": "leave it out; workers always stay alive",
    "save_model_as": "files are written as safetensors",
    "skip_until_initial_step": "leave it out; resuming is exact",
    "train_inpainting": "inpainting models cannot be trained here",
    "v2": 'model.family = "sd2"; the file usually tells',
    "v_parameterization": 'model.prediction_type = "v_prediction"; the file usually tells',
    "wandb_api_key": "never write a key into a config",
}
