"""Counts, and a plot that any browser opens and no file name can break."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from dataset_tools.statistics import as_json, as_svg, statistics_of
from kohya_like.data.buckets import BucketRules

pytestmark = pytest.mark.quick

FOUND = statistics_of(
    [(512, 512), (512, 512), (768, 512), (4000, 3000)],
    [("1girl", "smile"), ("1girl", "1girl"), ("<b>&", "smile"), ()],
    [4, 75, 76, 0],
    BucketRules((512, 512)),
)


def test_the_counts() -> None:
    assert (FOUND.pictures, FOUND.captioned, FOUND.different_tags, FOUND.tags_used_once) == (4, 3, 3, 1)
    assert FOUND.tags == (("1girl", 2), ("smile", 2), ("<b>&", 1))
    assert dict(FOUND.tokens) == {
        "0": 1, "1 to 24": 1, "25 to 49": 0, "50 to 75": 1, "76 to 150": 1, "151 to 225": 0, "226 and more": 0,
    }  # fmt: skip
    assert {words: n for words, n in FOUND.megapixels if n} == {"0.25 to 0.5": 3, "8 to 16": 1}
    assert {words: n for words, n in FOUND.aspects if n} == {"1 to 1.25": 2, "1.25 to 1.5": 1, "1.5 to 2": 1}
    assert dict(FOUND.buckets)["512x512"] == 2 and sum(n for _, n in FOUND.buckets) == 4


def test_the_plot_is_whole_xml_with_every_bar() -> None:
    root = ElementTree.fromstring(as_svg(FOUND, 'a<b"\u202e'))
    rectangles = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(rectangles) == 1 + sum(len(bars) for _, bars in FOUND.charts)
    texts = [one.text for one in root.findall("{http://www.w3.org/2000/svg}text")]
    assert "<b>&" in texts and texts[0] == 'a<b"\\u202e'


def test_nothing_is_counted_in_nothing() -> None:
    empty = statistics_of([], [], [], BucketRules((512, 512)))
    assert as_json(empty)["pictures"] == 0 and ElementTree.fromstring(as_svg(empty, "none")) is not None
