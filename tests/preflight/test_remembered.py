"""What is remembered between checks is what a fresh check would find, or is said to be stale and read again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.data.concept import ConceptReader, Reading
from kohya_like.data.options import SETTING_KEYS
from kohya_like.preflight import check, remembered
from kohya_like.preflight.remembered import LIFETIME, Remembered
from kohya_like.preflight.report import CheckReport
from kohya_like.schema.validate import build
from tests.data.folders_made import make
from tests.preflight.made import SD1, SDXL, pictures, roomy_machine, sparse_safetensors, workplace


class Bench:
    """A preset over a workplace, one memory, a clock that is set by hand, and a count of what is read."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.seconds = root, 100.0
        self.memory = Remembered(lambda: self.seconds)
        self.read: list[str] = []
        self.identified: list[str] = []
        inner, identify = ConceptReader.read, remembered.identify

        def read(reader: ConceptReader) -> Reading:
            self.read.append(reader.concept.name)
            return inner(reader)

        def identified(path: Path) -> Any:
            self.identified.append(path.name)
            return identify(path)

        monkeypatch.setattr(ConceptReader, "read", read)
        monkeypatch.setattr(remembered, "identify", identified)

    @property
    def folder(self) -> Path:
        return self.root / "data/10_sks ghost"

    def config(self, **changes: dict[str, Any]) -> TrainConfig:
        sections = {name: dict(values) for name, values in workplace(self.root).items()}
        for name, values in changes.items():
            sections.setdefault(name, {}).update(values)
        return build(TrainConfig, sections)

    def check(self, renew: bool = False, **changes: dict[str, Any]) -> CheckReport:
        return check(self.config(**changes), readers=self.memory.readers(renew))

    def fresh(self, **changes: dict[str, Any]) -> CheckReport:
        return check(self.config(**changes))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    roomy_machine(monkeypatch)
    yield Bench(tmp_path, monkeypatch)


CHANGES: list[dict[str, Any]] = [
    {"caption_extension": ".tags"}, {"shuffle_caption": True}, {"keep_tokens": 2}, {"keep_tokens_separator": "|||"},
    {"caption_separator": ";"}, {"secondary_separator": ";;"}, {"enable_wildcard": True},
    {"caption_prefix": "long " * 80}, {"caption_suffix": "end"}, {"caption_dropout_rate": 0.5},
    {"caption_dropout_every_n_epochs": 2}, {"caption_tag_dropout_rate": 0.5}, {"token_warmup_min": 2},
    {"token_warmup_step": 5.0}, {"flip_aug": True}, {"color_aug": True}, {"random_crop": True},
    {"resize_interpolation": "area"}, {"alpha_mask": True, "masked_loss": True}, {"masked_loss": True},
    {"mask_dir": "ROOT/masks", "masked_loss": True}, {"resolution": 256}, {"enable_bucket": False},
    {"bucket_reso_steps": 512}, {"bucket_no_upscale": False}, {"prior_loss_weight": 0.5},
    {"reg_data_dir": "ROOT/data"}, {"subsets": [{"image_dir": "ROOT/data/10_sks ghost", "num_repeats": 3}]},
    {"subsets": [{"image_dir": "ROOT/data/10_sks ghost", "class_tokens": "cat", "is_reg": True}]},
    {"subsets": [{"image_dir": "ROOT/data/10_sks ghost", "metadata_file": "ROOT/meta.json"}]},
    {"mask_suffix": "_att", "masked_loss": True},
    {"train_data_dir": "ROOT/data/10_sks ghost"}, {"validation_split": 0.2}, {"train_data_dir": "ROOT/nowhere"},
]  # fmt: skip


def _rooted(value: Any, root: Path) -> Any:
    if isinstance(value, str):
        return value.replace("ROOT", str(root))
    if isinstance(value, list):
        return [_rooted(item, root) for item in value]
    return {key: _rooted(item, root) for key, item in value.items()} if isinstance(value, dict) else value


def test_every_edit_gives_what_a_fresh_check_finds(bench: Bench) -> None:
    workplace(bench.root)
    make(bench.root, {"masks/0.png": (512, 512), "meta.json": '{"0": "a", "1": "b", "gone": "c"}'})
    make(bench.folder, {"1.tags": "other words", "2.txt": "", "small.png": (100, 100)})
    assert {key for change in CHANGES for key in change} >= set(SETTING_KEYS)
    for change in [*CHANGES, *CHANGES]:
        data = _rooted(change, bench.root)
        assert bench.check(data=data).as_dict() == bench.fresh(data=data).as_dict(), change


def test_an_edit_reads_nothing_again(bench: Bench) -> None:
    bench.check()
    before = len(bench.read), len(bench.identified)
    assert before == (1, 1)
    for changes in ({"train": {"train_batch_size": 4}}, {"data": {"resolution": 256}}, {"data": {"flip_aug": True}}):
        bench.check(**changes)
    assert (len(bench.read), len(bench.identified)) == before and not bench.memory.is_stale
    bench.memory.forget()
    bench.check()
    assert (len(bench.read), len(bench.identified)) == (2, 2)


def test_a_new_picture_is_told_first_as_stale_then_read(bench: Bench) -> None:
    assert bench.check().images == 24 and not bench.memory.is_stale
    make(bench.folder, {"new.png": (512, 512)})
    assert bench.check().images == 24 and bench.memory.is_stale
    assert bench.check(renew=True).images == 25 and not bench.memory.is_stale
    assert bench.check().images == 25


def test_a_caption_edited_in_place_is_seen_when_the_reading_is_old(bench: Bench) -> None:
    bench.check()
    (bench.folder / "0.txt").write_text("")
    bench.seconds += LIFETIME - 1
    bench.check()
    assert not bench.memory.is_stale
    bench.seconds += 2
    assert bench.check().concepts[0].empty_captions == 0 and bench.memory.is_stale
    assert bench.check(renew=True).concepts[0].empty_captions == 1


def test_folders_that_come_and_go_are_seen_at_once(bench: Bench) -> None:
    bench.check()
    pictures(bench.root / "data", 2, name="3_cat")
    assert [concept.name for concept in bench.check().concepts] == ["10_sks ghost", "3_cat"]
    assert bench.read == ["10_sks ghost", "3_cat"]  # only the new one was read
    shutil.rmtree(bench.folder)
    assert [concept.name for concept in bench.check().concepts] == ["3_cat"]
    config = bench.config()
    shutil.rmtree(bench.root / "data")
    assert "no-folder" in {fault.code for fault in check(config, readers=bench.memory.readers()).faults}


def test_another_model_is_seen_at_once(bench: Bench) -> None:
    assert bench.check().model.family == "sd1"
    sparse_safetensors(bench.root / "base.safetensors", SDXL)
    assert bench.check().model.family == "sdxl" and not bench.memory.is_stale
    os.remove(bench.root / "base.safetensors")
    assert "base-model" in {fault.code for fault in bench.check().faults}
    sparse_safetensors(bench.root / "base.safetensors", SD1)
    assert bench.check().model.family == "sd1"


def test_the_files_inside_a_model_folder_are_looked_at(tmp_path: Path) -> None:
    make(tmp_path, {"unet/config.json": "{}", "model_index.json": "{}"})
    before = remembered._stamp_of(tmp_path)
    assert before == remembered._stamp_of(tmp_path)
    (tmp_path / "unet/config.json").write_text('{"a": 1}')
    assert remembered._stamp_of(tmp_path) != before
    assert remembered._stamp_of(tmp_path / "nothing") == ((),)


def test_what_is_no_longer_asked_for_is_dropped(bench: Bench, tmp_path: Path) -> None:
    bench.check()
    pictures(tmp_path / "other", 2)
    for _ in range(remembered.UNUSED_CHECKS + 2):
        bench.check(data={"train_data_dir": str(tmp_path / "other")})
    bench.check()
    assert len(bench.read) == 3


def test_a_check_that_is_broken_off_keeps_what_it_has_read(bench: Bench) -> None:
    pictures(bench.root / "data", 2, name="3_cat")
    workplace(bench.root)
    pictures(bench.root / "data")

    class Enough(Exception):
        pass

    def progress(concept: str, count: int) -> None:
        if concept == "3_cat":
            raise Enough

    with pytest.raises(Enough):
        check(bench.config(model={"base": ""}), readers=bench.memory.readers(progress=progress))
    assert bench.read == ["10_sks ghost", "3_cat"]
    assert len(bench.check().concepts) == 2
    assert bench.read == ["10_sks ghost", "3_cat", "3_cat"]


def test_tokens_of_a_caption_are_counted_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    inner = remembered.count_tokens

    def count(text: str) -> int:
        counted.append(text)
        return inner(text)

    monkeypatch.setattr(remembered, "count_tokens", count)
    workplace(bench.root)
    (bench.folder / "0.txt").write_text("word " * 90)
    for _ in range(2):
        (fault,) = [fault for fault in bench.check().faults if fault.code == "long-captions"]
        assert "(up to 90)" in fault.text
    assert len(counted) == 1
    monkeypatch.setattr(remembered, "TEXTS_AT_MOST", 1)
    bench.check(data={"caption_prefix": "a " * 75})
    assert bench.fresh(data={"caption_prefix": "a " * 75}).as_dict() == bench.check(
        data={"caption_prefix": "a " * 75}
    ).as_dict()  # fmt: skip
