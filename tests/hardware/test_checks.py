"""doctor: each fault of a machine has its own sentence and its cure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kohya_like.hardware import checks
from kohya_like.hardware.facts import Gpu, TorchBuild

pytestmark = pytest.mark.quick

GB = 1024**3
RTX = Gpu(0, "RTX 3060", 12 * GB, 11 * GB, "550.54", "8.6")
CUDA = TorchBuild("2.13.0+cu128", "cuda 12.8")
CPU = TorchBuild("2.13.0+cpu", "cpu")


def versions(**other: str) -> dict[str, str]:
    return dict.fromkeys(checks.NEEDED, "99.0") | {"torch": "99.0"} | other


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 13, 4), "ok"), ((3, 14, 0), "fail")]
)
def test_python(version: tuple[int, int, int], status: str) -> None:
    check = checks.check_python(version)
    assert check.status == status and (status == "ok") == (check.cure == "")


def test_packages_missing_old_and_right() -> None:
    (right,) = checks.check_packages(lambda name: versions()[name])
    assert right.status == "ok"
    (missing,) = checks.check_packages(lambda name: versions(tomlkit="")[name])
    assert missing.status == "fail" and "tomlkit" in missing.text and "setup.sh" in missing.cure
    (old,) = checks.check_packages(lambda name: versions(pillow="9.5.0", torch="2.9.1+cpu")[name])
    assert old.status == "warn" and "pillow 9.5.0 (at least 12.3)" in old.text and "torch 2.9.1" in old.text


@pytest.mark.parametrize(
    ("build", "card", "cuda", "status", "said"),
    [
        (CUDA, RTX, "12.8", "ok", ""),
        (CUDA, RTX, "12.2", "ok", ""),  # minor versions of one major are compatible
        (CUDA, RTX, "11.4", "fail", "the driver serves CUDA 11.4 at most"),
        (CPU, RTX, "12.8", "warn", "torch is built for cpu; it will not use the card"),
        (CUDA, Gpu(0, "GTX 1080", 8 * GB, 8 * GB, "550", "6.1"), "12.8", "warn", "older than what new torch builds"),
        (CUDA, Gpu(0, "RTX 3060", 12 * GB, 2 * GB, "550", "8.6"), "12.8", "warn", "2.0 GB of 12.0 GB free"),
        (CPU, Gpu(0, "AMD graphics card", 16 * GB, 16 * GB, vendor="amd"), "", "warn", "it will not use the card"),
    ],
)
def test_torch_and_card(build: TorchBuild, card: Gpu, cuda: str, status: str, said: str) -> None:
    found = list(checks.check_cards(build, [card], cuda))
    worst = [check for check in found if check.status != "ok"]
    if status == "ok":
        assert not worst
    else:
        assert [check.status for check in worst] == [status] and said in worst[0].text and worst[0].cure


def test_without_a_card_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (none,) = checks.check_cards(CPU, [], "")
    assert none.status in ("warn", "fail") and none.text
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (hidden,) = checks.check_cards(CUDA, [], "")
    assert "CUDA_VISIBLE_DEVICES hides them" in hidden.text


def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> checks.Check:
    script = tmp_path / "device.py"
    script.write_text(body)
    monkeypatch.setattr(checks, "DEVICE_CHECK", script)
    return checks.check_device(CUDA, [RTX])


def test_each_ending_of_the_device_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def printing(**found: object) -> str:
        return f"print({json.dumps(found)!r})"

    right = answering(tmp_path, monkeypatch, printing(device="cuda", seconds=0.01, right=True, bf16=True))
    assert right.status == "ok" and "right on cuda in 10 ms; bf16 is fast there" in right.text
    wrong = answering(tmp_path, monkeypatch, printing(device="cuda", seconds=0.01, right=False))
    assert wrong.status == "fail" and "wrong result" in wrong.text
    beside = answering(tmp_path, monkeypatch, printing(device="cpu", seconds=0.01, right=True))
    assert beside.status == "fail" and "though there is a card" in beside.text
    full = answering(tmp_path, monkeypatch, printing(error="OutOfMemoryError: CUDA out of memory."))
    assert full.status == "fail" and "holds the card's memory" in full.cure
    crashed = answering(tmp_path, monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert crashed.status == "fail" and "crashed with signal 11" in crashed.text
    failed = answering(tmp_path, monkeypatch, "raise ImportError('libcudart.so.12: cannot open shared object')")
    assert failed.status == "fail" and "libcudart" in failed.text
    silent = answering(tmp_path, monkeypatch, "")
    assert silent.status == "fail"
    monkeypatch.setattr(checks, "CHILD_SECONDS", 0.3)
    hanging = answering(tmp_path, monkeypatch, "import threading; threading.Event().wait()")
    assert hanging.status == "fail" and "no answer within" in hanging.text


def test_the_real_device_test_multiplies_rightly() -> None:
    check = checks.check_device(CPU, [])
    assert check.status == "ok" and "right on " in check.text


def test_memory_and_disk_warn_when_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.facts, "memory", lambda: checks.facts.Memory(8 * GB, GB))
    assert checks.check_memory().status == "warn"
    monkeypatch.setattr(checks.facts, "memory", lambda: checks.facts.Memory(64 * GB, 32 * GB))
    assert checks.check_memory().status == "ok"
    for free, status in ((GB, "warn"), (100 * GB, "ok")):
        monkeypatch.setattr(checks.facts, "disk", lambda path, free=free: checks.facts.Disk(tmp_path, 900 * GB, free))
        (check,) = checks.check_disks([tmp_path, tmp_path])
        assert check.status == status
    monkeypatch.setattr(checks.facts, "disk", lambda path: checks.facts.Disk(path, 64 * 1024**2, 64 * 1024**2))
    if sys.platform == "linux":
        (small,) = checks.check_shared_memory(tmp_path)
        assert small.status == "warn" and "64 MB" in small.text and "--shm-size" in small.cure


def test_the_window_names_missing_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.facts, "installed_version", lambda name: "6.12.0")
    monkeypatch.setattr(checks, "missing_packages", lambda: ["libegl1"])
    check = checks.check_window()
    assert check.status == "warn" and check.cure == "sudo apt install libegl1"
    monkeypatch.setattr(checks, "missing_packages", list)
    monkeypatch.setattr(checks, "OPEN_WINDOW", "raise ImportError('libEGL.so.1: cannot open shared object file')")
    assert "libEGL.so.1" in checks.check_window().text
    monkeypatch.setattr(checks, "OPEN_WINDOW", "print('6.12.0')")
    assert checks.check_window().status == "ok"


def test_doctor_lists_everything_and_is_plain_data() -> None:
    found = checks.doctor(children=False)
    names = [check.name for check in found]
    assert names[0] == "Python" and {"torch", "memory", "disk", "bitsandbytes"} <= set(names)
    assert json.loads(json.dumps([check.as_dict() for check in found]))[0]["status"] == found[0].status
    assert all(check.cure for check in found if check.status == "fail")
