"""The captions page and the dataset tools over 100,000 pictures.

    python -m benchmarks.dataset [--folder FOLDER] [--count 100000] [--rounds 5] [--only opened edited ...] [--write]

The dataset is that of benchmarks.dataset_made (6 GB for 100,000; taken as it is where FOLDER holds one). Each round is
a process of its own with a cache folder of its own, `offscreen`. "Opened" runs twice in each round: without an index,
and with that of the first time. --write puts medians, load and commit into results/dataset.json and the table into
README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.dataset_window import WORKS, Figures

HERE = Path(__file__).parent
RESULTS, README = HERE / "results" / "dataset.json", HERE / "README.md"
BEGIN, END = "<!-- made by benchmarks.dataset: begin -->", "<!-- made by benchmarks.dataset: end -->"
TARGETS: dict[str, float] = {
    "first screen": 700,
    "captions indexed": 5000,
    "second open: first screen": 700,
    "second open: captions indexed": 1500,
    "memory with the dataset": 350,
    "add a tag": 16,
    "filter a common tag": 50,
    "filter a rare tag": 50,
    "filter tokens:>75": 50,
    "rename a tag of all captions, in memory": 200,
    "rename a common tag, in memory": 200,
    "near-duplicates, first look": 360_000,
    "near-duplicates, second look": 5000,
    "longest block": 50,
    "longest block while editing": 50,
    "second open: longest block": 50,
    "second open: memory with the dataset": 350,
}
TAGGUI = {  # gui.md section 0: taggui on 2 cores, 100,000 pictures
    "first screen": "17.6 s, frozen",
    "add a tag": "1.9 - 4.1 s",
    "filter a common tag": "1.6 - 3.1 s",
    "filter a rare tag": "1.6 - 3.1 s",
    "filter tokens:>75": "20 - 27 s",
    "rename a common tag, in memory": "11.4 s",
    "thumbnail": "8.7 ms, UI thread",
}
Row = dict[str, Any]


def child(work: str, place: Path, dataset: Path) -> Figures:
    """One measurement in a process of its own, with its cache and state below `place`."""
    own = {"XDG_CACHE_HOME": str(place / "cache"), "KOHYA_LIKE_STATE_DIR": str(place / "state")}
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1", **own}
    command = [sys.executable, "-m", "benchmarks.dataset", "--child", work, str(place / "settings"), str(dataset)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def once(work: str, dataset: Path) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first = child(work, place, dataset)
        if work != "opened":
            return first
        second = child(work, place, dataset)
    again = (
        "first screen", "captions indexed", "captions indexed, processor", "memory with the dataset", "longest block",
    )  # fmt: skip
    return first | {f"second open: {name}": second[name] for name in again}


def measured(work: str, dataset: Path, rounds: int) -> list[Row]:
    """Rows of medians; the load is the highest that was seen at the rounds' ends."""
    once_more = rounds if work not in ("duplicates",) else 1
    found, loads = [], [os.getloadavg()[0]]
    for _ in range(once_more):
        found.append(once(work, dataset))
        loads.append(os.getloadavg()[0])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    rows: list[Row] = []
    for name in found[0]:
        values = [one[name] for one in found]
        row = {"name": name, "median": statistics.median(values), "low": min(values), "high": max(values)}
        row |= {"rounds": len(values), "load": [min(loads), max(loads)], "commit": commit}
        rows.append(row | {"date": datetime.date.today().isoformat()})
        print(line_of(rows[-1]), flush=True)
    return rows


def is_memory(name: str) -> bool:
    return name.removeprefix("second open: ").startswith("memory")


def shown(name: str, value: float) -> str:
    if is_memory(name):
        return f"{value:.0f} MB"
    return f"{value / 1e3:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def line_of(row: Row) -> str:
    """One row of the table."""
    name, target = row["name"], TARGETS.get(row["name"])
    spread = f"{shown(name, row['low'])} .. {shown(name, row['high'])}" if row["rounds"] > 1 else "one round"
    held = "" if target is None else "held" if row["median"] <= target else "**missed**"
    wanted = "" if target is None else shown(name, target)
    load = f"{row['load'][0]:.1f} - {row['load'][1]:.1f}"
    cells = (name, f"**{shown(name, row['median'])}**", spread, wanted, held, TAGGUI.get(name, ""), load, row["commit"])
    return f"| {' | '.join(cells)} |"


def table(rows: list[Row]) -> str:
    head = ("", "Median", "Spread", "Target", "", "taggui", "Load", "Commit")
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *map(line_of, rows)])


def with_table(text: str, rows: list[Row]) -> str:
    """The page with the table between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}"


def read_rows(path: Path = RESULTS) -> list[Row]:
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.exists() else []


def write(machine: str, count: int, rows: list[Row]) -> None:
    """New rows replace those of their name; the order is that of the measurements."""
    old: Mapping[str, Row] = {row["name"]: row for row in read_rows()}
    kept = list({**old, **{row["name"]: row for row in rows}}.values())
    said = {"machine": machine, "pictures": count, "rows": kept}
    RESULTS.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), kept), encoding="utf-8")


@contextlib.contextmanager
def dataset_in(folder: Path | None, count: int) -> Iterator[Path]:
    from benchmarks.dataset_made import bodies, make_dataset

    if folder is not None and folder.exists():
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        made = folder or Path(temporary) / "pictures"
        make_dataset(made, count, made=bodies(min(256, count)))
        yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the dataset is, or is to be made")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(WORKS), default=list(WORKS))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        work, settings, dataset = given.child
        print(json.dumps(WORKS[work](Path(settings), Path(dataset))))
        return
    from benchmarks.rounds import machine

    print(machine(), flush=True)
    with dataset_in(given.folder, given.count) as dataset:
        for work in given.only:
            started = time.perf_counter()
            rows = measured(work, dataset, given.rounds)
            print(f"{work}: {time.perf_counter() - started:.0f} s", flush=True)
            if given.write:
                write(machine().partition(", load")[0], given.count, rows)


if __name__ == "__main__":
    main()
