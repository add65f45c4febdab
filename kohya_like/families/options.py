"""The options of the base model. Torch-free."""

from __future__ import annotations

from typing import ClassVar, Literal

from kohya_like.schema.option import Section, option


class ModelOptions(Section):
    """Which model is trained on, and how its file is to be read."""

    title: ClassVar[str] = "Base model"

    base: str = option(
        "", "The model to train on: a .safetensors or .ckpt file, or a diffusers folder. Usually the original SD 1.5 "
        "or SDXL, or the model you draw with.", group="Model", path="any", kohya="pretrained_model_name_or_path",
        differs="always a path: nothing is downloaded unless `python -m kohya_like fetch` is called.",
    )  # fmt: skip
    family: Literal["auto", "sd1", "sd2", "sdxl"] = option(
        "auto", "The kind of model: sd1, sd2 or sdxl. auto reads it from the file; choose it yourself only where that "
        "fails.", group="Model", kohya="v2",
        differs="kohya has one script per family and a flag for SD2; a wrong one trains noise silently.",
    )  # fmt: skip
    prediction_type: Literal["auto", "epsilon", "v_prediction"] = option(
        "auto", "What the UNet predicts; auto takes what the file says, and asks where it does not (SD2). Usually "
        "epsilon; SD 2.1 for 768 px: v_prediction.", group="Model", kohya="v_parameterization",
        differs="kohya never looks into the file; a wrong value trains noise silently.",
    )  # fmt: skip
    vae: str | None = option(
        None, "Another VAE in place of the model's own: a file, or a diffusers folder. Usually not needed.",
        group="Model", level="advanced", path="any",
    )  # fmt: skip
    clip_skip: int | None = option(
        None, "Layer of the text encoder that is read, counted from the end: 1 is the last. Usually 2 for anime "
        "models, else unset. SDXL reads its own.", ge=1, le=12, group="Prompts", level="advanced",
    )  # fmt: skip
    max_token_length: Literal[75, 150, 225] = option(
        75, "Longest caption, counted in tokens; what is beyond is cut off. 75 is usual; 150 or 225 where captions are "
        "longer.", unit="tokens", group="Prompts", level="advanced",
    )  # fmt: skip
    config_folder: str | None = option(
        None, "Folder with the component configs (unet/config.json, ...) of a single model file of unusual size. "
        "Ordinary models need none.", group="Model", level="expert", path="folder",
    )  # fmt: skip
