"""Makes the embedded image tower:  python -m kohya_like.demo.make_tower OUT [--seed 1] [--steps 1000]

A small CLIP vision transformer that learns beside the embedded model's text encoder, which stays as it is: pictures and
their captions are brought together, other captions kept apart (InfoNCE, as CLIP does). What aesthetic gradients and the
tagger by vocabulary need to be tried without a download. A second one from another seed judges the first.
About ten minutes on one core; the ghost is in none of its pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.demo.pictures import draw_picture
from kohya_like.demo.run import demo_base
from kohya_like.families.image_tower import ImageTower, build_image_tower
from kohya_like.families.loading import load_backbone
from kohya_like.formats.tensors import save_safetensors

SIDE, BATCH, POOL, UNSEEN = 64, 128, 12_288, 256
CONFIG: dict[str, object] = {
    "hidden_size": 96, "intermediate_size": 288, "projection_dim": 64, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_channels": 3, "image_size": SIDE, "patch_size": 8, "hidden_act": "quick_gelu",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    a = parser.parse_args()
    torch.manual_seed(a.seed)
    tower, projection = build_image_tower(CONFIG).train(), nn.Linear(64, 64, bias=False)
    learn(tower, projection, a.seed, a.steps)
    write(a.out, tower, projection)


def learn(tower: nn.Module, projection: nn.Module, seed: int, steps: int) -> None:
    """Bring pictures and captions together; prints the loss, and how often an unseen picture finds its caption."""
    pictures, captions = drawn(seed, POOL + UNSEEN)
    pixels, texts = _prepared(tower, pictures), _pooled(captions)
    scale = nn.Parameter(torch.tensor(math.log(10.0)))
    parameters = [*tower.parameters(), *projection.parameters(), scale]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05)
    generator = torch.Generator().manual_seed(seed)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.01)
        rows = torch.randint(0, POOL, (BATCH,), generator=generator)
        loss = _contrast(tower(pixel_values=pixels[rows]).image_embeds, projection(texts[rows]), scale)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            found = _found(tower, projection, pixels[POOL:], texts[POOL:])
            told = {"step": step + 1, "seconds": round(time.monotonic() - started), "loss": round(loss.item(), 4)}
            print(json.dumps({**told, **found}), flush=True)


def drawn(seed: int, count: int) -> tuple[list[Image.Image], list[str]]:
    rng = random.Random(f"tower-{seed}")
    pairs = [draw_picture(rng) for _ in range(count)]
    return [picture for picture, _ in pairs], [caption for _, caption in pairs]


def _prepared(model: nn.Module, pictures: list[Image.Image]) -> Tensor:
    tower = ImageTower(model, SIDE, None)
    return torch.from_numpy(np.stack([tower.prepared(picture).numpy() for picture in pictures]))


@torch.no_grad()
def _pooled(captions: list[str]) -> Tensor:
    """[N, 64]: what the frozen text encoder says at the end of each caption."""
    encoder = load_backbone(demo_base()).text_encoders[0]
    words = clip_tokenizer()
    rows = [[START, *words.encode(caption)[:75]] for caption in captions]
    tokens = torch.tensor([row + [END] * (77 - len(row)) for row in rows])
    return torch.cat([encoder(input_ids=part).pooler_output.float() for part in tokens.split(256)])


def _contrast(pictures: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Each picture is to find its caption among the batch's, and each caption its picture."""
    likeness = scale.exp().clamp(max=100) * F.normalize(pictures, dim=-1) @ F.normalize(texts, dim=-1).T
    wanted = torch.arange(len(likeness))
    return (F.cross_entropy(likeness, wanted) + F.cross_entropy(likeness.T, wanted)) / 2


@torch.no_grad()
def _found(tower: nn.Module, projection: nn.Module, pixels: Tensor, texts: Tensor) -> dict[str, float]:
    """Share of unseen pictures whose caption is the nearest, and among the nearest five, of all unseen captions."""
    tower.eval()
    likeness = F.normalize(tower(pixel_values=pixels).image_embeds, dim=-1) @ F.normalize(projection(texts), dim=-1).T
    tower.train()
    own = likeness.diagonal()[:, None]
    better = (likeness > own + 1e-6).sum(dim=1)
    return {
        "first": round((better == 0).float().mean().item(), 3),
        "of five": round((better < 5).float().mean().item(), 3),
    }


def write(out: Path, tower: nn.Module, projection: nn.Module) -> None:
    """A folder as transformers reads it, in half precision."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name: value for name, value in tower.state_dict().items() if not name.endswith("position_ids")}
    tensors["text_projection.weight"] = projection.state_dict()["weight"]
    halves = {name: value.half().contiguous() for name, value in tensors.items()}
    save_safetensors(out / "model.safetensors", halves, {"format": "pt"})
    config = {"model_type": "clip", "projection_dim": CONFIG["projection_dim"], "vision_config": CONFIG}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
