"""The cache: what is encoded once comes back, nothing stale, only what is missing is made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.data.cache import (
    Filled,
    LatentCache,
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
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.schema.errors import UserError
from tests.data.cache_made import VAE, Encoder, content, files_of, filled, make_picture, make_pictures, requests_for

pytestmark = pytest.mark.quick


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    return make_pictures(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> LatentCache:
    return LatentCache(tmp_path / "cache")


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


def test_nothing_is_written_beside_the_pictures_and_others_cannot_look(
    cache: LatentCache, records: list[ImageRecord]
) -> None:
    before = sorted(records[0].path.parent.iterdir())
    filled(cache, requests_for(records))
    assert sorted(records[0].path.parent.iterdir()) == before
    assert cache.folder.stat().st_mode & 0o077 == 0


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
