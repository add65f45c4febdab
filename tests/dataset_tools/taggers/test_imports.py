"""Who loads what: the window nothing heavy, a WD14 tagger no torch, and no kind the libraries of another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = "torch transformers diffusers onnxruntime numpy PIL".split()  # noqa: SIM905


def loaded(modules: str) -> set[str]:
    asks = f"import sys, {modules}; print(*(set({HEAVY!r}) & sys.modules.keys()))"
    return set(subprocess.check_output([sys.executable, "-c", asks], cwd=ROOT, text=True).split())


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("proposals, proposal_store, tagger_settings, vocabularies, tagger_files, tagging, verbs_tagging", set()),
        ("taggers.wd14", {"onnxruntime", "numpy", "PIL"}),
        ("taggers.remote", {"numpy", "PIL"}),
    ],
)
def test_what_is_loaded(modules: str, heavy: set[str]) -> None:
    assert loaded(", ".join(f"dataset_tools.{name}" for name in modules.split(", "))) == heavy
