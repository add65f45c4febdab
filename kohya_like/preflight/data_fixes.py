"""Edits that mend what is wrong with folders, buckets and captions. Folders are only chosen anew, never touched."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from kohya_like.config import TrainConfig, dumped
from kohya_like.preflight.schema_fixes import Edits
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document, lookup, parse_override

Rule = Callable[[Fault, TrainConfig, Document], Edits]


def assignment(text: str) -> Edits:
    """'set model.max_token_length = 150' -> {"model.max_token_length": 150}; {} for another sentence."""
    found = re.search(r"([a-z_]+\.[\w.\[\]]+ = \S+)", text)
    return dict([parse_override(found[1])]) if found else {}


def _caption_extension(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    edits = assignment(fault.mend)
    for number, subset in enumerate(config.data.subsets):
        if subset.image_dir == fault.where and subset.model_dump()["caption_extension"] is not None:
            return {f"data.subsets[{number}].caption_extension": value for value in edits.values()}
    return edits


def _given_folder(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    """The folder that the scan itself names."""
    folder = fault.mend.rpartition("give ")[2]
    return {fault.key: folder} if os.path.isabs(folder) and os.path.isdir(folder) else {}


def _folder_around(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    folder = Path(lookup(dumped(config), fault.key) or "").parent
    return {fault.key: str(folder)} if folder.is_dir() else {}


def _parent_folder(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    item = fault.key.rpartition(".")[0]
    folder = lookup(dumped(config), fault.key)
    return {} if config.data.train_data_dir else {"data.train_data_dir": folder, item: None}


def _listed_twice(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {fault.key.rpartition(".")[0]: None}


def _bucket_step(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    step = config.data.bucket_reso_steps or 0
    return {fault.key: None if "resolution" in fault.text else max(8, round(step / 8) * 8)}


def _bucket_max(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {fault.key: max(config.data.resolution)} if config.data.resolution else {}


def _rounded(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    numbers = [int(number) for number in re.findall(r"\d+", fault.mend)]
    return {fault.key: numbers if len(numbers) == 2 else numbers[0]} if numbers else {}


def _rounded_resolution(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    found = re.search(r"(\d+)x(\d+) .* step (\d+)", fault.text)
    if found is None:
        return {}
    width, height, step = (int(number) for number in found.groups())
    return {fault.key: [max(step, side - side % step) for side in (width, height)]}


def _cut(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {} if config.data.enable_bucket else {"data.enable_bucket": True}


def _all_dropped(fault: Fault, config: TrainConfig, document: Document) -> Edits:
    return {fault.key: 0.05 if fault.key.endswith("_rate") else 0}


RULES: dict[str, Rule] = {
    "all-dropped": _all_dropped,
    "bucket-max": _bucket_max,
    "bucket-step": _bucket_step,
    "caption-extension": _caption_extension,
    "cut": _cut,
    "leaf": _given_folder,
    "no-concepts": _given_folder,
    "not-a-folder": _folder_around,
    "parent-folder": _parent_folder,
    "rounded": _rounded,
    "rounded-resolution": _rounded_resolution,
    "twice": _listed_twice,
}
