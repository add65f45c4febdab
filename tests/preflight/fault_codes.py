"""Every code a fault of kohya_like can have, read from its source; and those that no edit of a preset can mend."""

from __future__ import annotations

import ast
import re

from tests.house import modules

_CODE = re.compile(r"[a-z]+\d*(-[a-z0-9]+)*")
_MAKERS = ("Fault", "_note", "_at", "rule_fault", "_fault", "_say", "file_fault")
_NO_CODES = {"error", "warning", "hint", "picture", "name", "folder", "animation"}
MADE_UP = {  # f"folder-{refusal}", f"caption-{problem}", and codes handed on by name
    *(f"folder-{refusal}" for refusal in ("zero", "number", "width", "many")),
    *(f"caption-{problem}" for problem in ("empty", "too-long", "gbk", "utf-16", "encoding", "not-text", "unreadable")),
    "no-effect",
    "rule",  # where networks.selection says nothing else
    *("unknown-key", "missing-key", "out-of-range", "bad-value", "bad-choice", "wrong-type"),  # schema.validate
}

ONLY_THE_PERSON_KNOWS = "only the person knows what was meant"
FILES = "the cure is in files or folders, which are never touched"
TASTE = "a matter of more pictures, time or quality: the person's decision"
TEXT = "the text cannot be parsed, so that no key can be set"
WITHOUT_FIX: dict[str, str] = {
    "missing-key": ONLY_THE_PERSON_KNOWS,
    "no-folder": ONLY_THE_PERSON_KNOWS,
    "no-images": FILES,
    "no-repeats": FILES,
    "loose-pictures": FILES,
    "folder-zero": FILES,
    "folder-number": FILES,
    "folder-width": FILES,
    "folder-many": FILES,
    "unreadable-folder": FILES,
    "unreadable": FILES,
    "too-small": FILES,
    "too-large": FILES,
    "animated": FILES,
    "same-stem": FILES,
    "other-pictures": FILES,
    "sub-folders": FILES,
    "symlinks": FILES,
    "no-mask": FILES,
    "no-alpha": "another folder's pictures may have transparency",
    "mask-dir": ONLY_THE_PERSON_KNOWS,
    "no-caption": FILES,
    "orphans": FILES,
    "caption-empty": FILES,
    "caption-other": FILES,
    "caption-too-long": FILES,
    "caption-gbk": FILES,
    "caption-utf-16": FILES,
    "caption-encoding": FILES,
    "caption-not-text": FILES,
    "caption-unreadable": FILES,
    "metadata-file": FILES,
    "metadata-entries": FILES,
    "not-in-metadata": "nothing is wrong",
    "few-images": TASTE,
    "small-images": TASTE,
    "small-resolution": TASTE,
    "few-steps": TASTE,
    "known-word": ONLY_THE_PERSON_KNOWS,
    "no-word": ONLY_THE_PERSON_KNOWS,
    "common-words": TASTE,
    "other-name": ONLY_THE_PERSON_KNOWS,
    "init-word": ONLY_THE_PERSON_KNOWS,
    "template-file": FILES,
    "attention-map": "the maps have to be drawn first",
    "no-bundle": ONLY_THE_PERSON_KNOWS,
    "no-embedding": FILES,
    "vector-count": "the other way round the file is the wrong one",
    "vector-width": FILES,
    "many-steps": TASTE,
    "many-files": TASTE,
    "idle-rule": ONLY_THE_PERSON_KNOWS,
    "rule": ONLY_THE_PERSON_KNOWS,
    "no-layer": ONLY_THE_PERSON_KNOWS,
    "wrong-blocks": ONLY_THE_PERSON_KNOWS,
    "batch-over-bucket": TASTE,
    "same-words": FILES,
    "same-trigger": FILES,
    "trigger-is-class": FILES,
    "trigger-splits": FILES,
    "trigger-in-reg": FILES,
    "trigger-in-captions": FILES,
    "class-folder": ONLY_THE_PERSON_KNOWS,
    "class-prompt": ONLY_THE_PERSON_KNOWS,
    "class-disk": FILES,
    "class-images": "nothing is wrong",
    "imbalance": FILES,
    "enlarged": TASTE,
    "reg-unused": "nothing is wrong",
    "prompt-option": ONLY_THE_PERSON_KNOWS,
    "prompt-text": ONLY_THE_PERSON_KNOWS,
    "prompt-network": ONLY_THE_PERSON_KNOWS,
    "prompt-file": FILES,
    "bad-folder": ONLY_THE_PERSON_KNOWS,
    "not-writable": ONLY_THE_PERSON_KNOWS,
    "output-inside": ONLY_THE_PERSON_KNOWS,
    "disk-full": FILES,
    "disk-nearly-full": FILES,
    "import-without-consent": "consent to run foreign code is typed by the person, never offered as a button",
    "not-utf8": TEXT,
    "not-toml": TEXT,
    "duplicate-key": TEXT,
    "request": "of the window's own requests, not of a preset",
}


def codes_in_source() -> set[str]:
    """The codes that stand in the source as constants: keyword `code`, or the last text given to what makes faults."""
    found = set(MADE_UP)
    for module in modules(("kohya_like",)):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _name(node.func) in _MAKERS:
                found |= {code for code in _constants(node) if _CODE.fullmatch(code)}
    return found - _NO_CODES


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _constants(call: ast.Call) -> list[str]:
    by_name = [k.value for k in call.keywords if k.arg == "code"]
    last = call.args[-1:] if _name(call.func) in ("Fault", "_note", "file_fault") else call.args[3:4]
    if _name(call.func) == "_say":
        last = call.args[:1]
    nodes = by_name or ([] if any(k.arg == "mend" for k in call.keywords) else last)
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
