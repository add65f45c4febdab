"""The machine's facts from a pretended driver, container and package folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kohya_like.hardware import facts

pytestmark = pytest.mark.quick

FULL = """0, GPU-aaaa, NVIDIA GeForce RTX 3060, 12288, 11020, 550.54, 8.6
1, GPU-bbbb, NVIDIA GeForce GTX 1080, 8192, [N/A], 550.54, 6.1
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder alone on PATH, for a pretended nvidia-smi."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(facts, "_amd", lambda: ())
    return tmp_path


def pretend(folder: Path, body: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nimport sys\narguments = ' '.join(sys.argv[1:])\n{body}\n")
    program.chmod(0o755)


def test_without_a_driver_there_is_no_card(driver: Path) -> None:
    assert facts.gpus() == () and facts.driver_cuda() == ""


def test_cards_are_read_with_their_memory_in_bytes(driver: Path) -> None:
    pretend(driver, f"print({FULL!r})")
    first, second = facts.gpus()
    assert (first.name, first.total_bytes, first.free_bytes) == ("NVIDIA GeForce RTX 3060", 12288 << 20, 11020 << 20)
    assert (first.driver, first.compute) == ("550.54", "8.6")
    assert second.free_bytes == 0  # "[N/A]"


def test_old_drivers_do_not_know_the_compute_capability(driver: Path) -> None:
    pretend(driver, "if 'compute_cap' in arguments: sys.exit(2)\nprint('0, GPU-a, Tesla K80, 11441, 11441, 418.67')")
    assert [(gpu.name, gpu.compute) for gpu in facts.gpus()] == [("Tesla K80", "")]


@pytest.mark.parametrize(
    "body", ["sys.exit(9)", "print('No devices were found')", "print('\\x00,\\xff')", "print('a,b,c,d,e,f,g')"]
)
def test_a_driver_that_talks_nonsense_is_no_card(driver: Path, body: str) -> None:
    pretend(driver, body)
    assert facts.gpus() == ()


def test_a_driver_that_hangs_is_given_up(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "SMI_SECONDS", 0.2)
    pretend(driver, "import threading; threading.Event().wait()")
    assert facts.gpus() == ()


@pytest.mark.parametrize(
    ("visible", "indices"),
    [("1", [1]), ("1,0", [1, 0]), ("", []), ("-1", []), ("GPU-bb", [1]), ("0,7,1", [0])],
)
def test_only_visible_cards_count(
    driver: Path, monkeypatch: pytest.MonkeyPatch, visible: str, indices: list[int]
) -> None:
    pretend(driver, f"print({FULL!r})")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.index for gpu in facts.gpus()] == indices


def test_the_drivers_cuda_version_is_read_from_its_table(driver: Path) -> None:
    pretend(driver, "print('| NVIDIA-SMI 550.54   Driver Version: 550.54   CUDA Version: 12.4     |')")
    assert facts.driver_cuda() == "12.4"


def test_amd_cards_come_from_the_kernel(tmp_path: Path) -> None:
    for number, vendor in enumerate(("0x8086", "0x1002")):
        device = tmp_path / f"card{number}" / "device"
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "mem_info_vram_total").write_text("17163091968\n")
        (device / "mem_info_vram_used").write_text("163091968\n")
    (card,) = facts._amd(tmp_path)
    assert card.vendor == "amd" and card.free_bytes == 17_000_000_000


def test_container_limits_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts._cgroup(tmp_path)[0] > 2**50
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("100\n")
    assert facts._cgroup(tmp_path) == (facts._UNLIMITED, 100)
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    assert facts._cgroup(tmp_path) == (2**30, 100)
    monkeypatch.setattr(facts, "_cgroup", lambda: (2**30, 2**29))
    assert facts.memory() == facts.Memory(2**30, 2**29)


def test_a_disk_is_found_for_a_path_that_is_not_there_yet(tmp_path: Path) -> None:
    found = facts.disk(tmp_path / "a" / "b" / "c.safetensors")
    assert found.folder == tmp_path and found.free_bytes > 0


def test_the_torch_build_is_read_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    version = tmp_path / "torch" / "version.py"
    monkeypatch.setattr(facts.metadata, "version", lambda name: "2.13.0+cu128")
    monkeypatch.syspath_prepend(tmp_path)
    for text, kind in (
        ("__version__ = '2.13.0+cu128'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "cuda 12.8"),
        ("cuda = None\nhip: Optional[str] = '6.4.43482'\n", "rocm 6.4.43482"),
        ("cuda: Optional[str] = None\n", "cpu"),
    ):
        version.write_text(text)
        monkeypatch.delitem(sys.modules, "torch", raising=False)
        build = facts.torch_build()
        assert build is not None and build.accelerator == kind and build.release == (2, 13, 0)


def test_importing_the_package_leaves_torch_alone() -> None:
    code = (
        "import sys, kohya_like.hardware as h; h.torch_build(); h.gpus(); h.memory(); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'PySide6', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
