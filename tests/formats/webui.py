"""What AUTOMATIC1111's webui does with a hypernetwork file, written from its documented rules: no code of it is used.

`safe(path)` is its check of a pickle, `Hypernetwork(path)` its loader; `Refused` where webui would not load the file.
"""

from __future__ import annotations

import inspect
import io
import pickletools
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ALLOWED_NAMES = re.compile(r"^([^/]+)/((data/\d+)|version|(data\.pkl))$")
ALLOWED_GLOBALS = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_device_tensor_from_numpy", "torch.nn.modules.container ParameterDict",
    "numpy.core.multiarray scalar", "numpy.core.multiarray _reconstruct", "numpy dtype", "numpy ndarray",
    "pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint", "__builtin__ set", "torch float32",
    *(f"torch {kind}Storage" for kind in ("Float", "Half", "Int", "Long", "Double", "Byte", "BFloat16")),
}  # fmt: skip
LEGACY_PICKLES = 5


class Refused(Exception):
    """webui does not load this file."""


def safe(path: Path) -> None:
    """The container's rule and the names a pickle may ask for."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                if not ALLOWED_NAMES.match(name):
                    raise Refused(f"bad file inside: {name}")
            (pickled,) = [name for name in file.namelist() if name.endswith("/data.pkl")]
            _check(io.BytesIO(file.read(pickled)))
        return
    with path.open("rb") as stream:
        for _ in range(LEGACY_PICKLES):
            _check(stream)  # type: ignore[arg-type]


def _check(stream: io.BytesIO) -> None:
    try:
        for operation, argument, _ in pickletools.genops(stream):
            if operation.name == "GLOBAL" and argument not in ALLOWED_GLOBALS:
                raise Refused(f"global {argument} is forbidden")
            if operation.name == "STACK_GLOBAL":
                raise Refused("a name that is put together while it is read")
    except ValueError as error:
        raise Refused(f"no pickle: {error}") from None


ACTIVATIONS: dict[str, Any] = {
    "linear": nn.Identity, "relu": nn.ReLU, "leakyrelu": nn.LeakyReLU, "elu": nn.ELU, "swish": nn.Hardswish,
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
}  # fmt: skip
ACTIVATIONS |= {
    name.lower(): kind
    for name, kind in inspect.getmembers(torch.nn.modules.activation, inspect.isclass)
    if kind.__module__ == "torch.nn.modules.activation"
}


class Module(nn.Module):
    """x + net(x) · multiplier; the multiplier is 1 in training mode."""

    def __init__(self, dim: int, state: dict[str, Tensor], header: dict[str, Any]) -> None:
        super().__init__()
        self.multiplier = 1.0
        structure, activation, drops = header["structure"], header["activation"], header["dropouts"]
        assert structure[0] == 1 and structure[-1] == 1
        layers: list[nn.Module] = []
        for i in range(len(structure) - 1):
            layers.append(nn.Linear(int(dim * structure[i]), int(dim * structure[i + 1])))
            inner = i < len(structure) - 2 or header["activate_output"]
            if activation not in ("linear", None) and inner:
                if activation not in ACTIVATIONS:
                    raise Refused(f"hypernetwork uses an unsupported activation function: {activation}")
                layers.append(ACTIVATIONS[activation]())
            if header["norm"]:
                layers.append(nn.LayerNorm(int(dim * structure[i + 1])))
            if drops is not None and drops[i + 1] > 0:
                assert drops[i + 1] < 1
                layers.append(nn.Dropout(drops[i + 1]))
        self.linear = nn.Sequential(*layers)
        old = {"linear1.": "linear.0.", "linear2.": "linear.1."}
        renamed = {old.get(key[:8], key[:8]) + key[8:]: value for key, value in state.items()}
        try:
            self.load_state_dict(renamed)
        except RuntimeError as error:
            raise Refused(str(error)) from None

    def forward(self, x: Tensor) -> Tensor:
        grown: Tensor = x + self.linear(x) * (self.multiplier if not self.training else 1)
        return grown


class Hypernetwork:
    """A loaded file: `layers` {width: (net of k, net of v)} and its header."""

    def __init__(self, path: Path) -> None:
        safe(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        structure = state.get("layer_structure", [1, 2, 1])
        drops = state.get("dropout_structure", None)
        use = True if drops is not None and any(drops) else state.get("use_dropout", False)
        if drops is None:
            last = [0.3] if state.get("last_layer_dropout", False) else [0]
            drops = [0] + [0.3] * (len(structure) - 3) + last + [0] if use else [0] * len(structure)
        header = {
            "structure": structure, "activation": state.get("activation_func", None), "dropouts": drops,
            "norm": state.get("is_layer_norm", False), "activate_output": state.get("activate_output", True),
        }  # fmt: skip
        self.header = state
        self.name, self.step = state.get("name", path.stem), state.get("step", 0)
        self.layers = {
            size: (Module(size, nets[0], header).eval(), Module(size, nets[1], header).eval())
            for size, nets in state.items()
            if type(size) is int
        }

    def set_multiplier(self, multiplier: float) -> None:
        for nets in self.layers.values():
            for net in nets:
                net.multiplier = multiplier

    def apply(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """What webui hands to to_k and to_v in place of the context."""
        nets = self.layers.get(k.shape[2])
        return (k, v) if nets is None else (nets[0](k), nets[1](v))
