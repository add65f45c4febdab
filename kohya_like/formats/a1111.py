"""Hypernetworks as AUTOMATIC1111's webui keeps them: read its `.pt`, and write one that its safe loader accepts.

    {320: (net of keys, net of values), 768: ..., "step": 1000, "name": "x", "layer_structure": [1, 2, 1], ...}

Here, and in the safetensors twin, the same tensors stand flat: `hypernetwork_<width>_<k or v>.linear.<i>.weight`, and
beside them what the header tells (`hypernetwork_layout`): `hypernetwork_768_k.activation.relu`, 1.0 ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from kohya_like.formats.hypernetwork_layout import INITIALIZATION_KEY, Layout, layout_of, linear_rows, structure_of
from kohya_like.formats.legacy_pickle import save_legacy
from kohya_like.schema.errors import FormatError

Side = Literal["k", "v"]
_SIDES: tuple[Side, Side] = ("k", "v")
_NAME = re.compile(r"hypernetwork_(\d{1,6})_([kv])\.(.+)")
_OLD_KEYS = {"linear1.": "linear.0.", "linear2.": "linear.1."}
_EXTENSIONS = ("skip_connection", "upsample_linear")  # webui's extensions; they change the formula
# what the header tells of the making <-> the words of metadata
_TOLD = {
    "step": "ss_steps", "name": "ss_output_name", "sd_checkpoint": "ss_new_sd_model_hash",
    "sd_checkpoint_name": "ss_sd_model_name", "optional_info": "ss_training_comment",
    "weight_initialization": INITIALIZATION_KEY,
}  # fmt: skip
_SHORT_HASH = 10


def residual_name(width: int, side: Side) -> str:
    """What a net is called in files and in the network."""
    return f"hypernetwork_{width}_{side}"


def hypernetwork_tensors(path: Path, value: object) -> dict[str, Tensor]:
    """The tensors of a `.pt` by their names here; nothing where `value` is no hypernetwork.

    A field that is missing has webui's default. Raises FormatError for what webui could not load either, and for
    extensions of the format that change the formula.
    """
    if not isinstance(value, dict) or not (nets := {k: v for k, v in value.items() if type(k) is int}):
        return {}
    used = [word for word in _EXTENSIONS if value.get(word)]
    if used:
        raise FormatError(f"{path}: was made with an extension of webui ({', '.join(used)}) that works differently.")
    layout = _layout(path, value)
    found: dict[str, Tensor] = {}
    for width, pair in nets.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise FormatError(f"{path}: has no pair of nets for width {width}.")
        for side, state in zip(_SIDES, pair):
            prefix = residual_name(width, side)
            net = _net(path, prefix, state, layout, width)
            found |= {f"{prefix}.{key}": tensor for key, tensor in net.items()}
            found |= {f"{prefix}.{key}": torch.tensor(number) for key, number in layout.constants().items()}
    return found


def hypernetwork_metadata(value: object) -> dict[str, str]:
    """What the header of a `.pt` tells of its making, in the words of metadata."""
    if not isinstance(value, dict):
        return {}
    told = {word: value.get(key) for key, word in _TOLD.items()}
    return {word: str(item) for word, item in told.items() if isinstance(item, (str, int)) and item != ""}


def save_hypernetwork(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], overwrite: bool) -> None:
    """Write the nets of `tensors` as webui's `.pt`, whole or not at all.

    Raises FormatError where they are no hypernetwork or webui's file cannot hold them.
    """
    nets: dict[int, dict[str, dict[str, Tensor]]] = {}
    for key, tensor in tensors.items():
        match = _NAME.fullmatch(key)
        if not match:
            raise FormatError(f"{key} is no tensor of a hypernetwork; only hypernetworks are written as .pt")
        nets.setdefault(int(match[1]), {}).setdefault(match[2], {})[match[3]] = tensor
    for width, sides in nets.items():
        if len(sides) != 2:
            raise FormatError(f"the nets of width {width} are not whole: webui wants one for keys and one for values")
    layout = _common_layout(nets)
    value: dict[int | str, object] = {}
    for width, sides in sorted(nets.items()):
        wanted = layout.shapes(width)
        for side, net in sides.items():
            if faults := sorted(wanted.keys() ^ {key for key in net if key.startswith("linear.")}):
                raise FormatError(f"hypernetwork_{width}_{side} lacks {faults[0]}, or has it beside its layers")
        value[width] = tuple({key: sides[side][key] for key in wanted} for side in _SIDES)
    save_legacy(path, value | _header(Path(path), layout, metadata), overwrite=overwrite)


def _header(path: Path, layout: Layout, metadata: Mapping[str, str]) -> dict[int | str, object]:
    """The fields of webui's own save, in its order. What is not known is None, as there."""
    told = {key: metadata.get(word) or None for key, word in _TOLD.items()}
    told = {key: None if text == "None" else text for key, text in told.items()}
    steps, model, hashed = told["step"] or "", told["sd_checkpoint_name"], told["sd_checkpoint"]
    return {
        "step": int(steps) if steps.isdecimal() else 0,
        "name": path.stem,
        "layer_structure": list(layout.structure),
        "activation_func": layout.activation,
        "is_layer_norm": layout.layer_norm,
        "weight_initialization": told["weight_initialization"] or "Normal",
        "sd_checkpoint": hashed[:_SHORT_HASH] if hashed else None,
        "sd_checkpoint_name": re.sub(r"\.(safetensors|ckpt|pt)$", "", model) if model else None,
        "activate_output": layout.activate_output,
        "use_dropout": any(layout.dropouts),
        "dropout_structure": list(layout.dropouts),
        "last_layer_dropout": layout.dropouts[-2] != 0.0,
        "optional_info": told["optional_info"],
    }


def _common_layout(nets: Mapping[int, Mapping[str, Mapping[str, Tensor]]]) -> Layout:
    """The one layout of all nets."""
    rows: dict[int, list[int]] = {}
    found: set[Layout] = set()
    for width, sides in nets.items():
        for net in sides.values():
            shapes = {key: tuple(tensor.shape) for key, tensor in net.items() if key.startswith("linear.")}
            own = layout_of(shapes, {key: float(net[key]) for key in net.keys() - shapes.keys()})
            rows[width], _ = linear_rows(shapes)
            found.add(Layout((), own.activation, own.activate_output, own.layer_norm, own.dropouts))
    if len(found) != 1:
        raise FormatError("the nets have different activations, normalisations or dropouts; webui's file holds one")
    common = found.pop()
    return Layout(
        structure_of(rows), common.activation, common.activate_output, common.layer_norm, common.dropouts
    )  # fmt: skip


def _layout(path: Path, header: Mapping[object, object]) -> Layout:
    structure = _numbers(path, "layer_structure", header.get("layer_structure", [1, 2, 1]))
    if len(structure) < 2 or structure[0] != 1.0 or structure[-1] != 1.0 or min(structure) <= 0.0:
        raise FormatError(f"{path}: its layer_structure {list(structure)} does not begin and end with 1.")
    activation = header.get("activation_func") or "linear"
    if not isinstance(activation, str) or not re.fullmatch(r"\w{1,40}", activation):
        raise FormatError(f"{path}: its activation_func is no name: {str(activation)[:60]!r}.")
    dropouts = header.get("dropout_structure")
    if dropouts is None:
        dropouts = _derived_dropouts(len(structure), header)
    drops = _numbers(path, "dropout_structure", dropouts)
    if len(drops) != len(structure) or not all(0.0 <= p < 1.0 for p in drops):
        raise FormatError(f"{path}: its dropout_structure {list(drops)} does not fit its layer_structure.")
    activated, norm = bool(header.get("activate_output", True)), bool(header.get("is_layer_norm", False))
    return Layout(structure, activation, activated, norm, drops)


def _derived_dropouts(length: int, header: Mapping[object, object]) -> list[float]:
    """webui's rule for files without dropout_structure."""
    if not header.get("use_dropout", False):
        return [0.0] * length
    return [0.0, *[0.3] * (length - 3), 0.3 if header.get("last_layer_dropout", False) else 0.0, 0.0]


def _numbers(path: Path, field: str, value: object) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)) or not all(type(item) in (int, float) for item in value):
        raise FormatError(f"{path}: its {field} is no list of numbers.")
    return tuple(float(item) for item in value)


def _net(path: Path, name: str, state: object, layout: Layout, width: int) -> dict[str, Tensor]:
    """The tensors of one net, by today's keys, if they are exactly those of the layout."""
    if not isinstance(state, dict):
        raise FormatError(f"{path}: {name} is no table of tensors.")
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise FormatError(f"{path}: {name} holds {str(key)[:60]!r}, which is no tensor.")
        found[_OLD_KEYS.get(key[:8], key[:8]) + key[8:]] = tensor
    wanted = layout.shapes(width)
    if missing := sorted(wanted.keys() - found.keys()):
        raise FormatError(f"{path}: {name} lacks {missing[0]}, which its header asks for.")
    if unknown := sorted(found.keys() - wanted.keys()):
        raise FormatError(f"{path}: {name} holds {unknown[0][:60]}, for which its header has no layer.")
    for key, shape in wanted.items():
        if tuple(found[key].shape) != shape:
            raise FormatError(f"{path}: {name}.{key} has shape {tuple(found[key].shape)}, its header asks for {shape}.")
    return found
