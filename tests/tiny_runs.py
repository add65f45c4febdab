"""Whole trainings in this process, on tiny random models and on pictures made here."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import tomlkit
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kohya_like.config import TrainConfig
from kohya_like.events import ControlFile, Event, Finished, Phase, Reporter, Step
from kohya_like.families.components import build_unet
from kohya_like.recipe import build
from kohya_like.trainer import Trainer
from tests.families.tiny_models import config_folder, configs, modules, single_file, write_folder, write_json

E = TypeVar("E", bound=Event)
SIZE = 64
CAPTIONS = ("a red square, flat, small", "a blue disc, glossy, large", "green stripes, thin", "a grey field, plain")


@dataclass(frozen=True)
class Base:
    """One tiny model as a diffusers folder and as a single file with its configs."""

    family: str
    folder: Path
    file: Path
    configs: Path


@cache
def shelf() -> Path:
    """A folder for what is made once and never written again; it goes with the process."""
    made = tempfile.TemporaryDirectory(prefix="tiny-runs-")
    atexit.register(made.cleanup)
    return Path(made.name)


@cache
def base(name: str) -> Base:
    """Models by name: sd1, sd2 (v-prediction), sd2-eps, sdxl; mini is an SD1 with a UNet of two levels, the fastest."""
    family, root = {"sd2-eps": "sd2", "mini": "sd1"}.get(name, name), shelf() / name
    parts = modules(family)
    if name == "mini":
        parts["unet"] = mini_unet()
    folder = write_folder(root / "folder", family, parts)
    if name.endswith("-eps"):
        write_json(folder / "scheduler" / "scheduler_config.json", {"prediction_type": "epsilon"})
    if name != "mini":
        save_file(single_file(family, parts), root / "model.safetensors")
    return Base(family, folder, root / "model.safetensors", config_folder(root / "configs", family))


def mini_unet() -> nn.Module:
    config = {
        **configs("sd1")["unet"], "block_out_channels": [16, 32], "layers_per_block": 1,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    }  # fmt: skip
    torch.manual_seed(0)
    made = build_unet(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.02)
    return made.eval().requires_grad_(False)


@cache
def pictures() -> Path:
    """`2_sks thing/` with four pictures of 64 px and their captions."""
    return make_pictures(shelf() / "pictures", dict.fromkeys(CAPTIONS, (SIZE, SIZE)))


def make_pictures(root: Path, sizes: Mapping[str, tuple[int, int]], folder: str = "2_sks thing") -> Path:
    """A concept folder with a picture of coloured noise for each caption {caption: (width, height)}."""
    generator = torch.Generator().manual_seed(7)
    place = root / folder
    place.mkdir(parents=True)
    for number, (caption, (width, height)) in enumerate(sizes.items()):
        coarse = torch.rand(4, 4, 3, generator=generator).mul(255).byte().numpy()
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        image.save(place / f"{number}.png")
        (place / f"{number}.txt").write_text(caption, encoding="utf-8")
    return root


def values_of(family: str, folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A small config as nested values; `changes` has dotted keys, None takes a key out."""
    flat: dict[str, Any] = {
        "model.base": str(base(family).folder), "data.train_data_dir": str(pictures()), "data.resolution": SIZE,
        "data.cache_dir": str(folder / "cache"), "data.max_data_loader_n_workers": 0,
        "network.name": "lora", "network.dim": 2, "network.alpha": 2.0, "optimizer.learning_rate": 0.01,
        "train.max_train_steps": 3, "train.seed": 5, "save.output_dir": str(folder / "out"), "save.output_name": "tiny",
        "save.save_precision": "fp32", "hardware.device": "cpu", "hardware.threads": 1,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for key, value in {**flat, **changes}.items():
        section, _, name = key.partition(".")
        if value is not None:
            values.setdefault(section, {})[name] = value
    return values


def preset(folder: Path, family: str = "mini", **changes: Any) -> Path:
    """The same config as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    values = values_of(family, folder, {key.replace("__", "."): value for key, value in changes.items()})
    path = folder / "preset.toml"
    path.write_text(tomlkit.dumps(values), encoding="utf-8")
    return path


class Run:
    """A training that is built but not begun; everything it says is kept."""

    def __init__(self, folder: Path, family: str = "mini", **changes: Any) -> None:
        """`changes`: options with `__` for the dot, as in `train__seed=6`."""
        self.folder = folder / "run"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.values = values_of(family, folder, {key.replace("__", "."): v for key, v in changes.items()})
        self.config = TrainConfig.model_validate(self.values)
        self.events: list[Event] = []
        self.control = ControlFile(None, "")
        self.reporter = Reporter(None, [self.events.append])

    def build(self, config: Any = None, resume: bool = False) -> Trainer:
        return build(config or self.config, self.folder, self.reporter, self.control, resume)

    def train(self, resume: bool = False) -> Run:
        assert self.build(resume=resume).train().reason == "done"
        return self

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def losses(self) -> list[float]:
        return [event.loss for event in self.all(Step)]

    @property
    def norms(self) -> list[float]:
        return [event.gradient_norm for event in self.all(Step)]

    @property
    def phases(self) -> set[str]:
        return {event.name for event in self.all(Phase)}

    @property
    def file(self) -> Path:
        return Path(self.all(Finished)[-1].path)

    @property
    def weights(self) -> dict[str, Tensor]:
        return load_file(self.file)


@cache
def trained(family: str) -> Path:
    """The file of a short training with convolutions and text encoders, strong enough to be seen."""
    changes = {"network__conv_dim": 2, "optimizer__learning_rate": 0.05}
    return Run(shelf() / f"trained-{family}", family, **changes).train().file


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """The largest difference beside the largest number."""
    assert a.keys() == b.keys()
    return max(float((a[k] - b[k]).abs().max()) for k in a) / max(float(b[k].abs().max()) for k in b)
