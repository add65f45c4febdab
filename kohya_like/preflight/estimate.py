"""How much memory and disk a training needs, from shapes and options alone. Every part is named; it is an estimate.

Weights, gradients and optimizer states are counted exactly. What the backward pass keeps of the UNet (activations) was
counted on the meta device, where real-size models take no memory: the bytes of all tensors saved for backward, over
512 to 1024 px and batch 1 and 2. It is a constant per latent pixel (H/8 x W/8), the same for SD1 and SD2, because
attention keeps no matrix of scores:

    numbers kept per latent pixel      SD1, SD2     SDXL
    all                                 113 000   207 000
    with gradient checkpointing          18 800    17 500   and the block being recomputed: 13 000, 6 500

Autocast keeps fp32 copies for the norms: 1.4 times as many bytes. Models of another width scale with their first
convolution. A real run differs by up to a quarter: kernels take work space, and the allocator keeps pieces.

A fine-tune has large gradients, which come as the activations go, so that the two are never there together:

    most = weights + moments + max(activations + half copies, gradients + late activations)

Half copies are autocast's of fp32 weights. When nearly all gradients are there, a share of the activations is left
(LATE), and with checkpointing the block that is computed again. Fused into the backward pass there is the gradient of
one weight, and what its step needs beside it. benchmarks/memory.py counts this with fake tensors: see the table there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kohya_like.preflight.shapes import Shapes, numbers

MIB, GIB = 1024**2, 1024**3
DTYPE_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "no": 4}
ACTIVATIONS = {"sd1": 113_000, "sd2": 113_000, "sdxl": 207_000}
CHECKPOINTED = {"sd1": 18_800, "sd2": 18_800, "sdxl": 17_500}
BLOCK = {"sd1": 13_000, "sd2": 13_000, "sdxl": 6_500}
LATE = {"sd1": 0.26, "sd2": 0.26, "sdxl": 0.26}
FUSED_LATE = 0.6  # of the activations, when the largest weight's gradient is there
USUAL_WIDTH = 320  # channels of the first convolution of SD1, SD2 and SDXL
AUTOCAST_FACTOR = 1.4
TEXT_FACTOR = 18  # numbers kept per token, layer and channel of a CLIP text encoder
VAE_ENCODE, VAE_DECODE = 4 * 128, 3 * 256  # numbers alive per pixel at the widest place
CUDA_CONTEXT = 700 * MIB
# Bytes of state per trained number; the rest keeps two fp32 moments, as Adam does.
STATE_BYTES = {
    "lion": 4, "sgdnesterov": 4, "adafactor": 0.1, "prodigy": 16, "adamw8bit": 2, "pagedadamw8bit": 2, "lion8bit": 1,
    "pagedlion8bit": 1, "sgdschedulefree": 4,
}  # fmt: skip
LATENT_BYTES_PER_PIXEL = 4 * 4 / 64  # four channels of fp32 per 8x8 pixels
ENTRY_OVERHEAD = 300  # bytes of a cache entry beside its tensors


@dataclass(frozen=True)
class Share:
    """One part of the memory in bytes, and what it is made of."""

    name: str
    bytes: int
    note: str = ""


@dataclass(frozen=True)
class MemoryEstimate:
    """What training needs at its peak. `other_phases` need less, or decide the peak alone (caching, previews)."""

    shares: tuple[Share, ...]
    other_phases: tuple[Share, ...]
    device: str
    available: int | None  # bytes free there now; None where it is not known

    @property
    def training(self) -> int:
        return sum(share.bytes for share in self.shares)

    @property
    def peak(self) -> int:
        return max([self.training, *(phase.bytes for phase in self.other_phases)])


@dataclass(frozen=True)
class Load:
    """What decides the memory: values out of the config, the model and the dataset."""

    family: str
    shapes: Mapping[str, Shapes]
    bucket: tuple[int, int]  # the largest, (width, height) in pixels
    batch_size: int
    trained: int  # numbers
    text_trained: bool
    text_stays: bool  # the text encoders are needed while training
    vae_stays: bool
    vae_batch_size: int
    base_dtype: str
    vae_dtype: str
    mixed_precision: str
    checkpointing: bool
    optimizer: str
    ema: bool
    tokens: int  # of the longest caption, padded
    caches: bool  # latents are encoded before training
    previews: tuple[int, int] | None  # size of the largest preview
    unfrozen: bool = False  # the model's own weights are trained
    fused: bool = False  # each weight is moved in the backward pass
    largest: int = 0  # numbers of the largest trained weight

    @property
    def weight_bytes(self) -> int:
        """Of one trained number, and of its gradient."""
        return DTYPE_BYTES[self.base_dtype] if self.unfrozen else 4


def memory_shares(load: Load) -> tuple[tuple[Share, ...], tuple[Share, ...]]:
    """(parts of the training's memory, memory of the phases beside it)."""
    base, vae = DTYPE_BYTES[load.base_dtype], DTYPE_BYTES[load.vae_dtype]
    sizes = {part: numbers(tensors) for part, tensors in load.shapes.items()}
    text = sum(size for part, size in sizes.items() if part.startswith("text_encoder"))
    shares = [Share("UNet", sizes.get("unet", 0) * base, load.base_dtype)]
    if load.text_stays:
        shares.append(Share("text encoders", text * base, load.base_dtype))
    if load.vae_stays:
        shares.append(Share("VAE", sizes.get("vae", 0) * vae, load.vae_dtype))
    weights = sum(share.bytes for share in shares)
    per_number = STATE_BYTES.get(load.optimizer.lower(), 8)
    if not load.unfrozen:
        shares.append(Share("trained numbers", 4 * load.trained, f"{load.trained:,} in fp32"))
    shares += [
        Share("their gradients", gradient_bytes(load), "of one weight at a time" if load.fused else ""),
        Share("optimizer state", int(per_number * load.trained), f"{per_number:g} bytes each for {load.optimizer}"),
    ]
    if load.ema:
        shares.append(Share("EMA copy", 4 * load.trained))
    shares.append(Share("activations", working_bytes(load), _activation_note(load)))
    if load.text_trained:
        shares.append(Share("activations of the text encoders", _text_activations(load)))
    phases = []
    if load.caches:
        size = load.bucket[0] * load.bucket[1] * VAE_ENCODE * vae * load.vae_batch_size
        phases.append(Share("caching", sizes.get("vae", 0) * vae + size, "the VAE alone, before training"))
    if load.previews:
        size = load.previews[0] * load.previews[1] * VAE_DECODE * vae
        kept = per_number * load.trained + (0 if load.unfrozen else 8 * load.trained)
        phases.append(Share("previews", int(weights + kept + size), "decoding the picture"))
    return tuple(shares), tuple(phases)


def gradient_bytes(load: Load) -> int:
    """Of all trained numbers; fused, of the largest weight with what its step needs beside it."""
    if not load.fused:
        return load.weight_bytes * load.trained
    in_place = load.weight_bytes == 4 and load.optimizer.lower() != "adafactor"
    return load.largest * (4 if in_place else 12)


def working_bytes(load: Load) -> int:
    """What the backward pass needs beside gradients, at the worst moment."""
    kept, block = _kept(load, CHECKPOINTED if load.checkpointing else ACTIVATIONS), _kept(load, BLOCK)
    if not load.checkpointing:
        block = 0
    if not load.unfrozen:
        return kept + block
    halves = 2 * load.trained if load.mixed_precision != "no" and load.base_dtype == "fp32" else 0
    late = FUSED_LATE if load.fused else LATE.get(load.family, LATE["sd1"])
    return max(kept + halves - gradient_bytes(load), int(late * kept) + block)


def _kept(load: Load, table: Mapping[str, int]) -> int:
    """Bytes of so many numbers per latent pixel."""
    width = load.shapes.get("unet", {}).get("conv_in.weight", (USUAL_WIDTH,))[0]
    per_pixel = table.get(load.family, table["sd1"])
    pixels = load.bucket[0] // 8 * (load.bucket[1] // 8) * load.batch_size
    half = load.mixed_precision != "no" or (load.base_dtype != "fp32" and load.unfrozen)
    factor = 2 * AUTOCAST_FACTOR if half else 4.0
    return int(per_pixel * width / USUAL_WIDTH * pixels * factor)


def _activation_note(load: Load) -> str:
    checkpointed = ", checkpointed" if load.checkpointing else ""
    return f"batch {load.batch_size} at {load.bucket[0]}x{load.bucket[1]}{checkpointed}; an estimate"


def _text_activations(load: Load) -> int:
    kept = 0
    for part, tensors in load.shapes.items():
        if part.startswith("text_encoder"):
            queries = [shape[0] for name, shape in tensors.items() if name.endswith("self_attn.q_proj.weight")]
            kept += sum(queries) * TEXT_FACTOR
    return kept * load.tokens * load.batch_size * DTYPE_BYTES[load.mixed_precision]


@dataclass(frozen=True)
class DiskNeed:
    """Room wanted on one file system."""

    folder: str
    purpose: str
    needed: int
    free: int


def save_bytes(stored: int, dtype: str) -> int:
    """One saved network: its numbers, and keys and metadata."""
    return stored * DTYPE_BYTES[dtype] + 64 * 1024


def state_bytes(trained: int, optimizer: str, ema: bool, weight_bytes: int = 4) -> int:
    """One full state for resuming; `weight_bytes` of a trained number."""
    return int(trained * (weight_bytes + STATE_BYTES.get(optimizer.lower(), 8) + (4 if ema else 0))) + 64 * 1024


def latent_cache_bytes(buckets: Mapping[tuple[int, int], int]) -> int:
    """The latents of so many pictures (orientations counted) per bucket."""
    return sum(int(w * h * LATENT_BYTES_PER_PIXEL + ENTRY_OVERHEAD) * count for (w, h), count in buckets.items())


def advice(load: Load) -> list[str]:
    """What would save memory, the strongest first; only what is not already so."""
    return [text for text, _ in _ways(load)] + ["a smaller data.resolution"]


def what_makes_it_fit(load: Load, other: int, available: int) -> list[str]:
    """The first ways, taken together, with which a fine-tune needs no more than `available`; none where all fail.

    `other` is what is needed besides (driver and kernels).
    """
    taken: list[str] = []
    for text, better in _ways(load):
        load = replace(load, **better)
        taken.append(text)
        shares, phases = memory_shares(load)
        if max(sum(share.bytes for share in shares) + other, *(phase.bytes for phase in phases), 0) <= available:
            return taken
    return []


def _ways(load: Load) -> list[tuple[str, dict[str, Any]]]:
    """Edits of a preset, and what becomes of the load with them."""
    bf16 = 'train.mixed_precision = "bf16"'
    light = STATE_BYTES.get(load.optimizer.lower(), 8) < 8
    network = not load.unfrozen
    switch = "network" if network else "method"
    ways: Sequence[tuple[bool, str, dict[str, Any]]] = (
        (not load.checkpointing, "train.gradient_checkpointing = true", {"checkpointing": True}),
        (load.mixed_precision == "no", bf16, {"mixed_precision": "bf16"}),
        (load.batch_size > 1, "train.train_batch_size = 1", {"batch_size": 1}),
        (load.text_trained, f"{switch}.train_text_encoder = false", _without_text(load)),
        (network and not light, 'optimizer.optimizer_type = "AdamW8bit"', {"optimizer": "AdamW8bit"}),
        (not network and not light, 'optimizer.optimizer_type = "Adafactor"', {"optimizer": "Adafactor"}),
        (not network and not load.fused, "optimizer.max_grad_norm = 0", {}),
        (not network and not load.fused, "method.fused_backward_pass = true", {"fused": True}),
        (not network and load.base_dtype == "fp32", "method.full_bf16 = true", {"base_dtype": "bf16"}),
    )
    return [(text, better) for helps, text, better in ways if helps]


def _without_text(load: Load) -> dict[str, Any]:
    unet = numbers(load.shapes.get("unet", {}))
    return {"text_trained": False, "text_stays": False, "trained": min(load.trained, unet)}
