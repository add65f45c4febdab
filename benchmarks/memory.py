"""Peak memory of a fine-tune, counted with fake tensors at real size, beside what `check` estimates.

    python -m benchmarks.memory [sd1 sd2 sdxl] [--only N ...]

Fake tensors have shapes and types and no numbers: a step of SDXL at 1024 px is walked through on any machine in a
minute or two. Every storage is counted while it is alive; the peak is that of a step after the first, when the moments
are there. Autocast is the CPU's, with CUDA's rule for norms. What the driver, kernels and the allocator's gaps take on
a card is not in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from kohya_like.families.backbone import Backbone, Conditioning
from kohya_like.families.base import family as family_named
from kohya_like.families.components import build_unet
from kohya_like.optim.optimizers import build_optimizer
from kohya_like.optim.stepping import WeightByWeight
from kohya_like.preflight.estimate import Load, memory_shares

GB = 2**30
TOKENS, SIDE, WIDTH = 77, {"sd1": 512, "sd2": 768, "sdxl": 1024}, {"sd1": 768, "sd2": 1024, "sdxl": 2048}
POOLED = 1280


@dataclass(frozen=True)
class Case:
    """One way to fine-tune the UNet of a family, at its own size."""

    family: str
    checkpointing: bool
    mixed: str = "bf16"  # or "no"
    weights: str = "fp32"  # or "bf16"
    optimizer: str = "AdamW"
    fused: bool = False
    batch: int = 1

    @property
    def singly(self) -> bool:
        return self.fused or self.weights == "bf16"


WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"mixed": "no"},
    {"optimizer": "Adafactor", "fused": True},
    {"weights": "bf16", "optimizer": "Adafactor"},
    {"weights": "bf16", "optimizer": "Adafactor", "fused": True},
)
CASES = [Case(family, on, **way) for family in SIDE for on in (True, False) for way in WAYS]


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, and the most there ever were.

    What was made before it is counted from its first use on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_iter((args, kwargs, out)):
            if isinstance(tensor, Tensor):
                self._note(tensor)
        return out

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return

        def gone(_: Any) -> None:
            self.now -= size
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, gone)
        self.now += size
        self.peak = max(self.peak, self.now)


@contextlib.contextmanager
def norms_as_on_cuda() -> Iterator[None]:
    """CUDA's autocast computes norms in float32; the CPU's leaves them as they come."""
    layer, group = functional.layer_norm, functional.group_norm

    def exact(x: Tensor) -> Tensor:
        return x.float() if torch.is_autocast_enabled("cpu") else x

    functional.layer_norm = lambda x, *args, **more: layer(exact(x), *args, **more)  # type: ignore[assignment]
    functional.group_norm = lambda x, *args, **more: group(exact(x), *args, **more)  # type: ignore[assignment]
    try:
        yield
    finally:
        functional.layer_norm, functional.group_norm = layer, group


def unet_of(family: str, dtype: torch.dtype) -> nn.Module:
    """Of real size, wherever tensors are made now."""
    path = family_named(family).config_folder / "unet" / "config.json"
    torch.set_default_dtype(dtype)
    try:
        return build_unet(json.loads(path.read_text(encoding="utf-8")))
    finally:
        torch.set_default_dtype(torch.float32)


def counted(case: Case) -> int:
    """The most bytes that tensors take in a step: weights, gradients, moments, activations."""
    with FakeTensorMode(), LiveBytes() as live, norms_as_on_cuda():
        unet = unet_of(case.family, torch.bfloat16 if case.weights == "bf16" else torch.float32)
        unet.train().requires_grad_(True)
        backbone = Backbone(family_named(case.family), {"unet": unet}, dtype=next(unet.parameters()).dtype)
        if case.checkpointing:
            backbone.enable_gradient_checkpointing()
        weights = list(unet.parameters())
        optimizer = build_optimizer(case.optimizer, [{"params": weights, "lr": 1e-6}], learning_rate=1e-6)
        single = WeightByWeight(optimizer, 0)
        move = single.step if case.singly else optimizer.step
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        move()  # now there are moments
        optimizer.zero_grad()
        if case.fused:
            single.fuse()
        live.peak = live.now
        loss_of(case, backbone).backward()
        move()
        return live.peak


def loss_of(case: Case, backbone: Backbone) -> Tensor:
    side = SIDE[case.family] // 8
    conditioning = Conditioning(torch.randn(case.batch, TOKENS, WIDTH[case.family]))
    if backbone.family.has_geometry:
        pooled, geometry = torch.randn(case.batch, POOLED), torch.zeros(case.batch, 6)
        conditioning = Conditioning(conditioning.hidden, pooled, geometry)
    with torch.autocast("cpu", torch.bfloat16, enabled=case.mixed == "bf16"):
        noisy = torch.randn(case.batch, 4, side, side)
        prediction = backbone.predict(noisy, torch.zeros(case.batch, dtype=torch.long), conditioning)
        return functional.mse_loss(prediction, torch.randn_like(prediction))


def estimated(case: Case) -> int:
    """What `check` says of the same."""
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in unet_of(case.family, torch.float32).named_parameters()}
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    load = Load(
        family=case.family, shapes={"unet": shapes}, bucket=(SIDE[case.family], SIDE[case.family]),
        batch_size=case.batch, trained=sum(sizes), text_trained=False, text_stays=False, vae_stays=False,
        vae_batch_size=1, base_dtype=case.weights, vae_dtype="fp32", mixed_precision=case.mixed,
        checkpointing=case.checkpointing, optimizer=case.optimizer, ema=False, tokens=TOKENS, caches=False,
        previews=None, unfrozen=True, fused=case.fused, largest=max(sizes),
    )  # fmt: skip
    return sum(share.bytes for share in memory_shares(load)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=["sd1", "sdxl"], choices=list(SIDE))
    chosen = parser.parse_args().families
    print("| family | px | checkpointing | arithmetic | weights | optimizer | fused | counted | estimated | | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if case.family in chosen:
            started = time.perf_counter()
            real, said = counted(case), estimated(case)
            print(
                f"| {case.family} | {SIDE[case.family]} | {'on' if case.checkpointing else 'off'} | {case.mixed} "
                f"| {case.weights} | {case.optimizer} | {'yes' if case.fused else 'no'} | {real / GB:.2f} GB "
                f"| {said / GB:.2f} GB | {said / real - 1:+.1%} | {time.perf_counter() - started:.0f} |", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
