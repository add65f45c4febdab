"""The house keeps its rules, and each rule catches what it is there for.

Exceptions stand below as data, each with its reason; one that is no longer needed fails as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import house
from tests.house import ROOT, Module, modules

pytestmark = pytest.mark.quick

CONSENTED = "an optimizer class of an installed package, only with the person's consent in the config"
EXCEPTIONS = {  # path and the start of the breach -> reason
    ("kohya_like/schema/registry.py", "import_module"): "only files that lie in a folder of this package",
    ("kohya_like/optim/optimizers.py", "import_module"): CONSENTED,
}

# Modules that must import without torch, beside every option file, every algorithm, schema and the window.
TORCH_FREE = {
    "": "cli config console events mailbox output picture_text prompt_file qt_libraries recipes runs supervise "
    "training window_service",
    "hardware.": "checks facts",
    "formats.": "headers atomic",
    "networks.": "base",
    "families.": "base",
    "data.": "sidecar scan buckets captions prompts tokens fingerprint",
}
TORCH_FREE_PATTERNS = (
    r"kohya_like\.verbs\.(fetch|hub|inspect|generate_options|generate_request|grid|sheet)",
    r"kohya_like\.prompts(\..*)?",
    r"kohya_like\.preflight(\..*)?",
    r"kohya_like\.schema(\..*)?",
    r"kohya_like\.networks\.algorithms\..*",
    r"kohya_like\..*\boptions",
    r"kohya_like\.families\.(sd\w+)",
    r"gui(\.(?!__main__).*)?",
    r"dataset_tools(\.(?!taggers|__main__).*)?",
)
RULES: dict[str, Callable[[Module], list[str]]] = {
    "imports go downward, siblings apart": house.wrong_directions,
    "one owner per heavy library": house.foreign_libraries,
    "nothing runs what a file or a config says": house.dangerous,
    "no file over 400 lines": house.too_long,
    "no drawer for everything": house.catch_all,
    "each file says what it is": house.undescribed,
}


def excepted(breach: str) -> tuple[str, str] | None:
    place, _, what = breach.partition(" ")
    path = place.partition(":")[0]
    return next((key for key in EXCEPTIONS if key[0] == path and what.startswith(key[1])), None)


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps(rule: str) -> None:
    breaches = [breach for module in modules() for breach in RULES[rule](module)]
    assert [breach for breach in breaches if not excepted(breach)] == []


def test_every_exception_is_still_needed() -> None:
    breaches = [breach for module in modules() for rule in RULES.values() for breach in rule(module)]
    assert {excepted(breach) for breach in breaches} - {None} == set(EXCEPTIONS)


def test_only_their_own_script_imports_what_makes_the_model() -> None:
    for module in modules():
        if not module.name.startswith("kohya_like.demo."):
            bad = [i for i in module.imports if re.match(r"kohya_like\.demo\.(make|pack)\b", i.target)]
            assert bad == [], module.path


def test_no_circles() -> None:
    assert house.circles(modules()) == []


def test_tests_and_benchmarks_are_of_readable_size() -> None:
    assert [b for m in modules(("tests", "benchmarks")) for b in house.too_long(m)] == []


def test_what_must_be_torch_free_is() -> None:
    known = [module.name for module in modules() if "__main__" not in module.name]
    named = [f"kohya_like.{part}{name}" for part, names in TORCH_FREE.items() for name in names.split()]
    matched = [name for name in known if any(re.fullmatch(p, name) for p in TORCH_FREE_PATTERNS)]
    assert {"gui.app", "kohya_like.networks.algorithms.lora", "kohya_like.data.options"} <= set(matched)
    assert house.import_without(sorted({*named, *matched})) == []


def test_the_window_comes_up_without_torch() -> None:
    asks = "import sys, gui.app; print(sorted({'torch', 'diffusers', 'transformers', 'numpy'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", asks], cwd=ROOT, text=True).strip() == "[]"


def test_the_supervisor_needs_the_standard_library_alone() -> None:
    module = next(m for m in modules() if m.name == "kohya_like.supervise")
    assert {i.target.partition(".")[0] for i in module.imports} <= sys.stdlib_module_names


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]  # no git: a download


def machine_paths(text: str) -> list[str]:
    """Absolute paths of somebody's machine."""
    homes = "|".join(("work", "root", "home/[a-z][a-z0-9_-]*", "Users/[A-Za-z]+", "opt/wheels"))
    return re.findall(rf"(?<![\w.~$}}/])/(?:{homes})/[\w./-]*", text)


def test_no_tracked_file_names_a_path_of_somebodys_machine() -> None:
    found = {}
    for path in tracked_files():
        data = path.read_bytes()
        if (
            b"\0" not in data[:8192]
            and path.suffix != ".lock"
            and (bad := machine_paths(data.decode("utf-8", "replace")))
        ):
            found[path.relative_to(ROOT).as_posix()] = bad
    assert found == {}


def test_no_large_file_is_tracked() -> None:
    assert [p.relative_to(ROOT).as_posix() for p in tracked_files() if p.stat().st_size > 24 << 20] == []


@pytest.mark.parametrize("preset", sorted((ROOT / "presets").glob("*.toml")), ids=lambda path: path.stem)
def test_every_preset_loads(preset: Path) -> None:
    from kohya_like.config import load

    config, document = load(preset)
    assert config.method.name in preset.read_text(encoding="utf-8")
    assert document.text() == preset.read_text(encoding="utf-8")


def test_there_are_presets() -> None:
    assert (ROOT / "presets/demo.toml").is_file()


BAD = [  # rule, module name, text that must be caught
    (house.wrong_directions, "kohya_like.data.scan", "from kohya_like.families.base import ModelFamily"),
    (house.wrong_directions, "kohya_like.optim.ema", "def f():\n    import kohya_like.networks.network"),
    (house.wrong_directions, "kohya_like.networks.base", "from ..objective import noise"),
    (house.wrong_directions, "kohya_like.objective.noise", "from kohya_like import config"),
    (house.wrong_directions, "kohya_like.schema.toml", "from kohya_like.formats import atomic"),
    (house.wrong_directions, "kohya_like.formats.ldm", "from kohya_like.families import sd1"),
    (house.wrong_directions, "kohya_like.trainer", "from kohya_like.networks.network import Network"),
    (house.wrong_directions, "kohya_like.methods.network", "from kohya_like.config import TrainConfig"),
    (house.wrong_directions, "kohya_like.cli", "import gui.app"),
    (house.wrong_directions, "kohya_like.preflight", "from dataset_tools import index"),
    (house.wrong_directions, "kohya_like.cli", "from tests import house"),
    (house.foreign_libraries, "kohya_like.sampling", "from diffusers import DDIMScheduler"),
    (house.foreign_libraries, "kohya_like.data.tokens", "def f():\n    from transformers import CLIPTokenizer"),
    (house.foreign_libraries, "kohya_like.methods.network", "import safetensors.torch"),
    (house.foreign_libraries, "kohya_like.families.base", "import accelerate"),
    (house.foreign_libraries, "kohya_like.hardware", "from PySide6.QtCore import QObject"),
    (house.dangerous, "x", "eval('1')"),
    (house.dangerous, "x", "run = exec"),
    (house.dangerous, "x", "from os import system as go\ngo('ls')"),
    (house.dangerous, "x", "import os as o\no.popen('ls')"),
    (house.dangerous, "x", "import pickle\npickle.load(f)"),
    (house.dangerous, "x", "from pickle import loads\nloads(b)"),
    (house.dangerous, "x", "import pickle\nclass U(pickle.Unpickler): ..."),
    (house.dangerous, "x", "import subprocess\nsubprocess.run('ls', shell=True)"),
    (house.dangerous, "x", "import subprocess\nsubprocess.run('ls', shell=flag)"),
    (house.dangerous, "x", "import torch\ntorch.load(p)"),
    (house.dangerous, "x", "import torch\ntorch.load(p, weights_only=False)"),
    (house.dangerous, "x", "load(p, weights_only=choice)"),
    (house.dangerous, "x", "M.from_pretrained(p, trust_remote_code=True)"),
    (house.dangerous, "x", "import numpy\nnumpy.load(p, allow_pickle=True)"),
    (house.dangerous, "x", "import yaml\nyaml.load(t)"),
    (house.dangerous, "x", "import importlib\nimportlib.import_module(name)"),
    (house.dangerous, "x", "from importlib import import_module\nimport_module(f'{a}.b')"),
    (house.dangerous, "x", "__import__(name)"),
    (house.too_long, "x", "a = 1\n" * 401),
    (house.catch_all, "kohya_like.data.utils", ""),
    (house.catch_all, "kohya_like.helpers.x", ""),
    (house.undescribed, "x", "a = 1\n"),
]


@pytest.mark.parametrize("rule, name, text", BAD, ids=lambda value: value[:40] if isinstance(value, str) else None)
def test_each_rule_catches_its_breach(rule: Callable[[Module], list[str]], name: str, text: str) -> None:
    assert len(rule(Module(name, text, "x.py"))) == 1


GOOD = [
    (house.wrong_directions, "kohya_like.data.scan", "from kohya_like.data.options import DataOptions\nimport torch"),
    (house.wrong_directions, "kohya_like.optim.ema", "from kohya_like.formats.atomic import atomic_write"),
    (house.wrong_directions, "gui.app", "from kohya_like import config\nfrom gui import form"),
    (house.foreign_libraries, "kohya_like.families.clip_text", "import transformers"),
    (house.dangerous, "x", "model.eval()\nre.compile('a')\nimport json\njson.load(f)"),
    (house.dangerous, "x", "import torch\ntorch.load(p, weights_only=True)\nrun(a, shell=False)"),
    (house.dangerous, "x", "import importlib\nimportlib.import_module('bitsandbytes')"),
    (house.too_long, "x", "a = 1\n" * 400),
    (house.undescribed, "x", '"""What it is."""\na = 1\n'),
]


@pytest.mark.parametrize("rule, name, text", GOOD, ids=lambda value: value[:40] if isinstance(value, str) else None)
def test_no_rule_catches_what_is_right(rule: Callable[[Module], list[str]], name: str, text: str) -> None:
    assert rule(Module(name, text, "x.py")) == []


def test_circles_are_found_also_inside_functions() -> None:
    first = Module("kohya_like.a", "import kohya_like.b")
    second = Module("kohya_like.b", "def f():\n    from kohya_like.a import g")
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import kohya_like.a"
    assert house.circles([first, second]) == ["kohya_like.a -> kohya_like.b -> kohya_like.a"]
    assert house.circles([first, Module("kohya_like.b", for_types)]) == []


def test_a_module_that_needs_torch_is_caught_even_if_it_hides_it(tmp_path: Path) -> None:
    (tmp_path / "needs.py").write_text("import torch.nn")
    (tmp_path / "hides.py").write_text("try:\n    import torch\nexcept ImportError:\n    torch = None")
    (tmp_path / "free.py").write_text("def f():\n    import torch")
    found = house.import_without(["needs", "hides", "free", "gone"], tmp_path)
    assert [line.split()[0].rstrip(":") for line in found] == ["needs", "hides", "gone"]


@pytest.mark.parametrize("path", ["home/anna/x.py", "work/main", "root/.cache", "Users/Bob/models"])
def test_a_path_of_a_machine_is_caught(path: str) -> None:
    assert machine_paths(f"see /{path}/a") and machine_paths(f'open("/{path}/a")')
    top = path.partition("/")[0]
    assert machine_paths(f"see https://example.org/{top}/a, ~/{top}/b, $HOME/{top}/c and net/{top}/d") == []
