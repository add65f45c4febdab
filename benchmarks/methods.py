"""Every training method on the embedded model and the ghost, under one budget: the same steps of as many pictures.

    python -m benchmarks.methods [--only lora ...] [--seed 1] [--steps 150] [--batch 12] --pictures FOLDER

Each row is kept in results/methods.json as soon as it is there. FOLDER receives the same prompts drawn with each
method; when all are there, docs/methods.png is made of them. Rates are those that fit this model, which wants far more
than a real one. Rows without class pictures show what a method forgets by itself. Both kinds of DreamBooth train beside
pictures that the untrained model draws, and half of each batch are these.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.effect_strip import drawn
from benchmarks.memory import LiveBytes
from benchmarks.method_results import ORDER, Row, add_row, sheet
from benchmarks.rounds import machine
from kohya_like.config import TrainConfig, load
from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.demo.effect import Effect, measure_effect, unseen_loss
from kohya_like.demo.measure import OTHER_PROMPTS, unseen_ghosts
from kohya_like.demo.run import HERE, PRESET, demo_base, demo_overrides
from kohya_like.demo.settings import LEARNS_THE_GHOST
from kohya_like.events import ControlFile, Event, Reporter, Step
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors
from kohya_like.formats.embeddings import read_embedding
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.recipe import build
from kohya_like.verbs.generate import attach_network

WORD, AGAINST, OWN_WORD = "sks ghost", "my-ghost-neg", "my-ghost"
GUIDANCE = 3.0  # of DreamArtist, as it is trained
CLASS_PICTURES = 8  # of each of the eight prompts
FINETUNE = (
    "method.name=finetune", "method.save_model_as=diffusers", "method.train_text_encoder=true",
    "optimizer.learning_rate=3e-4",
)  # fmt: skip
OF_A_WORD = (f"method.token_string={OWN_WORD}", "method.init_word=white", "data.caption_dropout_rate=0")
SETTINGS: dict[str, tuple[str, ...]] = {
    **{name: LEARNS_THE_GHOST[name] for name in ("lora", "locon", "loha", "hypernetwork")},
    "dreambooth_lora": (),
    "finetune": FINETUNE,
    "dreambooth": (*FINETUNE, "optimizer.learning_rate=6e-4"),  # half of what it sees are class pictures
    "textual_inversion": ("method.name=textual_inversion", *OF_A_WORD, "method.num_vectors_per_token=8",
                          "optimizer.learning_rate=0.1"),
    "dreamartist": ("method.name=dreamartist", *OF_A_WORD, "optimizer.learning_rate=0.1"),
    "pivotal": ("method.name=pivotal", *OF_A_WORD, "method.num_vectors_per_token=4", "method.embedding_lr=0.03"),
}  # fmt: skip
WITH_PRIOR = ("dreambooth_lora", "dreambooth")
OF_WORDS = ("textual_inversion", "dreamartist", "pivotal")


@dataclass(frozen=True)
class Budget:
    seed: int
    steps: int
    batch: int


@dataclass(frozen=True)
class Known:
    """A trained model, and how it is asked for a ghost."""

    backbone: Backbone
    words: Placeholders | None = None
    negative: str = ""


def settings(name: str, folder: Path, budget: Budget) -> TrainConfig:
    own = [
        *demo_overrides(folder / "out"), f"data.cache_dir={json.dumps(str(folder / 'cache'))}", "sample.prompts=[]",
        "data.reg_data_dir=", f"train.seed={budget.seed}", f"train.max_train_steps={budget.steps}",
        f"train.train_batch_size={budget.batch}", *SETTINGS[name],
    ]  # fmt: skip
    if name in WITH_PRIOR:
        own += [f"data.reg_data_dir={json.dumps(str(folder / 'reg'))}", f"data.num_class_images={CLASS_PICTURES}",
                f"data.class_prompts={json.dumps(OTHER_PROMPTS)}"]  # fmt: skip
    if name in OF_WORDS:
        own.append(f"data.train_data_dir={json.dumps(str(own_words(folder / 'data')))}")
    return load(PRESET, own)[0]


def own_words(folder: Path) -> Path:
    """The ghosts with the new word in their captions, for methods that train one."""
    source = HERE / "dataset" / "train" / "10_sks ghost"
    if not folder.exists():
        shutil.copytree(source, folder / source.name)
        for caption in folder.rglob("*.txt"):
            caption.write_text(caption.read_text("utf-8").replace(WORD, OWN_WORD), encoding="utf-8")
    return folder


def trained(config: TrainConfig, folder: Path) -> tuple[float, float, int]:
    """Seconds of the processor to make ready (class pictures are drawn) and to train, and how many numbers learnt."""
    begun = time.process_time()
    trainer = build(config, folder, Reporter(None), ControlFile(None, ""), False)
    ready = time.process_time()
    trainer.train()
    groups = trainer.optimization.optimizer.param_groups
    return ready - begun, time.process_time() - ready, sum(p.numel() for group in groups for p in group["params"])


def peak_bytes(name: str, folder: Path, budget: Budget) -> int:
    """The most that tensors take in a step after the first, when the moments are there."""
    config = settings(name, folder, Budget(budget.seed, 3, budget.batch))
    reporter, live = Reporter(None), LiveBytes()

    def begin_anew(event: Event) -> None:
        if isinstance(event, Step) and event.step == 2:
            live.peak = live.now

    reporter.listen(begin_anew)
    with tempfile.TemporaryDirectory() as out:
        config = config.model_copy(update={"save": config.save.model_copy(update={"output_dir": out})})
        trainer = build(config, folder, reporter, ControlFile(None, ""), False)
        with live:
            trainer.train()
    return live.peak


def opened(config: TrainConfig) -> Known:
    """The trained file, at work: `sks ghost` stands for the new word where there is one."""
    method, file = config.method.name, config.save_plan().final()
    if method == "finetune":
        return Known(load_backbone(file))
    backbone = load_backbone(demo_base())
    if config.method.uses_network:
        attach_network(backbone, file, 1.0)
    if method == "network":
        return Known(backbone)
    names = {WORD: file.with_suffix(".pt") if method == "pivotal" else file}
    if method == "dreamartist":
        names[AGAINST] = file.with_stem(f"{file.stem}-neg")
    found = {name: read_embedding(path) for name, path in names.items()}
    PlaceholderVectors(backbone, {name: embedding.vectors for name, embedding in found.items()}).attach()
    words = Placeholders([Placeholder(name, len(embedding)) for name, embedding in found.items()])
    return Known(backbone, words, AGAINST if method == "dreamartist" else "")


def effect_of(known: Known) -> tuple[Effect, float]:
    """What it knows, and the loss of unseen ghosts: of a pair, under both words."""
    effect = measure_effect(known.backbone, True, known.words, known.negative)
    if not known.negative:
        return effect, effect.ghost_loss
    encoder = PromptEncoder(known.backbone, placeholders=known.words)
    ghosts = unseen_ghosts()
    against = [caption.replace(WORD, AGAINST) for _, caption in ghosts]
    return effect, unseen_loss(known.backbone, ghosts, None, encoder, against, GUIDANCE)


def row(name: str, budget: Budget, base: Effect, pictures: Path) -> Row:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        config = settings(name, folder, budget)
        ready, seconds, parameters = trained(config, folder)
        written = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
        known = opened(config)
        effect, ghost_loss = effect_of(known)
        save_drawn(pictures / name, drawn(known.backbone, known.words, known.negative))
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        return Row(
            name, budget.seed, budget.steps, budget.batch, ghost_loss / base.ghost_loss,
            effect.other_loss / base.other_loss, effect.foreign_loss / base.foreign_loss, effect.score, effect.found,
            parameters, written, peak_bytes(name, folder, budget), seconds, ready, f"{datetime.date.today()}",
            commit.stdout.strip(),
        )  # fmt: skip


def save_drawn(folder: Path, images: list[Image.Image]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        image.save(folder / f"{number}.png")


def rows(names: list[str], budget: Budget, pictures: Path) -> Iterator[Row]:
    untrained = load_backbone(demo_base())
    base = measure_effect(untrained)
    save_drawn(pictures / "untrained", drawn(untrained))
    for name in names:
        one = row(name, budget, base, pictures)
        add_row(one, machine(), base.score)
        yield one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(ORDER), choices=ORDER, metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--pictures", type=Path, required=True)
    a = parser.parse_args()
    for one in rows(a.only, Budget(a.seed, a.steps, a.batch), a.pictures):
        print(one, flush=True)
    print(sheet(a.pictures))


if __name__ == "__main__":
    main()
