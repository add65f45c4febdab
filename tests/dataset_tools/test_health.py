"""A look over a dataset, and the clean copy: the best of each group stays, the originals are never touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from dataset_tools.copies import Shaping, carry_out
from dataset_tools.facts_store import FactsStore
from dataset_tools.health import Health, look_over, plan_clean_copy
from dataset_tools.quality import QualityRules
from kohya_like.schema.errors import UserError
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick
RULES = QualityRules((128, 128))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    put(folder / "10_a", "large.png", scene(1, (300, 300)), "a")
    put(folder / "10_a", "twin.png", scene(1, (300, 300)).resize((200, 200)), "twin")
    put(folder / "10_a", "soft.png", scene(2, (300, 300)).filter(ImageFilter.GaussianBlur(4)))
    put(folder / "1_b", "other.png", scene(3, (300, 300)))
    put(folder / "1_b", "clear.png", Image.new("RGBA", (200, 200), (9, 99, 200, 90)))
    torn = put(folder / "1_b", "torn.png", scene(4, (300, 300)))
    content = bytearray(torn.read_bytes())
    content[len(content) // 2] ^= 0xFF
    torn.write_bytes(content)
    return folder


def look(folder: Path) -> Health:
    return look_over([folder], RULES, FactsStore(folder.parent / "cache"))


def test_what_is_found(dataset: Path) -> None:
    health = look(dataset)
    assert (health.pictures, health.is_whole) == (6, True)
    assert [[path.name for path in group.pictures] for group in health.groups] == [["large.png", "twin.png"]]
    assert {(one.path.name, one.kind) for one in health.findings} == {
        ("soft.png", "soft"), ("torn.png", "damaged"), ("clear.png", "transparent"), ("clear.png", "soft"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reasons", "out"),
    [
        ([], set()),
        (["duplicate"], {"twin.png"}),
        (["damaged", "soft"], {"torn.png", "soft.png", "clear.png"}),
    ],
)
def test_the_clean_copy_leaves_out_what_is_named(dataset: Path, reasons: list[str], out: set[str]) -> None:
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    target = dataset.parent / "clean"
    plan = plan_clean_copy(dataset, target, look(dataset), reasons, Shaping())
    carry_out(plan, Shaping())
    made = {path.name for path in target.rglob("*.png")}
    assert made == {path.name for path in before if path.suffix == ".png"} - out - {"torn.png"}
    assert (target / "10_a" / "twin.txt").exists() == ("duplicate" not in reasons)
    assert {path: path.read_bytes() for path in before} == before
    assert (target / "10_a" / "large.png").read_bytes() == before[dataset / "10_a" / "large.png"]


def test_of_a_group_the_best_that_is_not_left_out_stays(dataset: Path) -> None:
    soft = put(dataset / "10_a", "soft2.png", scene(2, (280, 280)).filter(ImageFilter.GaussianBlur(3)))
    health = look(dataset)
    both = health.left_out(["duplicate", "soft"])
    assert soft in both and dataset / "10_a" / "soft.png" in both, "all of a group may go for another reason"
    alone = {path.name for path in health.left_out(["duplicate"])}
    assert alone == {"twin.png", "soft2.png"}


def test_what_cannot_be_done_is_said(dataset: Path) -> None:
    health = look(dataset)
    (dataset.parent / "none").mkdir()
    with pytest.raises(UserError, match='"ugly" is no reason'):
        plan_clean_copy(dataset, dataset.parent / "clean", health, ["ugly"], Shaping())
    with pytest.raises(UserError, match="holds no pictures"):
        look_over([dataset.parent / "none"], RULES, FactsStore(dataset.parent / "cache"))
    with pytest.raises(UserError, match="there is no such folder"):
        look_over([dataset / "gone"], RULES, FactsStore(dataset.parent / "cache"))
    everything = Health(1, (), tuple(QualityRules((9999, 9999)).findings({p: f for p, f in facts(dataset).items()})))
    with pytest.raises(UserError, match="no picture would be left"):
        plan_clean_copy(dataset, dataset.parent / "clean", everything, ["small", "damaged"], Shaping())


def facts(folder: Path) -> dict:
    return FactsStore(folder.parent / "cache").all_of(sorted(folder.rglob("*.png")))
