"""The measured figures beside a recipe: those of the benchmark, in both languages; nothing where there are none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kohya_like.measured import RESULTS, measured_text
from kohya_like.recipes import RECIPES

pytestmark = pytest.mark.quick
ROW = {"name": "lora", "steps": 150, "batch": 12, "found": 7, "other": 1.4, "seconds": 33.4, "bytes": 772_332}
METHODS = {
    "lora", "locon", "loha", "hypernetwork", "dreambooth_lora", "finetune", "textual_inversion", "dreamartist",
    "pivotal",
}  # fmt: skip


def file_of(folder: Path, **changes: object) -> Path:
    path = folder / "methods.json"
    path.write_text(json.dumps({"rows": [{**ROW, **changes}]}), encoding="utf-8")
    return path


def test_the_sentence(tmp_path: Path) -> None:
    assert measured_text("lora", "en", file_of(tmp_path)) == (
        "Measured on the demo's tiny model, 150 steps of 12 pictures: the new subject in 7 of 8 drawn pictures, the "
        "error on other subjects +40 %, 33 s on one core, file 0.8 MB."
    )
    chinese = measured_text("lora", "zh_CN", tmp_path / "methods.json")
    assert all(figure in chinese for figure in ("150", "12", "7 张", "+40 %", "33 秒", "0.8 MB"))


@pytest.mark.parametrize(("other", "said"), [(1.0, "+0 %"), (0.998, "+0 %"), (0.9, "-10 %"), (2.5, "+150 %")])
def test_the_change_of_other_subjects(tmp_path: Path, other: float, said: str) -> None:
    assert f"other subjects {said}, " in measured_text("lora", "en", file_of(tmp_path, other=other))


def test_a_small_file_is_told_in_thousands(tmp_path: Path) -> None:
    assert measured_text("lora", "en", file_of(tmp_path, bytes=3488)).endswith("file 3 KB.")


def test_nothing_where_nothing_was_measured(tmp_path: Path) -> None:
    assert measured_text("oft", "en", file_of(tmp_path)) == ""
    assert measured_text("lora", "en", tmp_path / "none.json") == ""
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert measured_text("lora", "en", tmp_path / "broken.json") == ""


def test_every_method_was_measured_under_the_same_budget() -> None:
    rows = json.loads(RESULTS.read_text("utf-8"))["rows"]
    assert {row["name"] for row in rows} >= METHODS and len({(row["steps"], row["batch"]) for row in rows}) == 1
    assert {recipe.name for recipe in RECIPES if measured_text(recipe.name, "zh_CN")} == METHODS


def test_it_needs_no_torch() -> None:
    asks = "import sys, kohya_like.measured as m; m.measured_text('lora', 'en'); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", asks], text=True).strip() == "False"
