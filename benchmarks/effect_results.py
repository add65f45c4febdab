"""What `benchmarks.effect` measured of each network, kept as a file, and the table made of it.

    python -m benchmarks.effect_results        writes results/effect-networks.md anew

`results/effect-networks.json`: {"machine", "rows": [...]}, one row for each network, number of steps and seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "results" / "effect-networks.json", HERE / "results" / "effect-networks.md"
HEAD = """# What each network learns on the embedded model

Made by `python -m benchmarks.effect --networks ...`; what it was set to stands in `kohya_like/demo/settings.py`. Losses
are of pictures that no training saw, after / before: of ghosts, of everything else, and of ghosts under the caption of
a red circle, which stays high where the ghost is bound to its words. Score and ghosts found are of eight drawn ghosts
(untrained: score {score:.2f}, none found). Where there are several seeds: lowest .. highest. Time is of the processor,
which other jobs on the machine lengthen by sharing its caches.

{machine}
"""
COLUMNS = (
    "Network", "Steps x pictures", "Seeds", "Unseen ghosts", "Other pictures", "Foreign caption", "Score",
    "Ghosts of 8", "Trained numbers", "File", "Time", "Date, commit",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One training: losses are after / before, the time is of the processor."""

    name: str
    seed: int
    steps: int
    batch: int
    ghost: float
    other: float
    bound: float
    score: float
    found: int
    parameters: int
    bytes: int
    seconds: float
    date: str
    commit: str

    @property
    def kind(self) -> tuple[str, int, int]:
        return self.name, self.steps, self.batch


def read_rows(path: Path = RESULTS) -> list[Row]:
    return [Row(**told) for told in json.loads(path.read_text("utf-8"))["rows"]] if path.exists() else []


def add_row(row: Row, machine: str, untrained_score: float, path: Path = RESULTS) -> None:
    """Put the row in the place of an older one of its kind and seed, and write the table anew."""
    rows = {(*r.kind, r.seed): r for r in read_rows(path)} | {(*row.kind, row.seed): row}
    path.parent.mkdir(exist_ok=True)
    told = {"machine": machine, "untrained_score": untrained_score, "rows": [asdict(r) for r in rows.values()]}
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def table(rows: Sequence[Row]) -> str:
    """Markdown, a line for each kind; the longest trainings first, and of those the one that learnt most."""
    kinds: dict[tuple[str, int, int], list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    ordered = sorted(kinds.values(), key=lambda same: (-same[0].steps * same[0].batch, same[0].ghost))
    return "\n".join([*lines, *(_line(same) for same in ordered)])


def _line(same: Sequence[Row]) -> str:
    first = same[0]

    def span(value: Callable[[Row], float], form: str = ".2f") -> str:
        told = sorted({format(value(row), form) for row in same})
        return told[0] if len(told) == 1 else f"{told[0]} .. {told[-1]}"

    cells = (
        first.name, f"{first.steps} x {first.batch}", ", ".join(str(row.seed) for row in same), span(lambda r: r.ghost),
        span(lambda r: r.other), span(lambda r: r.bound), span(lambda r: r.score), span(lambda r: r.found, "d"),
        f"{first.parameters:,}", f"{first.bytes / 1000:,.0f} KB", f"{span(lambda r: r.seconds, '.0f')} s",
        f"{max(r.date for r in same)}, {same[-1].commit}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    told = json.loads(RESULTS.read_text("utf-8"))
    head = HEAD.format(machine=told["machine"], score=told["untrained_score"])
    TABLE.write_text(f"{head}\n{table(read_rows())}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
