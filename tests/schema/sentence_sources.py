"""The English sentences in the code, as templates: what the catalogue of translations has to know.

Every text with a blank in it counts as a sentence unless its place says that nobody reads it in the window. So a new
sentence is found by itself; a place that shows nothing has to be named here.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "kohya_like"
WINDOW = ROOT / "gui"  # words handed to `self.tr` stand in the .ts file; the others are sentences like any other
DATASETS = ROOT / "dataset_tools"
# of DATASETS: files whose sentences have their Chinese
SPOKEN = ("caption_", "library", "listing", "index_store", "outside",
          "filter_", "translations", "vocabulary_csv", "tagg", "endpoint", "vocabularies", "wd14", "blip", "clip",
          "onnx_model", "selected_tags", "remote", "pipeline", "copies", "health", "quality", "new_dataset",
          "edit_", "exchange", "implied", "preview", "session", "history", "writer", "autosave", "journal",
          "saving")  # fmt: skip

# Modules whose texts stay in the terminal, in generated documents or in files, or have a catalogue of their own.
SILENT = (
    "cli.py", "console.py", "config_docs.py", "example_presets.py", "network_docs.py", "network_docs_text.py",
    "method_cells.py", "method_docs.py", "method_docs_text.py", "measured.py",
    "batch_log.py", "demo/", "schema/docs.py", "schema/texts/",
    "preflight/rendering.py", "formats/kohya_keys.py", "formats/ldm_names.py", "verbs/inspect.py",
    "verbs/tools.py", "verbs/network_facts.py", "verbs/generate_options.py",
    "networks/presets.py", "recipes.py", "data/template_sentences.py", "verbs/embedding_facts.py",
    "gui/__main__.py", "gui/amounts.py", "gui/fields.py", "gui/log_tail.py", "gui/main_window.py", "gui/pages/",
    "gui/run_events.py", "gui/style_sheet.py", "gui/theme.py", "gui/widgets/", "gui/captions/batch_edit.py",
    "gui/captions/filter_bar.py", "gui/captions/key_docs.py", "gui/captions/mask_tool.py",
    "gui/captions/thumbnail_store.py",
)  # fmt: skip

# Errors of the program's own making: a traceback in console.log, never a sentence for a person.
PROGRAM_ERRORS = ("TypeError", "KeyError", "IndexError", "RuntimeError", "AssertionError", "ImportError", "SystemExit",
                  "AlreadyRunning")  # fmt: skip
SILENT_CALLS = ("option", "compile", "fullmatch", "search", "match", "sub", "findall", "print", "add_argument", "say",
                "OptionInfo", "startswith", "endswith", "removeprefix", "removesuffix", "execute", "replace",
                "encode", "isoformat", "split", "tr")  # fmt: skip

HOLE = "{}"

# Pieces that the code joins to another text, and what comes of it.
COMPOSED: dict[str, tuple[str, ...]] = {
    "column {}: {}": ("column {}",),
    "captions {} ({})": ("not changed, captions {} ({}): {}",),
    **{f"{sentence}{{}}": (sentence,) for sentence in (
        "{} cannot be saved ({})", "{} is not there any more: is its disk unplugged, or was it renamed?",
        "the disk is full: captions in {} cannot be saved", "the disk of {} cannot be written to",
        "{} is read-only, or another program holds it",
    )},
    "takes {}, not {}{}": ("takes {}, not {}",),
    "(did you mean {}?)": ("did you mean {}?",),
    "and {} more": ("{} and {} more",),
    "pattern {}": (),
    "{}matches no layer": ("pattern {} matches no layer",),
    "{}matches only {}, which no network can adapt": ("pattern {} matches only {}, which no network can adapt",),
    "{}matches only layers of {}, which is not trained": (
        "pattern {} matches only layers of {}, which is not trained",
    ),
    "{}matches only layers that a '!' pattern takes out": (
        "pattern {} matches only layers that a '!' pattern takes out",
    ),
    "{}matches only convolutions, which this network leaves alone as it is set": (
        "pattern {} matches only convolutions, which this network leaves alone as it is set",
    ),
    "{}matches only layers of another kind than {}": ("pattern {} matches only layers of another kind than {}",),
    "kohya's {} is": ("kohya's {} is {} here",),
    "{}{} here": ("{} here",),
    "removed in version {}{}": ("removed in version {}",),
    "renamed to {} in version {}{}": ("renamed to {} in version {}",),
    "{} samples / batch {}{} = {} batches per epoch": (
        "{} samples / batch {} = {} batches per epoch",
        "{} samples / batch {} in {} buckets = {} batches per epoch",
    ),
    "in {} buckets": (),
    "/ {} accumulated = {} steps per epoch": (
        "{} samples / batch {} = {} batches per epoch / {} accumulated = {} steps per epoch",
        "{} samples / batch {} in {} buckets = {} batches per epoch / {} accumulated = {} steps per epoch",
    ),
    "{} ({} to {})": ("{} to {}",),
    "{} ({} cut to {})": ("{} cut to {}",),
    "{} ({}x{}: {} megapixels)": ("{}x{}: {} megapixels",),
    "{}{} takes {}": ("{} takes {}", "did you mean {}? {} takes {}"),
    ", checkpointed": ("batch {} at {}x{}, checkpointed; an estimate",),
    "batch {} at {}x{}{}; an estimate": ("batch {} at {}x{}; an estimate",),
    ", driver {}": ("{}, {} of {} free", "{}, {} of {} free, driver {}"),
    ", compute capability {}": (
        "{}, {} of {} free, compute capability {}",
        "{}, {} of {} free, driver {}, compute capability {}",
    ),
    "with no content": ("with no content", "with no content, {}"),
    "of {} tensors are missing": ("{} of {} tensors are missing: {}",),
    "tensors belong to no part of this model": ("{} tensors belong to no part of this model: {}",),
    "of {} tensors have another shape": ("{} of {} tensors have another shape: {}",),
    "tensor {}": (),
    "overlaps the one before it": ("tensor {} overlaps the one before it (byte {}, expected {})",),
    "leaves a hole before it": ("tensor {} leaves a hole before it (byte {}, expected {})",),
    "tensor {} {} (byte {}, expected {})": (),
    "{} fault": ("{} ({} fault):",),
    "{} faults": ("{} ({} faults):",),
    "must be {} {}": ("must be at least {}", "must be more than {}", "must be at most {}", "must be less than {}"),
    "must be {} {} {}": (
        "must be at least {} {}", "must be more than {} {}", "must be at most {} {}", "must be less than {} {}",
    ),
    "at least": (), "more than": (), "at most": (), "less than": (),
"a list of {}{}": (
        "a list of {} whole numbers", "a list of {} numbers", "a list of {} texts", "a list of whole numbers",
        "a list of numbers", "a list of texts", "a list of items, each {}", "a list of {} items, each {}",
    ),
    "whole numbers": (), "items, each {}": (),
    "finished {}": ("finished after step {}", "finished after step {}: {}"),
    "after step {}": ("stopped after step {}", "paused after step {}"),
    "after step {}: {}": ("stopped after step {}: {}", "paused after step {}: {}"),
}  # fmt: skip

# Said as they are: commands, names, sizes.
STAYS = frozenset(
    {
        "{} or {}", "{} MB", "{} GB", "{} kB", "system volume information", "HTTP {}", "GPU {}", "cuda {}", "rocm {}",
        "./setup.sh --torch {}", "hardware.attention = \"xformers\"", "save.log_with = \"tensorboard\"", "Bearer {}",
        "sudo apt install {}", "pip install tensorboard", "--set {}", "--file {}   {}", "pickle exhausted",
        "huge integer", "Base model", "Stable Diffusion 1.x", "Stable Diffusion 2.x", "Stable Diffusion XL",
        "train.gradient_checkpointing = true", "train.mixed_precision = \"bf16\"", "train.train_batch_size = 1",
        "optimizer.optimizer_type = \"AdamW8bit\"", "--set {}: {}",
        "{}.train_text_encoder = false", "optimizer.optimizer_type = \"Adafactor\"", "optimizer.max_grad_norm = 0",
        "method.fused_backward_pass = true", "method.full_bf16 = true",
        "from PySide6.QtCore import qVersion; from PySide6.QtWidgets import QApplication, QLabel; "
        "a = QApplication([]); w = QLabel('x'); w.show(); a.processEvents(); print(qVersion())",
        "extracted from {}", "Dynamic resize with {}: {} from {}", "(conv: {})", "dimension is resized from {} to {}{}",
        "Noise Schedule", "Zero Terminal SNR", "Schedule type", "CFG scale", "Model hash", "Denoising strength",
        "Aesthetic LR", "Aesthetic weight", "Aesthetic steps", "Aesthetic embedding", "Aesthetic slerp",
        "Aesthetic text", "Aesthetic slerp angle",
        "Clip skip", "TI hashes", "Lora hashes", "kohya-like {}", "Negative prompt:", "Euler a", "DPM++ 2M",
        "X/Y/Z plot", "{} Type", "{} Values", "/System/Library/Fonts/Hiragino Sans GB.ttc",
        "not started", "not a JSON object", "docker run --shm-size=2g, or data.max_data_loader_n_workers = 0",
    }
)  # fmt: skip

# Single words that stand alone or in a hole of their own: units, kinds of value, parts of a model.
WORDS = (
    "activations", "caching", "previews", "text", "nothing", "never", "steps", "epochs", "px",
    "tags", "tokens", "noise step", "unet", "vae", "text encoder", "gradient", "loss",
)  # fmt: skip


# Said by libraries, inside sentences of ours; what the operating system says is checked against it.
FOREIGN = frozenset(
    {
        "Unexpected character: {}", "Unexpected end of file", "Invalid number", "Invalid date", "Invalid time",
        "Invalid datetime", "Invalid number or date", "Invalid unicode value", "Empty key", "Empty table name",
        "Invalid character {} in string", "Mixed types found in array", "TOML value nested more than {} levels deep",
        "could not create decoder object", "broken data stream when reading image file", "failed to read next frame",
        "unrecognized data stream contents when reading image file", "invalid literal for int() with base 10: {}",
        "could not convert string to float: {}", "[Errno {}] {}", "timed out", "Name or service not known",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """One template: its holes are `{}`."""

    template: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.template}"


def sentences_in(source: str, file: str) -> Iterator[Sentence]:
    """All sentences of one module, as the window gets them."""
    for sentence in _written_in(source, file):
        for joined in COMPOSED.get(sentence.template, (sentence.template,)):
            yield Sentence(joined, file, sentence.line)


def _written_in(source: str, file: str) -> Iterator[Sentence]:
    finder = _Finder(ast.parse(source))
    for node in finder.texts():
        for whole in dict.fromkeys(_variants(node)):
            for template in templates_of(whole, named=finder.names_a_phase(node)):
                yield Sentence(template, file, node.lineno)
    for composed, line in finder.composed():
        yield Sentence(composed, file, line)


def templates_of(text: str, named: bool = False) -> Iterator[str]:
    """The lines of a text as the catalogue keeps them: without a leading place, without the full stop."""
    for line in text.split("\n"):
        template = line.strip().removeprefix("; ")
        while template.startswith("{}: "):
            template = template.removeprefix("{}: ")
        template = template.strip()
        if template.endswith(".") and not template.endswith(".."):
            template = template[:-1]
        words = re.findall(r"[A-Za-z]{2,}", template.replace(HOLE, " "))
        if words and (named or " " in template):
            yield template


@lru_cache(maxsize=1)
def all_sentences() -> tuple[Sentence, ...]:
    """Every sentence of the package that has to be said in another language, once."""
    found: dict[str, Sentence] = {}
    for file, source in _modules().items():
        for sentence in sentences_in(source, file):
            if sentence.template not in STAYS:
                found.setdefault(sentence.template, sentence)
    return tuple(found.values())


def raw_templates() -> set[str]:
    """What stands in the code, before COMPOSED and STAYS."""
    return {sentence.template for file, source in _modules().items() for sentence in _written_in(source, file)}


@lru_cache(maxsize=1)
def _modules() -> dict[str, str]:
    files = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    files |= {path.relative_to(ROOT).as_posix(): path for path in sorted(WINDOW.rglob("*.py"))}
    datasets = (path for path in sorted(DATASETS.rglob("*.py")) if path.name.startswith(SPOKEN))
    files |= {path.relative_to(ROOT).as_posix(): path for path in datasets}
    return {file: path.read_text(encoding="utf-8") for file, path in files.items() if not file.startswith(SILENT)}


class _Finder:
    """Walks a module with the parents of each node at hand."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.docstrings = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }

    def texts(self) -> Iterator[ast.expr]:
        """The outermost text expressions: constants, f-strings, sums of them."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr) and _is_text(node) and not self._inner(node) and not self._silent(node):
                yield node

    def names_a_phase(self, node: ast.expr) -> bool:
        parent = self.parents.get(node)
        return isinstance(parent, ast.Call) and _called(parent) in ("Phase", "_phase", "watching")

    def composed(self) -> Iterator[tuple[str, int]]:
        """What `times` and `_say` put together: '3 pictures', '3 pictures left out: a, b'."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            things = [str(arg.value) for arg in node.args[1:2] if isinstance(arg, ast.Constant)]
            rest = {"times": "", "_say": " {}: {}"}.get(_called(node))
            for thing in things if rest is not None else ():
                yield from ((f"{{}} {thing}{rest}", node.lineno), (f"{{}} {thing}s{rest}", node.lineno))

    def _inner(self, node: ast.expr) -> bool:
        """Whether this text is a part of a longer one."""
        parent = self.parents.get(node)
        while isinstance(parent, ast.IfExp) and node is not parent.test:
            parent = self.parents.get(parent)
        return isinstance(parent, (ast.FormattedValue, ast.JoinedStr)) or (
            isinstance(parent, ast.expr) and _is_text(parent)
        )

    def _silent(self, node: ast.expr) -> bool:
        if node in self.docstrings:
            return True
        child: ast.AST = node
        while (parent := self.parents.get(child)) is not None:
            if isinstance(parent, ast.Call) and self._silent_call(parent, child):
                return True
            if isinstance(parent, ast.Compare) or (isinstance(parent, ast.Subscript) and child is parent.slice):
                return True
            if isinstance(parent, ast.stmt):
                return isinstance(parent, ast.Assert)
            child = parent
        return False

    @staticmethod
    def _silent_call(call: ast.Call, child: ast.AST) -> bool:
        """Whether what is handed to this call, or called on as `"a b".split()`, is shown to nobody."""
        name = _called(call)
        if child is call.func:
            return name in ("split", "encode")
        if name in ("times", "_say") and child in call.args[1:2]:  # a noun: see `composed`
            return True
        return name in SILENT_CALLS or name in PROGRAM_ERRORS


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr)


def _variants(node: ast.AST) -> Iterable[str]:
    """A text with `{}` for what is filled in; a choice between constants gives both texts."""
    if isinstance(node, ast.Constant):
        return [str(node.value).replace("{", "{{").replace("}", "}}")] if isinstance(node.value, str) else [HOLE]
    if isinstance(node, ast.IfExp):
        return [*_variants(node.body), *_variants(node.orelse)] if _chooses(node) else [HOLE]
    if isinstance(node, ast.BinOp) and _chooses(node):
        return ["", *_variants(node.left)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([node.left, node.right])
    if isinstance(node, ast.FormattedValue):
        plain = node.conversion == -1 and (_is_text(node.value) or _chooses(node.value))
        return _variants(node.value) if plain else [HOLE]
    return _joined(node.values) if isinstance(node, ast.JoinedStr) else [HOLE]


def _chooses(node: ast.AST) -> bool:
    """Whether this is `"s" * (count > 1)`, or a choice between texts."""
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) or _is_text(node.orelse)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and _is_text(node.left)


def _joined(nodes: Iterable[ast.AST]) -> list[str]:
    return ["".join(parts) for parts in itertools.product(*(list(_variants(node)) for node in nodes))]
