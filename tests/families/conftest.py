"""One folder and one single file per family for the whole session: they are read, never written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import nn

from tests.families.tiny_models import FAMILIES, config_folder, modules, single_file, write_folder


@dataclass(frozen=True)
class TinyModel:
    family: str
    parts: dict[str, nn.Module]
    folder: Path
    file: Path
    configs: Path  # for the single file, which is of no public model's size

    def copied(self, to: Path) -> Path:
        """The folder once more, to be changed."""
        shutil.copytree(self.folder, to)
        return to


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TinyModel]:
    made = {}
    for family in FAMILIES:
        base = tmp_path_factory.mktemp(family)
        parts = modules(family)
        save_file(single_file(family, parts), base / "model.safetensors")
        made[family] = TinyModel(
            family,
            parts,
            write_folder(base / "folder", family, parts),
            base / "model.safetensors",
            config_folder(base / "configs", family),
        )
    return made


@pytest.fixture(params=FAMILIES)
def tiny(request: pytest.FixtureRequest, tiny_models: dict[str, TinyModel]) -> TinyModel:
    return tiny_models[request.param]
