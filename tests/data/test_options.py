"""The data section: what it accepts, how a folder inherits, which options contradict each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kohya_like.data.conflicts import conflicts
from kohya_like.data.options import SETTING_KEYS, DataOptions, SubsetOptions, settings_of
from kohya_like.schema.option import describe

pytestmark = pytest.mark.quick


def said(**values: object) -> dict[str, str]:
    """Conflicts as {key: whole sentence}, without the one about missing folders."""
    faults = conflicts(DataOptions.model_validate({"train_data_dir": "pictures", **values}))
    return {fault.key: str(fault) for fault in faults}


@pytest.mark.parametrize("given", [512, "512", [512], (512, 512), "512,512", "512x512", "512, 512"])
def test_resolution_in_every_notation(given: object) -> None:
    assert DataOptions.model_validate({"resolution": given}).resolution == (512, 512)


def test_resolution_is_width_then_height() -> None:
    assert DataOptions.model_validate({"resolution": "512,768"}).resolution == (512, 768)


@pytest.mark.parametrize("given", [7, "20000", [512, 0]])
def test_absurd_resolution_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="both sides must be from 8 to 16384"):
        DataOptions.model_validate({"resolution": given})


def test_caption_extension_gets_its_dot() -> None:
    assert DataOptions(caption_extension="caption").caption_extension == ".caption"
    with pytest.raises(ValidationError, match="must be a file ending such as"):
        DataOptions(caption_extension="a/b")


def test_empty_folder_is_no_folder() -> None:
    """Path("") would be the current folder."""
    assert DataOptions(train_data_dir="").train_data_dir is None


def test_subset_has_every_key_a_folder_may_set_and_its_bounds() -> None:
    assert set(SETTING_KEYS) < set(SubsetOptions.model_fields)
    assert all(getattr(SubsetOptions(image_dir="a"), key) is None for key in SETTING_KEYS)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        SubsetOptions.model_validate({"image_dir": "a", "keep_tokens": -1})
    with pytest.raises(ValidationError, match="keep_token\n"):
        SubsetOptions.model_validate({"image_dir": "a", "keep_token": 1})


def test_subset_inherits_what_it_does_not_set() -> None:
    options = DataOptions.model_validate(
        {"shuffle_caption": True, "keep_tokens": 2, "subsets": [{"image_dir": "a", "shuffle_caption": False}]}
    )
    own = settings_of(options, options.subsets[0])
    assert (own.shuffle_caption, own.keep_tokens) == (False, 2)
    assert settings_of(options).shuffle_caption


def test_options_survive_their_own_dump() -> None:
    options = DataOptions.model_validate(
        {"resolution": 512, "flip_aug": True, "subsets": [{"image_dir": "a", "keep_tokens": 1}]}
    )
    again = DataOptions.model_validate(options.model_dump(mode="json", exclude_none=True))
    assert again == options
    assert settings_of(again, again.subsets[0]).flip_aug


def test_every_option_is_described() -> None:
    for option in describe(DataOptions, "data."):
        assert option.info.help.endswith(".") and option.info.group, option.key


@pytest.mark.parametrize("key", ["color_aug", "random_crop"])
def test_cached_latents_and_changing_pictures(key: str) -> None:
    assert said(**{key: True}) == {
        f"data.{key}": f"data.{key}: changes the picture each time, but cache_latents encodes it once "
        f"(set data.cache_latents = false, or {key} = false)"
    }
    assert said(**{key: True, "cache_latents": False}) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shuffle_caption", True),
        ("caption_dropout_rate", 0.1),
        ("caption_dropout_every_n_epochs", 3),
        ("caption_tag_dropout_rate", 0.1),
        ("token_warmup_step", 100),
        ("enable_wildcard", True),
    ],
)
def test_cached_text_and_changing_captions(key: str, value: object) -> None:
    text = said(**{key: value, "cache_text_encoder_outputs": True})[f"data.{key}"]
    assert "changes the caption each time, but cache_text_encoder_outputs encodes it once" in text
    assert said(**{key: value}) == {}  # "auto" simply does not cache


def test_conflict_of_one_folder_names_that_folder() -> None:
    subsets = [{"image_dir": "a"}, {"image_dir": "b", "random_crop": True}]
    assert list(said(subsets=subsets)) == ["data.subsets[1].random_crop"]


def test_bucket_sizes_that_exclude_each_other() -> None:
    assert (
        "is 512, more than max_bucket_reso (256)"
        in said(min_bucket_reso=512, max_bucket_reso=256)["data.min_bucket_reso"]
    )
    assert (
        "more than the resolution's shorter side (512)"
        in said(resolution="512,768", min_bucket_reso=640)["data.min_bucket_reso"]
    )
    assert (
        "less than the resolution's longer side (1280)"
        in said(resolution=1280, max_bucket_reso=1024)["data.max_bucket_reso"]
    )
    assert "is 20, not a multiple of 8" in said(bucket_reso_steps=20)["data.bucket_reso_steps"]
    assert said(resolution=64) == {}  # the default least side follows the resolution


def test_all_conflicts_are_told_at_once() -> None:
    found = said(color_aug=True, min_bucket_reso=512, max_bucket_reso=256, masked_loss=True, caption_dropout_rate=1)
    assert set(found) == {
        "data.color_aug",
        "data.min_bucket_reso",
        "data.masked_loss",
        "data.caption_dropout_rate",
    }


def test_masks_without_masked_loss_and_the_reverse() -> None:
    assert "neither mask_dir nor mask_suffix nor alpha_mask" in said(masked_loss=True)["data.masked_loss"]
    assert "mask_dir, mask_suffix and alpha_mask do nothing" in said(alpha_mask=True)["data.masked_loss"]
    assert said(masked_loss=True, subsets=[{"image_dir": "a", "alpha_mask": True}]) == {}


def test_nothing_to_train() -> None:
    (fault,) = conflicts(DataOptions())
    assert str(fault).startswith("data.train_data_dir: no pictures are named")
    reg_only = DataOptions.model_validate({"subsets": [{"image_dir": "a", "is_reg": True}]})
    assert conflicts(reg_only)[0].code == "no-folder"
    assert conflicts(DataOptions.model_validate({"subsets": [{"image_dir": "a"}]})) == []
