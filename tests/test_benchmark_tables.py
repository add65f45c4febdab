"""The tables of measured figures are those of the files that the benchmarks wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import dataset
from benchmarks.network_results import README, RESULTS, Peak, Row, Seconds, add_row, read_rows, table, with_table

pytestmark = pytest.mark.quick
ROW = Row(
    "loha", 1, "fp32", "2026-01-01", "abc", 1.0, 3, 192, 7, "loha.LohaModule", Seconds(2.0, 1.0), Seconds(2.0, 2.0),
    Seconds(1.0, 0.8), 0.9, 0.8, Peak(9, 10, 1),
)  # fmt: skip
CONDITIONS: dict[str, object] = {"device": "cpu", "threads": 1}


def test_the_readme_has_the_figures_of_the_file() -> None:
    text, rows = README.read_text("utf-8"), read_rows()
    assert rows and with_table(text, rows) == text, "run python -m benchmarks.network_results"


def test_what_follows_from_the_figures_is_in_the_file_too() -> None:
    told = ROW.told()
    assert told["ratios"]["ours_to_lycoris"] == {"clock": 1.0, "processor": 0.5}
    assert told["ratios"]["ours_to_lora"]["processor"] == 1.25
    assert told["held"] == {"step": True, "peak": False}  # 0.9 > 0.8
    assert "| 0.500 (1.000) | 0.9 held |" in table([ROW]) and "0.8 **missed**" in table([ROW])


def test_a_new_figure_replaces_its_own_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "results" / "networks.json"
    for row in (ROW, Row(**{**vars(ROW), "batch": 4, "peak": None}), Row(**{**vars(ROW), "commit": "def"})):
        add_row(row, CONDITIONS, path)
    assert [(row.batch, row.commit) for row in read_rows(path)] == [(1, "def"), (4, "abc")]
    assert read_rows(path)[1].peak_held is None
    with pytest.raises(ValueError, match="other conditions"):
        add_row(ROW, {**CONDITIONS, "threads": 2}, path)
    assert RESULTS.exists()


def test_the_table_of_datasets_is_that_of_its_file() -> None:
    text, found = README.read_text(encoding="utf-8"), dataset.read_rows()
    assert found and dataset.with_table(text, found) == text, "run python -m benchmarks.dataset --write"
    slower = [{**row, "median": 10 * row["median"]} for row in found]
    assert dataset.with_table(text, slower) != text
    assert {*dataset.TARGETS, *dataset.TAGGUI} <= {row["name"] for row in found}
