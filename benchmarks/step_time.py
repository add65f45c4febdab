"""A training step beside a bare loop over the same backbone, and beside peft.

    python -m benchmarks.step_time                       embedded model, batch 1 and 8
    python -m benchmarks.step_time --real FILE --batch 1 --repeat 1 [--bf16]      SD1.5's size, 256 px

The bare loop has the same LoRA formula written by hand, the same optimizer, cached latents and prompts, and nothing
else: no log, no commands, no checks. Own code is what a step costs when the UNet costs nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rounds import Timing, interleaved, machine
from kohya_like.config import load
from kohya_like.data.dataset import Batch
from kohya_like.demo.run import HERE, PRESET, demo_base
from kohya_like.events import ControlFile, Reporter
from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.families.loading import load_backbone
from kohya_like.recipe import build
from kohya_like.supervise import MALLOC
from kohya_like.trainer import Trainer


class BareLoRA(nn.Module):
    """LoRA by hand, as in any tutorial."""

    def __init__(self, base: nn.Module, rank: int, alpha: float) -> None:
        super().__init__()
        self.base, self.scale = base, alpha / rank
        if isinstance(base, nn.Conv2d):
            kernel, stride, padding = base.kernel_size, base.stride, base.padding
            self.down: nn.Module = nn.Conv2d(base.in_channels, rank, kernel, stride, padding, bias=False)  # type: ignore[arg-type]
            self.up: nn.Module = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        else:
            assert isinstance(base, nn.Linear)
            self.down = nn.Linear(base.in_features, rank, bias=False)
            self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x)) * self.scale


def bare_parameters(unet: nn.Module, rank: int, alpha: float) -> list[nn.Parameter]:
    found = []
    for name, module in list(unet.named_modules()):
        if not isinstance(module, nn.Linear | nn.Conv2d) or "attentions" not in name:
            continue
        parent, _, leaf = name.rpartition(".")
        wrapped = BareLoRA(module, rank, alpha)
        setattr(unet.get_submodule(parent), leaf, wrapped)
        found += [*wrapped.down.parameters(), *wrapped.up.parameters()]
    return found


def peft_parameters(unet: nn.Module, rank: int, alpha: float) -> list[nn.Parameter]:
    from peft import LoraConfig, inject_adapter_in_model

    names = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=int(alpha), target_modules=names), unet)
    found = [p for p in unet.parameters() if p.requires_grad]
    for parameter in found:
        parameter.data = parameter.data.float()  # beside bf16 weights peft makes bf16 adapters
    return found


def loop(
    backbone: Backbone, parameters: list[nn.Parameter], batches: list[tuple[Tensor, Conditioning]], bf16: bool
) -> Callable[[], None]:
    """One bare optimizer step a call. `bf16`: autocast."""
    optimizer = torch.optim.AdamW(parameters, 1e-3, fused=True)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = (1 - betas).cumprod(0)
    turn = iter(range(10**9))

    def step() -> None:
        latents, conditioning = batches[next(turn) % len(batches)]
        noise = torch.randn_like(latents)
        t = torch.randint(0, 1000, (len(latents),))
        a = alphas[t].view(-1, 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = backbone.predict(a.sqrt() * latents + (1 - a).sqrt() * noise, t, conditioning)
        F.mse_loss(out, noise).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def our_trainer(folder: Path, base: Path, batch: int, real: bool, bf16: bool) -> Trainer:
    settings = {
        "train.mixed_precision": "bf16" if bf16 else "no",
        "hardware.device": "cpu",
        "model.base": str(base),
        "data.train_data_dir": str(HERE / "dataset" / "train"),
        "save.output_dir": str(folder),
        "data.cache_dir": str(folder / "cache"),
    }
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    overrides += [
        "data.reg_data_dir=", "data.caption_dropout_rate=0.0", "network.train_text_encoder=false", "sample.prompts=[]",
        f"train.train_batch_size={batch}", "train.max_train_steps=100000", "data.enable_bucket=false",
        *(["data.resolution=256", "network.dim=16", "network.alpha=8.0"] if real else []),
    ]  # fmt: skip
    config, _ = load(PRESET, overrides)
    return build(config, folder, Reporter(folder / "events.jsonl"), ControlFile(folder / "control.jsonl", ""), False)


def stepper(trainer: Trainer) -> Callable[[], None]:
    """One step of ours with everything that belongs to it: log, commands, due dates."""
    batches: Iterator[Batch] = trainer.batches(0)

    def step() -> None:
        trainer.one_whole_step(batches)

    return step


def cached_batches(trainer: Trainer, count: int = 16) -> list[tuple[Tensor, Conditioning]]:
    found = []
    for _, batch in zip(range(count), trainer.batches(0)):
        assert batch.latents is not None
        found.append((batch.latents, trainer.learner.conditioning(batch)))  # type: ignore[attr-defined]
    return found


def compare(base: Path, batch: int, rounds: int, repeat: int, real: bool, bf16: bool) -> list[str]:
    dtype = torch.bfloat16 if bf16 else torch.float32
    with tempfile.TemporaryDirectory() as name:
        trainer = our_trainer(Path(name), base, batch, real, bf16)
        rank, alpha = (16, 8.0) if real else (8, 8.0)
        batches = cached_batches(trainer)
        work: dict[str, Callable[[], None]] = {"ours": stepper(trainer)}
        trained = sum(p.numel() for group in trainer.optimization.optimizer.param_groups for p in group["params"])
        for label, make in (("bare loop", bare_parameters), ("peft", peft_parameters)):
            backbone = load_backbone(base, "auto", dtype=dtype)
            parameters = make(backbone.unet, rank, alpha)
            assert sum(p.numel() for p in parameters) == trained, f"{label} trains something else than ours"
            work[label] = loop(backbone, parameters, batches, bf16)
        timings = interleaved(work, rounds, repeat)
        lines = [f"batch {batch}: {label:<10} {timing}" for label, timing in timings.items()]
        ours = timings["ours"]
        for label in ("bare loop", "peft"):
            by_clock, by_processor = ours.median / timings[label].median, ours.processor / timings[label].processor
            lines.append(f"batch {batch}: ours / {label} = {by_clock:.3f} (processor time {by_processor:.3f})")
        lines.append(f"batch {batch}: own code, UNet free of charge: {own_code(trainer)}")
        return lines


def own_code(trainer: Trainer) -> Timing:
    """What a step costs when the UNet is a multiplication; optimizer, clipping, log and data are all there."""
    backbone = trainer.learner._backbone  # type: ignore[attr-defined]
    parameter = next(iter(trainer.optimization.optimizer.param_groups[0]["params"]))
    backbone.predict = lambda noisy, t, cond: noisy * parameter.mean()
    return interleaved({"own": stepper(trainer)}, 9, 10)["own"]


def with_trainers_environment() -> None:
    """Start anew with the memory settings that the supervisor gives a trainer: all three loops then have them."""
    if not MALLOC.keys() <= os.environ.keys():
        os.execve(sys.executable, sys.orig_argv, {**MALLOC, **os.environ})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="a full-size model (benchmarks/real_size.py makes one)")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="base weights in bf16 and bf16 autocast, in all three")
    a = parser.parse_args()
    with_trainers_environment()
    torch.set_num_threads(a.threads)
    print(machine(), "bf16" if a.bf16 else "fp32", flush=True)
    for batch in a.batch:
        print("\n".join(compare(a.real or demo_base(), batch, a.rounds, a.repeat, bool(a.real), a.bf16)), flush=True)
    print(machine())


if __name__ == "__main__":
    main()
