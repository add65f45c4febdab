"""Train a network beside a frozen base model, and write it as one small file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kohya_like.formats.a1111 import save_hypernetwork
from kohya_like.formats.metadata import with_hashes
from kohya_like.formats.tensors import save_safetensors
from kohya_like.methods.base import Adapter, FamilyPrediction
from kohya_like.networks.network import Network


class NetworkTraining(FamilyPrediction):
    """`rates` by part ("unet", "text_encoder", ...); a file is written in `dtype`."""

    def __init__(self, network: Network, rates: Mapping[str, float], dtype: torch.dtype) -> None:
        self.network, self._rates, self._dtype = network, rates, dtype
        self.trains_text_encoders = any(part.startswith("text_encoder") for part in network.counts())
        network.train()
        network.attach()

    def parameter_groups(self) -> list[dict[str, Any]]:
        return self.network.parameter_groups(self._rates)

    def modules(self) -> Mapping[str, nn.Module]:
        return {"network": self.network}

    def before_step(self, step: int) -> None:
        """Nothing to do: a network has no phases."""

    def after_step(self) -> dict[str, float]:
        return self.network.limit_norms()

    def state(self) -> dict[str, Tensor]:
        return self.network.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.network.load_tensors(tensors)

    def save(self, path: Path, metadata: Mapping[str, str], overwrite: bool) -> None:
        tensors = self.network.tensors(self._dtype)
        about = {**metadata, **self.network.algorithm.metadata()}
        first, *twins = self.network.algorithm.suffixes
        for suffix, file in [(first, path), *((twin, path.with_suffix(twin)) for twin in twins)]:
            if suffix == ".pt":
                save_hypernetwork(file, tensors, about, overwrite)
            else:
                save_safetensors(file, tensors, with_hashes(tensors, about), overwrite=overwrite)

    def try_saving(self, path: Path) -> None:
        self.save(path, {}, True)

    def adapter(self) -> Adapter:
        return "lora"

    def about(self) -> dict[str, object]:
        algorithm = self.network.algorithm
        options = algorithm.model_dump(exclude_none=True)
        arguments: dict[str, str] = {}
        if "conv_dim" in options:
            arguments = {key: str(options[key]) for key in ("conv_dim", "conv_alpha") if key in options}
        module = algorithm.file_module
        if module == "lycoris.kohya":
            arguments["algo"] = options["name"]
        told = {**algorithm.arguments(), **algorithm.layer_arguments()}
        arguments |= {key: str(value) for key, value in told.items()}
        return {
            "network_module": module,
            "network_dim": options.get("dim"),
            "network_alpha": options.get("alpha"),
            "network_dropout": algorithm.dropout or None,
            "scale_weight_norms": options.get("scale_weight_norms"),
            "network_args": arguments or None,
        }

    def disabled(self) -> AbstractContextManager[None]:
        return self.network.detached()
