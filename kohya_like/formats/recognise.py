"""Tell what a file is from the names and shapes in it: never from its size or extension. No torch.

The rules are those of the programs that wrote the files: kohya's and LyCORIS's key names, the original (LDM) prefixes
of checkpoints, diffusers' module names. Structure counts before width, so a tiny model is told like a real one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kohya_like.formats.adapter_family import CROSS_WIDTH_FAMILY, WIDTH_FAMILY, adapter_family

Shape = tuple[int, ...]

_ALGORITHM_ENDS = {
    ".hada_w1_a": "loha", ".lokr_w1": "lokr", ".lokr_w1_a": "lokr", ".on_input": "ia3", ".a1.weight": "glora",
    ".lora_mid.weight": "locon", ".lora_down.weight": "lora", ".lora_A.weight": "lora",
    ".lora_A.default.weight": "lora", ".lora.down.weight": "lora", "_lora.down.weight": "lora",
    ".lora_linear_layer.down.weight": "lora", ".diff": "full", ".w_norm": "norm", ".oft_blocks": "oft",
}  # fmt: skip
_ENDS = tuple(_ALGORITHM_ENDS)
_DOWN_ENDS = tuple(end for end, algorithm in _ALGORITHM_ENDS.items() if algorithm == "lora")
_NET = re.compile(r"hypernetwork_(\d{1,6})_[kv]\.linear\.")
_UNET = "model.diffusion_model."
_VARIANTS = {4: "", 5: "depth", 8: "instruct-pix2pix", 9: "inpainting"}


@dataclass(frozen=True)
class FileFacts:
    """What a file is.

    `container`: "safetensors", "pickle-zip", "pickle-legacy" or "diffusers-folder".
    `kind`: "checkpoint", "lora", "lycoris", "vae", "unet", "text-encoder", "textual-inversion", "hypernetwork",
    "aesthetic" or "unknown".
    `family`: "sd1", "sd2", "sdxl" or "" where the file does not tell.
    `prediction_type`: "epsilon", "v_prediction" or "" where the file does not tell.
    `details` by kind: tensors, in_channels, variant ("inpainting", "sdxl-refiner", "unclip", "flux", ...),
    zero_terminal_snr; algorithms, ranks, modules, naming, parts, dora; vectors, width, token; widths, structure.
    """

    container: str
    kind: str
    family: str = ""
    prediction_type: str = ""
    details: dict[str, object] = field(default_factory=dict)


def recognise(container: str, shapes: Mapping[str, Shape], metadata: Mapping[str, str]) -> FileFacts:
    """The facts of a flat file of named tensors."""
    prediction = _prediction_type(shapes, metadata)
    details: dict[str, object] = {"tensors": len(shapes)}
    if algorithms := _algorithms(shapes):
        details |= _adapter_details(shapes, algorithms)
        kind = "lora" if algorithms == ["lora"] and not details["dora"] else "lycoris"
        return FileFacts(container, kind, adapter_family(shapes, metadata), prediction, details)
    if embedding := _embedding(shapes):
        family = str(embedding.pop("family"))
        return FileFacts(container, "textual-inversion", family, prediction, details | embedding)
    if widths := sorted({int(match[1]) for name in shapes if (match := _NET.match(name))}):
        facts = details | {"widths": widths, "step": metadata.get("ss_steps", "")}
        return FileFacts(container, "hypernetwork", hypernetwork_family(widths), prediction, facts)
    kind = _model_kind(shapes)
    if kind == "unknown":
        return FileFacts(container, kind, details=details)
    details |= _model_details(shapes)
    if {"v_pred", "ztsnr"} <= shapes.keys():
        details["zero_terminal_snr"] = True
    family = "" if kind == "vae" or details["variant"] in ("sdxl-refiner", "flux", "sd3") else _model_family(shapes)
    return FileFacts(container, kind, family, prediction, details)


def hypernetwork_family(widths: Collection[int]) -> str:
    """The family whose prompts have one of these widths, where only one has."""
    found = {CROSS_WIDTH_FAMILY[width] for width in widths if width in CROSS_WIDTH_FAMILY}
    return found.pop() if len(found) == 1 else ""


def embedding_facts(container: str, shape: Shape, **details: object) -> FileFacts:
    """The facts of a textual inversion of `shape` (vectors, width) or (width,)."""
    width = shape[-1] if shape else 0
    vectors = shape[0] if len(shape) == 2 else 1
    found = {"vectors": vectors, "width": width, **details}
    return FileFacts(container, "textual-inversion", WIDTH_FAMILY.get(width, ""), details=found)


def _algorithms(shapes: Mapping[str, Shape]) -> list[str]:
    """The network algorithms whose keys stand in the file, e.g. ["loha", "lora"]; empty for no adapter."""
    found = set()
    for name, shape in shapes.items():
        if name.endswith(_ENDS):
            algorithm = next(algorithm for end, algorithm in _ALGORITHM_ENDS.items() if name.endswith(end))
            found.add("boft" if algorithm == "oft" and len(shape) == 4 else algorithm)
    if "locon" in found:
        found.discard("lora")  # the Tucker core makes it LoCon; its plain layers have LoRA's keys
    return sorted(found)


def _adapter_details(shapes: Mapping[str, Shape], algorithms: list[str]) -> dict[str, object]:
    downs = [shape for name, shape in shapes.items() if name.endswith(_DOWN_ENDS) and shape]
    modules = {name.partition(".")[0] for name in shapes if name.startswith(("lora_", "oft_", "lycoris_"))}
    naming = "kohya" if modules else "peft" if any(".lora_A." in name for name in shapes) else "diffusers"
    return {
        "algorithms": algorithms,
        "ranks": sorted({shape[0] for shape in downs}),
        "modules": len(modules) or len(downs),
        "naming": naming,
        "parts": sorted({_adapter_part(name) for name in shapes}),
        "conv": any(len(shape) == 4 and shape[2:] != (1, 1) for shape in downs),
        "dora": any(name.endswith(".dora_scale") for name in shapes),
    }


def _adapter_part(name: str) -> str:
    if name.startswith(("lora_te2_", "text_encoder_2.")):
        return "text_encoder_2"
    return "text_encoder" if name.startswith(("lora_te", "text_encoder", "lycoris_te", "oft_te")) else "unet"


def _embedding(shapes: Mapping[str, Shape]) -> dict[str, object]:
    if shapes.keys() == {"clip_l", "clip_g"}:
        shape = shapes["clip_g"]
        return {"vectors": shape[0] if len(shape) == 2 else 1, "width": shape[-1] if shape else 0, "family": "sdxl"}
    if len(shapes) != 1:
        return {}
    ((name, shape),) = shapes.items()
    if len(shape) not in (1, 2) or (name != "emb_params" and (shape[-1] not in WIDTH_FAMILY or "." in name)):
        return {}
    facts = embedding_facts("", shape)
    return {**facts.details, "family": facts.family, "token": "" if name == "emb_params" else name}


def _model_kind(names: Collection[str]) -> str:
    unet = any(name.startswith((_UNET, "input_blocks.", "down_blocks.", "double_blocks.")) for name in names)
    encoder = any(name.startswith(("cond_stage_model.", "conditioner.embedders.")) for name in names)
    if unet:
        vae = any(name.startswith(("first_stage_model.", "vae.")) for name in names)
        return "checkpoint" if encoder or vae else "unet"
    if any(
        name.removeprefix("first_stage_model.").startswith(("decoder.conv_in.", "encoder.conv_in.")) for name in names
    ):
        return "vae"
    if encoder or any("self_attn.q_proj.weight" in name or "resblocks.0.ln_1.weight" in name for name in names):
        return "text-encoder"
    return "unknown"


def _model_family(shapes: Mapping[str, Shape]) -> str:
    if any(name.startswith("conditioner.embedders.1.") for name in shapes):
        return "sdxl"
    bare = {name.removeprefix(_UNET): shape for name, shape in shapes.items()}
    first = "input_blocks.1.1.proj_in.weight" if "out.2.weight" in bare else "down_blocks.0.attentions.0.proj_in.weight"
    if first in bare:
        return "sd1" if len(bare[first]) == 4 else "sd2"
    if "label_emb.0.0.weight" in bare or "add_embedding.linear_1.weight" in bare:
        return "sdxl"
    if any(name.startswith("cond_stage_model.model.") for name in shapes):
        return "sd2"
    return "sd1" if any(name.startswith("cond_stage_model.transformer.") for name in shapes) else ""


def _model_details(shapes: Mapping[str, Shape]) -> dict[str, object]:
    bare = {name.removeprefix(_UNET): shape for name, shape in shapes.items()}
    entrance = bare.get("input_blocks.0.0.weight") or bare.get("conv_in.weight") or ()
    channels = entrance[1] if len(entrance) == 4 else 0
    variant = _VARIANTS.get(channels, "") if channels else ""
    if any(name.startswith("double_blocks.") for name in bare):
        variant = "flux"
    elif any(name.startswith("joint_blocks.") for name in bare):
        variant = "sd3"
    elif any(name.startswith("conditioner.embedders.0.model.") for name in shapes):
        variant = "sdxl-refiner"
    elif "label_emb.0.0.weight" in bare and "input_blocks.1.1.proj_in.weight" in bare:
        variant = "unclip"
    return {"in_channels": channels, "variant": variant}


def _prediction_type(names: Collection[str], metadata: Mapping[str, str]) -> str:
    if "v_pred" in names or "edm_vpred.sigma_max" in names:
        return "v_prediction"
    said = metadata.get("modelspec.prediction_type", "")
    if said in ("v", "v_prediction", "v-prediction"):
        return "v_prediction"
    if said in ("epsilon", "eps"):
        return "epsilon"
    version = metadata.get("ss_base_model_version", "")
    if version.startswith(("sd_v1", "sd_v2")):
        return "v_prediction" if version.endswith("_v") else "epsilon"
    return "v_prediction" if metadata.get("modelspec.architecture", "").startswith("stable-diffusion-v2-768-v") else ""
