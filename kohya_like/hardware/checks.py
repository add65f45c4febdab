"""`doctor`: what is in order on this machine, and for everything that is not, the cure. No torch in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from kohya_like.hardware import facts
from kohya_like.hardware.facts import Gpu, TorchBuild, version_numbers
from kohya_like.qt_libraries import apt_line, missing_packages

Status = Literal["ok", "warn", "fail"]
GIB = 1024**3
CHILD_SECONDS = 180.0
DEVICE_CHECK = Path(__file__).with_name("device_check.py")
OPEN_WINDOW = (
    "from PySide6.QtCore import qVersion; from PySide6.QtWidgets import QApplication, QLabel; "
    "a = QApplication([]); w = QLabel('x'); w.show(); a.processEvents(); print(qVersion())"
)

# Below these the packages have known holes that a picture or a model file can use.
FLOORS = {"torch": "2.10", "pillow": "12.3", "diffusers": "0.38"}
NEEDED = ("accelerate", "diffusers", "numpy", "pillow", "pydantic", "rich", "safetensors", "tomlkit", "transformers")
EXTRAS = {
    "bitsandbytes": "8-bit optimizers",
    "xformers": 'hardware.attention = "xformers"',
    "tensorboard": 'save.log_with = "tensorboard"',
}
SETUP = "run ./setup.sh again"


@dataclass(frozen=True)
class Check:
    """One thing looked at. `cure` says what to do when it is not in order."""

    name: str
    status: Status
    text: str
    cure: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def doctor(children: bool = True) -> list[Check]:
    """Every check, in the order in which faults explain each other. `children`: also the two that start a process."""
    build, cards = facts.torch_build(), facts.gpus()
    checks = [check_python(sys.version_info[:3]), *check_packages(facts.installed_version), check_torch(build)]
    checks += check_cards(build, cards, facts.driver_cuda() if cards else "")
    if children and build is not None:
        checks.append(check_device(build, cards))
    checks += [check_memory(), *check_shared_memory(), *check_disks([Path.cwd(), Path.home()])]
    if children:
        checks.append(check_window())
    return [*checks, *check_extras(facts.installed_version)]


def check_python(version: Sequence[int]) -> Check:
    text = f"{'.'.join(map(str, version))} at {sys.executable}"
    if not (3, 11) <= tuple(version[:2]) <= (3, 13):
        return Check("Python", "fail", text, "3.11 to 3.13 is needed: PYTHON=/usr/bin/python3.12 ./setup.sh")
    if sys.maxsize < 2**32:
        return Check("Python", "fail", f"{text} is a 32-bit build", "install a 64-bit Python")
    return Check("Python", "ok", text)


def check_packages(version_of: Callable[[str], str]) -> Iterator[Check]:
    missing = [name for name in NEEDED if not version_of(name)]
    if missing:
        yield Check("packages", "fail", f"not installed: {', '.join(missing)}", SETUP)
    old = [
        f"{name} {version_of(name)} (at least {floor})"
        for name, floor in FLOORS.items()
        if version_of(name) and version_numbers(version_of(name)) < version_numbers(floor)
    ]
    if old:
        yield Check("packages", "warn", f"with known security holes: {', '.join(old)}", SETUP)
    if not missing and not old:
        yield Check("packages", "ok", "all there")


def check_torch(build: TorchBuild | None) -> Check:
    if build is None:
        return Check("torch", "fail", "is not installed", SETUP)
    return Check("torch", "ok", f"{build.version}, built for {build.accelerator}")


def check_cards(build: TorchBuild | None, cards: Sequence[Gpu], cuda: str) -> Iterator[Check]:
    """Whether torch and the cards' driver fit, and whether another program holds a card's memory."""
    if not cards:
        yield _without_card(build)
        return
    for card in cards:
        driver = f", driver {card.driver}" if card.driver else ""
        compute = f", compute capability {card.compute}" if card.compute else ""
        sizes = f"{_gib(card.free_bytes)} of {_gib(card.total_bytes)} free"
        text = f"{card.name}, {sizes}{driver}{compute}"
        if card.total_bytes and card.free_bytes < 0.5 * card.total_bytes and card.vendor != "apple":
            yield Check(f"GPU {card.index}", "warn", text, "another program holds its memory: nvidia-smi names it")
        else:
            yield Check(f"GPU {card.index}", "ok", text)
    if build is not None:
        yield from _build_fits(build, cards[0], cuda)


def _without_card(build: TorchBuild | None) -> Check:
    if os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
        return Check("GPU", "warn", "none is visible: CUDA_VISIBLE_DEVICES hides them", "unset CUDA_VISIBLE_DEVICES")
    if Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists():
        return Check("GPU", "fail", "there is an NVIDIA driver, but nvidia-smi does not answer", "restart the machine")
    cure = "" if build is None or build.kind == "cpu" else "install its driver: ubuntu-drivers install (Ubuntu)"
    return Check("GPU", "warn", "none found; training on the CPU is slow, fit for tests and the demo", cure)


def _build_fits(build: TorchBuild, card: Gpu, cuda: str) -> Iterator[Check]:
    wanted = {"nvidia": "cuda", "amd": "rocm", "apple": "cpu"}[card.vendor]
    if build.kind != wanted:
        cure = f"./setup.sh --torch {wanted}"
        yield Check("torch build", "warn", f"torch is built for {build.kind}; it will not use the card", cure)
    elif wanted == "cuda" and cuda:
        newest, built = version_numbers(cuda), version_numbers(build.accelerator)
        if newest[:1] < built[:1] or (newest[0] == 11 and newest < built):
            text = f"torch is built for {build.accelerator}, the driver serves CUDA {cuda} at most"
            yield Check("torch build", "fail", text, "update the driver, or ./setup.sh --torch cuda")
    if card.compute and version_numbers(card.compute) < (7, 5):
        text = f"{card.name} (compute capability {card.compute}) is older than what new torch builds support"
        yield Check("torch build", "warn", text, "./setup.sh --torch cuda takes the CUDA 12.6 build, which still does")


def check_device(build: TorchBuild, cards: Sequence[Gpu]) -> Check:
    """One matrix product in a child process, on the device a training would take."""
    name = "matrix product"
    outcome = run_child([sys.executable, "-P", str(DEVICE_CHECK)])
    if outcome.text is None:
        return Check(name, "fail", outcome.fault, "reinstall torch: rm -r .venv, then ./setup.sh")
    try:
        found: Mapping[str, Any] = json.loads(outcome.text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return Check(name, "fail", f"printed {outcome.text[:200]!r}", "reinstall torch: rm -r .venv, then ./setup.sh")
    if "error" in found:
        return Check(name, "fail", str(found["error"]), _device_cure(str(found["error"])))
    if not found["right"]:
        return Check(name, "fail", f"gives a wrong result on {found['device']}", "the card or its memory is faulty")
    text = f"right on {found['device']} in {1000 * found['seconds']:.0f} ms"
    if "bf16" in found:
        text += "; bf16 is fast there" if found["bf16"] else "; no bf16: use mixed_precision = fp16"
    if found["device"] == "cpu" and cards and build.kind != "cpu":
        return Check(name, "fail", f"{text}, though there is a card", "update the driver, then restart the machine")
    return Check(name, "ok", text)


def check_memory() -> Check:
    now = facts.memory()
    text = f"{_gib(now.free_bytes)} of {_gib(now.total_bytes)} free"
    if now.free_bytes < 4 * GIB:
        return Check("memory", "warn", text, "SD1.5 needs about 6 GB, SDXL 12 GB: close other programs")
    return Check("memory", "ok", text)


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Iterator[Check]:
    """Worker processes hand batches over through it; containers often have 64 MB of it."""
    if sys.platform == "linux" and folder.is_dir():
        total = facts.disk(folder).total_bytes
        if total < GIB // 4:
            cure = "docker run --shm-size=2g, or data.max_data_loader_n_workers = 0"
            yield Check("shared memory", "warn", f"{folder} has {total // 1024**2} MB", cure)


def check_disks(folders: Sequence[Path]) -> Iterator[Check]:
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        try:
            found = facts.disk(folder)
        except OSError as fault:
            yield Check("disk", "fail", f"{folder}: {fault.strerror or fault}")
            continue
        if (found.total_bytes, found.free_bytes) in seen:
            continue
        seen.add((found.total_bytes, found.free_bytes))
        text = f"{_gib(found.free_bytes)} free at {found.folder}"
        if not os.access(found.folder, os.W_OK):
            yield Check("disk", "warn", f"{found.folder} cannot be written to", "choose another save.output_dir")
        elif found.free_bytes < 2 * GIB:
            yield Check("disk", "warn", text, "states and caches need room: 2 GB at least, 10 GB are comfortable")
        else:
            yield Check("disk", "ok", text)


def check_window() -> Check:
    """Whether Qt loads and can open a window, tried in a child process."""
    if not facts.installed_version("PySide6-Essentials") and not facts.installed_version("PySide6"):
        return Check("window", "warn", "PySide6 is not installed; everything works from the terminal", SETUP)
    if packages := missing_packages():
        return Check("window", "warn", f"system libraries are missing: {', '.join(packages)}", apt_line(packages))
    outcome = run_child([sys.executable, "-c", OPEN_WINDOW], {"QT_QPA_PLATFORM": "offscreen"})
    if outcome.text is None:
        return Check("window", "warn", outcome.fault, SETUP)
    text = f"Qt {outcome.text.strip()} loads"
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return Check("window", "ok", f"{text}; there is no screen here")
    return Check("window", "ok", text)


def check_extras(version_of: Callable[[str], str]) -> Iterator[Check]:
    for name, use in EXTRAS.items():
        version = version_of(name)
        yield Check(name, "ok", version if version else f"not installed; only needed for {use}")


@dataclass(frozen=True)
class Outcome:
    """What a child printed, or how it failed."""

    text: str | None
    fault: str = ""


def run_child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a child to its end, whatever that is: a crash in a driver must not be ours."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=CHILD_SECONDS, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(None, f"no answer within {CHILD_SECONDS:.0f} seconds")
    except OSError as fault:
        return Outcome(None, f"could not be started: {fault.strerror or fault}")
    if done.returncode < 0:
        return Outcome(None, f"crashed with signal {-done.returncode}")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return Outcome(None, last[0][:300])
    return Outcome(done.stdout)


def _device_cure(error: str) -> str:
    if "out of memory" in error.lower():
        return "another program holds the card's memory: nvidia-smi names it"
    if "no kernel image" in error.lower():
        return "this torch build does not support the card: ./setup.sh --torch cuda"
    if "No module named" in error or "cannot open shared object" in error:
        return "reinstall torch: rm -r .venv, then ./setup.sh"
    return 'update the driver, restart the machine; or hardware.device = "cpu"'


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GB"
