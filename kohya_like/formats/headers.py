"""What a file is, by its content, without torch and without running anything: the door to the readers of this folder.

facts = identify(path)       # container, kind, family, prediction type, details
"""

from __future__ import annotations

import json
from pathlib import Path

from kohya_like.formats.archive import ZIP_START
from kohya_like.formats.opening import open_regular, refuse_known_strangers, unreadable
from kohya_like.formats.pickle_calls import PickledTensor
from kohya_like.formats.recognise import FileFacts, Shape, embedding_facts, hypernetwork_family, recognise
from kohya_like.formats.safetensors_header import SafetensorsHeader, TensorInfo, read_safetensors_header
from kohya_like.formats.torch_file import TorchFile, read_torch_file
from kohya_like.schema.errors import FormatError

__all__ = [
    "FileFacts",
    "SafetensorsHeader",
    "TensorInfo",
    "container_of",
    "identify",
    "read_json",
    "read_safetensors_header",
]

_MAX_JSON_BYTES = 1024 * 1024


def identify(path: Path) -> FileFacts:
    """Tell what the file or folder at `path` is.

    Raises:
        FormatError: no model file: missing, empty, truncated, a web page, hostile ... in one sentence.
    """
    path = Path(path)
    container = container_of(path)
    if container == "diffusers-folder":
        return _identify_folder(path)
    if container == "safetensors":
        header = read_safetensors_header(path)
        return recognise(container, {name: info.shape for name, info in header.tensors.items()}, header.metadata)
    return _identify_pickle(read_torch_file(path))


def container_of(path: Path) -> str:
    """ "safetensors", "pickle-zip", "pickle-legacy" or "diffusers-folder", by the first bytes.

    Raises:
        FormatError: none of these.
    """
    path = Path(path)
    if path.is_dir():
        if any((path / name).is_file() for name in ("model_index.json", "unet/config.json", "config.json")):
            return "diffusers-folder"
        raise FormatError(
            f"{path}: is a folder without a model: neither model_index.json nor unet/config.json is in it.",
            hint="Give the folder that holds model_index.json, or a .safetensors or .ckpt file.",
        )
    with open_regular(path) as file:
        try:
            start = file.read(512)
        except OSError as error:
            raise unreadable(path, error) from None
    refuse_known_strangers(path, start)
    if start[8:9] == b"{":
        return "safetensors"
    if start.startswith(ZIP_START):
        return "pickle-zip"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return "pickle-legacy"
    raise FormatError(f"{path}: is no model file: neither safetensors nor written by torch.")


def read_json(path: Path) -> dict[str, object]:
    """A small JSON table (a diffusers config), as data.

    Raises:
        FormatError: missing, larger than 1 MiB, not JSON or not a table.
    """
    with open_regular(path) as file:
        try:
            raw = file.read(_MAX_JSON_BYTES + 1)
        except OSError as error:
            raise unreadable(path, error) from None
    if len(raw) > _MAX_JSON_BYTES:
        raise FormatError(f"{path}: is larger than {_MAX_JSON_BYTES} bytes; no config is.")
    try:
        table = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise FormatError(f"{path}: is not valid JSON.") from None
    if not isinstance(table, dict):
        raise FormatError(f"{path}: is not a table of settings.")
    return table


def _identify_folder(path: Path) -> FileFacts:
    """A diffusers pipeline or one component of it, from its configs; the classes they name are never loaded."""
    if not (path / "model_index.json").is_file() and not (path / "unet" / "config.json").is_file():
        return _identify_component(read_json(path / "config.json"))
    if not (path / "unet" / "config.json").is_file():
        other = "transformer" if (path / "transformer").is_dir() else ""
        return FileFacts("diffusers-folder", "unknown", details={"variant": other} if other else {})
    facts = _identify_component(read_json(path / "unet" / "config.json"))
    family = "sdxl" if (path / "text_encoder_2").is_dir() else facts.family
    details = dict(facts.details)
    prediction = ""
    if (path / "scheduler" / "scheduler_config.json").is_file():
        scheduler = read_json(path / "scheduler" / "scheduler_config.json")
        said = scheduler.get("prediction_type", "epsilon")
        prediction = str(said) if said in ("epsilon", "v_prediction") else ""
        details["zero_terminal_snr"] = scheduler.get("rescale_betas_zero_snr") is True
    if family == "sdxl" and not (path / "text_encoder_2").is_dir():
        details["variant"] = "incomplete"
    elif family == "sdxl" and not (path / "text_encoder").is_dir():
        details["variant"], family = "sdxl-refiner", ""
    return FileFacts("diffusers-folder", "checkpoint", family, prediction, details)


def _identify_component(config: dict[str, object]) -> FileFacts:
    name = config.get("_class_name")
    if name == "AutoencoderKL":
        return FileFacts("diffusers-folder", "vae")
    if name != "UNet2DConditionModel":
        return FileFacts("diffusers-folder", "unknown", details={"class": str(name)[:100]})
    channels = config.get("in_channels", 4)
    variant = {5: "depth", 8: "instruct-pix2pix", 9: "inpainting"}.get(channels, "") if type(channels) is int else ""
    family = "sd2" if config.get("use_linear_projection") is True else "sd1"
    if config.get("addition_embed_type") == "text_time":
        family = "sdxl"
    return FileFacts("diffusers-folder", "unet", family, details={"in_channels": channels, "variant": variant})


def _identify_pickle(file: TorchFile) -> FileFacts:
    value, container = file.value, file.container
    if isinstance(value, PickledTensor):
        kind = "aesthetic" if len(value.shape) in (1, 2) else "unknown"
        return FileFacts(container, kind, details={"shape": list(value.shape)})
    if not isinstance(value, dict):
        return FileFacts(container, "unknown")
    nets = {key: pair for key, pair in value.items() if type(key) is int}
    if nets and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in nets.values()):
        return _hypernetwork(container, value, sorted(nets))
    parameters = value.get("string_to_param")
    if isinstance(parameters, dict) and parameters:
        tensors = [item for item in parameters.values() if isinstance(item, PickledTensor)]
        if tensors:
            return embedding_facts(
                container, tensors[0].shape, name=_text(value.get("name")), step=_number(value.get("step"))
            )
    inner = value.get("state_dict")
    return recognise(container, _shapes(inner if isinstance(inner, dict) else value), {})


def _hypernetwork(container: str, value: dict[object, object], widths: list[int]) -> FileFacts:
    family = hypernetwork_family(widths)
    structure = value.get("layer_structure", [1, 2, 1])
    details = {
        "widths": widths,
        "layer_structure": [_number(item) for item in structure[:100]] if isinstance(structure, list) else [],
        "activation": _text(value.get("activation_func")),
        "name": _text(value.get("name")),
        "step": _number(value.get("step")),
    }
    return FileFacts(container, "hypernetwork", family, details=details)


def _shapes(table: dict[object, object]) -> dict[str, Shape]:
    return {
        name: item.shape for name, item in table.items() if isinstance(name, str) and isinstance(item, PickledTensor)
    }


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) else None
