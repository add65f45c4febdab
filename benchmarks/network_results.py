"""What `benchmarks.networks` measured, kept as a file, and the table made of it.

    python -m benchmarks.network_results        writes the table into benchmarks/README.md anew

`results/networks.json`: {"machine", "device", "torch", "threads", "latents", "model", "rows": [...]}, one row for each
kind, batch and number type, in seconds and bytes. A new measurement replaces the row of its kind.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, README = HERE / "results" / "networks.json", HERE / "README.md"
BEGIN, END = "<!-- made by benchmarks.network_results: begin -->", "<!-- end -->"
COLUMNS = (
    "", "Batch", "Ours", "LyCORIS", "Our LoRA", "Ours / LyCORIS, processor (clock)", "Target", "Ours / LoRA",
    "LyCORIS / LoRA", "Peak, ours / LyCORIS", "Ratio", "Target",
)  # fmt: skip


@dataclass(frozen=True)
class Seconds:
    """Median seconds of a step: by the clock, and of the processor."""

    clock: float
    processor: float

    def __truediv__(self, other: Seconds) -> Seconds:
        return Seconds(self.clock / other.clock, self.processor / other.processor)


@dataclass(frozen=True)
class Peak:
    """Largest bytes of the process: ours, LyCORIS', and of the model with nothing on it and no step made."""

    ours: int
    lycoris: int
    model: int

    @property
    def ratio(self) -> float:
        return self.ours / self.lycoris


@dataclass(frozen=True)
class Row:
    """One kind at one batch size beside LyCORIS' (`against`) and our LoRA, interleaved."""

    kind: str
    batch: int
    dtype: str
    date: str
    commit: str
    load: float
    rounds: int
    modules: int
    parameters: int
    against: str
    ours: Seconds
    lycoris: Seconds
    lora: Seconds
    target_step: float
    target_peak: float
    peak: Peak | None = None

    @property
    def step_held(self) -> bool:
        """By processor time: the clock of a busy machine counts other people's work."""
        return (self.ours / self.lycoris).processor <= self.target_step

    @property
    def peak_held(self) -> bool | None:
        return None if self.peak is None else self.peak.ratio <= self.target_peak

    def told(self) -> dict[str, Any]:
        """As it stands in the file: the measured, and what follows from it."""
        ratios = {
            "ours_to_lycoris": asdict(self.ours / self.lycoris),
            "ours_to_lora": asdict(self.ours / self.lora),
            "lycoris_to_lora": asdict(self.lycoris / self.lora),
            "peak": self.peak and round(self.peak.ratio, 4),
        }
        return asdict(self) | {"ratios": ratios, "held": {"step": self.step_held, "peak": self.peak_held}}


def row_of(told: dict[str, Any]) -> Row:
    known = {field.name: told[field.name] for field in fields(Row)}
    for side in ("ours", "lycoris", "lora"):
        known[side] = Seconds(**known[side])
    return Row(**{**known, "peak": known["peak"] and Peak(**known["peak"])})


def read_rows(path: Path = RESULTS) -> list[Row]:
    return [row_of(told) for told in json.loads(path.read_text("utf-8"))["rows"]] if path.exists() else []


def add_row(row: Row, conditions: dict[str, Any], path: Path = RESULTS) -> None:
    """Put the row in the place of an older one of its kind. Raises ValueError where the file's conditions differ."""
    rows = {(r.kind, r.batch, r.dtype): r for r in read_rows(path)}
    if rows and {k: v for k, v in json.loads(path.read_text("utf-8")).items() if k != "rows"} != conditions:
        raise ValueError(f"{path}: was measured under other conditions; move it away to begin anew")
    rows[row.kind, row.batch, row.dtype] = row
    path.parent.mkdir(exist_ok=True)
    told = [rows[key].told() for key in sorted(rows)]
    path.write_text(json.dumps({**conditions, "rows": told}, indent=1) + "\n", encoding="utf-8")


def table(rows: list[Row]) -> str:
    """Markdown: processor seconds, ratios by processor and (clock), peaks."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for r in rows:
        share, peaks = r.ours / r.lycoris, ["", "", ""]
        if r.peak:
            sizes = f"{r.peak.ours / 2**30:.2f} / {r.peak.lycoris / 2**30:.2f} GiB"
            peaks = [sizes, f"{r.peak.ratio:.3f}", f"{r.target_peak:g} {_word(bool(r.peak_held))}"]
        cells = [
            r.kind if r.dtype == "fp32" else f"{r.kind}, {r.dtype}", str(r.batch),
            *(f"{side.processor:.2f} s" for side in (r.ours, r.lycoris, r.lora)),
            f"{share.processor:.3f} ({share.clock:.3f})", f"{r.target_step:g} {_word(r.step_held)}",
            f"{(r.ours / r.lora).processor:.3f}", f"{(r.lycoris / r.lora).processor:.3f}", *peaks,
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _word(held: bool) -> str:
    return "held" if held else "**missed**"


def with_table(text: str, rows: list[Row]) -> str:
    """The text with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    README.write_text(with_table(README.read_text("utf-8"), read_rows()), encoding="utf-8")


if __name__ == "__main__":
    main()
