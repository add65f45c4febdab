"""Every fault code has a fix that works in a real check, or stands in a list with the reason why it has none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from kohya_like.config import TrainConfig
from kohya_like.hardware import Gpu, Memory, TorchBuild
from kohya_like.preflight import check, fixes, schema_fixes
from kohya_like.preflight import machine as preflight_machine
from kohya_like.preflight.fixes import Fix, fix_of
from kohya_like.preflight.partial import sound_part
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect
from tests.data.folders_made import make
from tests.preflight.fault_codes import WITHOUT_FIX, codes_in_source
from tests.preflight.fix_cases import CASES, Sections
from tests.preflight.made import GB, LORA, SDXL, pictures, roomy_machine, sparse_safetensors, workplace

WITH_FIX = {*fixes.RULES, *fixes.ALWAYS, *fixes.OWN_OPTION, *schema_fixes.RULES, "unknown-argument"}
CARDS = {
    "ampere": Gpu(0, "RTX 3060", 12 * GB, 11 * GB, compute="8.6"),
    "turing": Gpu(0, "GTX 1660", 6 * GB, 5 * GB, compute="7.5"),
}


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy_machine(monkeypatch)


def preset(root: Path, changes: Sections) -> Document:
    """The workplace's preset with options changed; R in a text stands for the root, None takes an option out."""
    sections: Sections = {name: dict(values) for name, values in workplace(root).items()}
    for name, values in changes.items():
        section = sections.setdefault(name, {})
        section.update(_rooted(values, str(root)))
        sections[name] = {key: value for key, value in section.items() if value is not None}
    return Document(tomlkit.dumps(sections), "my.toml")


def _rooted(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace("ROOT", root)
    if isinstance(value, list):
        return [_rooted(item, root) for item in value]
    return {key: _rooted(item, root) for key, item in value.items()} if isinstance(value, dict) else value


def faults_of(document: Document) -> tuple[list[Fault], TrainConfig | None]:
    config, found = inspect(TrainConfig, document)
    config = config or sound_part(document, found)
    return [*found, *(check(config, document).faults if config else ())], config


def mended(document: Document, fix: Fix) -> Document:
    """The document with the fix applied, as a person would press the button."""
    for old, new in fix.renames.items():
        document.set(new, document.get(old))
        document.set(old, None)
    for key, value in fix.edits.items():
        document.set(key, value)
    return Document(document.text(), "my.toml")


def fixed(document: Document, code: str) -> Fix:
    """Finds the one fault of a code that has a fix, applies it, and sees that the fault is gone and none is new."""
    faults, config = faults_of(document)
    offered = [(fault, fix) for fault in faults if fault.code == code and (fix := fix_of(fault, config, document))]
    assert offered, [str(fault) for fault in faults]
    fault, fix = offered[0]
    after, _ = faults_of(mended(document, fix))
    assert (fault.code, fault.key) not in {(other.code, other.key) for other in after}, [str(other) for other in after]
    errors = {other.code for other in after if other.severity == "error"}
    assert errors <= {other.code for other in faults}, [str(other) for other in after]
    return fix


def place(root: Path) -> None:
    """What some cases need beside the workplace."""
    workplace(root)
    sparse_safetensors(root / "xl.safetensors", SDXL)
    sparse_safetensors(root / "lora.safetensors", LORA)
    shapes = {"v_pred": (1,), "label": (1,)}
    sparse_safetensors(root / "v.safetensors", {**SDXL, **shapes})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("fixes")
    place(made)
    return made


@pytest.mark.parametrize("code, changes, label", CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fix_mends_its_fault(root: Path, code: str, changes: Sections, label: str) -> None:
    assert fixed(preset(root, changes), code).label == label.replace("ROOT", str(root))


def test_every_fault_code_is_decided_upon() -> None:
    assert codes_in_source() == WITH_FIX | set(WITHOUT_FIX)
    assert set(WITHOUT_FIX) & WITH_FIX == set()


ON_OTHER_MACHINES = {"bf16-old-card", "fp16-gtx16", "slow-precision", "memory", "memory-in-all", "output-exists"}
NEVER_RAISED = {"needs-epsilon-or-v"}  # for models that predict the picture itself, of which there are none yet


def test_every_code_with_a_fix_was_tried() -> None:
    assert WITH_FIX - {code for code, _, _ in CASES} == ON_OTHER_MACHINES | NEVER_RAISED


@pytest.mark.parametrize(
    "card, precision, code, label",
    [
        ("turing", "bf16", "bf16-old-card", 'Set train.mixed_precision to "fp16"'),
        ("turing", "fp16", "fp16-gtx16", 'Set train.mixed_precision to "no"'),
        ("ampere", "no", "slow-precision", 'Set train.mixed_precision to "bf16"'),
    ],
)
def test_fixes_for_a_card(
    root: Path, monkeypatch: pytest.MonkeyPatch, card: str, precision: str, code: str, label: str
) -> None:
    monkeypatch.setattr(preflight_machine, "gpus", lambda: (CARDS[card],))
    monkeypatch.setattr(preflight_machine, "torch_build", lambda: TorchBuild("2.13.0", "cuda 12.8"))
    document = preset(root, {"train": {"mixed_precision": precision}, "hardware": {"device": "auto"}})
    assert fixed(document, code).label == label


def test_memory_is_saved_step_by_step(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(GB, GB // 16))
    document = preset(root, {"train": {"train_batch_size": 4}})
    labels = []
    for _ in range(9):
        faults, config = faults_of(document)
        offered = [fix for fault in faults if fault.code == "memory" and (fix := fix_of(fault, config, document))]
        if not offered:
            break
        labels.append(offered[0].label)
        document = mended(document, offered[0])
    assert labels[:3] == [
        "Set train.gradient_checkpointing to true",
        'Set train.mixed_precision to "bf16"',
        "Set train.train_batch_size to 1",
    ]
    assert "resolution" not in " ".join(labels)  # how small a picture may be is the person's decision


def test_the_next_free_name_for_the_output(tmp_path: Path) -> None:
    document = preset(tmp_path, {"save": {"output_name": "ghost"}})
    make(tmp_path / "out", {"ghost.safetensors": "x", "ghost-2-000001.safetensors": "x"})
    assert fixed(document, "output-exists").label == 'Set save.output_name to "ghost-3"'
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ghost-2-000001.safetensors",
                                                                          "ghost.safetensors"]  # fmt: skip
    document.set("save.output_name", "ghost-2")
    assert fixed(document, "output-exists").label == 'Set save.output_name to "ghost-3"'


def test_a_caption_extension_of_a_folder_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path / "data", 3)
    shutil.copytree(tmp_path / "data/10_sks ghost", tmp_path / "data/5_other")
    folder = str(tmp_path / "data/5_other")
    document = preset(tmp_path, {"data": {"subsets": [{"image_dir": folder, "caption_extension": ".tags"}]}})
    assert fixed(document, "caption-extension").label == 'Set data.subsets[0].caption_extension to ".txt"'


@pytest.mark.parametrize(
    "code, changes",
    [
        ("companion", {"network": {"weights": "ROOT/nowhere.safetensors"}}),
        ("base-model", {"model": {"base": "ROOT/nowhere"}}),
        ("no-concepts", {"data": {"train_data_dir": "ROOT/empty"}}),
        ("unknown-optimizer", {"optimizer": {"optimizer_type": "zzz"}}),
        ("bad-choice", {"train": {"mixed_precision": "zzz"}}),
        ("bad-text", {"model": {"base": "file:///x"}}),
        ("import-without-consent", {"optimizer": {"optimizer_type": "x.Y"}}),
        ("no-folder", {"data": {"train_data_dir": "ROOT/nowhere"}}),
    ],
)
def test_what_only_the_person_knows_has_no_fix(root: Path, code: str, changes: Sections) -> None:
    (root / "empty").mkdir(exist_ok=True)
    document = preset(root, changes)
    faults, config = faults_of(document)
    (fault,) = [fault for fault in faults if fault.code == code]
    assert fix_of(fault, config, document) is None


def test_without_a_config_the_text_is_mended_and_nothing_else(root: Path) -> None:
    document = preset(root, {"network": {"dim": 0}})
    faults, _ = faults_of(document)
    (wrong,) = [fault for fault in faults if fault.code == "out-of-range"]
    fix = fix_of(wrong, None, document)
    assert fix is not None
    assert fix.as_dict() == {"label": "Set network.dim to 1", "edits": {"network.dim": 1}, "renames": {}}
    assert fix_of(Fault("both are set", "train.max_train_steps", code="both-lengths"), None, document) is None
