"""check: a faultless preset has no fault, and each rule has a preset that breaks it and one sentence that says so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kohya_like import estimate, preflight_needs, preflight_rules
from kohya_like.config import TrainConfig
from kohya_like.hardware import Disk, Gpu, Memory, TorchBuild
from kohya_like.preflight import check
from kohya_like.preflight_report import CheckReport
from kohya_like.schema.errors import Fault
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build
from tests.data.folders_made import make
from tests.preflight_made import LORA, SD1, SDXL, VAE, pictures, sparse_safetensors, workplace

GB = 1024**3
Sections = dict[str, dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workplace on a machine with a CPU and plenty of room."""
    monkeypatch.setattr(preflight_needs, "gpus", tuple)
    monkeypatch.setattr(preflight_needs, "torch_build", lambda: TorchBuild("2.13.0+cpu", "cpu"))
    monkeypatch.setattr(preflight_needs, "memory", lambda: Memory(64 * GB, 60 * GB))
    monkeypatch.setattr(preflight_needs, "disk", lambda path: Disk(path, 900 * GB, 800 * GB))
    return tmp_path


def checked(root: Path, **changes: dict[str, Any]) -> CheckReport:
    sections: Sections = {name: dict(values) for name, values in workplace(root).items()}
    for name, values in changes.items():
        sections.setdefault(name, {}).update(values)
    return check(build(TrainConfig, sections))


def the(report: CheckReport, code: str) -> Fault:
    (fault,) = [fault for fault in report.faults if fault.code == code]
    return fault


def test_a_faultless_preset_has_no_fault(place: Path) -> None:
    assert checked(place).faults == ()


FEW = {"max_train_epochs": 1}
# section changes, code of the one fault expected, its severity, its key, a part of its sentence
RULES: list[tuple[dict[str, dict[str, Any]], str, str, str, str]] = [
    ({"train": {"max_train_steps": 900}}, "both-lengths", "error", "train.max_train_steps", "are both set"),
    ({"network": {"train_unet": False}, "optimizer": {"text_encoder_lr": 0.0}}, "nothing-trained", "error",
     "optimizer.learning_rate", "nothing would be trained"),
    ({"optimizer": {"text_encoder_lr": 0.0}}, "no-effect", "warning", "optimizer.text_encoder_lr",
     "is 0: the text encoder is not trained (network.train_text_encoder = false says so)"),
    ({"optimizer": {"unet_lr": 1e-4}, "network": {"train_unet": False}}, "no-effect", "warning", "optimizer.unet_lr",
     "is set, but network.train_unet is false"),
    ({"data": {"cache_text_encoder_outputs": True}}, "cache-text", "error", "data.cache_text_encoder_outputs",
     "the text encoder is trained"),
    ({"data": {"color_aug": True}}, "cache-augmentation", "error", "data.color_aug", "cache_latents"),
    ({"schedule": {"lr_warmup_steps": 100}}, "constant-warmup", "hint", "schedule.lr_warmup_steps", "warm-up"),
    ({"schedule": {"lr_warmup_steps": 5000, "lr_scheduler": "cosine"}}, "warmup-too-long", "warning",
     "schedule.lr_warmup_steps", "takes all of the 1200 steps"),
    ({"save": {"output_name": "a/b"}}, "bad-name", "error", "save.output_name", "holds '/'"),
    ({"save": {"output_name": "con"}}, "bad-name", "error", "save.output_name", "device's name on Windows"),
    ({"save": {"output_name": " x"}}, "bad-name", "error", "save.output_name", "begins or ends with a blank"),
    ({"save": {"output_name": " "}}, "bad-name", "error", "save.output_name", "is empty"),
    ({"save": {"output_name": "x" * 200}}, "bad-name", "error", "save.output_name", "longer than 180 bytes"),
    ({"save": {"save_last_n_epochs": 2}}, "no-effect", "warning", "save.save_last_n_epochs", "no effect without"),
    ({"save": {"save_last_n_steps": 2, "save_every_n_steps": 300}}, "no-effect", "hint", "save.save_last_n_steps",
     "less than save_every_n_steps"),
    ({"save": {"save_every_n_epochs": 9}}, "only-last", "hint", "save.save_every_n_epochs", "there are 5 epochs"),
    ({"save": {"save_every_n_steps": 1}}, "many-files", "warning", "save.save_every_n_steps", "1,200 files"),
    ({"sample": {"sample_every_n_epochs": 1}}, "no-effect", "warning", "sample.prompts", "there is no prompt"),
    ({"sample": {"prompts": ["x"]}}, "sample-rhythm", "hint", "sample.prompts", "only before the first step"),
    ({"sample": {"prompts": ["x"], "sample_at_first": False}}, "sample-rhythm", "warning", "sample.prompts", "never"),
    ({"sample": {"prompts": ["x --w 500"], "sample_every_n_epochs": 1}}, "sample-size", "hint", "sample.prompts[0]",
     "--w 500 is not a multiple of 8"),
    ({"sample": {"prompts": ["x"], "sample_every_n_epochs": 1, "width": 100}}, "sample-size", "hint", "sample.width",
     "is 100, not a multiple of 8; 96 is drawn"),
    ({"sample": {"prompts": ["x --qq 5"], "sample_every_n_epochs": 1}}, "prompt-option", "error", "sample.prompts",
     "--qq 5: no such option"),
    ({"train": {"validate_every_n_epochs": 1}}, "no-effect", "warning", "data.validation_split", "kept out"),
    ({"optimizer": {"learning_rate": 0.5}}, "high-rate", "warning", "optimizer.learning_rate", "far too high"),
    ({"optimizer": {"learning_rate": 2e-6, "text_encoder_lr": 1e-5}}, "low-rate", "hint", "optimizer.learning_rate",
     "2e-06 is very low"),
    ({"optimizer": {"optimizer_type": "AdanW"}}, "unknown-optimizer", "error", "optimizer.optimizer_type", "AdamW"),
    ({"objective": {"zero_terminal_snr": True}}, "zero-snr-epsilon", "warning", "objective.zero_terminal_snr", "noise"),
    ({"optimizer": {"text_encoder_lr": [1e-5, 2e-5]}}, "no-effect", "hint", "optimizer.text_encoder_lr",
     "has one text encoder; the second rate is not used"),
    ({"data": {"resolution": 256}}, "small-resolution", "hint", "data.resolution", "was made at 512 px"),
    ({"data": {"resolution": 500}}, "rounded-resolution", "hint", "data.resolution", "no multiple of the bucket step"),
    ({"data": {"resolution": 1024}}, "small-images", "hint", "data.resolution", "24 of 24 pictures have fewer pixels"),
    ({"train": {"max_train_epochs": 1}}, "few-steps", "hint", "train.max_train_epochs", "240 steps are few"),
    ({"train": {"max_train_epochs": 500}}, "many-steps", "hint", "train.max_train_epochs", "120,000 steps are many"),
    ({"train": {"gradient_accumulation_steps": 999, **FEW}}, "no-effect", "warning",
     "train.gradient_accumulation_steps", "an epoch has 240 batches"),
    ({"train": {"ema_decay": 0.9999}}, "long-average", "hint", "train.ema_decay", "averages over 10,000 steps"),
    ({"train": {"train_batch_size": 250, "max_train_epochs": 600}}, "batch-over-bucket", "hint",
     "train.train_batch_size", "1 of 1 buckets hold fewer pictures"),
    ({"train": {"mixed_precision": "fp16"}}, "fp16-cpu", "error", "train.mixed_precision", "no effect on a CPU"),
    ({"hardware": {"device": "cuda"}}, "no-device", "error", "hardware.device", "no such device"),
    ({"hardware": {"attention": "xformers"}}, "missing-package", "error", "hardware.attention", "xformers package"),
    ({"data": {"max_data_loader_n_workers": 64}}, "no-effect", "hint", "data.max_data_loader_n_workers", "cores"),
    ({"model": {"base": ""}}, "base-model", "error", "model.base", "no base model is named"),
    ({"model": {"base": "runwayml/stable-diffusion-v1-5"}}, "base-model", "error", "model.base",
     "fetch runwayml/stable-diffusion-v1-5` downloads it"),
    ({"model": {"family": "sdxl"}}, "base-model", "error", "model.base",
     "this is a Stable Diffusion 1.x model, model.family says"),
]  # fmt: skip


FOLLOWING = {"no-effect": ("few-steps",), "batch-over-bucket": ("memory",), "base-model": ("small-images",)}


@pytest.mark.parametrize(("changes", "code", "severity", "key", "said"), RULES, ids=[row[1] + row[3] for row in RULES])
def test_each_rule(
    place: Path, changes: dict[str, dict[str, Any]], code: str, severity: str, key: str, said: str
) -> None:
    found = checked(place, **changes).faults
    wanted = [fault for fault in found if (fault.code, fault.key) == (code, key)]
    assert [fault.severity for fault in wanted] == [severity], [str(fault) for fault in found]
    assert said in str(wanted[0])
    others = [str(fault) for fault in found if fault not in wanted and fault.code not in FOLLOWING.get(code, ())]
    assert not others, others


def codes(report: CheckReport) -> set[str]:
    return {fault.code for fault in report.faults}


# --- the model and the files beside it


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (LORA, "this is a LoRA, not a base model (Set model.base to the Stable Diffusion model it belongs to)"),
        (VAE, "this is a VAE, not a base model"),
        ({"x": (2, 2)}, "this is no Stable Diffusion model"),
        ({name: shape for name, shape in SD1.items() if not name.startswith("cond_stage")}, "has no text encoder"),
    ],
)
def test_what_is_no_base_model_is_named(place: Path, shapes: dict[str, tuple[int, ...]], said: str) -> None:
    path = sparse_safetensors(place / "other.safetensors", shapes)
    report = checked(place, model={"base": str(path)})
    fault = the(report, "base-model")
    assert said in str(fault) and fault.where == str(path) and fault.key == "model.base"
    assert report.steps is not None  # the rest is still worked out


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"\xff" * 64, (2**40).to_bytes(8, "little") + b"{"])
def test_broken_model_files_are_faults_not_crashes(place: Path, content: bytes) -> None:
    path = place / "broken.safetensors"
    path.write_bytes(content)
    fault = the(checked(place, model={"base": str(path)}), "base-model")
    assert fault.severity == "error" and fault.text and str(path) in str(fault)


def test_the_family_decides_resolution_and_bucket_step(place: Path) -> None:
    report = checked(place, model={"base": str(sparse_safetensors(place / "xl.safetensors", SDXL))})
    assert report.model.family == "sdxl" and report.model.resolution == (1024, 1024)
    assert [row.part for row in report.parts] == ["unet", "text_encoder", "text_encoder_2"]
    fp16 = checked(place, model={"base": str(place / "xl.safetensors")}, hardware={"vae_precision": "fp16"})
    assert "black pictures" in the(fp16, "vae-fp16").text
    skip = checked(place, model={"base": str(place / "xl.safetensors"), "clip_skip": 2})
    assert "is not used by Stable Diffusion XL" in str(the(skip, "no-effect"))


def test_a_prediction_type_against_the_file_is_warned_of(place: Path) -> None:
    path = sparse_safetensors(place / "v.safetensors", SDXL | {"v_pred": (1,)})
    report = checked(place, model={"base": str(path), "prediction_type": "epsilon"})
    assert "the file says 'v_prediction'" in the(report, "prediction-mismatch").text
    assert "prediction-mismatch" not in codes(checked(place, model={"base": str(path)}))


def test_files_beside_the_model_are_looked_at(place: Path) -> None:
    lora = sparse_safetensors(place / "lora.safetensors", LORA)
    vae = sparse_safetensors(place / "vae.safetensors", VAE)
    assert checked(place, model={"vae": str(vae)}, network={"weights": str(lora)}).faults == ()
    assert "is lora, not a VAE" in str(the(checked(place, model={"vae": str(lora)}), "companion"))
    assert "is vae, not a network" in str(the(checked(place, network={"weights": str(vae)}), "companion"))
    assert "no such file" in str(the(checked(place, network={"weights": str(place / "gone")}), "companion"))
    xl = sparse_safetensors(
        place / "xl.safetensors", {f"{name.replace('unet_', 'te2_')}": s for name, s in LORA.items()}
    )
    assert "is for Stable Diffusion XL" in str(the(checked(place, network={"weights": str(xl)}), "companion"))
    assert "has no unet/config.json" in str(the(checked(place, model={"config_folder": str(place)}), "companion"))


# --- the pictures


def test_steps_are_counted_by_buckets_and_the_tutorials_number_is_told(place: Path) -> None:
    workplace(place)
    make(place / "data", {f"10_sks ghost/wide{n}.png": (1024, 512) for n in range(3)})
    make(place / "data", {f"10_sks ghost/wide{n}.txt": "wide" for n in range(3)})
    report = checked(place, train={"train_batch_size": 4, "max_train_epochs": 7})
    rows = {(row.width, row.height): (row.samples, row.batches) for row in report.buckets}
    assert rows == {(512, 512): (240, 60), (704, 320): (30, 8)}
    assert report.steps is not None
    assert (report.steps.total, report.steps.per_epoch, report.steps.epochs) == (7 * 68, 68, 7)
    assert report.steps.formula.endswith("= 68 batches per epoch; x 7 epochs = 476 steps")
    assert report.steps.kohya_formula == 473  # 270 / 4 * 7, rounded up


def test_without_a_length_ten_epochs_are_trained(place: Path) -> None:
    report = checked(place, train={"max_train_epochs": None})
    assert report.steps is not None and report.steps.epochs == 10


def test_concepts_say_what_each_folder_gives(place: Path) -> None:
    workplace(place)
    make(place / "data", {"3_a cat/1.png": (600, 600), "3_a cat/2.png": b"no picture", "3_a cat/1.caption": "cat"})
    make(place / "reg", {"1_cat/1.png": (512, 512)})
    report = checked(place, data={"reg_data_dir": str(place / "reg")})
    ghost, cat, reg = report.concepts
    assert (ghost.images, ghost.repeats, ghost.samples, ghost.captions) == (24, 10, 240, {".txt": 24})
    assert (cat.images, cat.unreadable, cat.missing_captions, cat.captions) == (1, 1, 1, {".caption": 1})
    assert reg.is_reg and reg.samples == 243  # as many as are trained


def test_without_pictures_the_rest_is_still_checked(place: Path) -> None:
    report = checked(place, data={"train_data_dir": str(place / "nowhere")}, train={"mixed_precision": "fp16"})
    assert report.steps is None and report.files is None and report.memory is None
    assert "fp16-cpu" in codes(report) and any(fault.key == "data.train_data_dir" for fault in report.errors)


def test_few_pictures_uneven_concepts_and_shared_words(place: Path) -> None:
    workplace(place)
    assert (
        "19 pictures are few"
        in the(checked(place, data={"train_data_dir": str(pictures(place / "few", 19))}), "few-images").text
    )
    pictures(place / "data", 24, name="200_Sks Ghost")
    report = checked(place)
    assert "share the words 'sks ghost'" in the(report, "same-words").text
    assert "200_Sks Ghost is seen 20 times as often as 10_sks ghost" in the(report, "imbalance").text


def test_long_captions_are_counted_in_tokens(place: Path) -> None:
    workplace(place)
    (place / "data" / "10_sks ghost" / "3.txt").write_text(", ".join(["a cat"] * 40))  # 119 tokens
    (place / "data" / "10_sks ghost" / "4.txt").write_text("internationalisation " * 8)  # long, but few tokens
    fault = the(checked(place), "long-captions")
    assert (
        fault.text
        == "1 captions are longer than 75 tokens (up to 119) and are cut off, first that of 10_sks ghost/3.png"
    )
    assert fault.mend == "set model.max_token_length = 150"
    assert "long-captions" not in codes(checked(place, model={"max_token_length": 150}))


def test_validation_pictures_are_not_counted_as_trained(place: Path) -> None:
    workplace(place)
    for number, path in enumerate(sorted((place / "data").rglob("*.png"))):
        path.write_bytes(path.read_bytes() + bytes([number]))  # equal pictures would stay together
    report = checked(place, data={"validation_split": 0.25})
    assert report.held_out > 0 and report.held_out + report.images == 24
    assert report.steps is not None and report.steps.per_epoch == 10 * report.images


# --- files, memory, disk, device


def test_files_have_kohyas_names(place: Path) -> None:
    report = checked(place, save={"output_name": "ghost", "save_every_n_epochs": 2, "save_every_n_steps": 500})
    assert report.files is not None
    assert report.files.names == (
        "ghost-000002.safetensors", "ghost-step00000500.safetensors", "ghost-000004.safetensors",
        "ghost-step00001000.safetensors", "ghost.safetensors",
    )  # fmt: skip
    assert (report.files.count, report.files.kept) == (5, 5)
    few = checked(place, save={"save_every_n_epochs": 1, "save_last_n_epochs": 2})
    assert few.files is not None and (few.files.count, few.files.kept) == (5, 3)


def test_very_long_runs_are_planned_without_walking_their_steps(place: Path) -> None:
    report = checked(
        place, train={"max_train_epochs": None, "max_train_steps": 10**12}, save={"save_every_n_steps": 10**9}
    )
    assert report.files is not None and report.files.count == 1000
    assert report.files.names[0] == "last-step1000000000.safetensors"


def test_existing_output_is_not_replaced_unasked(place: Path) -> None:
    make(place / "out", {"last.safetensors": "x", "last-000001.safetensors": "x", "other.safetensors": "x"})
    fault = the(checked(place), "output-exists")
    assert fault.severity == "error" and str(fault).startswith(f"{place / 'out'}  save.output_name: last")
    assert "and 1 more" in fault.text
    assert "output-exists" not in codes(checked(place, save={"overwrite": True}))
    assert "output-exists" not in codes(checked(place, save={"output_name": "new"}))


def test_output_folders_that_cannot_be(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("x")
    assert "is a file" in the(checked(place, save={"output_dir": str(place / "file")}), "bad-folder").text
    inside = checked(place, save={"output_dir": str(place / "data" / "out")})
    assert "among your pictures" in the(inside, "output-inside").text
    monkeypatch.setattr(preflight_rules.os, "access", lambda path, mode: False)
    assert the(checked(place), "not-writable").severity == "error"


def test_every_trained_part_has_its_rate_and_where_it_comes_from(place: Path) -> None:
    report = checked(place, optimizer={"unet_lr": 3e-4}, network={"dim": 4})
    unet, text = report.parts
    # proj_in 320 -> 320, to_k and to_v 768 -> 320
    assert (unet.layers, unet.parameters) == (3, 4 * (320 + 320) + 2 * 4 * (768 + 320))
    assert (unet.learning_rate, unet.rate_from) == (3e-4, "optimizer.unet_lr")
    assert (text.learning_rate, text.rate_from) == (1e-4, "optimizer.learning_rate")
    (_, frozen) = checked(place, network={"train_text_encoder": False}).parts
    assert not frozen.trained and frozen.learning_rate == 0.0


def test_memory_is_the_sum_of_named_parts_and_is_compared_with_what_is_free(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = checked(place)
    assert report.memory is not None
    shares = {share.name: share.bytes for share in report.memory.shares}
    trained = sum(row.parameters or 0 for row in report.parts)
    assert shares["trained numbers"] == shares["their gradients"] == 4 * trained
    assert shares["optimizer state"] == 8 * trained
    assert shares["activations"] == 113_000 * 64 * 64 * 4
    assert report.memory.training == sum(shares.values())
    less = checked(place, train={"gradient_checkpointing": True}).memory
    assert less is not None and less.training < report.memory.training / 2
    double = checked(place, train={"train_batch_size": 2}).memory
    assert double is not None and double.training > 1.9 * report.memory.training
    monkeypatch.setattr(preflight_needs, "memory", lambda: Memory(2 * GB, GB))
    short = the(checked(place), "memory")
    assert short.severity == "warning" and "1.0 GB are free on this machine" in short.text
    assert short.mend.startswith("in this order: train.gradient_checkpointing = true")


def test_a_card_is_taken_for_what_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(card: Gpu, **train: object) -> CheckReport:
        monkeypatch.setattr(preflight_needs, "gpus", lambda: (card,))
        monkeypatch.setattr(preflight_needs, "torch_build", lambda: TorchBuild("2.13.0", "cuda 12.8"))
        return checked(place, hardware={"device": "auto"}, train=train)

    rtx = Gpu(0, "RTX 3060", 12 * GB, 11 * GB, "550", "8.6")
    report = on(rtx, mixed_precision="bf16")
    assert report.device == "cuda" and report.faults == ()
    assert report.memory is not None and report.memory.available == 11 * GB
    assert "twice as fast in bf16" in the(on(rtx), "slow-precision").text
    old = Gpu(0, "GTX 1080", 8 * GB, 8 * GB, "550", "6.1")
    assert the(on(old, mixed_precision="bf16"), "bf16-old-card").mend == 'use "fp16"'
    gtx16 = Gpu(0, "GTX 1660 Ti", 6 * GB, 6 * GB, "550", "7.5")
    assert "NaN" in the(on(gtx16, mixed_precision="fp16"), "fp16-gtx16").text
    full = Gpu(0, "RTX 3060", 12 * GB, GB, "550", "8.6")
    assert "1.0 GB are free on the card" in the(on(full, mixed_precision="bf16"), "memory").text


def test_a_full_disk_is_an_error_before_anything_starts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked(place)
    assert [need.purpose for need in report.disks] == ["files, states and previews", "cached latents, at most"]
    output, cache = report.disks
    assert cache.needed == 24 * (512 * 512 // 64 * 16 + estimate.ENTRY_OVERHEAD)
    monkeypatch.setattr(preflight_needs, "disk", lambda path: Disk(path, GB, output.needed - 1))
    fault = next(fault for fault in checked(place).errors if fault.code == "disk-full")
    assert fault.key == "save.output_dir" and "free some room" in fault.mend
    monkeypatch.setattr(preflight_needs, "disk", lambda path: Disk(path, GB, output.needed + 1))
    assert not checked(place).errors and "disk-nearly-full" in codes(checked(place))


# --- the report


def test_faults_have_the_line_of_their_option_and_errors_come_first(place: Path) -> None:
    workplace(place)
    text = f"""[model]
base = "{place / "base.safetensors"}"
[data]
train_data_dir = "{place / "data"}"
cache_dir = "{place / "cache"}"
[train]
max_train_epochs = 1
mixed_precision = "fp16"
[hardware]
device = "cpu"
[save]
output_dir = "{place / "out"}"
"""
    document = Document(text, "my.toml")
    report = check(build(TrainConfig, document), document)
    assert [(fault.severity, fault.where) for fault in report.faults] == [("error", "my.toml:8"), ("hint", "my.toml:7")]


def test_the_report_is_plain_data(place: Path) -> None:
    values = json.loads(json.dumps(checked(place, train={"mixed_precision": "fp16"}).as_dict(), allow_nan=False))
    assert values["ok"] is False and values["faults"][0]["code"] == "fp16-cpu"
    assert values["steps"]["total"] == 1200 and values["model"]["family"] == "sd1"
    assert values["memory"]["peak"] >= values["memory"]["training"] > 0
    assert checked(place).as_dict()["ok"] is True


def test_every_code_of_the_rules_is_tested() -> None:
    source = Path(preflight_rules.__file__).read_text(encoding="utf-8")
    told = set(re.findall(r'code="([a-z0-9-]+)"|"hint", "([a-z0-9-]+)"\)', source))
    names = {name for pair in told for name in pair if name}
    tests = Path(__file__).read_text(encoding="utf-8")
    assert names and not {name for name in names if f'"{name}"' not in tests}


def test_checking_needs_no_torch(place: Path) -> None:
    sections = workplace(place)
    code = (
        "import sys, json; from kohya_like.preflight import check; from kohya_like.config import TrainConfig; "
        "from kohya_like.schema.validate import build; from kohya_like.check_report import render; "
        "render(check(build(TrainConfig, json.loads(sys.argv[1])))); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers', 'accelerate', 'PIL')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(sections)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "= 1200 steps" in done.stdout
