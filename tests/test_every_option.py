"""No option is a dead letter: whatever TrainConfig declares is read by the code that makes and drives a run.

A read counts where it can have an effect: not where the config is loaded or checked, and not where a file is told how
it was made, apart from the options that are there for just that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.data.options import SETTING_KEYS, DataOptions, SubsetSettings
from kohya_like.schema.option import Section, sections_in
from tests.tiny_runs import Run, make_pictures, pictures

Option = tuple[str, str]  # class and field
IDLE_FILES = ("preflight", "data/conflicts.py", "optim/checks.py", "schema/")
IDLE_FUNCTIONS = ("conflicts", "_prediction_faults", "_idle_faults", "varying_keys", "uncacheable")
TELLING = "provenance.py"
TOLD = ("no_metadata", "training_comment", "metadata_")  # what a file says of itself is all that these are for

EXCEPTIONS: dict[Option, str] = {
    (kind, "name"): "the registry made this class of it"
    for kind in (
        "LoRA",
        "LoCon",
        "LoKr",
        "GLoRA",
        "IA3",
        "FullDifference",
        "Norms",
        "LoRAFA",
        "DyLoRA",
        "LoHa",
        "OFT",
        "BOFT",
        "Hypernetwork",
    )
}

# Some options are read only where another is set.
ALL: dict[str, Any] = {
    "data__cache_latents": False, "data__validation_split": 0.25, "data__masked_loss": True, "data__alpha_mask": True,
    "data__token_warmup_step": 2.0, "sample__prompts": ["a thing --s 1"], "sample__sample_at_first": False,
    "network__train_text_encoder": False, "network__conv_dim": 1, "train__max_train_steps": 1,
}  # fmt: skip
NETWORKS: dict[str, dict[str, Any]] = {
    "loha": {"network__conv_dim": 1},
    "locon": {"network__use_tucker": True},
    "lokr": {"network__conv_dim": 1},
    "glora": {"network__conv_dim": 1},
    "ia3": {"network__dim": None, "network__alpha": None},
    "full": {"network__dim": None, "network__alpha": None},
    "norms": {"network__dim": None, "network__alpha": None},
    "lora": {},  # now with the text encoder
    "lora_fa": {"network__conv_dim": 1},
    "dylora": {"network__conv_dim": 1},
    "oft": {"network__dim": None, "network__alpha": None},
    "boft": {"network__dim": None, "network__alpha": None},
    "hypernetwork": {
        "network__dim": None, "network__alpha": None, "network__train_text_encoder": False,
        "network__activation": "relu", "network__dropout_structure": [0.0, 0.1, 0.0], "network__files": "both",
    },
}  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "finetune": {},
    **{name: {"method__token_string": "my-cat"} for name in ("textual_inversion", "dreamartist", "pivotal")},
}


def declared(section: type[Section]) -> Iterator[Option]:
    """Every option below a section; what folders share is read from the settings of each folder."""
    for name, field in section.model_fields.items():
        inner = sections_in(field.annotation)
        if not inner:
            shared = section is DataOptions and name in SETTING_KEYS
            yield (SubsetSettings if shared else section).__name__, name
        for choice in inner:
            yield from declared(choice)


def has_effect(name: str, reader: FrameType) -> bool:
    path, function = reader.f_code.co_filename, reader.f_code.co_qualname
    inside = path.partition("kohya_like/")[2]
    if function.endswith((".arguments", ".layer_arguments")):  # what a network says of itself in its file
        return False
    if not inside or inside.startswith(IDLE_FILES) or function.partition(".")[0] in IDLE_FUNCTIONS:
        return False
    return inside != TELLING or name.startswith(TOLD)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[Option]:
    """The options that were read so far."""
    seen: set[Option] = set()

    def recording(self: Section, name: str) -> Any:
        kind = type(self)
        if not name.startswith("_") and name in kind.__pydantic_fields__ and has_effect(name, sys._getframe(1)):
            seen.add((kind.__name__, name))
        return object.__getattribute__(self, name)

    monkeypatch.setattr(Section, "__getattribute__", recording, raising=False)
    return seen


def test_every_option_is_read_where_it_can_have_an_effect(tmp_path: Path, read: set[Option]) -> None:
    subsets = [{"image_dir": str(pictures() / "2_sks thing"), "num_repeats": 1}]
    general = make_pictures(tmp_path / "general", {"a thing": (64, 64)}, "1_thing")
    first = Run(
        tmp_path / "a", **ALL, data__subsets=subsets, data__reg_data_dir=str(general), data__num_class_images=1
    ).train()
    onward: dict[str, Any] = {
        "network__weights": str(first.file),
        "network__dim_from_weights": True,
        "train__max_train_steps": 1,
    }
    Run(tmp_path / "b", **onward, network__train_text_encoder=False).train()
    for name, more in NETWORKS.items():
        Run(tmp_path / name, network__name=name, train__max_train_steps=1, **more).train()
    for name, more in METHODS.items():
        Run(tmp_path / name, method__name=name, train__max_train_steps=1, **more).train()
    unread = set(declared(TrainConfig)) - read
    assert sorted(".".join(option) for option in unread - set(EXCEPTIONS)) == []
    assert unread == set(EXCEPTIONS), "an exception that is no longer needed"


def test_control_an_option_that_nobody_reads_is_seen(tmp_path: Path, read: set[Option]) -> None:
    Run(tmp_path).build()
    assert ("TrainOptions", "seed") in read
    assert ("FinetuneMethod", "name") not in read and ("LoRA", "conv_alpha") not in read
