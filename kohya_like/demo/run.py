"""`demo`: train a network of the ghost on the embedded model and draw what it knew before and what it knows after."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from kohya_like.demo.measure import GHOST_FOUND, GHOST_PROMPTS, OTHER_PROMPTS, ghost_score
from kohya_like.schema.errors import UserError

HERE = Path(__file__).parent
PRESET = HERE.parent.parent / "presets" / "demo.toml"
BASE_VARIABLE = "KOHYA_LIKE_DEMO_BASE"  # another tiny model in place of the embedded one


def demo_base() -> Path:
    return Path(os.environ.get(BASE_VARIABLE) or HERE / "base")


def demo_tower() -> Path:
    """An image tower that goes with the embedded model's text encoder; `make_tower` made it."""
    return HERE / "tower"


def demo_overrides(output_dir: Path) -> list[str]:
    """What makes the preset independent of the folder it is called from."""
    return [
        f"model.base={json.dumps(str(demo_base()))}",
        f"data.train_data_dir={json.dumps(str(HERE / 'dataset' / 'train'))}",
        f"data.reg_data_dir={json.dumps(str(HERE / 'dataset' / 'reg'))}",
        f"save.output_dir={json.dumps(str(output_dir))}",
    ]


def run_demo(
    out: Path, overrides: Sequence[str], as_json: bool, watched: Callable[[Path, object, int, bool], int]
) -> int:
    """Train, draw the strip, print both paths. Returns an exit code."""
    from kohya_like.config import load
    from kohya_like.training import start_checked

    if not (demo_base() / "model_index.json").is_file():
        raise UserError(f"{demo_base()}: the embedded model is missing", "clone the project again, with all files")
    folder = out.resolve() / f"demo-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"
    folder.mkdir(parents=True)
    run, supervisor = start_checked(PRESET, [*demo_overrides(folder), *overrides], folder)
    code = watched(run, supervisor, 0, as_json)
    if code:
        return code
    config, _ = load(run / "config.toml")
    network = config.save.plan(config.network.suffixes).final()
    if not network.is_file():
        raise UserError(f"{network} was not written", f"{run / 'console.log'} says more")
    strip = folder / "before-after.png"
    found = draw_strip(demo_base(), network, strip, config.network.title)
    if as_json:
        facts = {"network": str(network), "strip": str(strip), "ghosts_before": found[0], "ghosts_after": found[1]}
        print(json.dumps(facts))
    else:
        print(f"\nThe network:         {network}")
        print(f"Before and after:    {strip}")
        print(f"Ghosts recognised:   {found[0]} of {len(GHOST_PROMPTS)} before, {found[1]} after")
    return 0


def draw_strip(base: Path, network: Path, path: Path, title: str) -> tuple[int, int]:
    """A sheet of both sets of prompts without and with the network of that title.

    Returns how many ghosts are seen in each.
    """
    from kohya_like.families.loading import load_backbone
    from kohya_like.prompt_file import SamplePrompt
    from kohya_like.sampling import save_png
    from kohya_like.verbs.generate import attach_network, painter_of

    backbone = load_backbone(base, "auto")
    prompts = [
        SamplePrompt(text, "", 64, 64, 100 + i, 4.0, 25, "ddim") for i, text in enumerate(GHOST_PROMPTS + OTHER_PROMPTS)
    ]

    def pictures() -> list[Image.Image]:
        drawn = dict(painter_of(backbone).draw(prompts))
        return [drawn[i] for i in range(len(prompts))]

    before = pictures()
    attach_network(backbone, network, 1.0)
    after = pictures()
    n = len(GHOST_PROMPTS)
    rows = [
        ("sks ghost ..., before", before[:n]),
        (f"sks ghost ..., with the {title}", after[:n]),
        ("other prompts, before", before[n:]),
        (f"other prompts, with the {title}", after[n:]),
    ]
    save_png(path, labelled(rows))
    ghosts = [sum(ghost_score(image) > GHOST_FOUND for image in images[:n]) for images in (before, after)]
    return ghosts[0], ghosts[1]


def labelled(rows: Sequence[tuple[str, Sequence[Image.Image]]], scale: int = 2, gap: int = 6) -> Image.Image:
    """Rows of pictures, each under its label."""
    cell = max(max(image.size) for _, images in rows for image in images) * scale
    label = 20
    width = max(len(images) for _, images in rows) * (cell + gap) + gap
    sheet = Image.new("RGB", (width, len(rows) * (cell + label + gap) + gap), (250, 250, 250))
    pen = ImageDraw.Draw(sheet)
    for r, (text, images) in enumerate(rows):
        top = gap + r * (cell + label + gap)
        pen.text((gap, top + 3), text, fill=(40, 40, 40))
        for i, image in enumerate(images):
            big = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
            sheet.paste(big, (gap + i * (cell + gap), top + label))
    return sheet
