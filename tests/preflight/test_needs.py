"""What a run will write and what it needs of the machine: files, memory, disk, device."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.hardware import Disk, Gpu, Memory, TorchBuild
from kohya_like.preflight import estimate
from kohya_like.preflight import machine as preflight_machine
from kohya_like.preflight import needs as preflight_needs
from kohya_like.preflight import rules as preflight_rules
from kohya_like.preflight.report import CheckReport
from tests.data.folders_made import make
from tests.preflight.made import GB, checked, codes, roomy_machine, the

pytestmark = pytest.mark.quick


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workplace on a machine with a CPU and plenty of room."""
    roomy_machine(monkeypatch)
    return tmp_path


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
    monkeypatch.setattr(preflight_machine, "memory", lambda: Memory(2 * GB, GB))
    short = the(checked(place), "memory")
    assert short.severity == "warning" and "1.0 GB are free on this machine" in short.text
    assert short.mend.startswith("in this order: train.gradient_checkpointing = true")


def test_a_card_is_taken_for_what_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(card: Gpu, **train: object) -> CheckReport:
        monkeypatch.setattr(preflight_machine, "gpus", lambda: (card,))
        monkeypatch.setattr(preflight_machine, "torch_build", lambda: TorchBuild("2.13.0", "cuda 12.8"))
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
