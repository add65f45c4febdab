"""The options of the base model. Torch-free."""

from __future__ import annotations

from typing import ClassVar, Literal

from kohya_like.schema.option import Section, option


class ModelOptions(Section):
    """Which model is trained on, and how its file is to be read."""

    title: ClassVar[str] = "Base model"

    base: str = option(
        "", "The model to train on: a .safetensors or .ckpt file, or a diffusers folder.", group="Model", path="any",
        kohya="pretrained_model_name_or_path",
        differs="always a path: nothing is downloaded unless `python -m kohya_like fetch` is called.",
    )  # fmt: skip
    family: Literal["auto", "sd1", "sd2", "sdxl"] = option(
        "auto", "The kind of model; auto reads it from the file.", group="Model", kohya="v2",
        differs="kohya has one script per family and a flag for SD2; a wrong one trains noise silently.",
    )  # fmt: skip
    prediction_type: Literal["auto", "epsilon", "v_prediction"] = option(
        "auto", "What the UNet predicts; auto takes what the file says, and asks where it does not (SD2).",
        group="Model", kohya="v_parameterization",
        differs="kohya never looks into the file; a wrong value trains noise silently.",
    )  # fmt: skip
    vae: str | None = option(
        None, "Another VAE than the model's own: a file, or a diffusers folder.", group="Model", level="advanced",
        path="any",
    )  # fmt: skip
    clip_skip: int | None = option(
        None, "Layer of the text encoder that is read, counted from the end: 1 is the last. SDXL reads its own.",
        ge=1, le=12, group="Prompts", level="advanced",
    )  # fmt: skip
    max_token_length: Literal[75, 150, 225] = option(
        75, "Longest caption; what is beyond is cut off.", unit="tokens", group="Prompts", level="advanced",
    )  # fmt: skip
    config_folder: str | None = option(
        None, "Folder with the component configs (unet/config.json, ...) of a single file of unusual size.",
        group="Model", level="expert", path="folder",
    )  # fmt: skip
