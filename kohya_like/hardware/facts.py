"""What the machine has, read without importing torch: nvidia-smi, the kernel's files, psutil, package metadata."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

import psutil

MIB = 1024**2
SMI_SECONDS = 10.0
_FIELDS = ("index", "uuid", "name", "memory.total", "memory.free", "driver_version", "compute_cap")
_UNLIMITED = 2**60  # cgroup v1 writes "no limit" as a number near 2**63


@dataclass(frozen=True)
class Gpu:
    """A graphics card. Memory in bytes; `compute` is NVIDIA's compute capability ("8.6"), "" where unknown."""

    index: int
    name: str
    total_bytes: int
    free_bytes: int
    driver: str = ""
    compute: str = ""
    vendor: str = "nvidia"


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes, as much of it as this process may use (container limits count)."""

    total_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Disk:
    """The file system a path lies on, or would lie on."""

    folder: Path
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class TorchBuild:
    """The installed torch. `accelerator` is "cuda 12.8", "rocm 6.4" or "cpu"."""

    version: str
    accelerator: str

    @property
    def kind(self) -> str:
        return self.accelerator.split(" ")[0]

    @property
    def release(self) -> tuple[int, ...]:
        return version_numbers(self.version)


def gpus() -> tuple[Gpu, ...]:
    """The cards a training would see; none when there is no driver. Never raises."""
    return _visible(_nvidia()) or _amd() or _apple()


def driver_cuda() -> str:
    """The newest CUDA version NVIDIA's driver can serve ("12.4"); "" without one."""
    found = re.search(r"CUDA Version:\s*(\d+\.\d+)", _smi())
    return found.group(1) if found else ""


def memory() -> Memory:
    system = psutil.virtual_memory()
    limit, used = _cgroup()
    total = min(system.total, limit)
    return Memory(total, max(0, min(system.available, total - used if limit < system.total else system.available)))


def disk(path: Path) -> Disk:
    """The disk a file or folder is on; for one that does not exist yet, its nearest parent that does."""
    folder = path.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return Disk(folder, usage.total, usage.free)


def torch_build() -> TorchBuild | None:
    """The installed torch, from its metadata and the text of its version.py; None when it is not installed."""
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None
    accelerator = "cpu"
    for name, value in _torch_constants().items():
        if name in ("cuda", "hip") and value:
            accelerator = f"{'cuda' if name == 'cuda' else 'rocm'} {value}"
    return TorchBuild(version, accelerator)


def installed_version(package: str) -> str:
    """A package's version, "" when it is not installed; the package is not imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def version_numbers(text: str) -> tuple[int, ...]:
    """ "2.13.0+cpu" -> (2, 13, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("+")[0])[:3])


def _torch_constants() -> Mapping[str, str]:
    spec = util.find_spec("torch")
    if spec is None or not spec.origin:
        return {}
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(re.findall(r"^(\w+)(?::[^=]*)? = ['\"]([^'\"]*)['\"]", text, re.MULTILINE))


def _smi(*arguments: str) -> str:
    """What nvidia-smi prints; "" when there is none, it fails or it hangs (a lost card makes it hang)."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=SMI_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _nvidia() -> list[tuple[str, Gpu]]:
    for fields in (_FIELDS, _FIELDS[:-1]):  # drivers before 2021 do not know compute_cap
        text = _smi(f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
        if text.strip():
            return [row for line in text.splitlines() if (row := _row(line))]
    return []


def _row(line: str) -> tuple[str, Gpu] | None:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) < 6 or not cells[0].isdigit():
        return None
    total, free = (int(cell) * MIB if cell.isdigit() else 0 for cell in cells[3:5])
    compute = cells[6] if len(cells) > 6 and re.fullmatch(r"\d+\.\d+", cells[6]) else ""
    return cells[1], Gpu(int(cells[0]), cells[2], total, free, cells[5], compute)


def _visible(found: list[tuple[str, Gpu]]) -> tuple[Gpu, ...]:
    """Only those CUDA_VISIBLE_DEVICES leaves, in its order: what torch would see."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return tuple(gpu for _, gpu in found)
    chosen = []
    for name in (part.strip() for part in wanted.split(",")):
        match = [gpu for uuid, gpu in found if name and (uuid.startswith(name) or str(gpu.index) == name)]
        if not match:
            break  # CUDA stops at the first name it does not know
        chosen.append(match[0])
    return tuple(chosen)


def _amd(drm: Path = Path("/sys/class/drm")) -> tuple[Gpu, ...]:
    found: list[Gpu] = []
    for device in sorted(drm.glob("card[0-9]*/device")):
        try:
            if (device / "vendor").read_text().strip() != "0x1002":
                continue
            total = int((device / "mem_info_vram_total").read_text())
            used = int((device / "mem_info_vram_used").read_text())
        except (OSError, ValueError):
            continue
        found.append(Gpu(len(found), "AMD graphics card", total, total - used, vendor="amd"))
    return tuple(found)


def _apple() -> tuple[Gpu, ...]:
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return ()
    shared = memory()
    return (Gpu(0, "Apple GPU (shares main memory)", shared.total_bytes, shared.free_bytes, vendor="apple"),)


def _cgroup(root: Path = Path("/sys/fs/cgroup")) -> tuple[int, int]:
    """(limit, used) of the container in bytes; the limit is huge when there is none."""
    pairs = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    for limit_name, used_name in pairs:
        try:
            limit = (root / limit_name).read_text().strip()
            used = int((root / used_name).read_text())
        except (OSError, ValueError):
            continue
        return (int(limit) if limit.isdigit() else _UNLIMITED), used
    return _UNLIMITED, 0
