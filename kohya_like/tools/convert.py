"""Convert: what a file is decides what is done with it; see `convert`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from kohya_like.formats.headers import identify
from kohya_like.schema.errors import UserError
from kohya_like.tools.convert_checkpoint import to_folder, to_safetensors, to_single_file
from kohya_like.tools.convert_hypernetwork import convert_hypernetwork
from kohya_like.tools.convert_network import convert_network
from kohya_like.tools.model_file import open_model
from kohya_like.tools.names import STYLES
from kohya_like.tools.output import check_file, check_folder

TARGETS = (*STYLES, "ldm", "diffusers", "same", "a1111")
PARTS = ("vae", "unet", "text-encoder", "textual-inversion")


@dataclass(frozen=True)
class Converted:
    """What came of it: "kohya", "peft", "ldm", "diffusers", "same" or "a1111", and how many of what it holds."""

    out: Path
    to: str
    count: int
    of: str = "tensors"


def convert(
    path: Path, out: Path, to: str = "", *, like: Path | None = None, family: str = "",
    dtype: torch.dtype | None = None, force: bool = False,
) -> Converted:  # fmt: skip
    """Write a network or base model in another form to `out`.

    `to`: "kohya" or "peft" for networks; "ldm" (one file), "diffusers" (a folder) or "same" (the names stay; .ckpt
    becomes .safetensors) for models; "a1111" (webui's .pt) or "same" for hypernetworks. Left out: kohya; for a folder
    ldm; for a file diffusers or same, for a hypernetwork a1111 or same, by `out`.

    Raises UserError or FormatError; nothing is then written.
    """
    inputs = [path, *([like] if like else [])]
    facts = identify(path)
    network = facts.kind in ("lora", "lycoris")
    if facts.kind == "hypernetwork":
        return _hypernetwork(path, out, to, dtype, force)
    if facts.kind not in ("checkpoint", "lora", "lycoris", *PARTS):
        raise UserError(f"{path}: is neither a base model nor a network that can be converted ({facts.kind})")
    to = to or ("kohya" if network else "ldm" if path.is_dir() else "same" if out.suffix else "diffusers")
    if to == "a1111" or (network == (to in ("ldm", "diffusers")) and to != "same"):
        wanted = "kohya or peft" if network else "ldm, diffusers or same"
        raise UserError(f"{path}: cannot become {to}", f"for this kind of file there is {wanted}")
    if to == "diffusers":
        check_folder(out, inputs)
    else:
        check_file(out, inputs, force)
    if network and to != "same":
        return Converted(out, to, convert_network(path, out, to, family, dtype, force), "layers")
    if to == "same":
        if path.is_dir():
            raise UserError(f"{path}: is a folder and cannot stay as it is in one file", "say --to ldm")
        return Converted(out, to, to_safetensors(path, out, dtype, force))
    with open_model(path) as model:
        if model.is_folder == (to == "diffusers"):
            raise UserError(f"{path}: is already {'a diffusers folder' if model.is_folder else 'one file'}")
        if to == "diffusers":
            return Converted(out, to, to_folder(model, out, like, dtype))
        return Converted(out, to, to_single_file(model, out, like, dtype, force))


def _hypernetwork(path: Path, out: Path, to: str, dtype: torch.dtype | None, force: bool) -> Converted:
    to = to or ("a1111" if out.suffix.lower() == ".pt" else "same")
    if to not in ("a1111", "same"):
        raise UserError(f"{path}: cannot become {to}", "for this kind of file there is a1111 or same")
    check_file(out, [path], force, ".pt" if to == "a1111" else ".safetensors")
    return Converted(out, to, convert_hypernetwork(path, out, to, dtype, force), "nets")
