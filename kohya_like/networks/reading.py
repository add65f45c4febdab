"""From the tensors of a file to adapters in a model: whose they are, where they belong, and with which options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from kohya_like.formats.adapter_family import LABELS
from kohya_like.formats.embeddings import BUNDLE
from kohya_like.formats.headers import identify
from kohya_like.formats.kohya_keys import foreign_key, lora_name, lora_names, read_key
from kohya_like.formats.tensors import open_tensors
from kohya_like.networks.adapter import Adapter, shapes_and_constants
from kohya_like.networks.base import MAGNITUDE, InputResidual, NetworkAlgorithm, Shape, WeightDelta
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.residual import ContextResidual, attention_layers, misplaced, residual_name
from kohya_like.networks.selection import holder
from kohya_like.networks.targets import Parts, Target, layers_of
from kohya_like.schema.errors import FormatError
from kohya_like.schema.registry import plugins

Modules = dict[str, dict[str, Tensor]]  # module name -> tensor name -> tensor
SHOWN = 5  # faults of one kind that are spelt out
_WITH_RANK = ("lora_down.weight", "hada_w1_a", "lokr_w1", "lokr_w1_a")  # one of them stands in each module of peft's
NO_NETWORKS = {
    "checkpoint": "a base model", "vae": "a VAE", "unet": "a UNet without its text encoder and VAE",
    "text-encoder": "a text encoder", "textual-inversion": "a textual inversion embedding",
    "aesthetic": "an aesthetic embedding",
}  # fmt: skip


def read_file(path: str | Path, family: str = "") -> dict[str, Tensor]:
    """All tensors of a .safetensors or pickled network file.

    Raises FormatError: broken, no network, NaN in it; and where it tells that it is for another family than `family`.
    """
    path = Path(path)
    if family:
        _check_family(path, family)
    with open_tensors(path) as file:
        tensors = {key: file.get(key).clone() for key in file}  # the file may be mapped into memory
        broken = [f"{key} holds a number that is not finite" for key, value in tensors.items() if not _finite(value)]
        raise_faults(broken, "the file is broken: NaN or infinity", "take an earlier file of that training")
        return tensors | peft_alphas(tensors, file.metadata)


def _check_family(path: Path, family: str) -> None:
    facts = identify(path)
    if facts.kind in NO_NETWORKS:
        raise FormatError(f"{path}: is {NO_NETWORKS[facts.kind]}, not a network", "give a LoRA or the like")
    # of a hypernetwork the nets for other widths may lie idle, as in webui; `misplaced` judges it
    if facts.kind != "hypernetwork" and facts.family not in ("", family):
        theirs, ours = LABELS[facts.family], LABELS[family]
        raise FormatError(
            f"{path}: is a network for {theirs}, and this is a {ours} model", f"use it with a model of {theirs}"
        )


def prediction_warning(path: Path, here: str) -> str:
    """A sentence where the file was trained on a model that predicts something else than `here`; else ""."""
    told = identify(path).prediction_type
    if not told or not here or told == here:
        return ""
    return f"{path}: was trained on a model that predicts {told}, this one predicts {here}; the result may be of no use"


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def peft_alphas(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Tensor]:
    """Alphas as tensors, for a file of diffusers, which keeps them in its metadata (peft's LoraConfig by part)."""
    try:
        told = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        found: dict[str, Tensor] = {}
        for key, value in tensors.items():
            foreign = foreign_key(key)
            if foreign and foreign.tensor in _WITH_RANK and f"{foreign.part}.lora_alpha" in told:
                alpha = float(told[f"{foreign.part}.lora_alpha"])
                for name, own in (told.get(f"{foreign.part}.alpha_pattern") or {}).items():
                    if f".{foreign.path}".endswith(f".{name}"):
                        alpha = float(own)
                if told.get(f"{foreign.part}.use_rslora"):
                    alpha *= value.shape[0] ** 0.5  # scale α / √R, written as alpha / R
                found[f"{foreign.stem}.alpha"] = torch.tensor(alpha)
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"the metadata lora_adapter_metadata cannot be understood: {error}") from None
    return found


def by_module(tensors: Mapping[str, Tensor]) -> Modules:
    """A file's tensors by module, in kohya's words. Raises FormatError where two keys mean the same tensor."""
    found: Modules = {}
    twice = []
    for key, value in tensors.items():
        module, tensor = read_key(key)
        if tensor == MAGNITUDE and foreign_key(key):  # peft has [O], or [1, O, 1, 1] for a convolution
            value = value.reshape(-1, *(1 for _ in range(max(value.ndim, 2) - 1)))
        if tensor in found.setdefault(module, {}):
            twice.append(f"{key} stands in the file under two names")
        found[module][tensor] = value
    raise_faults(twice, "the file mixes the names of several programs", "take it apart, or take another file")
    return found


def raise_faults(faults: list[str], what: str, hint: str) -> None:
    """One FormatError that says how many faults there are and shows the first few."""
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise FormatError(f"{what} ({count}):\n" + "\n".join(faults[:SHOWN]) + more, hint)


@dataclass
class _Reader:
    """Collects adapters and faults while the modules of a file are placed one by one."""

    parts: Parts
    family: str
    template: NetworkAlgorithm | None
    dtype: torch.dtype
    adapters: list[Adapter] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # modules this model does not have
    misplaced: dict[str, int] = field(default_factory=dict)  # nets for a width that this model does not read

    def read(self, modules: Modules) -> None:
        layers = self._layers()
        nets = attention_layers(self.parts["unet"]) if "unet" in self.parts else {}
        contexts = {residual_name(*key): (key[1], found) for key, found in nets.items()}
        taken: set[str] = set()
        held = self._held()
        for module, tensors in modules.items():
            adapter: Adapter | None = None
            target = layers.get(module)
            template, rate = held(target.part, target.path) if target and held else (self.template, 1.0)
            algorithm = self._algorithm(module, tensors, template)
            if isinstance(algorithm, WeightDelta) and target and target.shape.kind in algorithm.layer_kinds:
                name = lora_name(target.part, target.path, self.family)
                adapter = AdaptedLayer(
                    target.module, target.shape, algorithm, name, target.part, path=target.path, dtype=self.dtype
                ).learn_at(rate)
            elif isinstance(algorithm, InputResidual) and module in contexts:
                side, linears = contexts[module]
                adapter = ContextResidual(linears, side, algorithm, dtype=self.dtype)
            elif isinstance(algorithm, InputResidual) and (width := re.fullmatch(r"hypernetwork_(\d+)_[kv]", module)):
                self.misplaced[module] = int(width[1])
            elif algorithm:
                self.strangers.append(module)
            if adapter:
                self._add(adapter, tensors, taken)

    def _held(self) -> Callable[[str, str], tuple[WeightDelta, float]] | None:
        """What rules and blocks of the options give a layer; None where there are no options."""
        if not isinstance(self.template, WeightDelta):
            return None
        unet = self.parts.get("unet")
        return holder(self.template, [path for path, _ in unet.named_modules()] if unet else ())

    def _layers(self) -> dict[str, Target]:
        """Every layer of the model under every name it may have in a file."""
        found: dict[str, Target] = {}
        for part, model in self.parts.items():
            for path, module, shape in layers_of(model):
                target = Target(part, path, module, shape, WeightDelta())
                for name in lora_names(part, path, self.family):
                    found.setdefault(name, target)
        return found

    def _algorithm(
        self, module: str, tensors: Mapping[str, Tensor], template: NetworkAlgorithm | None
    ) -> NetworkAlgorithm | None:
        shapes, constants = shapes_and_constants(tensors)
        entry = self._kind(shapes, template)
        if entry is not None:
            try:
                return self._with_template(entry.infer(shapes, constants), template)
            except FormatError as error:
                self.faults.append(f"{module} is {error}")
                return None
            except ValidationError as error:
                told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
                self.faults.append(f"{module} has numbers no {entry.title} can have: {told}")
                return None
        self.faults.append(f"{module} ({', '.join(sorted(tensors))}) is of a kind this version does not know")
        return None

    def _kind(self, shapes: Mapping[str, Shape], template: NetworkAlgorithm | None) -> type[NetworkAlgorithm] | None:
        """The algorithm that the options ask for where it can go on from these tensors; else the one they are of."""
        if template is not None and type(template).accepts(shapes):
            return type(template)
        for entry in plugins("algorithm").values():
            assert isinstance(entry, type) and issubclass(entry, NetworkAlgorithm)
            if entry.recognises(shapes):
                return entry
        return None

    def _with_template(self, found: NetworkAlgorithm, template: NetworkAlgorithm | None) -> NetworkAlgorithm:
        """Size from the file, everything else (dropouts, what is trained) from the options."""
        if template is None:
            return found
        if type(found) is not type(template):
            raise FormatError(f"a {found.title}, but network.name asks for {template.title}")
        told = found.model_dump(include=found.model_fields_set)
        return template.model_copy(update=told)

    def _add(self, adapter: Adapter, tensors: Mapping[str, Tensor], taken: set[str]) -> None:
        faults = adapter.faults(tensors)
        if adapter.name in taken:
            faults = [f"{adapter.name} stands in the file under two names"]
        elif self.template is not None and not self.template.allows(adapter.part):
            faults = [f"{adapter.name} belongs to {adapter.part}, which network.train_* leaves out"]
        taken.add(adapter.name)
        if faults:
            self.faults += faults
        else:
            adapter.load(tensors)
            self.adapters.append(adapter)


def read_adapters(
    tensors: Mapping[str, Tensor], parts: Parts, family: str, template: NetworkAlgorithm | None, dtype: torch.dtype
) -> list[Adapter]:
    """One adapter, loaded but not attached, for each module of a file.

    Raises FormatError with everything that does not fit.
    """
    if not tensors:
        raise FormatError("this file holds no tensors")
    reader = _Reader(parts, family, template, dtype)
    reader.read(by_module({key: value for key, value in tensors.items() if not key.startswith(BUNDLE)}))
    strangers = [f"{name} is no layer of this {family} model ({_parts(parts)})" for name in reader.strangers]
    hint = other_parts(reader.strangers, parts) or ("was it made for another model family?" if strangers else "")
    if reader.misplaced:
        wrong, told = misplaced(reader.misplaced, [adapter.name for adapter in reader.adapters], parts.get("unet"))
        strangers, hint = strangers + wrong, told or hint
    raise_faults(reader.faults + strangers, "this network does not fit the model", hint)
    return reader.adapters


def other_parts(modules: Iterable[str], parts: Iterable[str]) -> str:
    """What to do where all of these modules of a file belong to a part that is not trained; "" for anything else."""
    trained = {part.partition("_")[0] for part in parts}
    for prefix, part, option in (("lora_te", "text", "text_encoder"), ("lora_unet", "unet", "unet")):
        if part not in trained and (found := list(modules)) and all(name.startswith(prefix) for name in found):
            return f"the file goes on with network.train_{option} = true and optimizer.{option}_lr above 0"
    return ""


def _parts(parts: Iterable[str]) -> str:
    return ", ".join(parts)
