"""Batches are a function of seed and number: of nothing else, and least of all of the number of workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.data.buckets import balanced_repeats, fits_of, rules_of
from kohya_like.data.captions import sample_rng
from kohya_like.data.dataset import Loading, Sources, TrainingSet, ValidationSet
from kohya_like.data.options import DataOptions
from kohya_like.data.plan import BatchPlan
from kohya_like.data.records import ImageRecord
from kohya_like.data.scan import scan
from tests.data.batches_made import (
    LIVELY,
    REPEATS,
    WILD,
    cached,
    encode,
    facts,
    picture,
    pictures_of_two_buckets,
    same,
    sources,
    take,
    training_set,
)

pytestmark = pytest.mark.quick


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return pictures_of_two_buckets(tmp_path)


# a function of seed and number


def test_workers_change_nothing(records: list[ImageRecord]) -> None:
    made = sources(records, WILD)
    alone = take(training_set(made).loader(), 17)
    assert [batch.index for batch in alone] == list(range(17)) and alone[-1].epoch == 3
    helped = take(training_set(made, loading=Loading(workers=2)).loader(), 17)
    assert same(alone, helped)


def test_cached_batches_too_are_the_same_with_workers(records: list[ImageRecord], tmp_path: Path) -> None:
    made = cached(sources(records, LIVELY), tmp_path / "cache")
    alone = take(training_set(made).loader(), 10)
    assert all(batch.latents is not None and batch.pixels is None for batch in alone)
    assert same(alone, take(training_set(made, loading=Loading(workers=2)).loader(), 10))


def test_spawned_workers_can_do_it_as_well(records: list[ImageRecord]) -> None:
    made = sources(records, WILD)
    spawned = take(training_set(made, loading=Loading(workers=1, start_method="spawn")).loader(3), 4)
    assert same(take(training_set(made).loader(3), 4), spawned)


@pytest.mark.parametrize("workers", [0, 2])
def test_starting_at_a_batch_gives_the_tail_of_the_whole_run(records: list[ImageRecord], workers: int) -> None:
    made = sources(records, WILD)
    whole = take(training_set(made).loader(), 16)
    for start in (1, 6, 7, 13) if workers == 0 else (9,):  # within, at the end, at the start of an epoch; the second
        tail = take(training_set(made, loading=Loading(workers=workers)).loader(start), 16 - start)
        assert same(whole[start:], tail)


def test_another_seed_gives_other_batches(records: list[ImageRecord]) -> None:
    """Control for the above: order, captions and pixels all hang on the seed."""
    made = sources(records, WILD)
    ours, other = take(training_set(made).loader(), 8), take(training_set(made, seed=8).loader(), 8)
    assert [batch.identities for batch in ours] != [batch.identities for batch in other]
    assert [batch.captions for batch in ours] != [batch.captions for batch in other]
    assert not same(ours, other)


def test_epochs_differ_in_order_captions_and_pixels(records: list[ImageRecord]) -> None:
    batches = take(training_set(sources(records[:1], WILD), batch_size=1).loader(), 8)  # one picture, 2 repeats
    assert [batch.epoch for batch in batches] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len({batch.captions[0] for batch in batches}) > 4
    assert len({batch.pixels.numpy().tobytes() for batch in batches if batch.pixels is not None}) == 8


def test_the_global_generators_are_left_alone(records: list[ImageRecord]) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    take(training_set(sources(records, WILD)).loader(), 3)
    take(training_set(sources(records, WILD), loading=Loading(workers=1)).loader(), 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_caption_option_does_not_change_the_pixels(records: list[ImageRecord]) -> None:
    augmented = {"flip_aug": True, "random_crop": True}
    plain = take(training_set(sources(records, augmented)).loader(), 7)
    shuffled = take(training_set(sources(records, {**augmented, "shuffle_caption": True})).loader(), 7)
    assert [batch.captions for batch in plain] != [batch.captions for batch in shuffled]
    for one, other in zip(plain, shuffled):
        assert one.pixels is not None and other.pixels is not None and torch.equal(one.pixels, other.pixels)


# what is in a batch


def test_every_sample_of_an_epoch_comes_once_with_its_weight(records: list[ImageRecord]) -> None:
    batches = training_set(sources(records, {}))
    epoch = [batches[i] for i in range(len(batches))]
    names = [name for batch in epoch for name in batch.identities]
    assert sorted(names) == sorted(record.identity for record, n in zip(records, REPEATS) for _ in range(n))
    for batch in epoch:
        is_reg = [name.startswith("1_") for name in batch.identities]
        assert batch.is_reg.tolist() == is_reg and batch.is_reg.dtype == torch.bool
        assert batch.loss_weights.tolist() == [0.25 if reg else 1.5 for reg in is_reg]
        assert batch.masks is None


def test_pixels_and_captions_are_those_of_the_named_pictures(records: list[ImageRecord]) -> None:
    for batch in take(training_set(sources(records, {})).loader(), 7):
        assert batch.pixels is not None and batch.pixels.dtype == torch.float32
        for row, (name, caption) in enumerate(zip(batch.identities, batch.captions)):
            record = next(record for record in records if record.identity == name)
            assert caption == record.captions[0]
            image = np.asarray(Image.open(record.path), np.float32)
            mean = torch.from_numpy(image.mean((0, 1)) / 127.5 - 1)
            assert torch.allclose(batch.pixels[row].mean((1, 2)), mean, atol=0.1)


def test_original_crop_and_target_reach_the_batch_unequal(records: list[ImageRecord], tmp_path: Path) -> None:
    """A wide picture: 50x80 on disk, 40x64 scaled, the bucket 32x64 cut from row 4 on."""
    for made in (sources(records, {}), cached(sources(records, {}), tmp_path / "cache")):
        batches = take(training_set(made).loader(), 7)
        wide = next(batch for batch in batches if batch.target[0] == (32, 64))
        square = next(batch for batch in batches if batch.target[0] == (40, 40))
        assert (wide.original[0], wide.crop[0], wide.target[0]) == ((50, 80), (4, 0), (32, 64))
        assert (square.original[0], square.crop[0], square.target[0]) == ((60, 75), (0, 5), (40, 40))


def test_cached_latents_are_those_of_the_pixels_training_would_see(records: list[ImageRecord], tmp_path: Path) -> None:
    plain = sources(records, LIVELY)
    seen = take(training_set(plain).loader(), 14)
    kept = take(training_set(cached(plain, tmp_path / "cache")).loader(), 14)
    for ours, theirs in zip(seen, kept):
        assert ours.pixels is not None and theirs.latents is not None
        assert torch.allclose(encode(ours.pixels), theirs.latents, atol=1e-6)
        assert (ours.captions, ours.crop, ours.original) == (theirs.captions, theirs.crop, theirs.original)


def test_flips_of_cached_latents_really_happen(records: list[ImageRecord], tmp_path: Path) -> None:
    made = cached(sources(records[:1], {"flip_aug": True}), tmp_path / "cache")
    batches = take(training_set(made, batch_size=1).loader(), 16)
    assert len({batch.latents.numpy().tobytes() for batch in batches if batch.latents is not None}) == 2


def test_masks_come_from_alpha_and_files_and_count_whole_where_there_is_none(
    records: list[ImageRecord], tmp_path: Path
) -> None:
    Image.new("L", (80, 50), 0).save(tmp_path / "mask.png")
    see_through = picture(tmp_path, "h.png", 0, (80, 50), alpha=True)
    with_file = replace(records[0], mask_path=tmp_path / "mask.png")
    pictures = [with_file, see_through, records[2]]
    plain = sources(pictures, {"alpha_mask": True, "flip_aug": True}, masked=True)
    seen = take(training_set(plain, batch_size=6).loader(), 4)
    for batch in seen:
        assert batch.masks is not None and batch.masks.shape == (6, 1, 4, 8) and batch.masks.dtype == torch.float32
        by_name = {name: mask for name, mask in zip(batch.identities, batch.masks)}
        assert by_name[with_file.identity].max() == 0 and by_name[records[2].identity].min() == 1
        assert 0 < by_name[see_through.identity].mean() < 0.3
    kept = take(training_set(cached(plain, tmp_path / "cache"), batch_size=6).loader(), 4)
    assert [facts(batch)["masks"] for batch in seen] == [facts(batch)["masks"] for batch in kept]
    off = sources(pictures, {"alpha_mask": True}, masked=False)
    assert training_set(off, batch_size=6)[0].masks is None


def test_tag_warm_up_counts_optimizer_steps(records: list[ImageRecord]) -> None:
    """2 batches an epoch, 1 step of 2 batches: at step n there are 1 + n of 5 further tags, until step 5."""
    warm = {"token_warmup_min": 1, "token_warmup_step": 5.0}
    made = training_set(sources(records[:1], warm), batch_size=1, accumulation=2)
    tags = [len(made[number].captions[0].split(", ")) for number in range(14)]
    assert tags == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 6, 6]
    share = {"token_warmup_min": 1, "token_warmup_step": 0.5}
    made = training_set(sources(records[:1], share), batch_size=1, accumulation=2, total_steps=10)
    assert [len(made[number].captions[0].split(", ")) for number in range(14)] == tags


def test_accumulation_counts_the_short_step_at_an_epochs_end(records: list[ImageRecord]) -> None:
    """3 batches an epoch by 2 are 2 steps: batches 0 1 | 2 | 3 4 | 5 are of steps 0 0 1 2 2 3."""
    warm = {"token_warmup_min": 1, "token_warmup_step": 5.0}
    pictures = records[:3]
    made = sources(pictures, warm)
    run = TrainingSet(made, BatchPlan(made.fits, [1, 1, 1], 1, 0), 0, accumulation=2)
    assert [len(run[number].captions[0].split(", ")) for number in range(6)] == [1, 1, 2, 3, 3, 4]


def test_all_captions_of_a_run_are_known_where_they_do_not_vary(records: list[ImageRecord]) -> None:
    bare = replace(records[0], captions=())
    made = sources([bare, *records[1:]], {"caption_prefix": "photo of"})
    possible = training_set(made).possible_captions()
    assert possible is not None and len(possible) == 7 and "photo of sks cat" in possible
    seen = {caption for batch in take(training_set(made).loader(), 14) for caption in batch.captions}
    assert seen == set(possible)
    dropped = training_set(sources(records, {"caption_dropout_rate": 0.5}))
    assert "" in (dropped.possible_captions() or ())
    assert {c for b in take(dropped.loader(), 14) for c in b.captions} <= set(dropped.possible_captions() or ())
    assert training_set(sources(records, {"shuffle_caption": True})).possible_captions() is None


def test_all_tensors_of_a_batch_are_pinned(records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[Tensor] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: pinned.append(self) or self)
    batch = training_set(sources(records, {}))[0]
    assert same([batch], [batch.pin_memory()])
    assert {id(tensor) for tensor in pinned} == {id(v) for v in vars(batch).values() if isinstance(v, Tensor)}


def test_from_folders_to_batches(records: list[ImageRecord], tmp_path: Path) -> None:
    """Scan, buckets and plan as a run joins them; the reg pictures weigh prior_loss_weight."""
    data = tmp_path / "data"
    for record in records:
        folder = data / ("reg/1_cat" if record.subset else "train/2_sks cat")
        folder.mkdir(parents=True, exist_ok=True)
        record.path.rename(folder / record.path.name)
    (data / "train/2_sks cat/a.txt").write_text("a ghost")
    options = DataOptions(
        train_data_dir=str(data / "train"), reg_data_dir=str(data / "reg"), resolution=(64, 64), prior_loss_weight=0.5
    )
    dataset = scan(options)
    assert not dataset.errors
    fits = fits_of(dataset.images, rules_of(options, 64, 8))
    plan = BatchPlan(fits, balanced_repeats(dataset.images, dataset.concepts), 3, seed=1)
    run = TrainingSet(Sources(dataset.images, dataset.concepts, fits), plan, 1)
    epoch = [run[number] for number in range(len(run))]
    captions = {name: caption for batch in epoch for name, caption in zip(batch.identities, batch.captions)}
    weights = {name: weight for b in epoch for name, weight in zip(b.identities, b.loss_weights.tolist())}
    assert captions["2_sks cat/a.png"] == "a ghost" and captions["2_sks cat/b.png"] == "sks cat"
    assert len(weights) == 7 and sorted(set(weights.values())) == [0.5, 1.0]
    assert sum(batch.is_reg.sum().item() for batch in epoch) == 10  # as many as pictures with repeats


# validation


def test_validation_is_always_the_same_and_left_to_no_chance(records: list[ImageRecord], tmp_path: Path) -> None:
    wild = {**WILD, "caption_dropout_rate": 0.5, "caption_dropout_every_n_epochs": 1, "token_warmup_step": 9.0}
    held_out = ValidationSet(sources(records, wild), 3)
    assert [batch.identities for batch in held_out] == [
        ["0_x/d.png", "0_x/e.png", "1_x/g.png"],
        ["0_x/a.png", "0_x/b.png", "0_x/c.png"],
        ["1_x/f.png"],
    ]
    assert same(list(held_out), list(held_out)) and len(held_out) == 3 and held_out[-1].identities == ["1_x/f.png"]
    plain = ValidationSet(sources(records, {}), 3)
    assert same(list(held_out), list(plain))
    assert [caption for batch in held_out for caption in batch.captions][3] == records[0].captions[0]
    kept = ValidationSet(cached(sources(records, {}), tmp_path / "cache"), 3)
    assert torch.allclose(torch.as_tensor(kept[1].latents), encode(torch.as_tensor(plain[1].pixels)), atol=1e-6)


def test_validation_wildcards_always_choose_the_same(records: list[ImageRecord]) -> None:
    wild = replace(records[0], captions=("a {red|green|blue|black|white} cat",))
    batches = [ValidationSet(sources([wild], {"enable_wildcard": True}), 1)[0] for _ in range(3)]
    assert len({batch.captions[0] for batch in batches}) == 1 and "{" not in batches[0].captions[0]


def test_chance_hangs_on_each_of_its_four_arguments() -> None:
    first = sample_rng(1, 2, "a", 3).random()
    assert first == sample_rng(1, 2, "a", 3).random()
    others = {sample_rng(*args).random() for args in [(2, 2, "a", 3), (1, 3, "a", 3), (1, 2, "b", 3), (1, 2, "a", 4)]}
    assert len(others | {first}) == 5
