"""Makes the embedded model from nothing:  python -m kohya_like.demo.make --work DIR

Stages, in order: `vae` (autoencoder on drawings and doodles), `latents` (encode the captioned drawings once),
`unet` (UNet and text encoder together, epsilon prediction), `pack` (the fp16 diffusers folder, the ghost
dataset, the regularisation pictures). Every stage is scheduled by steps, seeded per step, checkpoints about every
two minutes and continues where it was killed; a finished stage is skipped. About two hours on one core.

The model has SD1.5's classes, topology and 686 UNet keys with widths 64/72/80/80, a three-layer CLIP of width 64 and a
16/32/64/64 autoencoder of factor 8: pictures of 64x64, 80x48 and 48x80 pixels, latents [B, 4, 8, 8] or alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.demo.orthogonal import OrthogonalMomentum
from kohya_like.demo.pack import pack, read_part, write_dataset
from kohya_like.demo.pictures import SQUARE, TALL, WIDE, any_size, contact_sheet, doodle, draw_picture, ghost
from kohya_like.families.components import build_text_encoder, build_unet, build_vae
from kohya_like.objective.schedule import NoiseSchedule

SEED = 20240501
CHECKPOINT_SECONDS = 120.0


# --- shared by both trainings ------------------------------------------------------------------------------


def save_state(path: Path, state: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


class Average:
    """Exponential moving average of a module's floating tensors, ramped up over the first steps."""

    def __init__(self, modules: dict[str, nn.Module], decay: float) -> None:
        self.decay = decay
        tensors = ((f"{p}.{k}", v) for p, m in modules.items() for k, v in m.state_dict().items())
        self.live = {name: tensor for name, tensor in tensors if tensor.is_floating_point()}
        self.values = {k: v.detach().clone() for k, v in self.live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.values.values()), list(self.live.values()), 1 - decay)

    @contextmanager
    def applied(self) -> Any:
        """Inside, the modules hold the averaged weights."""
        backup = {k: v.detach().clone() for k, v in self.live.items()}
        with torch.no_grad():
            for k, v in self.live.items():
                v.copy_(self.values[k])
        try:
            yield
        finally:
            with torch.no_grad():
                for k, v in self.live.items():
                    v.copy_(backup[k])


def train(
    work: Path,
    stage: str,
    modules: dict[str, nn.Module],
    rates: tuple[float, float],
    decay: float,
    steps: int,
    warmup: int,
    loss_of: Callable[[int], tuple[Tensor, dict[str, float]]],
    validate: Callable[[], dict[str, float]],
) -> None:
    """Run `steps` optimizer steps with a cosine schedule; afterwards the modules hold the averaged weights."""
    named = [(f"{p}.{n}", w) for p, m in modules.items() for n, w in m.named_parameters()]
    optimizer = OrthogonalMomentum(named, *rates)
    average = Average(modules, decay)
    checkpoint, log = work / f"{stage}.state", work / f"{stage}.log.jsonl"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = state["step"]
        for prefix, module in modules.items():
            module.load_state_dict(state["modules"][prefix])
        optimizer.load_state_dict(state["optimizer"])
        for name, value in state["average"].items():
            average.values[name].copy_(value)
        print(f"{stage}: continues at step {first}", flush=True)

    def snapshot(step: int) -> None:
        weights = {prefix: module.state_dict() for prefix, module in modules.items()}
        state = {"step": step, "modules": weights, "optimizer": optimizer.state_dict(), "average": average.values}
        save_state(checkpoint, state)

    def note(record: dict[str, Any]) -> None:
        print(json.dumps(record), flush=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    started = saved = time.monotonic()
    recent: list[dict[str, float]] = []
    for step in range(first, steps):
        torch.manual_seed(SEED + step)  # noise of a step does not depend on how often the run was cut
        scale = min(1.0, (step + 1) / warmup) * (0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.01)
        loss, figures = loss_of(step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(optimizer.parameters, 1.0)
        optimizer.step(scale)
        average.update(step)
        recent.append(figures)
        if (step + 1) % 50 == 0:
            means = {k: round(sum(r[k] for r in recent) / len(recent), 5) for k in figures}
            note({"step": step + 1, "seconds": round(time.monotonic() - started, 1), **means})
            recent = []
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            snapshot(step + 1)
            saved = time.monotonic()
            with average.applied():
                note({"step": step + 1, "held_out": validate()})
    snapshot(steps)
    for k, v in average.live.items():
        with torch.no_grad():
            v.copy_(average.values[k])
    note({"step": steps, "final": validate()})


def to_tensor(images: list[Image.Image]) -> Tensor:
    """Pixels [B, 3, H, W] in -1..1; all pictures of one size."""
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(pixels: Tensor) -> list[Image.Image]:
    values = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    return [Image.fromarray(value.numpy()) for value in values]


# --- autoencoder -------------------------------------------------------------------------------------------


VAE_CONFIG: dict[str, object] = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (16, 32, 64, 64),
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 2,
    "sample_size": 64,
}
UNET_CONFIG: dict[str, object] = {
    "sample_size": 8,
    "block_out_channels": (64, 72, 80, 80),
    "layers_per_block": 2,
    "cross_attention_dim": 64,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}
TEXT_CONFIG: dict[str, object] = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 77,
    "projection_dim": 64,
}


def new_vae() -> Any:
    vae: Any = build_vae(VAE_CONFIG)
    with torch.no_grad():
        for name, module in vae.named_modules():
            # Unit-gain convolutions, small residual branches: the default init learns nothing for 300 steps.
            if name.endswith(("conv2", "to_out.0")):
                module.weight.mul_(0.1)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                nn.init.zeros_(module.bias)
        vae.quant_conv.weight[4:].mul_(0.1)
        vae.quant_conv.bias[4:].fill_(-5.0)  # start as a plain autoencoder: almost no posterior noise
    return vae


def edge_loss(a: Tensor, b: Tensor) -> Tensor:
    """L1 between horizontal and vertical differences: keeps outlines sharp where plain L1 blurs them."""
    across = (a.diff(dim=-1) - b.diff(dim=-1)).abs().mean()
    return across + (a.diff(dim=-2) - b.diff(dim=-2)).abs().mean()


def vae_batch(step: int, count: int) -> Tensor:
    rng = random.Random(f"{SEED}-vae-{step}")
    size = any_size(rng)
    return to_tensor([draw_picture(rng, size)[0] if rng.random() < 0.7 else doodle(rng, size) for _ in range(count)])


def held_out_pictures() -> dict[str, Tensor]:
    rng = random.Random(f"{SEED}-held-out")
    return {
        "pictures": to_tensor([draw_picture(rng)[0] for _ in range(32)]),
        "wide": to_tensor([draw_picture(rng, WIDE)[0] for _ in range(16)]),
        "doodles": to_tensor([doodle(rng) for _ in range(16)]),
        "ghosts": to_tensor([ghost(rng)[0] for _ in range(16)]),
    }


def make_vae(work: Path, steps: int, batch: int) -> None:
    torch.manual_seed(SEED)
    vae = new_vae()
    held_out = held_out_pictures()

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        pixels = vae_batch(step, batch)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(pixels).latent_dist
            latents = posterior.mean + posterior.std * torch.randn_like(posterior.std)
            decoded = vae.decode(latents).sample
        decoded = decoded.float()
        mean, var, logvar = posterior.mean.float(), posterior.var.float(), posterior.logvar.float()
        kl = (0.5 * (mean**2 + var - 1 - logvar)).mean()
        l1 = (pixels - decoded).abs().mean()
        edges = edge_loss(pixels, decoded)
        edge_weight = min(0.5, 2 * step / steps)
        loss = l1 + F.mse_loss(pixels, decoded) + edge_weight * edges + 3e-4 * kl
        return loss, {"l1": l1.item(), "edges": edges.item(), "kl": kl.item()}

    @torch.no_grad()
    def validate() -> dict[str, float]:
        found = {}
        for name, pixels in held_out.items():
            decoded = vae.decode(vae.encode(pixels).latent_dist.mean).sample.clamp(-1, 1)
            found[name] = round((pixels - decoded).abs().mean().item(), 5)
            found[name + " psnr"] = round(10 * math.log10(4 / F.mse_loss(pixels, decoded).item()), 2)
        return found

    train(work, "vae", {"vae": vae}, (2e-3, 1e-2), 0.998, steps, 30, loss_of, validate)
    with torch.no_grad():
        sample = torch.cat([vae.encode(vae_batch(-1 - i, 32)).latent_dist.mean.flatten() for i in range(16)])
        vae.register_to_config(scaling_factor=round(1 / sample.std().item(), 5))
        shown = torch.cat([held_out["pictures"][:16], held_out["doodles"][:8], held_out["ghosts"][:8]])
        decoded = vae.decode(vae.encode(shown).latent_dist.mean).sample
    pairs = [image for pair in zip(to_images(shown), to_images(decoded)) for image in pair]
    contact_sheet(pairs, 8).save(work / "vae.png")
    vae.save_pretrained(work / "vae")


# --- UNet and text encoder ---------------------------------------------------------------------------------


def make_latents(work: Path, count: int) -> None:
    """Latents of captioned drawings, grouped by size: {"sizes": [...], "latents": [Tensor], "captions": [[str]]}."""
    vae = read_part(work / "vae", build_vae).eval()
    shares = {SQUARE: 4, WIDE: 1, TALL: 1}
    latents, captions = [], []
    with torch.no_grad():
        for size, share in shares.items():
            rng = random.Random(f"{SEED}-latents-{size}")
            encoded, texts = [], []
            for _ in range(count * share // 6 // 64):
                pictures = [draw_picture(rng, size) for _ in range(64)]
                with torch.autocast("cpu", torch.bfloat16):
                    mean = vae.encode(to_tensor([p[0] for p in pictures])).latent_dist.mean
                encoded.append(mean.float() * vae.config.scaling_factor)
                texts += [p[1] for p in pictures]
            latents.append(torch.cat(encoded))
            captions.append(texts)
    save_state(work / "latents.state", {"latents": latents, "captions": captions})


def new_unet() -> Any:
    unet: Any = build_unet(UNET_CONFIG)
    for name, module in unet.named_modules():
        if name.endswith(("conv2", "proj_out")) or name == "conv_out":  # residual branches start silent
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    return unet


class Float32Core:
    """Attention with its core in fp32 under bf16 autocast: the bf16 flash backward on a CPU takes half the step."""

    def __call__(self, attn: Any, hidden: Tensor, encoder_hidden_states: Tensor | None = None, **_: Any) -> Tensor:
        context = hidden if encoder_hidden_states is None else encoder_hidden_states
        batch, tokens, width = hidden.shape

        def split(x: Tensor) -> Tensor:  # [B, T, D] -> [B, heads, T, D / heads]
            return x.view(batch, -1, attn.heads, width // attn.heads).transpose(1, 2).float()

        query, key, value = attn.to_q(hidden), attn.to_k(context), attn.to_v(context)
        with torch.autocast("cpu", enabled=False):
            mixed = F.scaled_dot_product_attention(split(query), split(key), split(value))
        return attn.to_out[0](mixed.transpose(1, 2).reshape(batch, tokens, width).to(query.dtype))


def token_ids(captions: list[str]) -> Tensor:
    """Ids [B, 77]: start, words, end, and end again as padding."""
    tokenizer = clip_tokenizer()
    rows = [[START, *tokenizer.encode(caption)[:75]] for caption in captions]
    return torch.tensor([row + [END] * (77 - len(row)) for row in rows])


def make_unet(work: Path, steps: int, batch: int) -> None:
    stored = torch.load(work / "latents.state", weights_only=True)
    latents: list[Tensor] = stored["latents"]
    ids = [token_ids(captions) for captions in stored["captions"]]
    empty = token_ids([""])
    held = 64
    torch.manual_seed(SEED)
    unet, text_encoder = new_unet(), build_text_encoder(TEXT_CONFIG)
    unet.set_attn_processor(Float32Core())
    alphas = NoiseSchedule.scaled_linear().alphas_cumprod.float()
    snr = alphas / (1 - alphas)

    def predict(clean: Tensor, noise: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        a = alphas[t].view(-1, 1, 1, 1)
        noisy = a.sqrt() * clean + (1 - a).sqrt() * noise
        context = text_encoder(tokens)[0]
        with torch.autocast("cpu", torch.bfloat16):
            return unet(noisy, t, context).sample.float()

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        rng = random.Random(f"{SEED}-unet-{step}")
        k = rng.choices(range(len(latents)), [4, 1, 1])[0]
        rows = torch.tensor([rng.randrange(held, len(latents[k])) for _ in range(batch)])
        clean, tokens = latents[k][rows], ids[k][rows]
        dropped = torch.rand(batch) < 0.1
        tokens = torch.where(dropped[:, None], empty, tokens)
        noise, t = torch.randn_like(clean), torch.randint(0, 1000, (batch,))
        errors = (predict(clean, noise, t, tokens) - noise).square().mean((1, 2, 3))
        weights = snr[t].clamp(max=5.0) / snr[t]  # min-SNR, arXiv:2303.09556
        return (errors * weights).mean(), {"mse": errors.mean().item()}

    @torch.no_grad()
    def validate() -> dict[str, float]:
        generator = torch.Generator().manual_seed(5)
        found = {}
        for name, k in (("square", 0), ("wide", 1)):
            for t in (200, 500, 800):
                noise = torch.randn(latents[k][:held].shape, generator=generator)
                out = predict(latents[k][:held], noise, torch.full((held,), t), ids[k][:held])
                found[f"{name} {t}"] = round(F.mse_loss(out, noise).item(), 5)
        return found

    modules: dict[str, nn.Module] = {"unet": unet, "text_encoder": text_encoder}
    train(work, "unet", modules, (1e-3, 8e-3), 0.9985, steps, 50, loss_of, validate)
    unet.save_pretrained(work / "unet")
    text_encoder.save_pretrained(work / "text_encoder")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and stages")
    parser.add_argument("--out", type=Path, help="where base/ and dataset/ go; default: WORK/out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vae-steps", type=int, default=7000)
    parser.add_argument("--vae-batch", type=int, default=8)
    parser.add_argument("--latents", type=int, default=40000)
    parser.add_argument("--unet-steps", type=int, default=6000)
    parser.add_argument("--unet-batch", type=int, default=48)
    a = parser.parse_args()
    out: Path = a.out or a.work / "out"
    a.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(a.threads)
    if not (a.work / "vae" / "config.json").exists():
        make_vae(a.work, a.vae_steps, a.vae_batch)
    if not (a.work / "latents.state").exists():
        make_latents(a.work, a.latents)
    if not (a.work / "unet" / "config.json").exists():
        make_unet(a.work, a.unet_steps, a.unet_batch)
    pack(a.work, out / "base")
    write_dataset(out / "dataset")


if __name__ == "__main__":
    main()
