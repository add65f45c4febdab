"""The parameters of one algorithm at one place in a model: made from a seed, named as in a file, checked, loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import isclose
from typing import Any, Self

import torch
from torch import Tensor, nn

from kohya_like.networks.base import NetworkAlgorithm, ParamSpec, Shape


def filled(spec: ParamSpec, generator: torch.Generator) -> Tensor:
    """The initial value, float32 on the CPU, so that it does not depend on the device that trains."""
    value = torch.zeros(spec.shape)
    match spec.init:
        case "ones":
            return value.fill_(1.0)
        case "normal":
            return value.normal_(0.0, spec.std, generator=generator)
        case "uniform":
            return value.uniform_(-spec.bound, spec.bound, generator=generator)
    return value


def generator_for(seed: int, name: str) -> torch.Generator:
    """A generator of its own for each name: neither the order of layers nor the global state matters."""
    digest = blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))


def without_trailing_ones(shape: Shape) -> Shape:
    """(8, 320, 1, 1) -> (8, 320): old extractions store linear layers as 1x1 convolutions."""
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def fits(shape: Shape, wanted: Shape) -> bool:
    return shape == wanted or without_trailing_ones(shape) == without_trailing_ones(wanted)


def shapes_and_constants(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Shape], dict[str, float]]:
    """The tensors of one module apart: parameters by shape, single numbers (alpha) by value."""
    single = {key for key, value in tensors.items() if value.ndim == 0 or (key == "alpha" and value.numel() == 1)}
    shapes = {key: tuple(value.shape) for key, value in tensors.items() if key not in single}
    return shapes, {key: float(tensors[key]) for key in single}


def stored_constant(value: float, dtype: torch.dtype) -> Tensor:
    """A 0-d tensor; float32 where `dtype` would round the number and so change the network's strength."""
    constant = torch.tensor(value, dtype=dtype)
    return constant if constant.item() == value else torch.tensor(value, dtype=torch.float32)


class Adapter(nn.Module):
    """Base of what is attached to a model: `name` in files, `part` it belongs to, `multiplier`."""

    def __init__(
        self, name: str, part: str, algorithm: NetworkAlgorithm, specs: Mapping[str, ParamSpec], device: torch.device,
        dtype: torch.dtype, seed: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.part, self.algorithm, self.multiplier = name, part, algorithm, 1.0
        self._keys = {key.replace(".", "_"): key for key in specs}  # a module's parameter may have no dot in its name
        generator = generator_for(seed, name)
        for key, spec in specs.items():
            value = torch.empty(spec.shape) if device.type == "meta" else filled(spec, generator)
            parameter = nn.Parameter(value.to(device, dtype), requires_grad=key not in algorithm.frozen)
            self.register_parameter(key.replace(".", "_"), parameter)
        self.register_load_state_dict_post_hook(_refresh_view)
        self._refresh()

    @property
    def attached(self) -> bool:
        raise NotImplementedError

    def attach(self) -> None:
        raise NotImplementedError

    def detach(self) -> None:
        raise NotImplementedError

    def _refresh(self) -> None:
        """The formulas read `weights`; a dictionary made once, since forward runs hundreds of times a step."""
        self.weights: dict[str, Tensor] = {key: getattr(self, name) for name, key in self._keys.items()}
        self.dtype = next(iter(self.weights.values())).dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self._refresh()
        return self

    def weights_as(self, dtype: torch.dtype) -> dict[str, Tensor]:
        return self.weights if dtype is self.dtype else {key: value.to(dtype) for key, value in self.weights.items()}

    def tensors(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Parameters and constants by their keys in a file, on the CPU; they may share memory with the parameters."""
        stored = dtype or self.dtype
        found = {
            f"{self.name}.{key}": getattr(self, name).detach().to("cpu", stored).contiguous()
            for name, key in self._keys.items()
        }
        constants = self.algorithm.constants()
        return found | {f"{self.name}.{key}": stored_constant(value, stored) for key, value in constants.items()}

    def faults(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """What keeps `tensors` (keys without the module's name) from being loaded here, as sentences."""
        ours = self.algorithm.constants()
        wanted = {key: tuple(getattr(self, name).shape) for name, key in self._keys.items()}
        shapes, constants = shapes_and_constants(tensors)
        unknown = [*(shapes.keys() - wanted), *(constants.keys() - ours)]
        found = [f"{self.name}.{key} is unknown here" for key in sorted(unknown)]
        for key, shape in wanted.items():
            if key not in shapes:
                found.append(f"{self.name}.{key} is missing in the file")
            elif not fits(shapes[key], shape):
                found.append(f"{self.name}.{key} has shape {shapes[key]} in the file, {shape} here")
        if found:
            return found
        theirs = type(self.algorithm).infer(shapes, constants).constants()
        return [
            f"{self.name}.{key} is {value:g} in the file, {ours[key]:g} here"
            for key, value in theirs.items()
            if not isclose(value, ours[key], rel_tol=1e-2)  # bfloat16 keeps eight bits
        ]

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy values in; `faults` must have been empty."""
        with torch.no_grad():
            for name, key in self._keys.items():
                parameter = getattr(self, name)
                parameter.copy_(tensors[key].reshape(parameter.shape))


def _refresh_view(module: Any, _incompatible: Any) -> None:
    module._refresh()
