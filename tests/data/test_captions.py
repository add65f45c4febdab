"""Caption transforms: kohya's order, deterministic, and nothing kept is ever lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohya_like.data.captions import CaptionPipeline, sample_rng, varying_keys
from kohya_like.data.options import SubsetSettings

pytestmark = pytest.mark.quick

TAGS = st.lists(st.text("abcdefg ", min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1, max_size=8)


def rendered(
    caption: str | list[str], epoch: int = 1, step: int = 0, total_steps: int = 0, seed: int = 0, **settings: object
) -> str:
    pipeline = CaptionPipeline(SubsetSettings.model_validate(settings), total_steps)
    lines = [caption] if isinstance(caption, str) else caption
    return pipeline.render(lines, "sks cat", random.Random(seed), epoch, step)


def each_of(n: int, caption: str | list[str], **settings: object) -> list[str]:
    return [rendered(caption, seed=seed, **settings) for seed in range(n)]


def test_a_caption_passes_untouched_by_default() -> None:
    prose = "A cat,  sitting on 1,000 books ;;; {really} ||| (yes:1.2)"
    assert rendered(prose) == prose


def test_class_words_stand_in_for_a_missing_caption() -> None:
    assert rendered([]) == "sks cat"
    assert rendered([], caption_prefix="photo of") == "photo of sks cat"


def test_prefix_and_suffix() -> None:
    assert rendered("a, b", caption_prefix="x,", caption_suffix=", y") == "x, a, b , y"


def test_only_the_first_line_unless_wildcards_are_on() -> None:
    assert set(each_of(20, ["one", "two"])) == {"one"}
    assert set(each_of(20, ["one", "two"], enable_wildcard=True)) == {"one", "two"}
    # kohya puts the prefix before the first line and the suffix behind the last one only
    assert set(each_of(20, ["one", "two"], enable_wildcard=True, caption_prefix="x")) == {"x one", "x two"}


def test_wildcards() -> None:
    found = set(each_of(50, "a {red|blue|} cat {{x}}", enable_wildcard=True))
    assert found == {"a red cat {x}", "a blue cat {x}", "a  cat {x}"}
    assert rendered("{only}", enable_wildcard=True) == "only"
    assert rendered("a } b {", enable_wildcard=True) == "a } b {"


def test_shuffle_keeps_the_first_tags_where_they_are() -> None:
    found = set(each_of(60, "sks, cat, red, big", shuffle_caption=True, keep_tokens=2))
    assert found == {"sks, cat, red, big", "sks, cat, big, red"}


def test_kept_tags_are_counted_after_the_prefix() -> None:
    found = set(each_of(60, "a, b", shuffle_caption=True, keep_tokens=1, caption_prefix="x,"))
    assert found == {"x, a, b", "x, b, a"}


def test_keep_separator_holds_both_ends() -> None:
    found = set(
        each_of(
            60, "sks cat ||| a, b ||| best quality", shuffle_caption=True, keep_tokens_separator="|||", keep_tokens=9
        )
    )
    assert found == {"sks cat, a, b, best quality", "sks cat, b, a, best quality"}


def test_keep_separator_leaves_the_prompt_without_shuffling_as_well() -> None:
    """kohya trains the words ||| then."""
    assert rendered("sks cat, ||| a, b", keep_tokens_separator="|||") == "sks cat, a, b"
    assert rendered("a, b", keep_tokens_separator="|||") == "a, b"


def test_other_separators_are_joined_with_a_comma_and_a_space() -> None:
    assert set(each_of(30, "a;b", shuffle_caption=True, caption_separator=";")) == {"a, b", "b, a"}


def test_secondary_separator_keeps_tags_together() -> None:
    found = set(each_of(60, "a, b;;;c", shuffle_caption=True, secondary_separator=";;;"))
    assert found == {"a, b,c", "b,c, a"}


def test_tag_dropout_spares_kept_tags() -> None:
    assert set(each_of(20, "a, b, c", caption_tag_dropout_rate=1.0, keep_tokens=1)) == {"a"}
    counts = [
        len(caption.split(", ")) for caption in each_of(400, ", ".join("abcdefghij"), caption_tag_dropout_rate=0.3)
    ]
    assert 6.5 < sum(counts) / 400 < 7.5


def test_whole_dropout_takes_prefix_and_suffix_with_it() -> None:
    found = each_of(400, "a", caption_dropout_rate=0.25, caption_prefix="x", keep_tokens=1)
    assert set(found) == {"", "x a"}
    assert 60 < found.count("") < 140


def test_dropout_of_every_nth_epoch() -> None:
    texts = [rendered("a", epoch=epoch, caption_dropout_every_n_epochs=3) for epoch in range(1, 8)]
    assert texts == ["a", "a", "", "a", "a", "", "a"]


@pytest.mark.parametrize(("until", "total"), [(10, 0), (0.1, 100)])
def test_tags_are_added_one_by_one(until: float, total: int) -> None:
    def count(step: int) -> int:
        text = rendered("a, b, c, d, e", step=step, total_steps=total, token_warmup_step=until, token_warmup_min=1)
        return len(text.split(", "))

    assert [count(step) for step in (0, 2, 3, 5, 9, 10, 99)] == [1, 1, 2, 3, 4, 5, 5]
    assert rendered("k, a", token_warmup_step=10, token_warmup_min=0, keep_tokens=1) == "k"


def test_dice_of_a_sample_depend_on_all_that_names_it() -> None:
    names = [(0, 1, "1_a/b.png", 0), (1, 1, "1_a/b.png", 0), (0, 2, "1_a/b.png", 0), (0, 1, "1_a/c.png", 0)]
    names.append((0, 1, "1_a/b.png", 1))
    assert len({sample_rng(*name).random() for name in names}) == 5
    assert sample_rng(0, 1, "猫", 2).random() == sample_rng(0, 1, "猫", 2).random()
    assert sample_rng(7, 1, "10_sks ghost/a.png", 0).random() == 0.08099925926439022  # an exact resume needs the same


@given(
    TAGS,
    TAGS,
    st.integers(0, 2**32),
    st.booleans(),
    st.floats(0, 1),
    st.integers(0, 50),
    st.integers(0, 30),
    st.sampled_from([None, ";;"]),
)
def test_kept_tags_are_never_lost_nor_moved(
    kept: list[str],
    free: list[str],
    seed: int,
    shuffle: bool,
    dropout: float,
    until: int,
    step: int,
    secondary: str | None,
) -> None:
    settings = {
        "keep_tokens": len(kept),
        "shuffle_caption": shuffle,
        "caption_tag_dropout_rate": dropout,
        "token_warmup_step": until,
        "secondary_separator": secondary,
    }
    text = rendered(", ".join(kept + free), step=step, seed=seed, **settings)
    tags = text.split(", ")
    assert tags[: len(kept)] == kept
    rest = tags[len(kept) :]
    assert all(free.count(tag) >= rest.count(tag) for tag in rest)
    if shuffle and not dropout and step >= until:
        assert sorted(rest) == sorted(free)
    assert text == rendered(", ".join(kept + free), step=step, seed=seed, **settings)


@given(st.text(max_size=40), st.integers(0, 99))
def test_any_text_is_rendered(text: str, seed: int) -> None:
    everything = {
        "shuffle_caption": True,
        "enable_wildcard": True,
        "keep_tokens_separator": "|||",
        "caption_tag_dropout_rate": 0.5,
        "secondary_separator": ";",
        "caption_prefix": "p",
    }
    assert rendered(text, seed=seed, **everything) == rendered(text, seed=seed, **everything)


def test_settings_survive_toml_and_render_alike() -> None:
    settings = SubsetSettings(shuffle_caption=True, keep_tokens=1, caption_tag_dropout_rate=0.3)
    again = SubsetSettings.model_validate(settings.model_dump(mode="json", exclude_none=True))
    assert rendered("a, b, c, d", **again.model_dump()) == rendered("a, b, c, d", **settings.model_dump())


def test_which_options_make_captions_vary() -> None:
    assert varying_keys(SubsetSettings()) == ()
    assert varying_keys(SubsetSettings(caption_prefix="a", keep_tokens_separator="|", secondary_separator=";")) == ()
    assert varying_keys(SubsetSettings(shuffle_caption=True, caption_dropout_rate=0.1)) == (
        "shuffle_caption",
        "caption_dropout_rate",
    )
