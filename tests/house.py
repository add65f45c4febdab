"""The rules of the house as functions over source text: each takes a module and returns sentences, one per breach.

`test_house.py` applies them to the tree and, as a control, to bad snippets that each must catch.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("kohya_like", "gui", "dataset_tools")
SIBLINGS = ("networks", "families", "objective", "data", "optim")

# What a package of kohya_like may import from kohya_like, itself aside. Those not named are held by "no circles" alone.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "schema": frozenset(),
    "events": frozenset(),
    "supervise": frozenset(),
    "formats": frozenset({"schema"}),
    "hardware": frozenset({"schema", "events", "qt_libraries"}),
    "tools": frozenset({"schema", "formats", "networks", "families"}),
    **{name: frozenset({"schema", "events", "formats", "hardware"}) for name in SIBLINGS},
}
# What components must not know: they are given values, and the recipe gives them.
MUST_NOT_IMPORT: dict[str, frozenset[str]] = {
    "trainer": frozenset({"config", "preflight", "recipe", "training", "cli", "families", "networks", "runs"}),
    "methods": frozenset({"config", "preflight", "recipe", "training", "cli", "trainer"}),
    "checkpoint": frozenset({"config", "preflight", "recipe", "training", "cli", "trainer"}),
    "sampling": frozenset({"config", "preflight", "recipe", "training", "cli", "trainer"}),
}
# One owner per heavy library.
OWNERS: dict[str, tuple[str, ...]] = {
    "diffusers": ("kohya_like.families", "dataset_tools.taggers"),
    "transformers": ("kohya_like.families", "dataset_tools.taggers"),
    "safetensors": ("kohya_like.formats",),
    "accelerate": ("kohya_like.recipe", "kohya_like.trainer", "kohya_like.checkpoint"),
    "PySide6": ("gui",),
    "pyqtgraph": ("gui.widgets.plot", "gui.widgets.plot_canvas"),
    "onnxruntime": ("dataset_tools.taggers",),
}
NEVER = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "compile": "makes code of text",
    "__import__": "imports what a value names",
    "os.system": "starts a shell",
    "os.popen": "starts a shell",
    "subprocess.getoutput": "starts a shell",
    "subprocess.getstatusoutput": "starts a shell",
    "pickle.load": "runs what a file says",
    "pickle.loads": "runs what a file says",
    "pickle.Unpickler": "runs what a file says",
    "marshal.load": "runs what a file says",
    "marshal.loads": "runs what a file says",
    "shelve.open": "runs what a file says",
    "joblib.load": "runs what a file says",
    "dill.load": "runs what a file says",
    "dill.loads": "runs what a file says",
    "yaml.load": "runs what a file says",
    "yaml.unsafe_load": "runs what a file says",
    "yaml.full_load": "runs what a file says",
    "torch.hub.load": "runs downloaded code",
    "torch.hub.load_state_dict_from_url": "unpickles a download",
    "runpy.run_path": "runs a file",
    "runpy.run_module": "imports what a value names",
}
ONLY_FALSE = ("shell", "trust_remote_code", "allow_pickle")
MAX_LINES = 400
CATCH_ALL_NAMES = ("utils", "util", "common", "helpers", "helper", "misc")


@dataclass(frozen=True)
class Import:
    target: str  # dotted: "kohya_like.data.tokens.END"
    line: int
    for_types: bool  # under `if TYPE_CHECKING:`


@dataclass(frozen=True)
class Module:
    """A source file by its dotted name; `path` is what a sentence calls it."""

    name: str
    text: str
    path: str = ""
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def unit(self) -> str:
        """The part of the tree it belongs to: "data" for kohya_like.data.tokens, "" outside kohya_like."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "kohya_like" and len(parts) > 1 else ""

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        typed = {
            id(node)
            for block in ast.walk(self.tree)
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
            for statement in block.body
            for node in ast.walk(statement)
        }
        return tuple(
            Import(target, node.lineno, id(node) in typed)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for target in self._targets(node)
        )

    def _targets(self, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        parts = self.name.split(".")
        base = parts[: len(parts) - node.level + self.is_package] if node.level else []
        for alias in node.names:
            yield ".".join([*base, *filter(None, [node.module]), alias.name])


@cache
def modules(packages: tuple[str, ...] = PACKAGES) -> tuple[Module, ...]:
    """Every module of the named packages, by name."""
    found = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            inside = path.relative_to(ROOT)
            is_package = path.name == "__init__.py"
            name = ".".join((inside.parent if is_package else inside.with_suffix("")).parts)
            found.append(Module(name, path.read_text(encoding="utf-8"), inside.as_posix(), is_package))
    return tuple(found)


def within(target: str, prefix: str) -> bool:
    return target == prefix or target.startswith(f"{prefix}.")


def wrong_directions(module: Module) -> list[str]:
    """Imports against the direction: of siblings, of the ground floor, of the window, of what a part must not know."""
    found = []
    for item in module.imports:
        top, _, rest = item.target.partition(".")
        unit = rest.partition(".")[0]
        where = f"{module.path}:{item.line}"
        if top == "gui" and not within(module.name, "gui"):
            found.append(f"{where} imports the window ({item.target})")
        if top == "dataset_tools" and within(module.name, "kohya_like"):
            found.append(f"{where} imports {item.target}; dataset_tools stands above kohya_like")
        if top == "tests":
            found.append(f"{where} imports a test ({item.target})")
        if top != "kohya_like" or not unit or unit == module.unit:
            continue
        allowed = MAY_IMPORT.get(module.unit)
        if allowed is not None and unit not in allowed:
            found.append(f"{where}: {module.unit} may not import {item.target}")
        if unit in MUST_NOT_IMPORT.get(module.unit, ()):
            found.append(f"{where}: {module.unit} is given values and must not know {item.target}")
    return found


def foreign_libraries(module: Module) -> list[str]:
    """Heavy libraries imported by another than their owner."""
    return [
        f"{module.path}:{item.line} imports {library}, which belongs to {', '.join(owners)}"
        for item in module.imports
        for library, owners in OWNERS.items()
        if within(item.target, library) and not any(within(module.name, owner) for owner in owners)
    ]


def circles(all_modules: Sequence[Module]) -> list[str]:
    """Circles of imports, those inside functions included, those for types alone not."""
    known = {module.name for module in all_modules}
    edges: dict[str, set[str]] = {}
    for module in all_modules:
        targets = {longest_known(item.target, known) for item in module.imports if not item.for_types}
        edges[module.name] = {t for t in targets if t and not within(module.name, t)}
    done: set[str] = set()
    found: list[str] = []

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for target in sorted(edges[name]):
                visit(target, [*way, name])
            done.add(name)

    for name in sorted(edges):
        visit(name, [])
    return found


def longest_known(target: str, known: set[str]) -> str:
    parts = target.split(".")
    return next((n for i in range(len(parts), 0, -1) if (n := ".".join(parts[:i])) in known), "")


def dangerous(module: Module) -> list[str]:
    """Calls and names by which a file, a config or a hub could run code."""
    aliases: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            aliases |= {
                a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0]
                for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            aliases |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    found = []
    for node in ast.walk(module.tree):
        where = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node, aliases)) in NEVER:
            found.append(f"{where} {name}: {NEVER[name]}")
        if isinstance(node, ast.Call):
            found += [f"{where} {breach}" for breach in _bad_call(node, dotted(node.func, aliases))]
    return found


def _bad_call(call: ast.Call, name: str) -> Iterator[str]:
    given = {k.arg: k.value.value if isinstance(k.value, ast.Constant) else ... for k in call.keywords}
    for keyword in ONLY_FALSE:
        if given.get(keyword, False) is not False:
            yield f"{keyword}={given[keyword]!r}"
    if given.get("weights_only", True) is not True:
        yield "weights_only is not True: unpickles whatever the file holds"
    if name == "torch.load" and "weights_only" not in given:
        yield "torch.load without weights_only=True"
    if name == "importlib.import_module" and not (call.args and isinstance(call.args[0], ast.Constant)):
        yield "import_module of a value: imports what a value names"


def dotted(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """ "os.system" for `system` after `from os import system`; "" for what is no plain name."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (base := dotted(node.value, aliases)):
        return f"{base}.{node.attr}"
    return ""


def too_long(module: Module) -> list[str]:
    lines = module.text.count("\n")
    return [f"{module.path}: {lines} lines, {MAX_LINES} are the most"] if lines > MAX_LINES else []


def catch_all(module: Module) -> list[str]:
    bad = [part for part in module.name.split(".") if part.lower() in CATCH_ALL_NAMES]
    return [f"{module.path}: a name that says nothing of its contents ({part})" for part in bad]


def undescribed(module: Module) -> list[str]:
    if module.text.strip() and not ast.get_docstring(module.tree):
        return [f"{module.path} does not say in a docstring what it is"]
    return []


HEAVY = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "onnxruntime")
CHILD = """
import importlib, json, sys
heavy, names = set(json.loads(sys.argv[1])), json.loads(sys.argv[2])
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            tried.append(name)
            raise ImportError(name + " is refused here")
sys.meta_path.insert(0, Refuse())
found = []
for name in names:
    tried = []
    try:
        importlib.import_module(name)
    except ImportError as error:
        found.append(f"{name}: {error}")
    else:
        found += [f"{name} tries {library}" for library in tried]
print(json.dumps(found))
"""


def import_without(names: Sequence[str], folder: Path = ROOT, heavy: Sequence[str] = HEAVY) -> list[str]:
    """Import the modules in a child Python that refuses the heavy libraries; says which of them asked for one."""
    command = [sys.executable, "-c", CHILD, json.dumps(list(heavy)), json.dumps(list(names))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
