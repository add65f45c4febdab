"""The cache: whole entries or none after any kill, nothing stale, only what is missing is made again."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from kohya_like.data import store as store_module
from kohya_like.data.cache import (
    Filled,
    LatentCache,
    LatentEncoder,
    LatentRequest,
    TextCache,
    Watch,
    as_pixels,
    latent_requests,
    text_request,
    uncacheable,
)
from kohya_like.data.fingerprint import Fingerprints
from kohya_like.data.images import cut_out, load_image
from kohya_like.data.options import SubsetSettings
from kohya_like.data.prompts import TokenChunks, tokenize
from kohya_like.data.records import Concept, Fit, ImageRecord
from kohya_like.data.store import EntryStore, pack, unpack
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.formats import atomic
from kohya_like.schema.errors import FormatError, UserError

VAE = LatentEncoder(vae="a" * 64, dtype="float32", scale=0.18215)
SIZES = [(64, 64), (64, 64), (64, 64), (96, 64), (96, 64), (64, 96)]


class Encoder:
    """Stands for a VAE: the mean over 8x8 pixels. Remembers how often and for how many pictures it was asked."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        small = avg_pool2d(pixels, 8)
        return torch.cat([small, small.mean(1, keepdim=True)], 1)

    @property
    def pictures(self) -> int:
        return sum(self.batches)


def content(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def make_picture(path: Path, size: tuple[int, int], seed: int) -> ImageRecord:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return ImageRecord(path, size, ("a cat",), None, None, 0, f"1_cat/{path.name}")


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    (tmp_path / "1_cat").mkdir()
    return [make_picture(tmp_path / "1_cat" / f"{i}.png", size, i) for i, size in enumerate(SIZES)]


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return LatentCache(tmp_path / "cache")


def requests_for(
    records: Sequence[ImageRecord], settings: SubsetSettings | None = None, encoder: LatentEncoder = VAE
) -> dict[tuple[int, bool], LatentRequest]:
    concept = Concept(records[0].path.parent, "1_cat", 1, "cat", False, settings or SubsetSettings())
    return latent_requests(records, [Fit(r.size, r.size) for r in records], [concept], encoder, content)


def filled(cache: LatentCache, requests: dict[tuple[int, bool], LatentRequest], **how: int) -> tuple[Filled, Encoder]:
    encoder = Encoder()
    return cache.fill(requests.values(), encoder, **how), encoder


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_latents_come_back_as_they_were_encoded(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    result, encoder = filled(cache, requests)
    assert result == Filled(found=0, made=6) and encoder.batches == [1] * 6
    for record, request in zip(records, requests.values()):
        entry = cache.get(request.key)
        assert entry is not None and list(entry) == ["latents"]
        assert torch.equal(entry["latents"], Encoder()(as_pixels([np.asarray(load_image(record.path))]))[0])


def test_a_second_fill_makes_nothing(cache: LatentCache, records: list[ImageRecord]) -> None:
    filled(cache, requests_for(records))
    result, encoder = filled(cache, requests_for(records))
    assert result == Filled(found=6, made=0) and encoder.batches == []


def test_pictures_of_one_bucket_are_encoded_together(cache: LatentCache, records: list[ImageRecord]) -> None:
    _, encoder = filled(cache, requests_for(records), batch_size=2)
    assert sorted(encoder.batches) == [1, 1, 2, 2]


def test_what_is_encoded_together_does_not_depend_on_what_is_missing(
    cache: LatentCache, records: list[ImageRecord]
) -> None:
    requests = requests_for(records)
    filled(cache, requests, batch_size=2)
    before = files_of(cache.folder)
    cache.path(requests[1, False].key).unlink()
    result, encoder = filled(cache, requests, batch_size=2)
    assert encoder.batches == [2] and result == Filled(found=5, made=1)  # its neighbour too, but one file is written
    assert files_of(cache.folder) == before


def test_flip_augmentation_caches_both_orientations(cache: LatentCache, records: list[ImageRecord]) -> None:
    both = requests_for(records, SubsetSettings(flip_aug=True))
    assert sorted(both) == [(i, flipped) for i in range(6) for flipped in (False, True)]
    filled(cache, requests_for(records))
    result, _ = filled(cache, both)
    assert result == Filled(found=6, made=6)  # switching it on needs only the mirror images
    straight, mirrored = cache.get(both[3, False].key), cache.get(both[3, True].key)
    assert straight is not None and mirrored is not None
    assert torch.allclose(straight["latents"].flip(-1), mirrored["latents"], atol=1e-6)
    assert not torch.allclose(straight["latents"], mirrored["latents"], atol=1e-2)


def test_a_picture_in_two_folders_is_encoded_once(cache: LatentCache, records: list[ImageRecord]) -> None:
    copy = records[0].path.with_name("copy.png")
    copy.write_bytes(records[0].path.read_bytes())
    requests = requests_for([*records, replace(records[0], path=copy, identity="1_cat/copy.png")])
    assert len(requests) == 7
    _, encoder = filled(cache, requests)
    assert encoder.pictures == 6


def test_an_edited_picture_of_the_same_size_is_made_anew(cache: LatentCache, records: list[ImageRecord]) -> None:
    filled(cache, requests_for(records))
    stale = cache.get(requests_for(records)[2, False].key)
    make_picture(records[2].path, records[2].size, seed=99)
    requests = requests_for(records)
    assert cache.get(requests[2, False].key) is None
    result, encoder = filled(cache, requests)
    assert result == Filled(found=5, made=1) and encoder.pictures == 1
    fresh = cache.get(requests[2, False].key)
    assert stale is not None and fresh is not None and not torch.equal(stale["latents"], fresh["latents"])


def test_an_edit_that_keeps_size_and_length_is_seen_through_the_remembered_hashes(
    cache: LatentCache, records: list[ImageRecord], tmp_path: Path
) -> None:
    path = records[0].path.with_suffix(".bmp")
    record = replace(make_picture(path, (64, 64), seed=1), identity="1_cat/0.bmp")
    concept = Concept(path.parent, "1_cat", 1, "cat", False, SubsetSettings())

    def keys() -> set[str]:
        prints = Fingerprints(tmp_path / "prints")
        return {r.key for r in latent_requests([record], [Fit((64, 64), (64, 64))], [concept], VAE, prints.of).values()}

    before, length = keys(), path.stat().st_size
    assert keys() == before
    make_picture(path, (64, 64), seed=2)
    assert path.stat().st_size == length and not keys() & before


@pytest.mark.parametrize("other", [{"vae": "b" * 64}, {"dtype": "bfloat16"}, {"scale": 0.13025}])
def test_latents_of_another_vae_are_not_used(
    cache: LatentCache, records: list[ImageRecord], other: dict[str, str]
) -> None:
    filled(cache, requests_for(records))
    result, encoder = filled(cache, requests_for(records, encoder=replace(VAE, **other)))
    assert result == Filled(found=0, made=6) and encoder.pictures == 6


def test_the_key_holds_what_changes_latents_and_nothing_else(records: list[ImageRecord]) -> None:
    def key(record: ImageRecord, fit: Fit, **settings: object) -> str:
        concept = Concept(record.path.parent, "1_cat", 1, "cat", False, SubsetSettings(**settings))
        return latent_requests([record], [fit], [concept], VAE, content)[0, False].key

    record, fit = records[3], Fit((96, 64), (96, 64))
    base = key(record, fit)
    different = [
        key(record, Fit((64, 64), (96, 64))),
        key(record, Fit((64, 64), (100, 64))),
        key(record, fit, resize_interpolation="lanczos"),
        key(replace(record, size=(64, 96)), fit),
    ]
    assert len({base, *different}) == 5
    moved = record.path.with_name("moved.png")
    moved.write_bytes(record.path.read_bytes())
    renamed = replace(record, path=moved, identity="2_dog/x.png", captions=("other",), mask_path=moved)
    assert key(renamed, fit, shuffle_caption=True, flip_aug=True, alpha_mask=True) == base


def test_colour_and_random_crop_cannot_be_cached() -> None:
    assert uncacheable(SubsetSettings(color_aug=True, random_crop=True, flip_aug=True)) == ("color_aug", "random_crop")
    assert uncacheable(SubsetSettings(flip_aug=True, shuffle_caption=True)) == ()


def test_alpha_is_kept_with_the_latents(cache: LatentCache, tmp_path: Path) -> None:
    image = Image.new("RGBA", (16, 16), (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    image.save(tmp_path / "a.png")
    record = ImageRecord(tmp_path / "a.png", (16, 16), (), None, None, 0, "1_cat/a.png", has_alpha=True)
    requests = requests_for([record], SubsetSettings(flip_aug=True))
    filled(cache, requests)
    straight, mirrored = cache.get(requests[0, False].key), cache.get(requests[0, True].key)
    assert straight is not None and straight["alpha"].tolist() == [[0, 1], [0, 1]]
    assert mirrored is not None and mirrored["alpha"].tolist() == [[1, 0], [1, 0]]


# damage


def damage_flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_header(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"latents"', b'"latentS"'))


def damage_other_shape(path: Path) -> None:
    path.write_bytes(pack({"latents": torch.zeros(4, 2, 2)}, "elsewhere"))


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, damage_empty, damage_header, damage_other_shape])
def test_a_damaged_entry_is_noticed_and_made_again(
    cache: LatentCache, records: list[ImageRecord], damage: Callable[[Path], None]
) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    before = files_of(cache.folder)
    damage(cache.path(requests[4, False].key))
    assert files_of(cache.folder) != before
    result, encoder = filled(cache, requests)
    assert result == Filled(found=5, made=1) and encoder.pictures == 1
    assert files_of(cache.folder) == before


def test_every_flipped_bit_of_an_entry_is_noticed() -> None:
    data = pack({"latents": torch.arange(8.0).reshape(2, 2, 2)}, "a.png")
    assert unpack(bytearray(data))[0]["latents"].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    for position in range(len(data)):
        torn = bytearray(data)
        torn[position] ^= 1
        with pytest.raises(FormatError, match="damaged"):
            unpack(torn)


def test_entries_keep_types_shapes_and_odd_sizes(tmp_path: Path) -> None:
    store = EntryStore(tmp_path / "s")
    tensors = {
        "half": torch.tensor([1.5, -2.0, 3.25], dtype=torch.float16),
        "brain": torch.full((3, 5), 0.1, dtype=torch.bfloat16),
        "single": torch.full((7,), 1 / 3),
    }
    store.put("ab12", tensors, "猫.png")
    back = store.get("ab12")
    assert back is not None and list(back) == list(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype
    assert [entry.source for entry in store.list()] == ["猫.png"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_latents_that_are_no_numbers_are_refused_by_name(
    cache: LatentCache, records: list[ImageRecord], bad: float
) -> None:
    def broken(pixels: Tensor) -> Tensor:
        latents = Encoder()(pixels)
        latents[-1, 0, 0, 0] = bad
        return latents

    with pytest.raises(UserError, match="not a number") as caught:
        cache.fill(requests_for(records).values(), broken, batch_size=3)
    assert "1.png" not in caught.value.text and str(records[2].path) in caught.value.text
    assert "fp32" in caught.value.hint
    assert not files_of(cache.folder)


def test_an_encoder_that_complains_itself_gets_the_name_added(cache: LatentCache, records: list[ImageRecord]) -> None:
    def refusing(pixels: Tensor) -> Tensor:
        raise UserError("The VAE returned numbers that are not finite.", "use fp32")

    with pytest.raises(UserError, match=r"0\.png: The VAE returned numbers that are not finite") as caught:
        cache.fill(requests_for(records).values(), refusing)
    assert caught.value.hint == "use fp32"


def test_a_vae_of_another_scale_is_refused(cache: LatentCache, records: list[ImageRecord]) -> None:
    with pytest.raises(UserError, match=r"\(4, 16, 16\) from a picture of 64x64"):
        cache.fill(requests_for(records[:1]).values(), lambda pixels: torch.zeros(len(pixels), 4, 16, 16))


def test_a_broken_picture_stops_the_fill_by_name_and_what_was_made_stays(
    cache: LatentCache, records: list[ImageRecord]
) -> None:
    requests = requests_for(records)
    whole = records[4].path.read_bytes()
    records[4].path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"4\.png: the file is (cut off|damaged)"):
        filled(cache, requests)
    records[4].path.write_bytes(whole)
    result, _ = filled(cache, requests)
    assert result.found >= 3 and result.found + result.made == 6


def test_a_full_disk_is_a_sentence(
    cache: LatentCache, records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, durable: bool) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module, "atomic_bytes", full)
    with pytest.raises(UserError, match="cannot be written: No space left") as caught:
        filled(cache, requests_for(records))
    assert str(cache.folder) in caught.value.text and "data.cache_dir" in caught.value.hint
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.ENOSPC


# progress and stopping


def test_progress_counts_to_the_end(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    filled(cache, {key: requests[key] for key in list(requests)[:2]})
    seen: list[tuple[int, int]] = []
    cache.fill(requests.values(), Encoder(), watch=Watch(progress=lambda done, total: seen.append((done, total))))
    assert seen == [(2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]


def test_a_fill_can_be_stopped_and_taken_up_again(cache: LatentCache, records: list[ImageRecord]) -> None:
    encoder = Encoder()
    watch = Watch(stop=lambda: encoder.pictures == 2)
    assert cache.fill(requests_for(records).values(), encoder, watch=watch) == Filled(0, 2, stopped=True)
    result, rest = filled(cache, requests_for(records))
    assert result == Filled(2, 4) and rest.pictures == 4


def test_an_interrupt_leaves_what_is_done(cache: LatentCache, records: list[ImageRecord]) -> None:
    encoder = Encoder()

    def interrupted(pixels: Tensor) -> Tensor:
        if encoder.pictures == 3:
            raise KeyboardInterrupt
        return encoder(pixels)

    with pytest.raises(KeyboardInterrupt):
        cache.fill(requests_for(records).values(), interrupted)
    result, _ = filled(cache, requests_for(records))
    assert result == Filled(found=3, made=3)  # also those that were still on their way to the disk


# kill -9


def _die_at(counted: Callable[[], None], fill: Callable[[], None]) -> None:
    counted()
    fill()
    os._exit(0)


def _killed_at(patch: Callable[[], None], fill: Callable[[], object]) -> bool:
    """Run `fill` in a forked child after `patch`; whether SIGKILL ended it."""
    child = multiprocessing.get_context("fork").Process(target=_die_at, args=(patch, fill))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def test_kill_9_while_encoding_costs_only_what_is_missing(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    encoder = Encoder()

    def deadly(pixels: Tensor) -> Tensor:
        if encoder.pictures == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return encoder(pixels)

    assert _killed_at(lambda: None, lambda: cache.fill(requests.values(), deadly, threads=1))
    there = sum(cache.get(request.key) is not None for request in requests.values())
    assert there <= 4
    result, refill = filled(cache, requests)
    assert result == Filled(there, 6 - there) and refill.pictures == 6 - there


@pytest.mark.parametrize("operation", ["open", "write", "replace"])
def test_kill_9_at_the_nth_file_operation_leaves_whole_entries(
    tmp_path: Path, records: list[ImageRecord], operation: str
) -> None:
    """Before each open, write and rename in turn, until a fill comes through unharmed."""
    reference, expected = LatentCache(tmp_path / "reference"), requests_for(records)
    filled(reference, expected)
    kills = 0
    for n in range(1, 40):
        cache = LatentCache(tmp_path / f"{operation}{n}")
        if not _killed_at(lambda n=n: _die_before(operation, n), lambda c=cache: filled(c, expected, threads=1)):
            break
        kills += 1
        whole = files_of(reference.folder)
        left = files_of(cache.folder)
        entries = {name: data for name, data in left.items() if not name.startswith(atomic.TEMP_PREFIX)}
        assert entries.items() <= whole.items()  # each entry that has its name is whole
        result, encoder = filled(cache, expected)
        assert result == Filled(len(entries), 6 - len(entries)) and encoder.pictures == 6 - len(entries)
        assert files_of(cache.folder) == whole  # and the killed writer's leftovers are gone
    else:
        pytest.fail("no fill came through")
    assert kills >= 6


def _die_before(operation: str, n: int) -> None:
    """Make the n-th such operation of the atomic writer the last thing this process does."""
    left = n

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call

    if operation == "write":

        def torn(file: object, data: bytes) -> None:
            """Half the bytes reach the disk."""
            nonlocal left
            left -= 1
            if left == 0:
                file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
                file.flush()  # type: ignore[attr-defined]
                os.kill(os.getpid(), signal.SIGKILL)
            file.write(data)  # type: ignore[attr-defined]

        atomic._write_all = torn  # type: ignore[assignment]
    else:
        setattr(os, operation, counted(getattr(os, operation)))


def test_a_plain_writer_would_leave_half_an_entry(
    cache: LatentCache, records: list[ImageRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: written in place, a kill leaves a torn entry under a good name; only the hash finds it."""

    def plain(path: Path, data: bytes, durable: bool) -> None:
        with path.open("wb") as file:
            atomic._write_all(file, data)

    monkeypatch.setattr(store_module, "atomic_bytes", plain)
    requests = requests_for(records)
    assert _killed_at(lambda: _die_before("write", 3), lambda: filled(cache, requests, threads=1))
    torn = [key for key in requests.values() if cache.path(key.key).exists() and cache.get(key.key) is None]
    assert len(torn) == 1
    result, _ = filled(cache, requests)
    assert result.found + result.made == 6 and all(cache.get(request.key) for request in requests.values())


# housekeeping


def test_the_list_says_what_an_entry_is_and_how_large(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    entries = {entry.key: entry for entry in cache.list()}
    assert entries.keys() == {request.key for request in requests.values()}
    assert entries[requests[3, False].key].source == str(records[3].path)
    assert (
        sum(entry.bytes for entry in entries.values()) == cache.size() == sum(map(len, files_of(cache.folder).values()))
    )


def test_purge_by_age_by_use_and_of_all(cache: LatentCache, records: list[ImageRecord]) -> None:
    requests = requests_for(records)
    filled(cache, requests)
    for number in (0, 1):
        os.utime(cache.path(requests[number, False].key), (0, 0))
    filled(cache, {(0, False): requests[0, False]})  # a run that uses an old entry makes it young again
    removed = cache.purge(older_than=3600)
    assert removed.entries == 1 and removed.bytes > 0 and cache.get(requests[1, False].key) is None
    assert cache.purge(keep={requests[0, False].key, requests[5, False].key}).entries == 3
    assert cache.purge().entries == 2 and cache.size() == 0 and list(cache.list()) == []


def test_an_empty_cache_lists_and_purges_nothing(tmp_path: Path) -> None:
    cache = LatentCache(tmp_path / "never made")
    assert (list(cache.list()), cache.size(), cache.purge().entries, cache.sweep()) == ([], 0, 0, [])
    assert not (tmp_path / "never made").exists()


def test_nothing_is_written_beside_the_pictures_and_others_cannot_look(
    cache: LatentCache, records: list[ImageRecord]
) -> None:
    before = sorted(records[0].path.parent.iterdir())
    filled(cache, requests_for(records))
    assert sorted(records[0].path.parent.iterdir()) == before
    assert cache.folder.stat().st_mode & 0o077 == 0


# prompts


def chunks(caption: str, weighted: bool = False) -> TokenChunks:
    return tokenize(caption, clip_tokenizer(), 75, weighted)


def test_prompt_encodings_are_kept_by_tokens_encoder_and_clip_skip(tmp_path: Path) -> None:
    cache, asked = TextCache(tmp_path / "cache"), []

    def encode(batch: Sequence[TokenChunks]) -> list[dict[str, Tensor]]:
        asked.append(len(batch))
        return [{"hidden": torch.tensor(one.lengths).half(), "pooled": torch.ones(3)} for one in batch]

    captions = ["a cat", "A  cat", "a big dog"]  # the first two are the same tokens
    requests = [text_request(caption, chunks(caption), "encoder", None) for caption in captions]
    assert cache.fill(requests, encode) == Filled(0, 2) and asked == [2]
    assert cache.fill(requests, encode) == Filled(2, 0) and asked == [2]
    entry = cache.get(requests[2].key)
    assert entry is not None and entry["hidden"].dtype == torch.float16 and entry["hidden"].tolist() == [3]
    others = [
        text_request("a big dog", chunks("a big dog"), "other encoder", None),
        text_request("a big dog", chunks("a big dog"), "encoder", 2),
        text_request("a (big:1.3) dog", chunks("a (big:1.3) dog", weighted=True), "encoder", None),
    ]
    assert not {request.key for request in others} & {request.key for request in requests}
    assert cache.fill(others, encode) == Filled(0, 3)


def test_a_prompt_that_encodes_to_nan_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a purple cat"):
        TextCache(tmp_path).fill(
            [text_request("a purple cat", chunks("a purple cat"), "e", None)],
            lambda batch: [{"hidden": torch.full((1, 77, 4), float("nan"))} for _ in batch],
        )


def test_pixels_span_minus_one_to_one(tmp_path: Path) -> None:
    pixels = as_pixels([np.array([[[0, 255, 128]]], np.uint8), np.zeros((1, 1, 3), np.uint8)])
    assert pixels.shape == (2, 3, 1, 1) and pixels.is_contiguous()
    assert pixels[0, :, 0, 0].tolist() == pytest.approx([-1.0, 1.0, 128 / 127.5 - 1], abs=1e-6)


def test_what_the_cache_cuts_is_what_training_would_see(records: list[ImageRecord]) -> None:
    from kohya_like.data.augment import AUGMENT_NOTHING, place
    from kohya_like.data.images import prepare

    fit = Fit((64, 64), (96, 64))
    cut = cut_out(records[3], place(fit, AUGMENT_NOTHING), None)
    assert (cut.pixels == prepare(records[3], fit, SubsetSettings(), None).pixels).all()
