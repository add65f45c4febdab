"""What `benchmarks.methods` measured, kept as a file, and the sheet of pictures made of what it drew.

`results/methods.json`: {"machine", "untrained_score", "rows": [...]}, one row for each method; a new measurement takes
the place of the one before. Losses are after / before, seconds are of one processor core, sizes in bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from kohya_like.demo.run import labelled
from kohya_like.formats.atomic import atomic_text
from kohya_like.sampling import save_png

HERE = Path(__file__).parent
RESULTS, SHEET = HERE / "results" / "methods.json", HERE.parent / "docs" / "methods.png"
LABELS = {
    "untrained": "before",
    "lora": "LoRA",
    "locon": "LoCon",
    "loha": "LoHa",
    "hypernetwork": "hypernetwork",
    "dreambooth_lora": "DreamBooth (LoRA), with class pictures",
    "finetune": "fine-tune of all weights",
    "dreambooth": "DreamBooth of all weights, with class pictures",
    "textual_inversion": "Textual Inversion",
    "dreamartist": "DreamArtist, both words",
    "pivotal": "pivotal tuning",
}
ORDER = tuple(LABELS)[1:]


@dataclass(frozen=True)
class Row:
    """One training. `ghost`, `other`, `bound` are losses after / before; score and ghosts found are of eight drawn."""

    name: str
    seed: int
    steps: int
    batch: int
    ghost: float  # of ghosts that no training saw
    other: float  # of pictures of everything else: 1 where nothing was forgotten
    bound: float  # of ghosts under the caption of a red circle: high where the ghost is bound to its words
    score: float
    found: int
    parameters: int
    bytes: int  # of all files it wrote
    peak: int  # bytes of tensors in a step
    seconds: float  # of all steps
    ready: float  # seconds before the first step: latents, and class pictures drawn
    date: str
    commit: str


def read_rows(path: Path = RESULTS) -> dict[str, Row]:
    """By name, in the order of the page."""
    told = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    found = {row["name"]: Row(**row) for row in told}
    return {name: found[name] for name in ORDER if name in found}


def add_row(row: Row, machine: str, untrained_score: float, path: Path = RESULTS) -> None:
    rows = [asdict(one) for one in (read_rows(path) | {row.name: row}).values()]
    told = {"machine": machine, "untrained_score": untrained_score, "rows": rows}
    atomic_text(path, json.dumps(told, indent=1) + "\n")


def sheet(folder: Path, path: Path = SHEET) -> str:
    """A row of pictures for each method of the folder, the untrained model first; where it is, and how large."""
    rows = []
    for name, label in LABELS.items():
        images = [Image.open(file) for file in sorted((folder / name).glob("*.png"))]
        if images:
            rows.append((label, images))
    save_png(path, labelled(rows).quantize(256))
    return f"{path}: {path.stat().st_size} bytes, {len(rows)} rows"
