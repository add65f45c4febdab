"""Network: all adapters of a run as one module: made or read, attached, grouped for the optimizer, saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from kohya_like.formats.kohya_keys import lora_name, lora_names
from kohya_like.networks.adapter import Adapter
from kohya_like.networks.base import InputResidual, NetworkAlgorithm, WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.reading import by_module, other_parts, raise_faults, read_adapters, read_file
from kohya_like.networks.residual import new_residuals
from kohya_like.networks.targets import Parts, find_targets
from kohya_like.schema.errors import FormatError, UserError


class Network(nn.Module):
    """The adapters of one network over the parts of a model: `unet`, `text_encoder`, `text_encoder_2`.

    The model's own modules are not submodules of this one. A new network is not attached.
    """

    def __init__(self, algorithm: NetworkAlgorithm, family: str, adapters: Sequence[Adapter]) -> None:
        super().__init__()
        self.algorithm, self.family = algorithm, family
        self.layers = nn.ModuleDict({adapter.name: adapter for adapter in adapters})

    @classmethod
    def create(
        cls, algorithm: NetworkAlgorithm, parts: Parts, family_name: str, seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Self:  # fmt: skip
        """A new network, or one continued from the file in `algorithm.weights`.

        Its initial values depend on the seed and the names of the layers alone. Raises ConfigError when the targets
        choose nothing, FormatError when the file does not fit; the model is unchanged in every case.
        """
        if algorithm.weights and algorithm.dim_from_weights:
            return cls.from_file(algorithm.weights, parts, family_name, template=algorithm, dtype=dtype)
        network = cls(algorithm, family_name, _new_adapters(algorithm, parts, family_name, seed, dtype))
        if algorithm.weights:
            with _named(algorithm.weights):
                network.load_tensors(read_file(algorithm.weights, family_name))
        return network

    @classmethod
    def from_file(
        cls, path: str | Path, parts: Parts, family_name: str, *, template: NetworkAlgorithm | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:  # fmt: skip
        """The network of a .safetensors or pickled file, as `from_tensors`. Raises FormatError that names the file."""
        with _named(path):
            return cls.from_tensors(read_file(path, family_name), parts, family_name, template=template, dtype=dtype)

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], parts: Parts, family_name: str, *,
        template: NetworkAlgorithm | None = None, dtype: torch.dtype = torch.float32,
    ) -> Self:  # fmt: skip
        """The network a file holds: kind, layers, ranks and alphas are read from it, module by module.

        `template` gives what a file does not tell (dropouts). Raises FormatError with everything that does not fit.
        """
        adapters = read_adapters(tensors, parts, family_name, template, dtype)
        usual = Counter(adapter.algorithm for adapter in adapters).most_common(1)[0][0]
        return cls(usual, family_name, adapters)

    @property
    def adapters(self) -> list[Adapter]:
        return [cast(Adapter, module) for module in self.layers.values()]

    @property
    def attached(self) -> bool:
        return any(adapter.attached for adapter in self.adapters)

    def counts(self) -> dict[str, int]:
        """How many layers of each part are adapted."""
        return dict(Counter(adapter.part for adapter in self.adapters))

    def attach(self) -> None:
        for adapter in self.adapters:
            adapter.attach()

    def detach(self) -> None:
        """The model computes again what it did before, bit for bit."""
        for adapter in self.adapters:
            adapter.detach()

    @contextmanager
    def detached(self) -> Iterator[None]:
        """Inside, the model is without this network."""
        was_attached = self.attached
        self.detach()
        try:
            yield
        finally:
            if was_attached:
                self.attach()

    def set_multiplier(self, multiplier: float, part: str | None = None) -> None:
        """The strength of the network, in one part or in all; 0 is the model as it was, bit for bit."""
        for adapter in self.adapters:
            if part is None or adapter.part == part:
                adapter.multiplier = multiplier

    def merge(self, multiplier: float = 1.0) -> None:
        """Add the network to the model's weights for good, and detach it. Raises UserError where that cannot be."""
        for algorithm in {adapter.algorithm for adapter in self.adapters}:
            if reason := algorithm.hindrances().get("mergeable"):
                raise UserError(f"a {algorithm.title} cannot be merged: {reason}")
        self.detach()
        for adapter in self.adapters:
            cast(AdaptedLayer, adapter).merge(multiplier)

    def unmerge(self, multiplier: float = 1.0) -> None:
        """Take out of the model's weights what merging with the same strength added, up to rounding.

        Raises UserError for a network that is not a plain sum: what was there before cannot be computed from it.
        """
        for algorithm in {adapter.algorithm for adapter in self.adapters}:
            if reason := algorithm.hindrances().get("invertible"):
                hint = "use the model file from before the merge"
                raise UserError(f"a {algorithm.title} cannot be taken out of a model again: {reason}", hint)
        self.merge(-multiplier)

    def limit_norms(self) -> dict[str, float]:
        """Keep each layer's change below its largest norm. How many were scaled, mean and largest norm; {} if free."""
        found = [
            adapter.limit_norm(limit)
            for adapter in self.adapters
            if isinstance(adapter, AdaptedLayer)
            and adapter.rate
            and (limit := adapter.algorithm.scale_weight_norms) is not None
        ]
        if not found:
            return {}
        norms, scaled = (torch.stack(values) for values in zip(*found, strict=True))
        count, mean, largest = torch.stack([scaled.sum(), norms.mean(), norms.max()]).tolist()
        return {"keys_scaled": count, "average_key_norm": mean, "max_key_norm": largest}

    def parameter_groups(self, learning_rates: Mapping[str, float]) -> list[dict[str, Any]]:
        """An optimizer group for each part that is adapted, in the order of `learning_rates`.

        A part whose parameters learn at several rates (rules, blocks, LoRA+) has one more group for each other rate,
        "unet x16". Frozen layers are in none.
        Raises UserError when an adapted part has no rate: no part is trained with a rate nobody chose.
        """
        missing = self.counts().keys() - learning_rates.keys()
        if missing:
            raise UserError(f"no learning rate was given for {', '.join(sorted(missing))}")
        groups = []
        for part, rate in learning_rates.items():
            by_ratio: dict[float, list[nn.Parameter]] = {}
            for adapter in (adapter for adapter in self.adapters if adapter.part == part):
                for key, parameter in adapter.named_weights():
                    if parameter.requires_grad:
                        ratio = adapter.rate * adapter.algorithm.rate_ratio(key, part)
                        by_ratio.setdefault(float(f"{ratio:g}"), []).append(parameter)  # as its name has it
            for ratio, parameters in sorted(by_ratio.items()):
                name = part if ratio == 1.0 else f"{part} x{ratio:g}"
                groups.append({"name": name, "params": parameters, "lr": rate * ratio})
        return groups

    def tensors(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Everything a file holds, by kohya's keys, on the CPU, in `dtype`; alpha as a 0-d tensor."""
        return {key: value for adapter in self.adapters for key, value in adapter.tensors(dtype).items()}

    def state(self) -> dict[str, Tensor]:
        """The parameters exactly as they are, in float32; `load_tensors` takes them back to the last bit."""
        return {key: value for adapter in self.adapters for key, value in adapter.state().items()}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the values of a file with exactly these layers and ranks.

        Raises FormatError that lists all that is missing, unknown or of another shape; nothing is then changed.
        """
        names = {name: adapter for adapter in self.adapters for name in self._names(adapter)}
        found: dict[str, dict[str, Tensor]] = {}
        faults, strangers = [], []
        for module, values in by_module(tensors).items():
            adapter = names.get(module)
            if adapter is None:
                strangers.append(module)
                faults.append(f"{module} is in the file, but is no layer of this network")
            elif adapter.name in found:
                faults.append(f"{adapter.name} stands in the file under two names")
            else:
                found[adapter.name] = values
                faults += _faults(adapter, values)
        faults += [f"{name} is missing in the file" for name in self.layers if name not in found]
        hint = "ranks and layers can be taken from the file: network.dim_from_weights = true"
        if len(strangers) == len(faults):
            hint = other_parts(strangers, self.counts()) or hint
        raise_faults(faults, "the file does not fit this network as it is set", hint)
        for adapter in self.adapters:
            adapter.load(found[adapter.name])

    def _names(self, adapter: Adapter) -> list[str]:
        if isinstance(adapter, AdaptedLayer) and adapter.path:
            return lora_names(adapter.part, adapter.path, self.family)
        return [adapter.name]


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Puts the file's name in front of what is wrong with it, once."""
    try:
        yield
    except FormatError as error:
        text = error.text if str(path) in error.text else f"{path}: {error.text}"
        raise FormatError(text, error.hint) from None


def _faults(adapter: Adapter, values: Mapping[str, Tensor]) -> list[str]:
    try:
        return adapter.faults(values)
    except FormatError as error:
        return [f"{adapter.name} is {error}"]


def _new_adapters(
    algorithm: NetworkAlgorithm, parts: Parts, family: str, seed: int, dtype: torch.dtype
) -> list[Adapter]:
    if isinstance(algorithm, InputResidual):
        if "unet" not in parts:
            raise UserError(f"a {algorithm.title} works in the UNet, and this model has none")
        return list(new_residuals(algorithm, parts["unet"], seed, dtype))
    assert isinstance(algorithm, WeightDelta)
    return [
        AdaptedLayer(
            t.module,
            t.shape,
            t.algorithm,
            lora_name(t.part, t.path, family),
            t.part,
            path=t.path,
            dtype=dtype,
            seed=seed,
        ).learn_at(t.rate)
        for t in find_targets(algorithm, parts)
    ]
