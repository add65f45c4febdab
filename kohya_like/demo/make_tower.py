"""Makes the embedded image tower:  python -m kohya_like.demo.make_tower OUT [--seed 1] [--steps 2000]

A small CLIP vision transformer that learns beside the embedded model's text encoder, which stays as it is: pictures
and their captions are brought together, other captions kept apart (InfoNCE, as CLIP does), and so are pictures and the
single words of their captions (`tower_words`). What aesthetic gradients and the tagger by vocabulary need to be tried
without a download. `tower/` is seed 1; seed 2, in the tests, judges it. About twelve minutes on one core; the ghost is
in none of its pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from kohya_like.data.tokens import END, START, clip_tokenizer
from kohya_like.demo.pictures import draw_picture
from kohya_like.demo.run import demo_base
from kohya_like.demo.tower_words import TEMPLATES, WORDS, phrases, said
from kohya_like.families.image_tower import ImageTower, build_image_tower
from kohya_like.families.loading import load_backbone
from kohya_like.formats.tensors import save_safetensors

SIDE, BATCH, POOL, UNSEEN = 64, 64, 12_288, 256
RATE = 1e-3
CONFIG: dict[str, object] = {
    "hidden_size": 96, "intermediate_size": 288, "projection_dim": 64, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_channels": 3, "image_size": SIDE, "patch_size": 8, "hidden_act": "quick_gelu",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    a = parser.parse_args()
    torch.manual_seed(a.seed)
    tower, projection = build_image_tower(CONFIG).train(), nn.Linear(64, 64, bias=False)
    write(a.out, tower, projection, learn(tower, projection, a.seed, a.steps))


def learn(tower: nn.Module, projection: nn.Module, seed: int, steps: int) -> float:
    """Bring pictures and texts together; prints the loss, and how often an unseen picture finds its words.

    Returns the scale that likenesses want before they become shares.
    """
    pictures, captions = drawn(seed, POOL + UNSEEN)
    pixels, texts, lessons = _prepared(tower, pictures), pooled(captions), [Lesson(kind, captions) for kind in WORDS]
    scale = nn.Parameter(torch.tensor(math.log(10.0)))
    parameters = [*tower.parameters(), *projection.parameters(), scale]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.05)
    generator = torch.Generator().manual_seed(seed)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.01)
        rows = torch.randint(0, POOL, (BATCH,), generator=generator)
        seen, factor = F.normalize(tower(pixel_values=pixels[rows]).image_embeds, dim=-1), scale.exp().clamp(max=100)
        loss = _contrast(factor * seen @ F.normalize(projection(texts[rows]), dim=-1).T, rows, captions)
        for lesson in lessons:
            loss = loss + lesson.loss(factor * seen, projection, rows, step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            told = {"step": step + 1, "seconds": round(time.monotonic() - started), "loss": round(loss.item(), 4)}
            shares = _found(tower, projection, pixels[POOL:], texts[POOL:], lessons)
            print(json.dumps({**told, **{name: round(share, 3) for name, share in shares.items()}}), flush=True)
    return fitting_scale(tower, projection, pixels[POOL:], lessons)


class Lesson:
    """The words of a kind: which of all of them does a picture show?"""

    def __init__(self, kind: str, captions: Sequence[str]) -> None:
        self.kind, self.said = kind, said(captions, kind)  # [N, words]
        self.texts = [pooled(phrases(kind, template)) for template in TEMPLATES[kind]]  # each [words, 64]

    def loss(self, seen: Tensor, projection: nn.Module, rows: Tensor, step: int) -> Tensor:
        """`seen` [B, P], scaled. Pictures whose captions say no word of the kind do not count."""
        texts, wanted = self.texts[step % len(self.texts)], self.said[rows]
        likeness = seen @ F.normalize(projection(texts), dim=-1).T
        losses = -(wanted * F.log_softmax(likeness, dim=-1)).sum(dim=1)
        return losses.sum() / (wanted.sum(dim=1) > 0).sum().clamp(min=1)

    def right(self, seen: Tensor, projection: nn.Module) -> float:
        """Share of the unseen pictures `seen` [UNSEEN, P] whose nearest word, written as a tag, is a right one."""
        wanted = self.said[-len(seen) :]
        nearest = (seen @ F.normalize(projection(self.texts[0]), dim=-1).T).argmax(dim=1)
        asked = wanted.sum(dim=1) > 0
        return (wanted[torch.arange(len(seen)), nearest] > 0)[asked].float().mean().item()


def drawn(seed: int, count: int) -> tuple[list[Image.Image], list[str]]:
    rng = random.Random(f"tower-{seed}")
    pairs = [draw_picture(rng) for _ in range(count)]
    return [picture for picture, _ in pairs], [caption for _, caption in pairs]


def _prepared(model: nn.Module, pictures: list[Image.Image]) -> Tensor:
    tower = ImageTower(model, SIDE, None)
    return torch.from_numpy(np.stack([tower.prepared(picture).numpy() for picture in pictures]))


@torch.no_grad()
def pooled(captions: list[str]) -> Tensor:
    """[N, 64]: what the frozen text encoder says at the end of each caption."""
    encoder = load_backbone(demo_base()).text_encoders[0]
    words = clip_tokenizer()
    rows = [[START, *words.encode(caption)[:75]] for caption in captions]
    tokens = torch.tensor([row + [END] * (77 - len(row)) for row in rows])
    return torch.cat([encoder(input_ids=part).pooler_output.float() for part in tokens.split(256)])


def _contrast(likeness: Tensor, rows: Tensor, captions: Sequence[str]) -> Tensor:
    """Each picture is to find its caption among the batch's, and each caption its picture; equal captions are one."""
    texts = [captions[row] for row in rows.tolist()]
    wanted = torch.tensor([[float(one == other) for other in texts] for one in texts])
    wanted = wanted / wanted.sum(dim=1, keepdim=True)
    return (F.cross_entropy(likeness, wanted) + F.cross_entropy(likeness.T, wanted)) / 2


@torch.no_grad()
def _found(
    tower: nn.Module, projection: nn.Module, pixels: Tensor, texts: Tensor, lessons: Sequence[Lesson]
) -> dict[str, float]:
    """Share of unseen pictures whose own caption is among the nearest five of all, and whose words are right."""
    tower.eval()
    seen = F.normalize(tower(pixel_values=pixels).image_embeds, dim=-1)
    tower.train()
    likeness = seen @ F.normalize(projection(texts), dim=-1).T
    better = (likeness > likeness.diagonal()[:, None] + 1e-6).sum(dim=1)
    shares = {"caption of five": (better < 5).float().mean().item()}
    return shares | {lesson.kind: lesson.right(seen, projection) for lesson in lessons}


@torch.no_grad()
def fitting_scale(tower: nn.Module, projection: nn.Module, pixels: Tensor, lessons: Sequence[Lesson]) -> float:
    """Of whole numbers the scale with which unseen pictures find their words most surely, and are not too sure."""
    seen, rows = F.normalize(tower.eval()(pixel_values=pixels).image_embeds, dim=-1), torch.arange(-len(pixels), 0)
    losses = [sum(float(one.loss(scale * seen, projection, rows, 0)) for one in lessons) for scale in range(1, 101)]
    return 1.0 + losses.index(min(losses))


def write(out: Path, tower: nn.Module, projection: nn.Module, scale: float) -> None:
    """A folder as transformers reads it, in half precision."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name: value for name, value in tower.state_dict().items() if not name.endswith("position_ids")}
    tensors["text_projection.weight"] = projection.state_dict()["weight"]
    tensors["logit_scale"] = torch.tensor(math.log(scale))  # as in CLIP
    halves = {name: value.half().contiguous() for name, value in tensors.items()}
    save_safetensors(out / "model.safetensors", halves, {"format": "pt"})
    config = {"model_type": "clip", "projection_dim": CONFIG["projection_dim"], "vision_config": CONFIG}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
