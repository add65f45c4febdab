"""Our network algorithms beside LyCORIS', and LoRA's step beside all: the same layers of the same UNet, interleaved.

    python -m benchmarks.networks [--kinds loha lokr ...] [--batch 1 4] [--bf16]      SD1.5's size, 192 modules
    python -m benchmarks.networks --tiny                                              embedded model, seconds
    ... --write                                 keeps the figures (results/networks.json) and their table (README.md)

A step is forward, backward and AdamW of the network alone on random latents and prompts. Peaks are taken in a process
for each contestant: on the CPU of the whole process, on a GPU of what torch allocated.
"""

from __future__ import annotations

import argparse
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


def compare(a: argparse.Namespace, unet: nn.Module, name: str, batch: int) -> Row:
    """Ours, theirs and our LoRA, one step in turn."""
    pair = {"ours": ours(name, unet), "lycoris": theirs(name, unet)}
    sizes = {side: sum(p.numel() for p in c.parameters) for side, c in pair.items()}
    kind = KINDS[name]
    assert sizes["ours"] == sizes["lycoris"] or not kind.same, f"{name}: they train different things: {sizes}"
    pair["our LoRA"] = ours("lora", unet)
    timings = interleaved({side: stepper(c, unet, batch, a.size, a.bf16) for side, c in pair.items()}, a.rounds)
    print("\n".join(f"{name}, batch {batch}: {side:<9} {timing}" for side, timing in timings.items()))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, stdout=subprocess.PIPE, text=True)
    seconds = {side: Seconds(round(t.median, 5), round(t.processor, 5)) for side, t in timings.items()}
    return Row(
        name, batch, "bf16" if a.bf16 else "fp32", time.strftime("%Y-%m-%d"), commit.stdout.strip(),
        round(os.getloadavg()[0], 1), a.rounds, pair["ours"].modules, sizes["ours"], kind.module, seconds["ours"],
        seconds["lycoris"], seconds["our LoRA"], kind.step, kind.peak,
    )  # fmt: skip


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
    parser.add_argument("--write", action="store_true", help="keep the figures in the repository")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "KIND"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.peak:
        peak(a)
        return
    print(machine(), "bf16" if a.bf16 else "fp32", flush=True)
    rows = [row for name in a.kinds for batch in a.batch for row in [measured(a, name, batch)]]
    print(network_results.table(rows))
    print(machine())


def measured(a: argparse.Namespace, name: str, batch: int) -> Row:
    row = compare(a, load_unet(a), name, batch)  # freed before the processes of the peaks begin
    if not a.no_peaks:
        row = replace(row, peak=peaks(a, name, batch))
    print(network_results.table([row]), flush=True)
    if a.write:
        network_results.add_row(row, conditions(a))
        network_results.main()
    return row


def conditions(a: argparse.Namespace) -> dict[str, object]:
    cpu = machine().partition(", ")[0]
    device = torch.cuda.get_device_name() if a.device == "cuda" else "cpu"
    return {
        "machine": f"{cpu}, {os.cpu_count()} cores", "device": device, "torch": torch.__version__,
        "threads": a.threads, "latents": a.size, "model": "embedded" if a.tiny else "SD1.5, random weights",
    }  # fmt: skip


if __name__ == "__main__":
    main()
