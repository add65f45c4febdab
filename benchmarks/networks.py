"""Our network algorithms beside LyCORIS', and LoRA's step beside all: the same layers of the same UNet, interleaved.

    python -m benchmarks.networks [--kinds loha lokr ...] [--batch 1 4] [--bf16]      SD1.5's size, 192 modules
    python -m benchmarks.networks --tiny                                              embedded model, seconds

A step is forward, backward and AdamW of the network alone on random latents and prompts. Peaks are taken in a process
for each contestant: on the CPU of the whole process, on a GPU of what torch allocated.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.real_size import default_folder, real_size
from benchmarks.rounds import Timing, interleaved, machine
from kohya_like.demo.run import demo_base
from kohya_like.families.loading import load_backbone
from kohya_like.networks.base import WeightDelta
from kohya_like.networks.network import Network
from kohya_like.networks.targets import find_targets
from kohya_like.schema.registry import plugins

SIZE: dict[str, Any] = {"dim": 8, "alpha": 4.0}
THEIR_SIZE: dict[str, Any] = {"lora_dim": 8, "alpha": 4.0}


@dataclass(frozen=True)
class Kind:
    """One algorithm: our options, LyCORIS' module and its options, and the largest share of its step and peak."""

    options: dict[str, Any]
    module: str
    their_options: dict[str, Any]
    step: float = 1.05
    peak: float = 1.05


KINDS = {
    "lora": Kind(SIZE, "locon.LoConModule", THEIR_SIZE),
    "loha": Kind(SIZE, "loha.LohaModule", THEIR_SIZE, step=0.9, peak=0.8),
    "lokr": Kind({**SIZE, "factor": 8}, "lokr.LokrModule", {**THEIR_SIZE, "factor": 8}),
    "glora": Kind(SIZE, "glora.GLoRAModule", THEIR_SIZE),
    # not full: LyCORIS takes the layer's own weights away when it is attached, and adds them to its own once more
    "ia3": Kind({"on_input": "none"}, "ia3.IA3Module", {}),
    "oft": Kind({"dim": 8}, "diag_oft.DiagOFTModule", {"lora_dim": 8}),
    "boft": Kind({"dim": 8}, "boft.ButterflyOFTModule", {"lora_dim": 8}),
}


@dataclass(frozen=True)
class Contestant:
    """A network that can be put on the UNet and taken off again."""

    attach: Callable[[], None]
    detach: Callable[[], None]
    parameters: list[nn.Parameter]


def ours(name: str, unet: nn.Module) -> Contestant:
    network = Network.create(_algorithm(name), {"unet": unet}, "sd1", seed=1).train()
    return Contestant(network.attach, network.detach, [p for p in network.parameters() if p.requires_grad])


def theirs(name: str, unet: nn.Module) -> Contestant:
    """LyCORIS' modules, without its presets, on the layers that we choose."""
    kind = KINDS[name]
    file, _, module = kind.module.partition(".")
    make = getattr(importlib.import_module(f"lycoris.modules.{file}"), module)
    torch.manual_seed(1)
    made = [make(t.path.replace(".", "_"), t.module, **kind.their_options).train()
            for t in find_targets(_algorithm(name), {"unet": unet})]  # fmt: skip
    device = next(unet.parameters()).device

    def attach() -> None:
        for one in made:
            one.to(device).apply_to()

    def detach() -> None:
        for one in made:
            one.restore()

    return Contestant(attach, detach, [p for one in made for p in one.parameters() if p.requires_grad])


def _algorithm(name: str) -> WeightDelta:
    made = plugins("algorithm")[name](**KINDS[name].options)  # type: ignore[operator]
    assert isinstance(made, WeightDelta)
    return made


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
    """Prints the largest number of bytes that this process held in three steps."""
    side, name = a.peak
    unet = load_unet(a)
    step = stepper((ours if side == "ours" else theirs)(name, unet), unet, a.batch[0], a.size, a.bf16)
    if a.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: what reading the model took counts no more
    for _ in range(3):
        step()
    used = torch.cuda.max_memory_allocated() if a.device == "cuda" else _largest()
    print(used)


def _largest() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def peak_of(a: argparse.Namespace, side: str, name: str, batch: int) -> int:
    again = [sys.executable, "-m", "benchmarks.networks", "--peak", side, name, "--batch", str(batch), "--size",
             str(a.size), "--folder", str(a.folder), "--device", a.device, "--threads", str(a.threads)]  # fmt: skip
    again += ["--tiny"] if a.tiny else []
    again += ["--bf16"] if a.bf16 else []
    return int(subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def compare(a: argparse.Namespace, unet: nn.Module, name: str, batch: int) -> list[str]:
    """Ours, theirs and our LoRA, one step in turn."""
    pair = {"ours": ours(name, unet), "lycoris": theirs(name, unet)}
    sizes = {side: sum(p.numel() for p in c.parameters) for side, c in pair.items()}
    assert sizes["ours"] == sizes["lycoris"], f"{name}: they train different things: {sizes}"
    pair["our LoRA"] = ours("lora", unet)
    work = {side: stepper(c, unet, batch, a.size, a.bf16) for side, c in pair.items()}
    timings = interleaved(work, a.rounds)
    lines = [f"{name}, batch {batch}: {side:<9} {timing}" for side, timing in timings.items()]
    share = f"{name}, batch {batch}: step, ours / lycoris = {_ratio(timings, 'ours', 'lycoris', KINDS[name].step)}"
    lines.append(f"{share}; ours / our LoRA = {_ratio(timings, 'ours', 'our LoRA')}")
    lines.append(f"{name}, batch {batch}: lycoris / our LoRA = {_ratio(timings, 'lycoris', 'our LoRA')}")
    if not a.no_peaks:
        own, other = peak_of(a, "ours", name, batch), peak_of(a, "lycoris", name, batch)
        held = "held" if own <= KINDS[name].peak * other else "MISSED"
        lines.append(
            f"{name}, batch {batch}: peak {own / 2**30:.2f} GiB, lycoris {other / 2**30:.2f} GiB, "
            f"ratio {own / other:.3f} (target {KINDS[name].peak}: {held})"
        )
    return lines


def _ratio(timings: dict[str, Timing], one: str, other: str, target: float | None = None) -> str:
    clock = timings[one].median / timings[other].median
    processor = timings[one].processor / timings[other].processor
    told = f"{clock:.3f} (processor time {processor:.3f})"
    return f"{told} (target {target}: {'held' if min(clock, processor) <= target else 'MISSED'})" if target else told


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
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "KIND"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.peak:
        peak(a)
        return
    print(machine(), "bf16" if a.bf16 else "fp32", flush=True)
    unet = load_unet(a)
    for name in a.kinds:
        for batch in a.batch:
            print("\n".join(compare(a, unet, name, batch)), flush=True)
    print(machine())


if __name__ == "__main__":
    main()
