"""Calling `generate` on a tiny random model, as a person does."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from kohya_like.cli import main
from tests.tiny_runs import base


class Hand:
    """Draws into a folder of its own; each picture has a new name."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys, self._count = folder, capsys, 0

    def file(self, *more: str, prompt: str | None = "a red square", family: str = "mini") -> Path:
        """The picture of a call that succeeds."""
        self._count += 1
        out = self.folder / f"{self._count}.png"
        assert self.call(*more, "--out", str(out), prompt=prompt, family=family) == 0, self._capsys.readouterr().err
        return out

    def __call__(self, *more: str, prompt: str | None = "a red square", family: str = "mini") -> bytes:
        return pixels(self.file(*more, prompt=prompt, family=family))

    def refused(self, *more: str, prompt: str | None = "a red square", family: str = "mini") -> str:
        """What a call says that fails; nothing is drawn and no traceback shown."""
        before = sorted(self.folder.rglob("*.png"))
        self._capsys.readouterr()
        assert self.call(*more, prompt=prompt, family=family) == 1
        said = self._capsys.readouterr()
        assert said.out == "" and said.err.startswith("error: ") and "Traceback" not in said.err
        assert sorted(self.folder.rglob("*.png")) == before
        return said.err

    def call(self, *more: str, prompt: str | None, family: str) -> int:
        own = ["generate", "--model", str(base(family).folder), "--device", "cpu"]
        if prompt is not None:
            own += ["--prompt", prompt, "--steps", "2", "--size", "64"]
        if "--out" not in more:
            own += ["--out", str(self.folder / "never.png")]
        return main([*own, *more])


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def parameters(path: Path) -> str:
    with Image.open(path) as image:
        return str(image.info["parameters"])
