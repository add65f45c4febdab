"""A LoRA merged into a file of SDXL's size, beside reading and writing the same file.

    python -m benchmarks.merge [--rounds 3] [--folder FOLDER] [--keep] [--write]

Each side in a process of its own, in turn, from a warm page cache if the file fits into it. The plain copy reads and
writes 1 MiB at a time into a new file, syncs and renames it, as the merge does. "Own" is what a side does after its
imports; memory is the largest of the process (VmHWM), and of it what is no file mapped into memory (RssAnon), each
beyond what the imports took. Takes 15 GB on the disk, which are freed again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.real_size import default_folder, sdxl_size
from benchmarks.rounds import machine
from kohya_like.formats.atomic import atomic_write
from kohya_like.formats.tensors import open_tensors, save_safetensors
from kohya_like.networks.algorithms.lora import LoRA
from kohya_like.networks.network import Network
from kohya_like.tools.merge import Ingredient, merge
from kohya_like.tools.model_file import open_model

RESULTS = Path(__file__).parent / "results" / "merge.json"
RANK, TARGET = 16, 1.2
SIDES = ("copy", "merge")
SECONDS = ("clock", "processor", "user", "system")


def lora_file(folder: Path, base: Path) -> Path:
    """722 modules of the UNet, fp16, random in both matrices."""
    path = folder / "sdxl-lora.safetensors"
    if not path.exists():
        with open_model(base) as model:
            network = Network.create(LoRA(dim=RANK, alpha=8.0), {"unet": model.skeleton()["unet"]}, "sdxl", seed=1)
        torch.manual_seed(2)
        for parameter in network.parameters():
            parameter.data.normal_(0.0, 0.01)
        save_safetensors(path, network.tensors(torch.float16), {"ss_network_module": "networks.lora"})
    return path


def plain_copy(source: Path, target: Path) -> None:
    def write(file: object) -> None:
        with open(source, "rb", buffering=0) as read:
            while chunk := read.read(1 << 20):
                file.write(chunk)  # type: ignore[attr-defined]  # an open file, handed on as an object

    atomic_write(target, write)


class Watched:
    """The largest anonymous memory of this process while it lasts; VmHWM counts mapped files as well."""

    def __init__(self) -> None:
        self.largest = self.first = memory("RssAnon")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.largest = max(self.largest, memory("RssAnon"))

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def one_side(side: str, base: Path, network: Path) -> None:
    """Prints what it took as JSON."""
    out = base.with_name(f"{side}.safetensors")
    work: dict[str, Callable[[], object]] = {
        "copy": lambda: plain_copy(base, out),
        "merge": lambda: merge(base, [Ingredient(network, 0.8)], out),
    }
    Path("/proc/self/clear_refs").write_text("5")
    before, clock, used = memory("VmHWM"), time.perf_counter(), os.times()
    with Watched() as watched:
        work[side]()
    clock, now = time.perf_counter() - clock, os.times()
    user, system = now.user - used.user, now.system - used.system
    found = {"clock": clock, "processor": user + system, "user": user, "system": system}
    out.unlink()
    sizes = {"peak": memory("VmHWM") - before, "anonymous": watched.largest - watched.first, "process": memory("VmHWM")}
    print(json.dumps(found | sizes))


def measured(base: Path, network: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of the seconds, largest of the bytes, by side."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(-1, rounds):
        for side in SIDES if number % 2 else SIDES[::-1]:
            command = [sys.executable, "-m", "benchmarks.merge", "--side", side, str(base), str(network)]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
            print(f"{side}: {told}" + (" (to warm up)" if number < 0 else ""), flush=True)
            if number >= 0:
                found[side].append(json.loads(told))
    return {
        side: {
            name: statistics.median(values) if name in SECONDS else max(values)
            for name in told[0]
            for values in [[one[name] for one in told]]
        }
        for side, told in found.items()
    }


def allowed(base: Path, network: Path) -> int:
    """The largest tensor in float32, the network and 1 GB."""
    with open_tensors(base) as file:
        largest = max(torch.Size(file.shape(name)).numel() for name in file)
    return largest * 4 + network.stat().st_size + 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--keep", action="store_true", help="leave the files in the folder")
    parser.add_argument("--write", action="store_true", help="keep the figures in the repository")
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.side:
        one_side(a.side[0], Path(a.side[1]), Path(a.side[2]))
        return
    print(machine(), flush=True)
    base = sdxl_size(a.folder)
    network = lora_file(a.folder, base)
    found = measured(base, network, a.rounds)
    ratios = {name: found["merge"][name] / found["copy"][name] for name in ("clock", "processor")}
    limit = allowed(base, network)
    told = {
        "machine": machine(), "date": time.strftime("%Y-%m-%d"), "rounds": a.rounds, "file": base.stat().st_size,
        "network": network.stat().st_size, "rank": RANK, **found, "ratio": ratios, "target": TARGET,
        "memory_target": limit, "held": {"time": min(ratios.values()) <= TARGET,
                                         "memory": found["merge"]["peak"] <= limit},
    }  # fmt: skip
    print(json.dumps(told, indent=1))
    if a.write:
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if not a.keep:
        base.unlink()
        network.unlink()


if __name__ == "__main__":
    main()
