"""The parameters of one algorithm at one place in a model: made from a seed, named as in a file, checked, loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from math import isclose
from typing import Any, Self

import torch
from torch import Tensor, nn

from kohya_like.networks.base import MAGNITUDE, SCALAR, NetworkAlgorithm, ParamSpec, Shape


def filled(spec: ParamSpec, generator: torch.Generator) -> Tensor:
    """The initial value, float32 on the CPU, so that it does not depend on the device that trains."""
    value = torch.zeros(spec.shape)
    match spec.init:
        case "ones":
            return value.fill_(1.0)
        case "constant":
            return value.fill_(spec.value)
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
    """A 0-d tensor; float32 where `dtype` would round the number and so change the network's strength.

    A whole number is a mark, not a strength, and stays one.
    """
    if isinstance(value, int):
        return torch.tensor(value)
    constant = torch.tensor(value, dtype=dtype)
    return constant if constant.item() == value else torch.tensor(value, dtype=torch.float32)


def in_type(weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {key: value.to(dtype) for key, value in weights.items()}


def _stored(key: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """As it is saved; lengths in float32, because what was learned of them is less than a half type can hold."""
    return value.detach().to("cpu", torch.float32 if key == MAGNITUDE else dtype).contiguous()


class Adapter(nn.Module):
    """Base of what is attached to a model: `name` in files, `part` it belongs to, `multiplier`."""

    def __init__(
        self, name: str, part: str, algorithm: NetworkAlgorithm, specs: Mapping[str, ParamSpec], device: torch.device,
        dtype: torch.dtype, seed: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.part, self.algorithm, self.multiplier = name, part, algorithm, 1.0
        self.rate = 1.0  # a factor of its part's learning rate
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

    def learn_at(self, rate: float) -> Self:
        """Learn at a factor of the part's rate; 0 is frozen: what it holds stays as it is and is saved so."""
        self.rate = rate
        if rate == 0.0:
            self.requires_grad_(False)
        return self

    def _refresh(self) -> None:
        """The formulas read `weights`; a dictionary made once, since forward runs hundreds of times a step."""
        self.weights: dict[str, Tensor] = self.weights_by_key()
        self.dtype = next(iter(self.weights.values())).dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self._refresh()
        return self

    def tensors(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Parameters and constants by their keys in a file, on the CPU; they may share memory with the parameters."""
        stored = dtype or self.dtype
        with torch.no_grad():
            values = self.folded(self.weights_by_key())
        found = {f"{self.name}.{key}": _stored(key, value, stored) for key, value in values.items()}
        return found | self._alpha(stored)

    def state(self) -> dict[str, Tensor]:
        """What `load` takes back to the last bit: every parameter as it is, nothing folded, in float32."""
        values = self.weights_by_key().items()
        found = {f"{self.name}.{key}": value.detach().to("cpu", torch.float32).contiguous() for key, value in values}
        return found | self._alpha(torch.float32)

    def _alpha(self, dtype: torch.dtype) -> dict[str, Tensor]:
        constants = self.algorithm.constants()
        return {f"{self.name}.{key}": stored_constant(value, dtype) for key, value in constants.items()}

    def named_weights(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, key in self._keys.items():
            yield key, getattr(self, name)

    def weights_by_key(self) -> dict[str, Tensor]:
        """The parameters by their names in a file."""
        return dict(self.named_weights())

    def weights_as(self, dtype: torch.dtype) -> Mapping[str, Tensor]:
        """The parameters as the formulas take them, in another number type."""
        return in_type(self.folded(self.weights), dtype)

    def folded(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The learned scalar multiplied into the parameters that take it, and gone itself."""
        if SCALAR not in weights:
            return weights
        scalar, folds = weights[SCALAR], self.algorithm.folds
        others = ((key, value) for key, value in weights.items() if key != SCALAR)
        return {key: value * scalar if key in folds else value for key, value in others}

    def faults(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """What keeps `tensors` (keys without the module's name) from being loaded here, as sentences."""
        ours = self.algorithm.constants()
        wanted = {key: tuple(value.shape) for key, value in self.weights_by_key().items() if key != SCALAR}
        known = {key: value for key, value in tensors.items() if not (key == SCALAR and SCALAR in self.weights)}
        shapes, constants = shapes_and_constants(known)
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
                if key == SCALAR and key not in tensors:  # a file has it multiplied in
                    parameter.fill_(1.0)
                else:
                    parameter.copy_(tensors[key].reshape(parameter.shape))


def _refresh_view(module: Any, _incompatible: Any) -> None:
    module._refresh()
