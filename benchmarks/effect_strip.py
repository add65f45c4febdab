"""A sheet of pictures, a row for each network of a folder: the same prompts and seeds, the untrained model first.

python -m benchmarks.effect --networks lora locon ... --seeds 1 --files FOLDER
python -m benchmarks.effect_strip FOLDER docs/networks-strip.png
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from kohya_like.data.placeholders import Placeholders
from kohya_like.demo.measure import GHOST_PROMPTS, OTHER_PROMPTS
from kohya_like.demo.run import demo_base, labelled
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import Painter, save_png
from kohya_like.verbs.generate import attach_network

TEXTS = (*GHOST_PROMPTS[:3], GHOST_PROMPTS[4], OTHER_PROMPTS[0], OTHER_PROMPTS[2])


def drawn(backbone: Backbone, words: Placeholders | None = None, negative: str = "") -> list[Image.Image]:
    """The prompts' pictures with whatever is attached; seeds and sampler are those of the measurement.

    `words` are the names of embeddings that the text encoders know; `negative` is the ghosts' negative prompt.
    """
    prompts = [
        SamplePrompt(text, negative if text in GHOST_PROMPTS else "", 64, 64, 11 + i, 4.0, 25, "ddim")
        for i, text in enumerate(TEXTS)
    ]
    alphas = NoiseSchedule.scaled_linear().alphas_cumprod
    pictures = dict(Painter(backbone, PromptEncoder(backbone, placeholders=words), alphas).draw(prompts))
    return [pictures[i] for i in range(len(TEXTS))]


def rows(files: Sequence[Path]) -> Iterator[tuple[str, list[Image.Image]]]:
    yield "untrained", drawn(load_backbone(demo_base()))
    for file in files:
        backbone = load_backbone(demo_base())
        attach_network(backbone, file, 1.0)
        yield file.stem, drawn(backbone)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args()
    files = sorted(path for path in a.folder.iterdir() if path.suffix in (".safetensors", ".pt"))
    save_png(a.out, labelled(list(rows(files)), scale=1).quantize(256))
    print(f"{a.out}: {a.out.stat().st_size} bytes; columns: {'; '.join(TEXTS)}")


if __name__ == "__main__":
    main()
