"""Concepts that get in each other's way: words that two folders share, and folders that are seen too seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from kohya_like.preflight.concepts import concept_faults
from tests.data.folders_made import make

pytestmark = pytest.mark.quick


def found(root: Path, folders: dict[str, str], reg: dict[str, str] | None = None, **counts: int) -> dict[str, str]:
    """code -> sentence for folders with two pictures each and one caption; `counts`: samples by folder number."""
    for parent, named in (("train", folders), ("reg", reg or {})):
        for name, caption in named.items():
            files: dict[str, str | bytes | tuple[int, int]] = {f"{parent}/{name}/{i}.png": (64, 64) for i in range(2)}
            make(root, {**files, **({f"{parent}/{name}/0.txt": caption} if caption else {})})
    options = DataOptions(train_data_dir=str(root / "train"), reg_data_dir=str(root / "reg") if reg else None)
    dataset = scan(options)
    samples = {number: 20 for number in range(len(dataset.concepts))}
    samples |= {int(number[1:]): count for number, count in counts.items()}
    return {fault.code: str(fault) for fault in concept_faults(dataset, samples)}


def test_concepts_that_share_nothing_but_their_class_are_fine(tmp_path: Path) -> None:
    folders = {"10_sks cat": "sks cat on a sofa", "10_zwx cat": "zwx cat in a box", "10_1girl": "a girl"}
    assert found(tmp_path, folders, {"1_cat": ""}) == {}


@pytest.mark.parametrize(
    ("folders", "reg", "code", "said"),
    [
        ({"10_sks cat": "", "5_Sks Cat": ""}, None, "same-words", "share the words 'sks cat'"),
        ({"10_sks cat": "", "10_sks dog": ""}, None, "same-trigger", "share the trigger word 'sks'"),
        ({"10_cat girl": "", "10_sks cat": ""}, None, "trigger-is-class", "of folder 10_cat girl is a class word"),
        ({"10_mycat cat": ""}, None, "trigger-splits", "is read as my + cat: 'cat' means something by itself"),
        ({"10_sks cat": ""}, {"1_sks cat": ""}, "trigger-in-reg", "folder 1_sks cat has the trigger word"),
        (
            {"10_sks cat": "", "10_zwx dog": "a zwx dog beside sks cat"}, None, "trigger-in-captions",
            "1 caption of folder 10_zwx dog with 'sks', the trigger word of 10_sks cat",
        ),
    ],
)  # fmt: skip
def test_each_conflict_is_told_alone(
    tmp_path: Path, folders: dict[str, str], reg: dict[str, str] | None, code: str, said: str
) -> None:
    faults = found(tmp_path, folders, reg)
    assert list(faults) == [code]
    assert said in faults[code]


def test_a_trigger_inside_another_word_is_none(tmp_path: Path) -> None:
    assert found(tmp_path, {"10_art cat": "", "10_zwx dog": "a party of zwx dogs"}) == {}


def test_a_concept_that_is_seen_too_seldom_is_named(tmp_path: Path) -> None:
    folders = {"10_a": "", "10_b": ""}
    assert "10_a is seen 11 times as often as 10_b" in found(tmp_path, folders, n0=220)["imbalance"]
    assert found(tmp_path, folders, n0=200) == {}
