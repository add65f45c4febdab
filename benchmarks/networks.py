"""Our network algorithms beside LyCORIS', and LoRA's step beside all: the same layers of the same UNet, interleaved.

    python -m benchmarks.networks [--kinds loha lokr ...] [--batch 1 4] [--bf16]      SD1.5's size, 192 modules
    python -m benchmarks.networks --tiny                                              embedded model, seconds
    ... --write                                 keeps the figures (results/networks.json) and their table (README.md)

A step is forward, backward and AdamW of the network alone on random latents and prompts. Peaks are taken in a process
for each contestant: on the CPU of the whole process, on a GPU of what torch allocated.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import network_results
from benchmarks.network_results import Peak, Row, Seconds
from benchmarks.network_sides import KINDS, Contestant, ours, theirs
from benchmarks.real_size import default_folder, real_size
from benchmarks.rounds import interleaved, machine
from kohya_like.demo.run import demo_base
from kohya_like.families.loading import load_backbone


def stepper(contestant: Contestant, unet: Any, batch: int, size: int, bf16: bool) -> Callable[[], None]:
    """One step a call: the network is on the UNet while it runs."""
    device = next(unet.parameters()).device
    generator = torch.Generator().manual_seed(3)
    latents, noise = (torch.randn(batch, 4, size, size, generator=generator).to(device) for _ in range(2))
    context: Tensor = torch.randn(batch, 77, unet.config.cross_attention_dim, generator=generator).to(device)
    t = torch.full((batch,), 500, device=device)
    optimizer = torch.optim.AdamW(contestant.parameters, 1e-4, fused=True)

    def step() -> None:
        contestant.attach()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            out = unet(latents, t, context).sample
        F.mse_loss(out.float(), noise).backward()
        optimizer.step()
        optimizer.zero_grad()
        contestant.detach()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def load_unet(a: argparse.Namespace) -> nn.Module:
    path = demo_base() if a.tiny else real_size(a.folder)
    dtype = torch.bfloat16 if a.bf16 else torch.float32
    return load_backbone(path, "auto", dtype=dtype, device=a.device).unet.requires_grad_(False)


def peak(a: argparse.Namespace) -> None:
    """Prints the bytes that this process held with the model alone, and the largest number in three steps."""
    side, name = a.peak
    unet = load_unet(a)
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: what reading the model took counts no more
    alone = _largest(a.device)
    step = stepper((ours if side == "ours" else theirs)(name, unet), unet, a.batch[0], a.size, a.bf16)
    for _ in range(3):
        step()
    print(alone, _largest(a.device))


def _largest(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def peaks(a: argparse.Namespace, name: str, batch: int) -> Peak:
    """Of both sides, each in a process of its own, one after the other."""
    found = {}
    for side in ("ours", "lycoris"):
        again = [sys.executable, "-m", "benchmarks.networks", "--peak", side, name, "--batch", str(batch), "--size",
                 str(a.size), "--folder", str(a.folder), "--device", a.device, "--threads", str(a.threads)]  # fmt: skip
        again += ["--tiny"] if a.tiny else []
        again += ["--bf16"] if a.bf16 else []
        told = subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        found[side] = [int(word) for word in told.split()]
    return Peak(found["ours"][1], found["lycoris"][1], found["ours"][0])


def compare(a: argparse.Namespace, unet: nn.Module, names: list[str], batch: int) -> list[Row]:
    """Ours and theirs of each kind, and our LoRA, one step in turn."""
    sides: dict[str, Contestant] = {"our LoRA": ours("lora", unet)}
    for name in names:
        pair = sides[f"{name}: ours"], sides[f"{name}: lycoris"] = ours(name, unet), theirs(name, unet)
        sizes = [sum(p.numel() for p in side.parameters) for side in pair]
        assert sizes[0] == sizes[1] or not KINDS[name].same, f"{name}: they train different things: {sizes}"
    timings = interleaved({side: stepper(c, unet, batch, a.size, a.bf16) for side, c in sides.items()}, a.rounds)
    print("\n".join(f"batch {batch}: {side:<24} {timing}" for side, timing in timings.items()), flush=True)
    seconds = {side: Seconds(round(t.median, 5), round(t.processor, 5)) for side, t in timings.items()}
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, stdout=subprocess.PIPE, text=True)
    dtype, date, load = "bf16" if a.bf16 else "fp32", time.strftime("%Y-%m-%d"), round(os.getloadavg()[0], 1)
    rows = []
    for name in names:
        kind, own = KINDS[name], sides[f"{name}: ours"]
        rows.append(Row(
            name, batch, dtype, date, told.stdout.strip(), load, a.rounds, own.modules,
            sum(p.numel() for p in own.parameters), kind.module, seconds[f"{name}: ours"],
            seconds[f"{name}: lycoris"], seconds["our LoRA"], kind.step, kind.peak,
        ))  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["loha"])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--size", type=int, default=32, help="side of the latents; 32 is 256 px")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where the full-size model is made")
    parser.add_argument("--bf16", action="store_true", help="base weights in bf16 and bf16 autocast, for all")
    parser.add_argument("--tiny", action="store_true", help="the embedded model: shows that it runs, no figures")
    parser.add_argument("--no-peaks", action="store_true")
    parser.add_argument("--together", action="store_true", help="all kinds in turn in one process; LoRA's step once")
    parser.add_argument("--write", action="store_true", help="keep the figures in the repository")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "KIND"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.peak:
        peak(a)
        return
    print(machine(), "bf16" if a.bf16 else "fp32", flush=True)
    for names in [a.kinds] if a.together else [[name] for name in a.kinds]:
        for batch in a.batch:
            measured(a, names, batch)
    print(machine())


def measured(a: argparse.Namespace, names: list[str], batch: int) -> None:
    rows = compare(a, load_unet(a), names, batch)
    gc.collect()  # LyCORIS' modules and the UNet know each other; the processes of the peaks need the memory
    for row in rows:
        if not a.no_peaks:
            row = replace(row, peak=peaks(a, row.kind, batch))
        print(network_results.table([row]), flush=True)
        if a.write:
            network_results.add_row(row, conditions(a))
            network_results.main()


def conditions(a: argparse.Namespace) -> dict[str, object]:
    cpu = machine().partition(", ")[0]
    device = torch.cuda.get_device_name() if a.device == "cuda" else "cpu"
    return {
        "machine": f"{cpu}, {os.cpu_count()} cores", "device": device, "torch": torch.__version__,
        "threads": a.threads, "latents": a.size, "model": "embedded" if a.tiny else "SD1.5, random weights",
    }  # fmt: skip


if __name__ == "__main__":
    main()
